"""The HTTP client: every foreign error becomes one of ours, and nothing leaks into messages."""

from __future__ import annotations

import asyncio
import gzip
import traceback
from base64 import b64encode
from pathlib import Path

import pytest
from aiohttp import web

from ascc_async.errors import NetworkFault, ServerFault, SetupError, Transient, UnexpectedAnswer
from ascc_async.network.bandwidth import Bandwidth
from ascc_async.network.client import (
    IdentityClient,
    content_range,
    redirect_target,
    retry_after,
    trusted_authorities,
)
from tests.youtube.license_helpers import Talk, free_port, raw_server, saying, youtube

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
NINE = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
GZIP = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
BOMB = gzip.compress(bytes(40 << 20), 9)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
PASSWORD, KEY = "hunter2", "s3cret"


async def ask(
    url: str,
    *,
    proxy: str | None = None,
    ca_file: Path | None = None,
    seconds: float = 5,
    limit: int = 1 << 20,
) -> bytes:
    """The body of one answer."""
    trust = trusted_authorities(ca_file)
    client = IdentityClient(trust, seconds, proxy=proxy, identity="main")
    async with client, await client.open("GET", url) as response:
        return await response.read(limit)


async def fault_of(url: str, *, proxy: str | None = None, seconds: float = 5) -> Transient:
    """What a request raises; neither it nor what `--debug` shows of it holds a secret."""
    with pytest.raises((NetworkFault, ServerFault)) as caught:
        await ask(f"{url}?key={KEY}", proxy=proxy, seconds=seconds)
    shown = "".join(traceback.format_exception(caught.value))
    assert KEY not in shown
    assert PASSWORD not in shown
    return caught.value


async def kind_of(url: str, **options: object) -> str:
    """The kind of network fault that a request raises."""
    fault = await fault_of(url, **options)  # type: ignore[arg-type]
    assert isinstance(fault, NetworkFault)
    return fault.kind


async def slammed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Resets the connection at once."""
    writer.transport.abort()


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Never answers."""
    await reader.read()


@pytest.mark.parametrize(
    ("talk", "kind"),
    [
        pytest.param(slammed, "reset", id="reset"),
        pytest.param(saying(b"", abort=True), "reset", id="reset-after-request"),
        pytest.param(saying(b""), "reset", id="closed"),
        pytest.param(saying(b"HTTP/1.1 200 OK\r\nContent-L"), "reset", id="cut-head"),
        pytest.param(saying(NINE, b"half"), "short_body", id="cut"),
        pytest.param(saying(NINE, b"half", abort=True), "short_body", id="cut-with-reset"),
        pytest.param(saying(CHUNKED, b"4\r\nhalf\r\n"), "short_body", id="cut-chunk"),
    ],
)
async def test_a_broken_connection_is_a_network_fault(talk: Talk, kind: str) -> None:
    """A broken connection is a NetworkFault of the right kind."""
    async with raw_server(talk) as port:
        assert await kind_of(f"http://127.0.0.1:{port}/x") == kind


