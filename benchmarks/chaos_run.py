"""One job, ended in every way there is, and looked at after: for `chaos` and the scenarios."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from ascc_async.errors import JournalError
from ascc_async.journal.reader import Reader
from ascc_async.model import License, Outcome
from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import Fault, Limit
from tests.scenarios.scenario import Place, reach

MARK = "CHAOS_MARK"  # an environment variable that all children of a run inherit
FAULTS = (
    Fault(name="server_error", share=0.05),
    Fault(name="cut_before", share=0.03),
    Fault(name="cut_body", share=0.05),
)
LIMIT = Limit(requests=250, window_seconds=10, pause_seconds=2, style="bot_check")
_LEFTOVERS = (".part-", ".staging-", ".private", ".probe", "ytdlp-")
_ORPHANS_MAY_TAKE = 5.0


@dataclass
class Ends:
    """How the legs of a job ended, and what was wrong after them."""

    codes: list[int] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    said: str = ""


class Job:
    """One output folder and the stand-in it talks to; every run in it is one leg."""

    def __init__(self, folder: Path, youtube: StandinProcess, *settings: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.mark = uuid.uuid4().hex
        metadata = f"audioset.metadata_dir={folder / 'metadata'}"
        self.place = Place(
            folder / "out", (*reach(youtube), metadata, *settings), {MARK: self.mark}
        )
        self.first = self.place.settings
        self.youtube, self.ends = youtube, Ends()
        self._last: tuple[set[str], set[str]] = (set(), set())
        self._last = self.known()

    @property
    def output(self) -> Path:
        """The run's output folder."""
        return self.place.output

    def leg(
        self,
        until: Callable[[], bool] | None = None,
        number: signal.Signals = signal.SIGKILL,
        *,
        seconds: float = 150,
    ) -> int:
        """Run until `until()`, then send the signal; without `until` to the end. Exit code."""
        try:
            answered, clips = self._last = self.known()
        except (JournalError, ValueError):  # damaged on purpose: what was known before counts
            answered, clips = self._last
        self.youtube.reset_counters()
        process = self.place.start()
        ends = time.monotonic() + seconds
        try:
            while until and process.poll() is None and time.monotonic() < ends:
                if until():
                    process.send_signal(number)
                    break
                time.sleep(0.03)
            self.ends.said, _ = process.communicate(timeout=max(1.0, ends - time.monotonic()))
        finally:
            if process.poll() is None:
                _kill_group(process)
        self.ends.codes.append(process.returncode)
        self.ends.repeated += self._repeated(answered, clips)
        self.ends.orphans += self.orphans()
        return process.returncode

    def requests(self) -> int:
        """Requests to YouTube in this leg so far, metadata aside."""
        counted = self.youtube.counters()["requests"]
        return sum(number for name, number in counted.items() if name != "metadata")

    def after(self, requests: int) -> Callable[[], bool]:
        """A moment: when the leg has sent so many requests."""
        return lambda: self.requests() >= requests

    def known(self) -> tuple[set[str], set[str]]:
        """Videos whose license is committed, and those whose clip is."""
        path = self.output / "state.sqlite3"
        if not path.exists():
            return set(), set()
        with closing(Reader(path)) as reader:
            answered = {
                one.video_id
                for page in reader.answers()
                for one in page
                if one.license is not License.UNKNOWN
            }
            rows = [
                row
                for encoding in reader.encodings()
                for page in reader.clips(encoding)
                for row in page
            ]
        return answered, {row.video_id for row in rows if row.outcome is Outcome.CLIP}

    def _repeated(self, answered: set[str], clips: set[str]) -> list[str]:
        world = self.youtube.settings
        known = {*world.known_creative_commons, *world.known_standard}
        found = []
        for line in self._ours():
            videos = set(line.get("videos", ())) - known
            again = videos & (answered if line["endpoint"] == "next" else clips)
            if line["endpoint"] in ("next", "player", "media"):
                found += [f"{line['endpoint']} {one}" for one in sorted(again)]
        return found

    def _ours(self) -> list[dict[str, Any]]:
        """Requests without yt-dlp's own `next`, which names no mask."""
        lines = self.youtube.requests()
        return [line for line in lines if line["endpoint"] != "next" or line.get("mask")]

    def orphans(self) -> list[str]:
        """Processes of this job that are still there some seconds after it ended."""
        ends = time.monotonic() + _ORPHANS_MAY_TAKE
        while (left := _marked(self.mark)) and time.monotonic() < ends:
            time.sleep(0.1)
        return left

    def leftovers(self) -> list[str]:
        """Files that no run should leave."""
        return [
            str(path.relative_to(self.output))
            for path in self.output.rglob("*")
            if any(word in path.name for word in _LEFTOVERS)
        ]


def moments(seed: int, number: int, most: int) -> list[int]:
    """So many seeded numbers of requests after which something happens, each within a leg."""
    rng = random.Random(seed)
    return [rng.randint(1, most) for _ in range(number)]


def flip_bit(path: Path, seed: int) -> int:
    """Flip one seeded bit of a file; the place."""
    rng = random.Random(seed)
    place = rng.randrange(path.stat().st_size)
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ (1 << rng.randrange(8))]))
    return place


def blank_page(journal: Path, seed: int) -> None:
    """Blank the first page of a seeded table in a journal that nobody has open, as a disk does."""
    with closing(sqlite3.connect(journal)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        pages = [
            page for (page,) in connection.execute("SELECT rootpage FROM sqlite_master") if page
        ]
    with journal.open("r+b") as file:
        file.seek((random.Random(seed).choice(pages) - 1) * size)
        file.write(bytes(size))


def _kill_group(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _marked(mark: str) -> list[str]:
    found = []
    for one in psutil.process_iter():
        try:
            if one.environ().get(MARK) == mark and one.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(one.cmdline())[:100])
        except psutil.Error:
            continue
    return found
