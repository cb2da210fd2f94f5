"""Sessions: every foreign error becomes one of ours, every try passes the gate."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from ascc_async.errors import NetworkFault, Refused, ServerFault, SetupError, Transient
from ascc_async.network.errors import UnexpectedAnswer
from ascc_async.settings import IdentitySettings, NetworkSettings
from ascc_async.throttle.limiter import RequestKind
from ascc_async.youtube.connections import trusted_authorities
from ascc_async.youtube.exchange import Answer, Call, Piece
from ascc_async.youtube.session import Sessions
from tests.youtube.license_helpers import open_gate, raw_server, saying, sessions_for, youtube

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
GZIP = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
BOMB = gzip.compress(bytes(40 << 20), 9)
NINE = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Never answers."""
    await reader.read()


async def slammed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Resets the connection at once."""
    writer.transport.abort()


def chain_of(error: BaseException | None) -> list[BaseException]:
    """The error and those it was raised in the wake of."""
    return [error, *chain_of(error.__cause__ or error.__context__)] if error else []


async def fault_of(url: str, network: NetworkSettings, limit: int = 1 << 20) -> Exception:
    """What a request raises."""
    async with sessions_for(network) as sessions:
        with pytest.raises((NetworkFault, ServerFault, Refused)) as caught:
            await sessions.request(RequestKind.PAGES, "GET", url, limit_bytes=limit)
    return caught.value


@pytest.mark.parametrize(
    ("talk", "kind"),
    [
        (slammed, "reset"),
        (saying(b"", abort=True), "reset"),
        (saying(b""), "reset"),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", b"half"), "short_body"),
        (
            saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", b"half", abort=True),
            "short_body",
        ),
        (saying(CHUNKED, b"4\r\nhalf\r\n"), "short_body"),
        (saying(b"HTTP/1.1 200 OK\r\nContent-L"), "reset"),
    ],
    ids=[
        "reset",
        "reset-after-request",
        "closed",
        "cut",
        "cut-with-reset",
        "cut-chunk",
        "cut-head",
    ],
)
async def test_a_broken_connection_is_a_network_fault(talk: object, kind: str) -> None:
    """What breaks on the way is a NetworkFault of the right kind."""
    async with raw_server(talk) as port:  # type: ignore[arg-type]
        fault = await fault_of(f"http://127.0.0.1:{port}/x?key=secret", NetworkSettings())
    assert isinstance(fault, NetworkFault)
    assert fault.kind == kind
    assert "secret" not in str(fault)


@pytest.mark.parametrize(
    "talk",
    [
        saying(b"\x00\x01 nonsense\r\n\r\n"),
        saying(b"HTTP/1.1 200 OK\r\nBad Header\x00: x\r\n\r\n"),
        saying(GZIP % 9, b"not gzip!"),
        saying(GZIP % len(BOMB), BOMB),
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n", bytes(2_000_000)),
        saying(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"),
        saying(b"HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n"),
        saying(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"),
        saying(b"HTTP/1.1 302 Found\r\nLocation: ftp://x/\r\nContent-Length: 0\r\n\r\n"),
        saying(b"HTTP/1.1 302 Found\r\nLocation: https://[\r\nContent-Length: 0\r\n\r\n"),
        saying(b"HTTP/1.1 302 Found\r\nLocation: http://x:0x1/\r\nContent-Length: 0\r\n\r\n"),
    ],
    ids=[
        "no-http",
        "bad-header",
        "bad-gzip",
        "gzip-bomb",
        "too-large",
        "500",
        "418",
        "redirect-to-nowhere",
        "redirect-to-ftp",
        "redirect-to-no-address",
        "redirect-to-no-port",
    ],
)
async def test_an_answer_that_is_none_is_a_server_fault(talk: object) -> None:
    """What arrives but cannot be an answer is a ServerFault, and never fills the memory."""
    async with raw_server(talk) as port:  # type: ignore[arg-type]
        fault = await fault_of(f"http://127.0.0.1:{port}/", NetworkSettings())
    assert isinstance(fault, ServerFault)


async def test_bad_chunks_are_worth_another_try() -> None:
    """A chunk without a size is a fault, of the server or of the way, and is tried again."""
    async with raw_server(saying(CHUNKED, b"zz\r\nnot a size\r\n")) as port:
        fault = await fault_of(f"http://127.0.0.1:{port}/", NetworkSettings())
    assert isinstance(fault, Transient)


async def test_redirects_in_a_circle_end() -> None:
    """A server that redirects for ever is left after a few hops."""
    counter = iter(range(1000))

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            place = b"Location: /%d\r\n" % next(counter)
            writer.write(b"HTTP/1.1 302 Found\r\n" + place + b"Content-Length: 0\r\n\r\n")

    async with raw_server(talk) as port:
        fault = await fault_of(f"http://127.0.0.1:{port}/", NetworkSettings())
    assert isinstance(fault, UnexpectedAnswer)
    assert next(counter) == 5


async def test_nobody_listening_is_told_from_no_such_name() -> None:
    """A refused connection is `connect`, an unknown name is `dns`."""
    fault = await fault_of(f"http://127.0.0.1:{free_port()}/", NetworkSettings())
    assert isinstance(fault, NetworkFault)
    assert fault.kind == "connect"
    unknown = await fault_of("http://no-such-host.invalid/", NetworkSettings())
    assert isinstance(unknown, NetworkFault)
    assert unknown.kind == "dns"
    assert "no-such-host.invalid" in str(unknown)


async def test_a_silent_server_times_out() -> None:
    """`network.timeout_seconds` bounds the wait."""
    async with raw_server(silence) as port:
        fault = await fault_of(f"http://127.0.0.1:{port}/", NetworkSettings(timeout_seconds=0.05))
    assert isinstance(fault, NetworkFault)
    assert fault.kind == "timeout"


@asynccontextmanager
async def tls_server(talk: object) -> AsyncIterator[tuple[int, trustme.CA]]:
    """A TLS server with a certificate of its own authority."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    async with raw_server(talk, ssl=context) as port:  # type: ignore[arg-type]
        yield port, authority


