"""The real yt-dlp in its processes, against the stand-in."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import ssl
import stat
import traceback
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio
import trustme
from blockbuster import BlockBuster

from ascc_async.concurrency.process_pool import ProcessPool
from ascc_async.errors import (
    AsccError,
    ItemError,
    NetworkFault,
    Refused,
    Rejected,
    ServerFault,
    SetupError,
    Unavailable,
    Unexplained,
)
from ascc_async.media.ranges import Ranges
from ascc_async.model import License, Reason
from ascc_async.network.cookies import CookieStore, IdentityCookies
from ascc_async.settings import ClipsSettings, NetworkSettings
from ascc_async.standin.limits import drawn_by_hash
from ascc_async.standin.playability import wording
from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world import Video
from ascc_async.standin.world_settings import Fault, ProxyListener, WorldSettings
from ascc_async.throttle.bucket import RequestKind
from ascc_async.throttle.circuit_breaker import RefusalBreaker
from ascc_async.throttle.limiter import RateLimiter
from ascc_async.youtube import extractor_process
from ascc_async.youtube.extraction import lay_out
from ascc_async.youtube.extractor import Extractor
from ascc_async.youtube.media_links import MediaLinks
from ascc_async.youtube.session import Sessions
from tests.youtube.license_helpers import counts, fast_limiter

pytestmark = pytest.mark.asyncio(loop_scope="module")

PASSWORD = "hunter2-secret"
LISTENERS = (ProxyListener(), ProxyListener(name="guarded", user="me", password=PASSWORD))
LOGIN = ("LOGIN_INFO", "SAPISID", "__Secure-3PAPISID", "SID")


@dataclass
class World:
    """The stand-in, and what reaches it."""

    youtube: StandinProcess
    pool: ProcessPool
    network: NetworkSettings
    folder: Path
    stack: AsyncExitStack
    limiter: RateLimiter = field(init=False)

    async def extractor(
        self,
        pool: ProcessPool | None = None,
        cookies: Mapping[str, IdentityCookies] | None = None,
        media: str = "audio",
        **network: object,
    ) -> Extractor:
        """A new one, entered, with a new rate limiter, over the same processes."""
        self.limiter = fast_limiter()
        settings = self.network.model_copy(update=network)
        clips = ClipsSettings(media=media)  # type: ignore[arg-type]
        extractor = Extractor(
            pool or self.pool, self.limiter, settings, clips, self.folder, cookies,
            known_videos=self.youtube.settings.known_creative_commons,
        )  # fmt: skip
        return await self.stack.enter_async_context(extractor)

    def video(self, reason: Reason | None) -> Video:
        """The shortest video of that kind; of those that can be shared where there is none."""
        free = License.CREATIVE_COMMONS
        videos = [video for video in self.youtube.world.videos if video.reason is reason]
        usable = [video for video in videos if reason or video.license is free]
        return min(usable, key=lambda video: video.length_ms)

    def log_from(self, start: int) -> list[str]:
        """Endpoints asked since the log had `start` lines."""
        return [line["endpoint"] for line in self.youtube.requests()[start:]]

    def counted(self, what: str = "sent") -> int:
        """What the rate limiter counted of requests to the player."""
        return int(getattr(counts(self.limiter, RequestKind.PLAYER), what))


@pytest.fixture(scope="module")
def youtube() -> Iterator[StandinProcess]:
    """The stand-in, one for all tests here."""
    with StandinProcess(WorldSettings(seed=1, listeners=LISTENERS)) as process:
        yield process


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool() -> AsyncIterator[ProcessPool]:
    """Two processes, for all tests here."""
    async with ProcessPool(2) as pool:
        yield pool


@pytest_asyncio.fixture(loop_scope="module")
async def world(youtube: StandinProcess, pool: ProcessPool, tmp_path: Path) -> AsyncIterator[World]:
    """With nothing left of the test before."""
    network = NetworkSettings(proxy=youtube.proxy, ca_file=youtube.ca_file, timeout_seconds=5)
    async with AsyncExitStack() as stack:
        yield World(youtube, pool, network, tmp_path / "private", stack)
    youtube.set_faults()


async def test_a_video_is_resolved_with_one_request(world: World) -> None:
    """As a guest of the cheapest client: all but the license; the link works for our own client."""
    video, start = world.video(None), len(world.youtube.requests())
    resolved = await (await world.extractor()).resolve(video.video_id)
    assert world.log_from(start) == ["player"]
    assert (resolved.title, resolved.channel, resolved.channel_id) == (
        video.title,
        video.channel,
        video.channel_id,
    )
    assert (resolved.video_id, resolved.identity) == (video.video_id, "main")
    assert resolved.license_text is None
    assert resolved.audio.duration == pytest.approx(video.length_ms / 1000, abs=1)
    assert resolved.audio.headers["User-Agent"]
    async with Sessions(world.network, fast_limiter()) as sessions:
        head = (await Ranges(MediaLinks(sessions).source(resolved)).read(resolved.audio, 0, 9)).body
    assert head[4:8] == b"ftyp" or head[:4] == b"\x1a\x45\xdf\xa3"


async def test_another_client_brings_the_license_too(world: World) -> None:
    """It asks for the page too."""
    video, start = world.video(None), len(world.youtube.requests())
    resolved = await (await world.extractor()).resolve(video.video_id, other_client=True)
    assert resolved.license_text == "Creative Commons Attribution license (reuse allowed)"
    assert len(world.log_from(start)) == 2


async def test_media_video_brings_a_picture_within_the_limit(world: World) -> None:
    """Of one answer with the sound."""
    world.youtube.set(media={"pictures": True})
    try:
        resolved = await (await world.extractor(media="video")).resolve(world.video(None).video_id)
    finally:
        world.youtube.set(media={"pictures": False})
    assert resolved.video is not None
    assert (resolved.video.kind, resolved.video.container) == ("video", "mp4")
    assert resolved.video.format_id == "160"


UNAVAILABLE = [
    Reason.REMOVED, Reason.PRIVATE, Reason.ACCOUNT_TERMINATED, Reason.COPYRIGHT_CLAIM,
    Reason.COUNTRY_RESTRICTED, Reason.SIGN_IN_REQUIRED, Reason.AGE_RESTRICTED, Reason.MEMBERS_ONLY,
    Reason.LIVE,
]  # fmt: skip


@pytest.mark.parametrize("reason", UNAVAILABLE)
async def test_every_way_to_be_missing_has_its_reason(world: World, reason: Reason) -> None:
    """For every video of that kind, but for bare words, which name none; and what the rate limiter
    counts is what was sent.
    """
    start = len(world.youtube.requests())
    extractor = await world.extractor()
    for video in [video for video in world.youtube.world.videos if video.reason is reason][:3]:
        said = wording(video.reason, video.number)
        bare = said is not None and said.bare
        with pytest.raises(Unexplained if bare else Unavailable) as caught:
            await extractor.resolve(video.video_id)
        assert getattr(caught.value, "reason", None) is (None if bare else reason)
        assert str(caught.value)
        assert "--cookies" not in str(caught.value)
    assert world.counted() == len(world.log_from(start))


async def test_a_video_without_sound_is_rejected_after_a_second_look(world: World) -> None:
    """By another client: an answer that only lacks streams proves nothing."""
    start = len(world.youtube.requests())
    with pytest.raises(Rejected) as caught:
        await (await world.extractor()).resolve(world.video(Reason.NO_AUDIO).video_id)
    assert caught.value.reason is Reason.NO_AUDIO
    assert world.log_from(start).count("player") == 2


TROUBLE: list[tuple[Fault, type[AsccError], str | None]] = [
    (Fault(name="429", times=0), Refused, "rate"),
    (Fault(name="bot_check", times=0), Refused, "bot_check"),
    (Fault(name="try_later", times=0), Refused, "try_later"),
    (Fault(name="captcha", times=0), Refused, "captcha"),
    (Fault(name="consent", times=0), Refused, "other"),
    (Fault(name="login_wall", times=0), Refused, "bot_check"),
    (Fault(name="forbidden", times=0), Refused, "other"),
    # YouTube answers so where it blocks an address: never that video's media for this one.
    (Fault(name="other_video", times=0, endpoints=("player",)), Refused, "other"),
    (Fault(name="server_error", times=0), ServerFault, None),
    (Fault(name="html", times=0, endpoints=("player",)), ServerFault, None),
    (Fault(name="empty", times=0, endpoints=("player",)), ServerFault, None),
    (Fault(name="truncated", times=0, endpoints=("player",)), ServerFault, None),
    (Fault(name="gzip_bomb", times=0, endpoints=("player",)), ServerFault, None),
    (Fault(name="cut_before", times=0), NetworkFault, None),
    (Fault(name="cut_body", times=0), NetworkFault, None),
]


@pytest.mark.parametrize(
    ("fault", "expected", "kind"), TROUBLE, ids=lambda value: getattr(value, "name", "")
)
async def test_trouble_is_never_the_videos_fault(
    world: World, fault: Fault, expected: type[AsccError], kind: str | None
) -> None:
    """A refusal is one for the limiter, however many requests met it; the rest may be retried."""
    world.youtube.set_faults(fault)
    with pytest.raises(expected) as caught:
        await (await world.extractor()).resolve(world.video(None).video_id)
    assert kind is None or getattr(caught.value, "kind", None) == kind
    assert world.counted("refused") == (expected is Refused)


async def test_the_time_to_wait_is_youtubes(world: World) -> None:
    """`Retry-After` comes through yt-dlp."""
    fault = Fault(name="429", times=0, retry_after="seconds", retry_after_seconds=77)
    world.youtube.set_faults(fault)
    with pytest.raises(Refused) as caught:
        await (await world.extractor()).resolve(world.video(None).video_id)
    assert caught.value.retry_after == pytest.approx(77, abs=2)


async def test_a_bad_answer_to_the_cheap_client_alone_costs_the_video_nothing(world: World) -> None:
    """The fallback is made where the first answer is of no use."""
    world.youtube.set_faults(Fault(name="bot_check", times=1, endpoints=("player",)))
    resolved = await (await world.extractor()).resolve(world.video(None).video_id)
    assert resolved.license_text is not None
    assert world.counted("refused") == 0


DISGUISES = (
    "video_unavailable", "unplayable", "not_available", "please_sign_in", "login_required",
    "unknown_words",
)  # fmt: skip


@pytest.mark.parametrize("name", DISGUISES)
async def test_bare_words_to_one_client_cost_the_video_nothing(world: World, name: Any) -> None:
    """Another client is asked, and plays it."""
    world.youtube.set_faults(
        Fault(name=name, times=0, endpoints=("player",), clients=("VISIONOS",))
    )
    extractor, video = await world.extractor(), world.video(None)
    with pytest.raises(Unexplained):
        await extractor.resolve(video.video_id)
    world.youtube.set_faults(Fault(name=name, times=1, endpoints=("player",)))
    assert (await extractor.resolve(video.video_id)).video_id == video.video_id


@pytest.mark.parametrize("name", ["not_available", "your_account", "gone_for_good"])
async def test_what_everybody_is_told_is_a_refusal_once_known_videos_get_it(
    world: World, name: Any
) -> None:
    """The second in a row is compared with the known videos; after the block all is as before."""
    world.youtube.set_faults(Fault(name=name, times=0))
    extractor, video = await world.extractor(), world.video(None)
    words = Unavailable if name == "gone_for_good" else Unexplained
    for expected in (words, Refused):
        with pytest.raises(expected):
            await extractor.resolve(video.video_id)
    assert (world.counted("refused"), world.counted("answered")) == (1, 0)
    world.youtube.set_faults()
    extractor = await world.extractor()
    assert (await extractor.resolve(video.video_id)).video_id == video.video_id


async def test_a_refusal_that_hangs_on_one_video_ends_no_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused again while a known video is played: nobody says why, so a later run asks it."""
    monkeypatch.setattr(RefusalBreaker, "FIRST", 0.05)

    def drawn(video_id: str) -> float:
        return drawn_by_hash(f"1 0 bot_check player {video_id}")

    share = min(map(drawn, world.youtube.settings.known_creative_commons))
    videos = [video for video in world.youtube.world.videos if video.reason is None]
    video = next(one for one in videos if drawn(one.video_id) < share)
    world.youtube.set_faults(Fault(name="bot_check", times=0, endpoints=("player",), share=share))
    extractor = await world.extractor()
    for expected in (Refused, Unexplained, Unexplained):
        with pytest.raises(expected):
            await extractor.resolve(video.video_id)
    world.youtube.set_faults()
    assert (await extractor.resolve(video.video_id)).video_id == video.video_id