@pytest.mark.parametrize(
    "talk",
    [
        pytest.param(saying(b"\x00\x01 nonsense\r\n\r\n"), id="no-http"),
        pytest.param(saying(b"HTTP/1.1 200 OK\r\nBad Header\x00: x\r\n\r\n"), id="bad-header"),
        pytest.param(saying(GZIP % 9, b"not gzip!"), id="bad-gzip"),
        pytest.param(saying(GZIP % len(BOMB), BOMB), id="gzip-bomb"),
        pytest.param(
            saying(b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n", bytes(2_000_000)),
            id="too-large",
        ),
    ],
)
async def test_an_answer_that_cannot_be_read_is_a_server_fault(talk: Talk) -> None:
    """What arrives but cannot be an answer is a ServerFault, and never fills the memory."""
    async with raw_server(talk) as port:
        assert isinstance(await fault_of(f"http://127.0.0.1:{port}/"), ServerFault)


async def test_bad_chunks_are_worth_another_try() -> None:
    """A chunk without a size is a fault, of the server or of the network."""
    async with raw_server(saying(CHUNKED, b"zz\r\nnot a size\r\n")) as port:
        assert isinstance(await fault_of(f"http://127.0.0.1:{port}/"), Transient)


async def test_long_answers_alone_count_for_the_bandwidth() -> None:
    """Media and metadata, piece by piece as they come."""
    counted: list[int] = []

    class Counting(Bandwidth):
        async def spend(self, size: int) -> None:
            counted.append(size)

    for long, size in ((False, 0), (True, 2)):
        opening = IdentityClient(trusted_authorities(None), 5, bandwidth=Counting(1))
        async with raw_server(saying(OK)) as port, opening as client:
            url = f"http://127.0.0.1:{port}/"
            async with await client.open("GET", url, long=long) as response:
                assert await response.read_what_comes(100) == (b"hi", True)
        assert sum(counted) == size


async def test_network_faults_are_no_server_faults() -> None:
    """Nobody listening, no such name, no answer in time, no TLS, no address at all."""
    assert await kind_of(f"http://127.0.0.1:{free_port()}/") == "connect"
    assert await kind_of("http://no-such-host.invalid/") == "dns"
    async with raw_server(silence) as port:
        assert await kind_of(f"http://127.0.0.1:{port}/", seconds=0.2) == "timeout"
    async with raw_server(saying(b"hello\r\n\r\n")) as port:
        no_tls = await kind_of(f"https://127.0.0.1:{port}/", seconds=0.2)
    assert no_tls in ("connect", "reset", "timeout")
    assert isinstance(await fault_of("https://[/"), UnexpectedAnswer)


async def test_an_untrusted_certificate_is_named_with_the_setting(tmp_path: Path) -> None:
    """Without `network.ca_file` the tunnel's certificate is not trusted; with it all works."""

    async def handle(request: web.Request) -> web.Response:
        return web.Response(text="hi")

    async with youtube(handle, tmp_path) as site:
        url, proxy = "https://www.youtube.com/", site.network.proxy
        fault = await fault_of(url, proxy=proxy)
        assert await ask(url, proxy=proxy, ca_file=site.network.ca_file) == b"hi"
    assert isinstance(fault, NetworkFault)
    assert fault.kind == "certificate"
    assert "network.ca_file" in str(fault)


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_bad_ca_file_is_named(content: bytes | None, tmp_path: Path) -> None:
    """A missing, empty or wrong `network.ca_file` stops the run with its name and the remedy."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SetupError, match=r"ca\.pem.*PEM"):
        trusted_authorities(path)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "proxy_auth"),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", "proxy"),
    ],
)
async def test_a_proxy_that_refuses_is_named_without_its_password(reply: bytes, kind: str) -> None:
    """407 is `proxy_auth`, other refusals are `proxy`."""
    async with raw_server(saying(reply)) as port:
        proxy = f"http://user:{PASSWORD}@127.0.0.1:{port}"
        fault = await fault_of("https://www.youtube.com/", proxy=proxy)
    assert isinstance(fault, NetworkFault)
    assert fault.kind == kind
    assert f"http://127.0.0.1:{port}" in str(fault)


@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h"])
async def test_a_proxy_that_is_down_is_named(scheme: str) -> None:
    """A proxy nobody runs is a `proxy` fault that names it."""
    proxy = f"{scheme}://user:{PASSWORD}@127.0.0.1:{free_port()}"
    fault = await fault_of("https://www.youtube.com/", proxy=proxy)
    assert isinstance(fault, NetworkFault)
    assert fault.kind == "proxy"
    assert "@" not in str(fault)
    assert f"the proxy {scheme}://127.0.0.1" in str(fault)


@pytest.mark.parametrize("target", ["http://www.youtube.com/", "https://www.youtube.com/"])
async def test_an_http_proxy_gets_user_and_password(target: str) -> None:
    """With plain HTTP and with a tunnel, whatever characters they hold; no cookie goes in clear."""
    heads: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))

    async with raw_server(talk) as port:
        await fault_of(target, proxy=f"http://us%40er:pa%3Ass@127.0.0.1:{port}")
    assert b"Proxy-Authorization: Basic " + b64encode(b"us@er:pa:ss") in heads[0]
    assert b"Cookie" not in heads[0]


def socks(*, password_ok: bool, reply: int) -> Talk:
    """A SOCKS5 proxy that wants a password and answers CONNECT with `reply`."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        greeting = await reader.readexactly(2)
        await reader.readexactly(greeting[1])
        writer.write(b"\x05\x02")
        lengths = await reader.readexactly(2)
        await reader.readexactly(lengths[1])
        await reader.readexactly((await reader.readexactly(1))[0])
        writer.write(b"\x01\x00" if password_ok else b"\x01\x01")
        head = await reader.readexactly(5)
        # 3: a name, to be looked up at the proxy's end.
        assert head[3] == 3
        await reader.readexactly(head[4] + 2)
        writer.write(bytes([5, reply, 0, 1, 0, 0, 0, 0, 0, 0]))
        if reply == 0:
            await saying(OK)(reader, writer)

    return talk


async def test_a_socks_proxy_looks_names_up_and_takes_a_password() -> None:
    """With the right password the answer comes through; the name is resolved at the proxy."""
    async with raw_server(socks(password_ok=True, reply=0)) as port:
        proxy = f"socks5://us%40er:p%3Aw@127.0.0.1:{port}"
        assert await ask("http://no-such-host.invalid/", proxy=proxy) == b"hi"


@pytest.mark.parametrize(
    ("password_ok", "reply", "kind"), [(False, 0, "proxy_auth"), (True, 5, "proxy")]
)
async def test_a_socks_proxy_that_refuses(password_ok: bool, reply: int, kind: str) -> None:
    """A wrong password is `proxy_auth`, an unreachable target `proxy`."""
    async with raw_server(socks(password_ok=password_ok, reply=reply)) as port:
        proxy = f"socks5://user:{PASSWORD}@127.0.0.1:{port}"
        assert await kind_of("http://www.youtube.com/", proxy=proxy) == kind


async def test_a_get_is_sent_once() -> None:
    """A kept connection that the server closed is a fault, not a second request beside the limiter.

    Fails when aiohttp no longer knows the private name by which its own retry is switched off.
    """
    requests: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)
        requests.append(await reader.readuntil(b"\r\n\r\n"))

    async with raw_server(talk) as port, IdentityClient(trusted_authorities(None), 5) as client:
        url = f"http://127.0.0.1:{port}/"
        async with await client.open("GET", url) as response:
            assert await response.read(10) == b"hi"
        with pytest.raises(NetworkFault):
            async with await client.open("GET", url):
                pass
    assert len(requests) == 2


