"""Media ranges over our own connections, against a small server on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from ascc_async.errors import (
    AsccError,
    ItemError,
    LinkExpired,
    NetworkFault,
    Refused,
    ServerFault,
    UnexpectedAnswer,
)
from ascc_async.media.ranges import Ranges
from ascc_async.model import Resolved, Track
from ascc_async.settings import NetworkSettings
from ascc_async.throttle.bucket import RequestKind
from ascc_async.throttle.limiter import RateLimiter
from ascc_async.youtube.media_links import (
    MediaLinks,
    is_past_its_end,
    range_answer,
)
from tests.youtube.license_helpers import Handler, counts, fast_limiter, sessions_for

VIDEO = "M4gD1WSo5mA"
BODY = bytes(range(256)) * 400


@dataclass
class Media:
    """The server, what it was asked, and what it answers next (then: `ranges`)."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    script: list[Handler] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The next answer of the script."""
        self.asked.append(request.headers.get("Range", ""))
        self.agents.append(request.headers.get("User-Agent", ""))
        return await (self.script.pop(0) if self.script else ranges)(request)


def span(request: web.Request) -> tuple[int, int]:
    """First and last byte asked for."""
    first, last = request.headers["Range"].removeprefix("bytes=").split("-")
    return int(first), int(last) if last else len(BODY) - 1


async def ranges(request: web.Request) -> web.StreamResponse:
    """As YouTube answers."""
    first, last = span(request)
    headers = {"Content-Range": f"bytes {first}-{last}/{len(BODY)}"}
    return web.Response(status=206, body=BODY[first : last + 1], headers=headers)


