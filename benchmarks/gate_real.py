"""For real, against the stand-in: what `python -m benchmarks.gate --real` runs.

The client is told no limit: default settings, cold start. Everything it asks is checked against the
stand-in's truth, so that «lost» and «misjudged» are counted, not assumed.
"""

from __future__ import annotations

import asyncio
import os
import random
import string
import sys
import tempfile
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from ascc_async.errors import Refused
from ascc_async.model import License
from ascc_async.settings import IdentitySettings, NetworkSettings, ThrottleSettings
from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import Limit, ProxyListener, WorldSettings
from ascc_async.throttle.limiter import RateLimiter
from ascc_async.youtube.innertube import InnertubeSource
from ascc_async.youtube.session import Sessions

LETTERS = string.ascii_letters + string.digits
WORKERS = 32


@dataclass
class Tally:
    """What came of the videos asked."""

    answered: int = 0
    misjudged: int = 0
    waiting: deque[str] = field(default_factory=deque)


def video_ids(count: int) -> list[str]:
    """Ids that exist in every world."""
    rng = random.Random(11)
    return ["".join(rng.choices(LETTERS, k=11)) for _ in range(count)]


def world(limit: float | None, *listeners: str) -> WorldSettings:
    """A stand-in that permits `limit` requests a second in any 10 s, each breach costing 5 s."""
    limits = () if limit is None else (Limit(requests=round(limit * 10), pause_seconds=5),)
    proxies = tuple(ProxyListener(name=name) for name in listeners or ("main",))
    return WorldSettings(seed=2, videos=10, limits=limits, listeners=proxies, log_requests=False)


def network(youtube: StandinProcess) -> NetworkSettings:
    """One identity per proxy."""
    main, *others = youtube.proxies.items()
    more = tuple(IdentitySettings(name=name, proxy=proxy) for name, proxy in others)
    return NetworkSettings(proxy=main[1], ca_file=youtube.ca_file, identities=more)


async def ours(youtube: StandinProcess, seconds: float) -> tuple[Tally, RateLimiter]:
    """Ask for licenses for so long, `WORKERS` at once; refused videos go back into the line."""
    settings = network(youtube)
    limiter = RateLimiter(ThrottleSettings(), [one.name for one in settings.all_identities()])
    tally = Tally(waiting=deque(video_ids(20_000)))

    async def work(source: InnertubeSource) -> None:
        while tally.waiting:
            video_id = tally.waiting.popleft()
            try:
                (answer,) = await source.ask([video_id])
            except Refused:
                tally.waiting.append(video_id)
                continue
            tally.answered += 1
            truth = youtube.world.video(video_id).license
            tally.misjudged += answer.license not in (truth, License.UNKNOWN)

    async with Sessions(settings, limiter) as sessions:
        source = InnertubeSource(sessions)
        try:
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as tasks:
                for _ in range(WORKERS):
                    tasks.create_task(work(source))
        except TimeoutError:
            pass
    return tally, limiter


async def run_ours(limit: float | None, seconds: float, *listeners: str) -> float:
    """One run and its line; returns the answered requests a second."""
    with StandinProcess(world(limit, *listeners)) as youtube:
        tally, limiter = await ours(youtube, seconds)
    buckets = [bucket for bucket in limiter.snapshot().buckets if bucket.used]
    answered = sum(bucket.answered for bucket in buckets)
    refused = sum(bucket.refused for bucket in buckets)
    rates = ", ".join(f"{bucket.rate:.2f}" for bucket in buckets)
    who = "the rate limiter" if len(buckets) == 1 else f"{len(buckets)} identities"
    _print(limit, who, answered, refused, seconds, f"rate {rates}; misjudged {tally.misjudged}")
    return answered / seconds


async def run_ytdlp(limit: float, seconds: float) -> None:
    """yt-dlp with its own sleeping, asked for the same videos' licenses."""
    with StandinProcess(world(limit)) as youtube:
        with tempfile.TemporaryDirectory() as folder:
            await _ytdlp(youtube, Path(folder), seconds)
        counters = await asyncio.to_thread(youtube.counters)
    answered, refused = (sum(counters[what].values()) for what in ("answered", "refused"))
    _print(limit, "yt-dlp -t sleep", answered, refused, seconds, "")


async def _ytdlp(youtube: StandinProcess, folder: Path, seconds: float) -> None:
    urls = folder / "urls.txt"
    addresses = (f"https://www.youtube.com/watch?v={one}" for one in video_ids(500))
    urls.write_text("\n".join(addresses))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "yt_dlp", "--ignore-config", "-t", "sleep", "--simulate"),
        *("--ignore-errors", "--no-cache-dir", "--compat-options", "no-certifi"),
        *("--proxy", youtube.proxy, "--print", "%(id)s %(license)s", "-a", str(urls)),
        env=os.environ | {"SSL_CERT_FILE": str(youtube.ca_file)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(seconds):
            await process.wait()
    except TimeoutError:
        process.kill()
    await process.wait()


def _print(
    limit: float | None, who: str, answered: int, refused: int, seconds: float, note: str
) -> None:
    permitted = "  none" if limit is None else f"{limit:6g}"
    share = "" if limit is None else f"{answered / limit / seconds:7.1%}"
    print(
        f"{permitted}  {who:<20} {answered / seconds:7.2f}/s {share:>8} {refused:6d}  {note}",
        flush=True,
    )


async def real(seconds: float) -> None:
    """All runs, one after the other."""
    print(" limit  who                  answered of permitted refused")
    for limit in (3.0, 20.0):
        await run_ours(limit, seconds)
        await run_ytdlp(limit, seconds)
    one = await run_ours(3.0, seconds)
    two = await run_ours(3.0, seconds, "main", "second")
    print(f"two identities: {two / one:.2f} times one")
    await run_ours(None, min(60.0, seconds))
