"""Media ranges over our own connections, against a small server on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from ascc_async.errors import (
    ItemError,
    LinkExpired,
    NetworkFault,
    Refused,
    ServerFault,
)
from ascc_async.media.ranges import Ranges
from ascc_async.model import Resolved, Track
from ascc_async.network.retry import Bounds, RetrySettings
from ascc_async.settings import NetworkSettings, ThrottleSettings
from ascc_async.throttle.limiter import RateLimiter, RequestKind
from ascc_async.youtube.media_links import (
    MediaSources,
    is_past_its_end,
    range_answer,
)
from ascc_async.youtube.session import Sessions

BODY = bytes(range(256)) * 400
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


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
    where = {"Content-Range": f"bytes {first}-{last}/{len(BODY)}"}
    return web.Response(status=206, body=BODY[first : last + 1], headers=where)


async def cut_short(request: web.Request) -> web.StreamResponse:
    """Half of what was asked, then the connection breaks."""
    first, last = span(request)
    where = {"Content-Range": f"bytes {first}-{last}/{len(BODY)}"}
    answer = web.StreamResponse(status=206, headers=where)
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
    sources: MediaSources
    clock: Clock

    def resolved(self, video_id: str = "M4gD1WSo5mA") -> Resolved:
        """A video whose sound lies on the server."""
        track = Track("audio", self.media.url, {"User-Agent": "as resolved"}, "140", "mp4", "mp4a")
        return Resolved(video_id, "main", track, None, 60.0, "", "", "", None, 1)

    async def read(self, first: int, last: int | None, *, again: bool = False) -> bytes:
        """Bytes of the default video."""
        resolved = self.resolved()
        read = Ranges(self.sources.source(resolved, again=again)).read
        return (await read(resolved.audio, first, last)).body

    def refused(self) -> int:
        """How often the gate saw media refused."""
        return sum(
            bucket.refused
            for bucket in self.limiter.snapshot().buckets
            if bucket.kind is RequestKind.MEDIA
        )


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A server, a gate that does not slow anyone, sessions."""
    media, clock = Media(), Clock()
    application = web.Application()
    application.router.add_get("/{name}", media.answer)
    throttle = ThrottleSettings(requests_per_second=10_000, burst=10_000, adaptive=False)
    limiter = RateLimiter(throttle, ["main"])
    async with TestServer(application) as server:
        media.url = str(server.make_url("/videoplayback"))
        bounds = Bounds(tries=3, first_wait=0, longest_wait=0)
        retries = RetrySettings(network=bounds, server=bounds)
        async with Sessions(NetworkSettings(), limiter, retries=retries) as sessions:
            yield World(media, limiter, MediaSources(sessions, wall=clock), clock)


async def test_a_range_is_read_with_the_headers_it_was_resolved_with(world: World) -> None:
    """Links may be tied to them."""
    assert await world.read(100, 199) == BODY[100:200]
    assert world.media.asked == ["bytes=100-199"]
    assert world.media.agents == ["as resolved"]


async def test_a_body_cut_short_is_continued_where_it_stopped(world: World) -> None:
    """What came is kept: no byte is fetched twice."""
    world.media.script = [cut_short]
    assert await world.read(1000, 1999) == BODY[1000:2000]
    assert world.media.asked == ["bytes=1000-1999", "bytes=1500-1999"]


async def test_a_server_that_ignores_the_range_is_read_no_further_than_needed(world: World) -> None:
    """And what lies before is left out."""
    world.media.script = [whole]
    assert await world.read(1000, 1999) == BODY[1000:2000]
    assert len(world.media.asked) == 1


async def test_a_redirect_is_followed_with_the_range(world: World) -> None:
    """googlevideo moves between its servers."""
    world.media.script = [elsewhere]
    assert await world.read(5, 9) == BODY[5:10]
    assert world.media.asked == ["bytes=5-9", "bytes=5-9"]


async def test_a_range_beyond_the_end_is_an_answer(world: World) -> None:
    """416 tells the size."""
    world.media.script = [status(416, **{"Content-Range": f"bytes */{len(BODY)}"})]
    source = world.sources.source(world.resolved())
    answer = await source.read(world.media.url, {}, 10**6, None)
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


@pytest.mark.parametrize("code", [403, 404, 410])
async def test_a_link_that_stops_working_is_to_be_resolved_again(world: World, code: int) -> None:
    """That is no refusal."""
    world.media.script = [status(code)]
    with pytest.raises(LinkExpired):
        await world.read(0, 9)
    assert world.refused() == 0


async def test_a_fresh_link_that_is_forbidden_too_is_a_refusal(world: World) -> None:
    """YouTube means the identity: the gate hears of it, and no attempt is used up."""
    world.media.script = [status(403)]
    with pytest.raises(Refused) as caught:
        await world.read(0, 9, again=True)
    assert caught.value.kind == "media_forbidden"
    assert world.refused() == 1


async def test_too_many_requests_is_a_refusal_at_once(world: World) -> None:
    """With the time YouTube asks for."""
    world.media.script = [status(429, **{"Retry-After": "7"})]
    with pytest.raises(Refused) as caught:
        await world.read(0, 9)
    assert (caught.value.kind, caught.value.retry_after) == ("rate", 7.0)
    assert world.refused() == 1


async def test_a_link_past_its_own_end_is_old_even_when_fresh(world: World) -> None:
    """It says so itself (`expire=`)."""
    world.media.url += f"?expire={int(world.clock.now) - 1}"
    world.media.script = [status(403)]
    with pytest.raises(LinkExpired):
        await world.read(0, 9, again=True)


def meet_forbidden(world: World, video_id: str) -> type[Exception]:
    """What a 403 of a fresh link means now."""
    world.clock.now += 1
    try:
        world.sources.raise_for_gone(video_id, "main", "https://x/y", again=True)
    except (Refused, ItemError) as error:
        return type(error)


def serve_another(world: World) -> None:
    """Another video of the same identity is served."""
    world.clock.now += 1
    world.sources.note_served("eQcmzGIKrzg", "main", world.clock.now)


async def test_a_video_forbidden_thrice_while_others_are_served_cannot_be_had(world: World) -> None:
    """Then it is not the identity; and it must not rest the identity for ever."""
    met = []
    for _ in range(4):
        met.append(meet_forbidden(world, "M4gD1WSo5mA"))
        serve_another(world)
    assert met == [Refused, Refused, Refused, ItemError]


async def test_where_nobody_is_served_no_video_is_blamed(world: World) -> None:
    """However often: a refusal says nothing about the video."""
    serve_another(world)
    assert {meet_forbidden(world, "M4gD1WSo5mA") for _ in range(20)} == {Refused}


async def test_a_video_that_is_served_after_all_starts_anew(world: World) -> None:
    """What was counted against it is forgotten."""
    for _ in range(3):
        meet_forbidden(world, "M4gD1WSo5mA")
        serve_another(world)
    world.sources.note_served("M4gD1WSo5mA", "main", world.clock.now)
    assert meet_forbidden(world, "M4gD1WSo5mA") is Refused


async def test_another_status_is_the_servers_fault(world: World) -> None:
    """400 and the like: nothing that a range is answered with."""
    world.media.script = [status(400)]
    with pytest.raises(ServerFault, match="400"):
        await world.read(0, 9)


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