async def test_an_untrusted_certificate_names_the_remedy(tmp_path: Path) -> None:
    """An unknown authority is a `certificate` fault; with `ca_file` the same server is trusted."""
    async with tls_server(saying(OK)) as (port, authority):
        url = f"https://127.0.0.1:{port}/"
        fault = await fault_of(url, NetworkSettings())
        assert isinstance(fault, NetworkFault)
        assert fault.kind == "certificate"
        assert "network.ca_file" in str(fault)
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        async with sessions_for(NetworkSettings(ca_file=tmp_path / "ca.pem")) as sessions:
            assert (await sessions.request(RequestKind.PAGES, "GET", url)).body == b"hi"


async def test_no_tls_at_all_is_a_connection_fault() -> None:
    """A server that does not speak TLS is not blamed for its certificate."""
    async with raw_server(saying(b"hello\r\n\r\n")) as port:
        fault = await fault_of(f"https://127.0.0.1:{port}/", NetworkSettings(timeout_seconds=0.2))
    assert isinstance(fault, NetworkFault)
    assert fault.kind in ("connect", "reset", "timeout")


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "proxy_auth"),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", "proxy"),
    ],
)
async def test_a_proxy_that_refuses_is_named_without_its_password(reply: bytes, kind: str) -> None:
    """407 is `proxy_auth`, other refusals are `proxy`; the password stays out of the message."""
    async with raw_server(saying(reply)) as port:
        network = NetworkSettings(proxy=f"http://user:hunter2@127.0.0.1:{port}")
        fault = await fault_of("https://www.youtube.com/", network)
    assert isinstance(fault, NetworkFault)
    assert fault.kind == kind
    assert f"http://127.0.0.1:{port}" in str(fault)
    assert "hunter2" not in str(fault)
    assert all(isinstance(error, NetworkFault) for error in chain_of(fault))


@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h"])
async def test_a_proxy_that_is_down_is_named(scheme: str) -> None:
    """A proxy nobody runs is a `proxy` fault that names identity and proxy."""
    network = NetworkSettings(proxy=f"{scheme}://user:hunter2@127.0.0.1:{free_port()}")
    fault = await fault_of("https://www.youtube.com/", network)
    assert isinstance(fault, NetworkFault)
    assert fault.kind == "proxy"
    assert "identity main" in str(fault)
    assert "hunter2" not in str(fault)


def socks(*, password_ok: bool, reply: int, port: int = 0) -> object:
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
    async with raw_server(socks(password_ok=True, reply=0)) as port:  # type: ignore[arg-type]
        network = NetworkSettings(proxy=f"socks5://us%40er:p%3Aw@127.0.0.1:{port}")
        async with sessions_for(network) as sessions:
            answer = await sessions.request(
                RequestKind.PAGES, "GET", "http://no-such-host.invalid/"
            )
    assert answer.body == b"hi"


