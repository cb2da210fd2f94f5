"""Sessions: every try of every request passes the rate limiter, as one identity."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from aiohttp import web

from ascc_async.errors import NetworkFault, Refused, ServerFault, UnexpectedAnswer
from ascc_async.settings import IdentitySettings, NetworkSettings
from ascc_async.throttle.bucket import RequestKind
from ascc_async.youtube.session import Answer, Call
from tests.youtube.license_helpers import (
    Answers,
    counts,
    fast_limiter,
    free_port,
    raw_server,
    saying,
    sessions_for,
    text_answer,
    youtube,
    youtube_and_sessions,
)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
WATCH = "https://www.youtube.com/watch"


def page(url: str = WATCH, identity: str | None = None) -> Call:
    """A request for a page."""
    return Call(RequestKind.PAGES, "GET", url, identity)


def body_of(answer: Answer) -> bytes:
    """Reads an answer as it is."""
    return answer.body


async def test_faults_are_tried_again_each_through_the_limiter() -> None:
    """Two faults and then an answer: the caller sees the answer, the limiter three requests."""
    left = [b"HTTP/1.1 503 Busy\r\nConnection: close\r\n\r\n", b"", OK]

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await saying(left.pop(0))(reader, writer)

    limiter = fast_limiter()
    sessions_here = sessions_for(NetworkSettings(), limiter=limiter)
    async with raw_server(talk) as port, sessions_here as sessions:
        assert await sessions.ask(page(f"http://127.0.0.1:{port}/"), body_of) == b"hi"
    assert (counts(limiter).answered, counts(limiter).faults) == (2, 1)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", ServerFault),
        (b"HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n", UnexpectedAnswer),
        (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", UnexpectedAnswer),
        (b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", Refused),
    ],
)
async def test_a_status_says_whose_fault_it_is(head: bytes, expected: type[Exception]) -> None:
    """5xx is a fault, another status is no answer, 403 is a refusal."""
    async with raw_server(saying(head)) as port, sessions_for(NetworkSettings()) as sessions:
        with pytest.raises(expected) as caught:
            await sessions.ask(page(f"http://127.0.0.1:{port}/"), body_of)
    assert type(caught.value) is expected


async def test_statuses_that_the_caller_wants_are_answers() -> None:
    """What `allow_status` names is given to the caller, whatever it is."""
    busy = saying(b"HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\n", b"hi")
    async with raw_server(busy) as port, sessions_for(NetworkSettings()) as sessions:
        call = page(f"http://127.0.0.1:{port}/")
        call.allow_status = (500,)
        assert await sessions.ask(call, body_of) == b"hi"


async def test_redirects_in_a_circle_end() -> None:
    """A server that redirects for ever is left after a few hops."""
    counter = iter(range(1000))

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            location = b"Location: /%d\r\n" % next(counter)
            writer.write(b"HTTP/1.1 302 Found\r\n" + location + b"Content-Length: 0\r\n\r\n")

    async with raw_server(talk) as port, sessions_for(NetworkSettings()) as sessions:
        with pytest.raises(UnexpectedAnswer, match="circle"):
            await sessions.ask(page(f"http://127.0.0.1:{port}/"), body_of)
    assert next(counter) == 5


async def test_a_redirect_is_followed_through_the_limiter(tmp_path: Path) -> None:
    """An ordinary redirect is one more request, counted as one, without the query of the first."""

    def answers(request: web.Request) -> web.Response:
        if request.path == "/a":
            return web.Response(status=302, headers={"Location": "/b"})
        return web.Response(text=f"there{request.query_string}")

    limiter = fast_limiter()
    async with youtube_and_sessions(answers, tmp_path, limiter) as (_, sessions):
        call = Call(RequestKind.PAGES, "GET", "https://www.youtube.com/a", params={"v": "x"})
        assert await sessions.ask(call, body_of) == b"there"
    assert counts(limiter).answered == 2


CONSENT = "https://consent.youtube.com/m?continue=x"
CAPTCHA = "https://www.google.com/sorry/index?continue=x"
LOGIN = "https://accounts.google.com/ServiceLogin?service=youtube"


@pytest.mark.parametrize(
    ("answers", "kind", "retry_after"),
    [
        (text_answer("", 429, **{"Retry-After": "17"}), "rate", 17.0),
        (text_answer("", 302, Location=CONSENT), "other", None),
        (text_answer("", 302, Location=CAPTCHA), "captcha", None),
        (text_answer("", 302, Location=LOGIN), "bot_check", None),
        (text_answer("in the body"), "try_later", None),
    ],
    ids=["429", "consent", "captcha", "login", "body"],
)
async def test_a_refusal_is_not_tried_again_and_reaches_the_limiter(
    answers: Answers, kind: str, retry_after: float | None, tmp_path: Path
) -> None:
    """By status, by where a redirect leads (which is not followed), and by what the body says."""

    def read(answer: Answer) -> bytes:
        raise Refused("in the body", kind="try_later")

    limiter = fast_limiter()
    async with youtube_and_sessions(answers, tmp_path, limiter) as (site, sessions):
        with pytest.raises(Refused) as caught:
            await sessions.ask(page(), read)
    assert (caught.value.kind, caught.value.retry_after) == (kind, retry_after)
    assert (len(site.requests), counts(limiter).refused) == (1, 1)


async def test_guests_give_consent_and_ask_in_english(tmp_path: Path) -> None:
    """Without cookies the consent cookie goes out, as do a browser's name and English."""

    def answers(request: web.Request) -> web.Response:
        return web.json_response({**request.cookies, **request.headers})

    async with youtube_and_sessions(answers, tmp_path) as (_, sessions):
        received = json.loads(await sessions.ask(page(), body_of))
    assert received["SOCS"].startswith("CAI")
    assert received["Accept-Language"].startswith("en")
    assert received["User-Agent"].startswith("Mozilla/5.0")


async def test_identities_have_their_own_way_out(tmp_path: Path) -> None:
    """A named identity's request leaves by its own proxy; the other's is not touched."""

    async def handle(request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async with youtube(handle, tmp_path) as site:
        other = IdentitySettings(name="other", proxy=f"http://127.0.0.1:{free_port()}")
        network = site.network.model_copy(update={"identities": (other,)})
        async with sessions_for(network) as sessions:
            main = await sessions.ask(page(identity="main"), lambda answer: answer.identity)
            with pytest.raises(NetworkFault) as caught:
                await sessions.ask(page(identity="other"), body_of)
    assert main == "main"
    assert caught.value.kind == "proxy"
    assert str(other.proxy) in str(caught.value)