async def test_many_videos_that_are_really_gone_are_no_refusal(world: World) -> None:
    """While known videos are played, bare words are about the videos."""
    extractor = await world.extractor()
    gone = next(
        video for number in range(10_000)
        if (video := world.youtube.world.video(f"{number:08}xyA")).reason is Reason.REMOVED
        and (said := wording(video.reason, video.number)) and said.bare
    )  # fmt: skip
    for _ in range(7):
        with pytest.raises(Unexplained):
            await extractor.resolve(gone.video_id)
    assert world.counted("refused") == 0


async def test_many_at_once_do_not_block_the_loop(world: World) -> None:
    """yt-dlp computes elsewhere: no blocking call is made here."""
    extractor = await world.extractor()
    wanted = [video.video_id for video in world.youtube.world.videos if video.reason is None][:8]
    await asyncio.gather(*map(extractor.resolve, wanted[:2]))
    blocked = BlockBuster(scanned_modules=["ascc_async.youtube", "ascc_async.throttle"])
    blocked.activate()
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(extractor.resolve(video_id)) for video_id in wanted]
    finally:
        blocked.deactivate()
    assert [task.result().video_id for task in tasks] == wanted


async def test_a_killed_process_loses_nothing(world: World) -> None:
    """The extraction is made again in a new one."""
    world.youtube.set_faults(Fault(name="stall", times=1, seconds=60, endpoints=("player",)))
    extractor, video = await world.extractor(), world.video(None)
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        task = group.create_task(extractor.resolve(video.video_id))
        while not world.youtube.counters()["faults"].get("stall"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        for child in busy_children():
            os.kill(child, signal.SIGKILL)
    assert task.result().video_id == video.video_id


async def test_processes_that_never_live_stop_the_run(world: World) -> None:
    """After a few videos: it would be every video's fate."""
    async with ProcessPool(1, functools.partial(os._exit, 1)) as pool:
        extractor = await world.extractor(pool)
        for expected in (ItemError, ItemError, ItemError, SetupError):
            with pytest.raises(expected):
                await extractor.resolve("M4gD1WSo5mA")


def break_the_worker() -> None:
    """In a worker process: a bug of ours, where the video is put together."""
    extractor_process.ExtractedVideo = None  # type: ignore[assignment, misc]


async def test_a_bug_in_the_process_is_raised_with_its_traceback(world: World) -> None:
    """Not an outcome of the video; `--debug` shows where it is."""
    async with ProcessPool(1, break_the_worker) as pool:
        extractor = await world.extractor(pool)
        with pytest.raises(RuntimeError, match="a bug in our yt-dlp process: TypeError") as caught:
            await extractor.resolve(world.video(None).video_id)
    assert "in _video_from" in "".join(traceback.format_exception(caught.value))


def busy_children() -> list[int]:
    """The slots' processes: everything of ours that was spawned."""
    children = psutil.Process().children()
    return [child.pid for child in children if "multiprocessing.spawn" in str(child.cmdline())]


async def test_an_answer_that_never_comes_is_a_fault_of_the_network(world: World) -> None:
    """After `network.timeout_seconds`."""
    world.youtube.set_faults(Fault(name="stall", times=0, seconds=60, endpoints=("player",)))
    extractor = await world.extractor(timeout_seconds=0.5)
    with pytest.raises(NetworkFault) as caught:
        await extractor.resolve(world.video(None).video_id)
    assert caught.value.kind == "timeout"


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"proxy": "http://127.0.0.1:9"}, "proxy"),
        ({"proxy": "socks5://127.0.0.1:9"}, "proxy"),
        ({"ca_file": None}, "certificate"),
        ({"proxy": None}, "dns"),
    ],
)
async def test_whatever_lies_between_us_and_youtube_is_named(
    world: World, change: dict[str, str | None], kind: str
) -> None:
    """A proxy that is down, a certificate nobody signed, no network at all."""
    extractor = await world.extractor(**change)
    with pytest.raises(NetworkFault) as caught:
        await extractor.resolve(world.video(None).video_id)
    assert caught.value.kind == kind
    assert world.counted() == 0