@pytest.mark.parametrize(
    ("password_ok", "reply", "kind"), [(False, 0, "proxy_auth"), (True, 5, "proxy")]
)
async def test_a_socks_proxy_that_refuses(password_ok: bool, reply: int, kind: str) -> None:
    """A wrong password is `proxy_auth`, an unreachable target `proxy`."""
    talk = socks(password_ok=password_ok, reply=reply)
    async with raw_server(talk) as port:  # type: ignore[arg-type]
        network = NetworkSettings(proxy=f"socks5://user:hunter2@127.0.0.1:{port}")
        fault = await fault_of("http://www.youtube.com/", network)
    assert isinstance(fault, NetworkFault)
    assert fault.kind == kind
    assert "hunter2" not in str(fault)


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_bad_ca_file_is_named(content: bytes | None, tmp_path: Path) -> None:
    """A missing, empty or wrong `network.ca_file` stops the run with its name and the remedy."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SetupError, match=r"ca\.pem.*PEM"):
        trusted_authorities(path)


async def test_faults_are_tried_again_each_through_the_gate() -> None:
    """Two faults and then an answer: the caller sees the answer, the gate three requests."""
    left = [b"HTTP/1.1 503 Busy\r\nConnection: close\r\n\r\n", b"", OK]

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await saying(left.pop(0))(reader, writer)

    limiter = open_gate()
    async with (
        raw_server(talk) as port,
        sessions_for(NetworkSettings(), limiter=limiter) as sessions,
    ):
        answer = await sessions.request(RequestKind.PAGES, "GET", f"http://127.0.0.1:{port}/")
    assert answer.body == b"hi"
    pages = next(
        bucket for bucket in limiter.snapshot().buckets if bucket.kind is RequestKind.PAGES
    )
    assert (pages.answered, pages.faults) == (2, 1)


async def test_a_refusal_is_not_tried_again_and_reaches_the_gate(tmp_path: Path) -> None:
    """429 raises Refused with its Retry-After after one request, and the gate counts it."""

    async def handle(request: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "17"})

    limiter = open_gate()
    async with (
        youtube(handle, tmp_path) as site,
        sessions_for(site.network, limiter=limiter) as sessions,
    ):
        with pytest.raises(Refused) as caught:
            await sessions.request(RequestKind.PAGES, "GET", "https://www.youtube.com/watch")
    assert (caught.value.kind, caught.value.retry_after) == ("rate", 17.0)
    assert len(site.requests) == 1
    assert (
        next(
            bucket for bucket in limiter.snapshot().buckets if bucket.kind is RequestKind.PAGES
        ).refused
        == 1
    )


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("https://consent.youtube.com/m?continue=x", "other"),
        ("https://www.google.com/sorry/index?continue=x", "captcha"),
        ("https://accounts.google.com/ServiceLogin?service=youtube", "bot_check"),
    ],
)
async def test_walls_are_recognised_by_where_they_lead(
    place: str, kind: str, tmp_path: Path
) -> None:
    """A redirect to consent, captcha or login is a refusal and is not followed."""

    async def handle(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": place})

    async with youtube(handle, tmp_path) as site, sessions_for(site.network) as sessions:
        with pytest.raises(Refused) as caught:
            await sessions.request(RequestKind.PAGES, "GET", "https://www.youtube.com/watch")
    async with youtube(handle, tmp_path) as site, sessions_for(site.network) as sessions:
        with pytest.raises(Refused):
            async with sessions.stream(RequestKind.PAGES, "GET", "https://www.youtube.com/watch"):
                pass
    assert caught.value.kind == kind


async def test_a_redirect_is_followed_through_the_gate(tmp_path: Path) -> None:
    """An ordinary redirect is one more request, counted as one."""

    async def handle(request: web.Request) -> web.Response:
        if request.path == "/a":
            return web.Response(status=302, headers={"Location": "/b"})
        return web.Response(text="there")

    limiter = open_gate()
    async with (
        youtube(handle, tmp_path) as site,
        sessions_for(site.network, limiter=limiter) as sessions,
    ):
        answer = await sessions.request(RequestKind.PAGES, "GET", "https://www.youtube.com/a")
    assert answer.body == b"there"
    assert (
        next(
            bucket for bucket in limiter.snapshot().buckets if bucket.kind is RequestKind.PAGES
        ).answered
        == 2
    )


async def test_guests_give_consent_and_ask_in_english(tmp_path: Path) -> None:
    """Without cookies the consent cookie goes out, as do a browser's name and English."""

    async def handle(request: web.Request) -> web.Response:
        return web.json_response({**request.cookies, **request.headers})

    async with youtube(handle, tmp_path) as site, sessions_for(site.network) as sessions:
        answer = await sessions.request(RequestKind.PAGES, "GET", "https://www.youtube.com/watch")
    said = json.loads(answer.body)
    assert said["SOCS"].startswith("CAI")
    assert said["Accept-Language"].startswith("en")
    assert said["User-Agent"].startswith("Mozilla/5.0")