async def test_connections_are_kept_unless_left_early(tmp_path: Path) -> None:
    """Requests one after the other share a connection; one left half way is closed at once."""
    peers = []

    async def handle(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        peers.append(request.transport.get_extra_info("peername"))
        return web.Response(body=bytes(4 << 20) if request.path == "/long" else b"x")

    async with youtube(handle, tmp_path) as site:
        trust = trusted_authorities(site.network.ca_file)
        async with IdentityClient(trust, 5, proxy=site.network.proxy) as client:
            for path in ("a", "b", "long", "c"):
                async with await client.open("GET", f"https://www.youtube.com/{path}") as response:
                    async for _ in response.chunks():
                        break
    assert len(peers) == 4
    assert len(set(peers)) == 2


async def test_an_error_of_our_own_inside_is_not_taken_for_the_network(tmp_path: Path) -> None:
    """An OSError of the code that reads an answer comes out as it is."""

    async def handle(request: web.Request) -> web.Response:
        return web.Response(text="x" * 100)

    async with youtube(handle, tmp_path) as site:
        trust = trusted_authorities(site.network.ca_file)
        async with IdentityClient(trust, 5, proxy=site.network.proxy) as client:

            async def fail_inside() -> None:
                async with await client.open("GET", "https://www.youtube.com/x") as response:
                    async for _ in response.chunks():
                        raise OSError("our own")

            with pytest.raises(OSError, match="our own"):
                await fail_inside()


async def test_cookies_that_youtube_sets_are_sent_from_then_on(tmp_path: Path) -> None:
    """As a browser does, to YouTube alone, until they are taken back."""
    seen: list[dict[str, str]] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(dict(request.cookies))
        response = web.Response(text="x")
        if len(seen) == 2:
            response.set_cookie("VISITOR", "one", domain=".youtube.com", secure=True)
        if len(seen) == 3:
            past = "Thu, 01-Jan-1970 00:00:00 GMT"
            response.set_cookie("VISITOR", "EXPIRED", expires=past)
        return response

    async with youtube(handle, tmp_path) as site:
        trust = trusted_authorities(site.network.ca_file)
        async with IdentityClient(trust, 5, proxy=site.network.proxy) as client:
            for host in (
                *["www.youtube.com"] * 4,
                "www.googleapis.com",
            ):
                async with await client.open("GET", f"https://{host}/x") as response:
                    await response.read(10)
    assert [cookies.get("VISITOR") for cookies in seen] == [None, None, "one", None, None]
    assert seen[4] == {}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes 0-9/100", (0, 100)),
        ("bytes 5-9/*", (5, None)),
        ("bytes */100", (None, 100)),
        ("", (None, None)),
        ("pages 0-9/100", (None, None)),
        ("bytes 0-9/100, evil", (None, None)),
        ("bytes 0-9/" + "9" * 5000, (0, None)),
        ("bytes ²-9/٣", (None, None)),
    ],
)
def test_a_content_range_is_read_or_counts_as_missing(
    header: str, expected: tuple[int | None, int | None]
) -> None:
    """Never an error: the caller knows what it asked for."""
    assert content_range({"Content-Range": header}) == expected


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("-5", 0.0),
        ("1.5", 1.5),
        ("Tue, 14 Nov 2023 22:14:20 GMT", 60.0),
        ("Tue, 14 Nov 2023 20:14:20 GMT", 0.0),
        ("Tue, 14 Nov 2023 22:14:20 -0000", 60.0),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("", None),
    ],
)
def test_retry_after_in_both_forms(value: str, seconds: float | None) -> None:
    """Seconds and HTTP dates, whatever the header's spelling; nonsense is none."""
    assert retry_after({"retry-AFTER": value}, NOW) == seconds


@pytest.mark.parametrize("location", ["", "ftp://x/", "https://[", "http://x:0x1/"])
def test_a_redirect_to_nowhere_is_no_answer(location: str) -> None:
    """Only another web address is followed."""
    with pytest.raises(UnexpectedAnswer):
        redirect_target("https://www.youtube.com/a?key=s3cret", {"Location": location})
    assert redirect_target("https://x.org/a", {"Location": "/b"}) == "https://x.org/b"