async def test_a_proxys_password_works_and_stays_secret(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """In no error and no log, right or wrong."""
    address = world.youtube.proxies["guarded"]
    assert PASSWORD in address
    await (await world.extractor(proxy=address)).resolve(world.video(None).video_id)
    wrong = await world.extractor(proxy=address.replace(PASSWORD, "wrong-" + PASSWORD))
    with pytest.raises(NetworkFault) as caught:
        await wrong.resolve(world.video(None).video_id)
    assert caught.value.kind == "proxy_auth"
    assert PASSWORD not in str(caught.value) + caplog.text


@pytest.fixture
def signed_in(world: World, tmp_path: Path) -> tuple[NetworkSettings, CookieStore]:
    """An identity with an account's cookies."""
    file = tmp_path / "cookies.txt"
    lines = [f".youtube.com\tTRUE\t/\tTRUE\t4000000000\t{name}\tvalue" for name in LOGIN]
    file.write_text("# Netscape HTTP Cookie File\n" + "\n".join(lines) + "\n")
    file.chmod(0o600)
    network = world.network.model_copy(update={"cookies_file": file})
    return network, CookieStore(network)


@pytest.mark.parametrize("reason", [Reason.SIGN_IN_REQUIRED, Reason.AGE_RESTRICTED])
async def test_an_account_gets_what_guests_do_not(
    world: World, signed_in: tuple[NetworkSettings, CookieStore], reason: Reason
) -> None:
    """By clients whose links need a JavaScript runtime; the user's file is not touched."""
    network, store = signed_in
    assert network.cookies_file is not None
    before = network.cookies_file.stat()
    extractor = await world.extractor(cookies=store.jars)
    resolved = await extractor.resolve(world.video(reason).video_id)
    async with Sessions(network, fast_limiter(), store.jars) as sessions:
        ranges = Ranges(MediaLinks(sessions).source(resolved))
        assert len((await ranges.read(resolved.audio, 0, 99)).body) == 100
    after = network.cookies_file.stat()
    assert (after.st_mtime_ns, after.st_ino) == (before.st_mtime_ns, before.st_ino)


async def test_nothing_is_left_behind(world: World) -> None:
    """Not by us, and not by a run that was killed here before."""
    killed = world.folder / "cookies"
    killed.mkdir(parents=True)
    extractor = await world.extractor()
    assert [path.name for path in world.folder.iterdir()] == ["authorities.pem"]
    await extractor.resolve(world.video(None).video_id)
    assert stat.S_IMODE(world.folder.stat().st_mode) == 0o700
    await world.stack.aclose()
    assert not world.folder.exists()


async def test_a_message_that_no_table_knows_is_kept(world: World) -> None:
    """Under `tool_failed`: a stranger can read what yt-dlp said."""
    extractor = await world.extractor()
    with pytest.raises(ItemError) as caught:
        await extractor.resolve("-------")
    assert caught.value.reason is Reason.TOOL_FAILED
    assert str(caught.value)


async def test_our_authority_and_the_systems_are_both_trusted(tmp_path: Path) -> None:
    """The joined file holds one authority more than the system's."""
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ours.pem"))
    network = NetworkSettings(ca_file=tmp_path / "ours.pem")
    joined = lay_out(tmp_path / "private", network).ca_file
    both, alone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    both.load_verify_locations(joined)
    alone.load_verify_locations(tmp_path / "ours.pem")
    assert both.cert_store_stats()["x509_ca"] > 20
    assert alone.get_ca_certs()[0] in both.get_ca_certs()