async def cut_short(request: web.Request) -> web.StreamResponse:
    """Half of what was asked, then the connection breaks."""
    first, last = span(request)
    headers = {"Content-Range": f"bytes {first}-{last}/{len(BODY)}"}
    answer = web.StreamResponse(status=206, headers=headers)
    answer.content_length = last - first + 1
    await answer.prepare(request)
    await answer.write(BODY[first : (first + last + 1) // 2])
    assert request.transport is not None
    request.transport.close()
    return answer


async def cut_before(request: web.Request) -> web.StreamResponse:
    """Nothing at all."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def whole(request: web.Request) -> web.StreamResponse:
    """A server that takes no notice of the range."""
    return web.Response(body=BODY)


async def elsewhere(request: web.Request) -> web.StreamResponse:
    """Another server has the bytes."""
    raise web.HTTPFound("/moved")


def status(code: int, **headers: str) -> Handler:
    """An answer with nothing but a status."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=code, headers=headers)

    return answer


class Clock:
    """POSIX time that the test moves."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class World:
    """Everything a test needs."""

    media: Media
    limiter: RateLimiter
    sources: MediaLinks
    clock: Clock

    def resolved(self) -> Resolved:
        """A video whose sound lies on the server."""
        track = Track("audio", self.media.url, {"User-Agent": "as resolved"}, "140", "mp4", "mp4a")
        return Resolved(VIDEO, "main", track, None, "", "", "", None)

    async def read(self, first: int, last: int, *, again: bool = False) -> bytes:
        """Bytes of the default video."""
        resolved = self.resolved()
        read = Ranges(self.sources.source(resolved, again=again)).read
        return (await read(resolved.audio, first, last)).body


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A server, a limiter that does not slow anyone, sessions."""
    media, clock = Media(), Clock()
    application = web.Application()
    application.router.add_get("/{name}", media.answer)
    limiter = fast_limiter()
    async with TestServer(application) as server:
        media.url = str(server.make_url("/videoplayback"))
        async with sessions_for(NetworkSettings(), limiter=limiter) as sessions:
            yield World(media, limiter, MediaLinks(sessions, wall=clock), clock)


@pytest.mark.parametrize(
    ("script", "ranges_asked"),
    [
        ([], ["bytes=1000-1999"]),
        # What came is kept: no byte is fetched twice.
        ([cut_short], ["bytes=1000-1999", "bytes=1500-1999"]),
        # A server that ignores the range: read no further than needed, and what lies before is cut.
        ([whole], ["bytes=1000-1999"]),
        # googlevideo moves between its servers.
        ([elsewhere], ["bytes=1000-1999"] * 2),
    ],
    ids=["whole", "cut short", "range ignored", "redirected"],
)
async def test_a_range_is_read_with_the_headers_it_was_resolved_with(
    world: World, script: list[Handler], ranges_asked: list[str]
) -> None:
    """Exactly these bytes, whatever the server does; links may be tied to the headers."""
    world.media.script = script
    assert await world.read(1000, 1999) == BODY[1000:2000]
    assert world.media.asked == ranges_asked
    assert set(world.media.agents) == {"as resolved"}


async def test_a_range_beyond_the_end_is_an_answer(world: World) -> None:
    """416 tells the size."""
    world.media.script = [status(416, **{"Content-Range": f"bytes */{len(BODY)}"})]
    source = world.sources.source(world.resolved())
    answer = await source.read(world.media.url, {}, 10**6, 10**6 + 9)
    assert (answer.status, answer.total, answer.body) == (416, len(BODY), b"")


@pytest.mark.parametrize("fault", [cut_before, status(503)])
async def test_a_request_without_an_answer_is_tried_again(world: World, fault: Handler) -> None:
    """Within bounds."""
    world.media.script = [fault, fault]
    assert await world.read(0, 9) == BODY[:10]
    world.media.script = [fault] * 9
    with pytest.raises((NetworkFault, ServerFault)):
        await world.read(0, 9)
    assert 0 < len(world.media.script) <= 6


PAST, FUTURE = "?expire=1799999999", "?expire=1800000001"


@pytest.mark.parametrize(
    ("code", "again", "query", "expected", "kind"),
    [
        # A link that stops working is to be resolved again: no refusal.
        (403, False, "", LinkExpired, ""),
        (404, False, "", LinkExpired, ""),
        (410, False, "", LinkExpired, ""),
        # When a fresh one is forbidden too, YouTube means the identity, unless it is old by itself.
        (403, True, "", Refused, "media_forbidden"),
        (403, True, FUTURE, Refused, "media_forbidden"),
        (403, True, PAST, LinkExpired, ""),
        (429, False, "", Refused, "rate"),
        # Nothing that a range is answered with.
        (400, False, "", UnexpectedAnswer, ""),
    ],
)
async def test_a_status_says_what_happens_next(
    world: World, code: int, again: bool, query: str, expected: type[AsccError], kind: str
) -> None:
    """Resolve again, slow the identity down (the limiter hears of it), or try again later."""
    world.media.url += query
    world.media.script = [status(code, **{"Retry-After": "7"})] * 3
    with pytest.raises(expected) as caught:
        await world.read(0, 9, again=again)
    assert type(caught.value) is expected
    assert getattr(caught.value, "kind", "") == kind
    assert getattr(caught.value, "retry_after", None) == (7.0 if kind == "rate" else None)
    assert counts(world.limiter, RequestKind.MEDIA).refused == (expected is Refused)


FORBIDDEN, SERVED, OTHER_SERVED = "forbidden", "served", "another video served"


@pytest.mark.parametrize(
    ("events", "meanings"),
    [
        # Forbidden thrice while others are served: it is not the identity, which must not rest
        # for ever.
        ([FORBIDDEN, OTHER_SERVED] * 4, [Refused, Refused, Refused, ItemError]),
        # Where nobody is served, no video is blamed, however often.
        ([OTHER_SERVED, *[FORBIDDEN] * 20], [Refused] * 20),
        # What was counted against a video is forgotten once it is served after all.
        ([*[FORBIDDEN, OTHER_SERVED] * 3, SERVED, FORBIDDEN], [Refused] * 4),
    ],
    ids=["others served", "nobody served", "served after all"],
)
async def test_a_fresh_link_that_is_forbidden_is_the_identitys_or_the_videos(
    world: World, events: list[str], meanings: list[type[AsccError]]
) -> None:
    """Whether other videos are served meanwhile decides whom YouTube means."""
    errors: list[type[AsccError]] = []
    for event in events:
        world.clock.now += 1
        if event == FORBIDDEN:
            with pytest.raises((Refused, ItemError)) as caught:
                world.sources.raise_for_gone(VIDEO, "main", "https://x/y", again=True)
            errors.append(caught.type)
        else:
            video_id = VIDEO if event == SERVED else "eQcmzGIKrzg"
            world.sources.note_served(video_id, "main", world.clock.now)
    assert errors == meanings


@pytest.mark.parametrize(
    ("status", "body", "complete", "headers", "expected"),
    [
        (206, b"abcd", True, {"Content-Range": "bytes 4-7/99"}, (4, 99, True)),
        (206, b"ab", False, {"Content-Range": "bytes 4-7/99"}, (4, 99, False)),
        (206, b"abcd", True, {}, (4, None, True)),
        (200, b"01234567", False, {"Content-Length": "99"}, (0, 99, True)),
        (200, b"0123", False, {"Content-Length": "99"}, (0, 99, False)),
    ],
    ids=["whole", "short", "place-untold", "range-ignored", "range-ignored-and-short"],
)
def test_an_answer_tells_its_place_as_the_server_said_it(
    status: int, body: bytes, complete: bool, headers: dict[str, str], expected: Any
) -> None:
    """Bytes 4 to 7 were asked for: where the body lies, and whether all of it came."""
    answer = range_answer(status, headers, body, complete, 4, 7)
    assert (answer.first, answer.total, answer.complete) == expected


@pytest.mark.parametrize(
    ("url", "past"),
    [
        ("https://x/y?expire=99", True),
        ("https://x/y?expire=101", False),
        ("https://x/y", False),
        ("https://x/y?expire=²", False),
        ("https://x/y?expire=" + "9" * 5000, False),
    ],
)
def test_a_link_tells_when_it_ends(url: str, past: bool) -> None:
    """In POSIX seconds; a link that does not tell has no end."""
    assert is_past_its_end(url, 100.0) is past