async def test_identities_have_their_own_way_out(tmp_path: Path) -> None:
    """A named identity's request leaves by its own proxy; the other's is not touched."""

    async def handle(request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async with youtube(handle, tmp_path) as site:
        other = IdentitySettings(name="other", proxy=f"http://127.0.0.1:{free_port()}")
        network = site.network.model_copy(update={"identities": (other,)})
        async with sessions_for(network) as sessions:
            url = "https://www.youtube.com/watch"
            answer = await sessions.request(RequestKind.PAGES, "GET", url, identity="main")
            with pytest.raises(NetworkFault) as caught:
                await sessions.request(RequestKind.PAGES, "GET", url, identity="other")
    assert answer.identity == "main"
    assert caught.value.kind == "proxy"
    assert "identity other" in str(caught.value)


async def test_what_the_body_says_counts_for_the_gate(tmp_path: Path) -> None:
    """A refusal found in a body of status 200 is a refusal for the gate too."""

    async def handle(request: web.Request) -> web.Response:
        return web.Response(text="bot check")

    def read(answer: Answer) -> bytes:
        raise Refused("found in the body")

    limiter = open_gate()
    async with (
        youtube(handle, tmp_path) as site,
        sessions_for(site.network, limiter=limiter) as sessions,
    ):
        with pytest.raises(Refused, match="found in the body"):
            await sessions.ask(Call(RequestKind.PAGES, "GET", "https://www.youtube.com/x"), read)
    assert (
        next(
            bucket for bucket in limiter.snapshot().buckets if bucket.kind is RequestKind.PAGES
        ).refused
        == 1
    )


async def test_a_cut_media_range_gives_what_came() -> None:
    """A ranged read that is cut gives the bytes that came, marked as not complete."""
    head = b"HTTP/1.1 206 Partial Content\r\nContent-Length: 10\r\n\r\n"
    sessions_here = sessions_for(NetworkSettings())
    async with raw_server(saying(head, b"four")) as port, sessions_here as sessions:
        piece = await sessions.read_range(f"http://127.0.0.1:{port}/v", {}, 0, 9, identity="main")
    assert (piece.status, piece.body, piece.complete) == (206, b"four", False)


async def test_media_ranges_are_asked_as_they_are_and_judged_inside_the_gate(
    tmp_path: Path,
) -> None:
    """The Range header and the caller's headers go out; a judge's refusal counts for media."""

    async def handle(request: web.Request) -> web.Response:
        text = request.headers["Range"] + request.headers["User-Agent"]
        return web.Response(status=403 if "5-" in text else 206, text=text)

    def judge(piece: Piece) -> None:
        if piece.status == 403:
            raise Refused("no more media", kind="media_forbidden")

    limiter = open_gate()
    async with (
        youtube(handle, tmp_path) as site,
        sessions_for(site.network, limiter=limiter) as sessions,
    ):
        url, headers = "https://www.youtube.com/v", {"User-Agent": "visionOS"}
        piece = await sessions.read_range(url, headers, 2, 4, identity="main", judge=judge)
        with pytest.raises(Refused):
            await sessions.read_range(url, headers, 5, None, identity="main", judge=judge)
    assert (piece.body, piece.complete) == (b"bytes=2-4visionOS", True)
    media = next(
        bucket for bucket in limiter.snapshot().buckets if bucket.kind is RequestKind.MEDIA
    )
    assert (media.answered, media.refused) == (1, 1)


async def test_connections_are_kept(tmp_path: Path) -> None:
    """Requests one after the other share a connection."""
    peers = set()

    async def handle(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        return web.Response(text="x")

    async with youtube(handle, tmp_path) as site, sessions_for(site.network) as sessions:
        for _ in range(5):
            await sessions.request(RequestKind.PAGES, "GET", "https://www.youtube.com/x")
    assert len(peers) == 1


async def test_a_failing_reader_of_a_stream_is_not_taken_for_the_network(tmp_path: Path) -> None:
    """An OSError of our own code inside a stream comes out as it is."""

    async def handle(request: web.Request) -> web.Response:
        return web.Response(text="x" * 100)

    async def read(sessions: Sessions) -> None:
        async with sessions.stream(RequestKind.PAGES, "GET", "https://www.youtube.com/x") as stream:
            async for _ in stream.chunks():
                raise OSError("our own")

    async with youtube(handle, tmp_path) as site, sessions_for(site.network) as sessions:
        with pytest.raises(OSError, match="our own"):
            await read(sessions)
