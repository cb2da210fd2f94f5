"""`python -m benchmarks.clips`: what a clip costs, ours beside what a user would pick.

All ways cut the same segments out of the same stand-in (a process of its own, no limit set,
videos of 1 to 10 minutes) in one run, each in processes of its own:

- `ours`: our clip stage, extraction to file, with its own defaults;
- `command`: `xargs -P 4 yt-dlp --download-sections … -x --audio-format flac`;
- `library`: yt-dlp's Python API in two processes, whole audio fetched, cut by ffmpeg;
- `ffmpeg`: the bundled ffmpeg alone, cutting the same clips out of local files.

Wanted: at least 6 times as fast as `command`; at least 5 times as fast as `library` over a link of
50 Mbit/s (the stand-in's total); at most 350 KB, 2.1 media requests and 0.1 new connections a
clip; processor time at most twice that of `ffmpeg`; the event loop late by less than 20 ms (p99);
memory flat and under 600 MB with all children (`--memory 5000`).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import imageio_ffmpeg

from ascc_async.standin.media import make_stream, spec_of
from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world import World
from ascc_async.standin.world_settings import Shares, WorldSettings

Job = tuple[str, int]
NONE = dict.fromkeys(Shares.model_fields, 0.0)
ALL_SHAREABLE = Shares(**{**NONE, "creative_commons": 1.0})
CLIP = 10
WARMING = 8


def jobs_of(world: World, count: int, first: int) -> list[Job]:
    """Segments of made-up videos, at random places within them."""
    rng = random.Random(first)
    ids = [f"C{number:09d}A" for number in range(first, first + count)]
    lengths = [world.video(video_id).length_ms for video_id in ids]
    return [
        (video_id, rng.randrange(length - CLIP * 1000))
        for video_id, length in zip(ids, lengths, strict=True)
    ]


def address(video_id: str) -> str:
    """Of a video's page."""
    return f"https://www.youtube.com/watch?v={video_id}"


def ours(youtube: StandinProcess, jobs: list[Job], folder: Path) -> dict[str, Any]:
    """In a child process; the stand-in counts from the moment it is warm."""
    listed = folder / "jobs.json"
    listed.write_text(json.dumps(jobs))
    command = [sys.executable, "-m", "benchmarks.clips_ours", "--proxy", youtube.proxy]
    command += ["--ca-file", str(youtube.ca_file), "--output", str(folder)]
    command += ["--jobs", str(listed), "--warming", str(WARMING)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        if child.stdout.readline().strip() != "warm":
            raise SystemExit("our side did not start")
        youtube.reset_counters()
        child.stdin.write("go\n")
        child.stdin.flush()
        found: dict[str, Any] = json.loads(child.stdout.readline())
    return found | counted(youtube)


def counted(youtube: StandinProcess) -> dict[str, Any]:
    """What the stand-in saw."""
    counters = youtube.counters()
    return {
        "requests": counters["requests"].get("media", 0),
        "bytes": counters["bytes"].get("media", 0),
        "connections": sum(counters["connections"].values()),
    }


def by_command(youtube: StandinProcess, jobs: list[Job], folder: Path) -> dict[str, Any]:
    """What the manual says: sections of the audio as FLAC, four at a time."""
    tools = folder / "bin"
    tools.mkdir()
    (tools / "ffmpeg").symlink_to(imageio_ffmpeg.get_ffmpeg_exe())
    common = [sys.executable, "-m", "yt_dlp", "--quiet", "--no-warnings", "--proxy", youtube.proxy]
    common += ["--compat-options", "no-certifi", "--ffmpeg-location", str(tools), "-x"]
    common += ["--audio-format", "flac", "-o", str(folder / "%(id)s.%(ext)s")]
    lines = [
        f"--download-sections *{start / 1000}-{start / 1000 + CLIP} {address(video_id)}"
        for video_id, start in jobs
    ]
    youtube.reset_counters()
    began = time.perf_counter()
    subprocess.run(
        ["xargs", "-P", "4", "-L", "1", *common],
        input="\n".join(lines) + "\n", text=True, capture_output=True,
        env=os.environ | {"SSL_CERT_FILE": str(youtube.ca_file)}, check=False,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    return {"clips": len(list(folder.glob("*.flac"))), "seconds": seconds} | counted(youtube)


class _Silent:
    """Takes yt-dlp's words."""

    def debug(self, message: str) -> None:
        """Nothing."""

    info = warning = error = debug


def _library_process(proxy: str, folder: str, jobs: list[Job]) -> tuple[float, float]:
    """In one process: fetch whole audio, cut it; when that began and ended."""
    import yt_dlp  # costs a second, which is not what is measured

    options = {"proxy": proxy, "quiet": True, "no_warnings": True, "logger": _Silent(),
               "compat_opts": {"no-certifi"}, "format": "bestaudio", "noprogress": True,
               "outtmpl": f"{folder}/%(id)s.%(ext)s", "cachedir": False}  # fmt: skip
    began = 0.0
    with yt_dlp.YoutubeDL(options) as tool:
        for video_id, start in jobs:
            began = began or time.time()
            info = tool.extract_info(address(video_id))
            source = Path(tool.prepare_filename(info))
            subprocess.run(cut(source, start, source.with_suffix(".flac")), check=True)
            source.unlink()
    return began, time.time()


def cut(source: Path, start: int, target: Path) -> list[str]:
    """ffmpeg alone, as a user would cut."""
    return [
        imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-y",
        "-ss", str(start / 1000), "-t", str(CLIP), "-i", f"file:{source}",
        "-af", "asetnsamples=n=4096:p=0", "-sample_fmt", "s16", f"file:{target}",
    ]  # fmt: skip


def by_library(youtube: StandinProcess, jobs: list[Job], folder: Path) -> dict[str, Any]:
    """Two processes side by side."""
    os.environ["SSL_CERT_FILE"] = str(youtube.ca_file)
    youtube.reset_counters()
    with ProcessPoolExecutor(2) as pool:
        halves = (jobs[::2], jobs[1::2])
        told = list(pool.map(_library_process, [youtube.proxy] * 2, [str(folder)] * 2, halves))
    seconds = max(end for _, end in told) - min(begin for begin, _ in told)
    return {"clips": len(list(folder.glob("*.flac"))), "seconds": seconds} | counted(youtube)


def best_sound(itags: Sequence[int]) -> int:
    """What yt-dlp picks."""
    return 251 if 251 in itags else 140


def by_ffmpeg(world: World, jobs: list[Job], folder: Path) -> dict[str, Any]:
    """Cutting only: processor time with the source already on disk."""
    spent = 0.0
    for video_id, start in jobs:
        video = world.video(video_id)
        source = folder / "source"
        source.write_bytes(make_stream(spec_of(video), best_sound(video.itags)).read())
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(cut(source, start, folder / "clip.flac"), check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent += after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"clips": len(jobs), "cpu": spent}


def fresh(way: Any, given: Any, jobs: list[Job]) -> dict[str, Any]:
    """One way in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        found: dict[str, Any] = way(given, jobs, Path(folder))
    return found


def measure(clips: int, others: int) -> dict[str, dict[str, Any]]:
    """All ways, one after the other."""
    world = WorldSettings(shares=ALL_SHAREABLE, length_seconds=(60, 600), log_requests=False)
    with StandinProcess(world) as youtube:
        few, many = jobs_of(youtube.world, others, 1), jobs_of(youtube.world, clips + WARMING, 1)
        found = {
            "ours": fresh(ours, youtube, many),
            "command": fresh(by_command, youtube, few),
            "ffmpeg": fresh(by_ffmpeg, youtube.world, few),
        }
        youtube.set(media={"total_mbit": 50})
        found["ours, 50 Mbit/s"] = fresh(ours, youtube, many)
        found["library, 50 Mbit/s"] = fresh(by_library, youtube, few)
    return found


def flat(clips: int) -> dict[str, dict[str, Any]]:
    """Ours alone, for long."""
    world = WorldSettings(shares=ALL_SHAREABLE, length_seconds=(60, 600), log_requests=False)
    with StandinProcess(world) as youtube:
        return {"ours": fresh(ours, youtube, jobs_of(youtube.world, clips + WARMING, 1))}


def show(found: dict[str, dict[str, Any]]) -> None:
    """A line for each way."""
    print(f"{'':<20} {'clips':>6} {'clips/s':>8} {'KB':>8} {'requests':>9} {'connections':>12}")
    for way, got in found.items():
        if "seconds" in got:
            clips = max(1, got["clips"])
            print(
                f"{way:<20} {got['clips']:>6} {clips / got['seconds']:>8.2f}"
                f" {got['bytes'] / clips / 1000:>8.0f} {got['requests'] / clips:>9.2f}"
                f" {got['connections'] / clips:>12.2f}"
            )


def each(got: dict[str, Any], key: str) -> float:
    """A measure per clip."""
    return float(got[key]) / max(1, int(got["clips"]))


def bounds(found: dict[str, dict[str, Any]]) -> list[tuple[str, float, str]]:
    """What was found beside what is wanted."""
    own, slow = found["ours"], found["ours, 50 Mbit/s"]
    command, library = found["command"], found["library, 50 Mbit/s"]
    return [
        ("speed, ours / command", each(command, "seconds") / each(own, "seconds"), "at least 6"),
        ("speed at 50 Mbit/s, ours / library", each(library, "seconds") / each(slow, "seconds"),
         "at least 5"),
        ("CPU, ours / ffmpeg alone", each(own, "cpu") / each(found["ffmpeg"], "cpu"), "at most 2"),
        ("media KB a clip", each(own, "bytes") / 1000, "at most 350"),
        ("media requests a clip", each(own, "requests"), "at most 2.1"),
        ("new connections a clip", each(own, "connections"), "at most 0.1"),
        ("event loop late, p99, ms", own["late"] * 1000, "under 20"),
        ("memory, MB", max(own["memory"]), "under 600"),
    ]  # fmt: skip


def main() -> None:
    """Measure and print side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=120, help="for ours")
    parser.add_argument("--others", type=int, default=24, help="for each of the others")
    parser.add_argument("--memory", type=int, help="only ours, with so many clips: is it flat?")
    chosen = parser.parse_args()
    if chosen.memory:
        found = flat(chosen.memory)
        show(found)
        print("memory, MB, every 5 s:", *(round(size) for size in found["ours"]["memory"]))
        return
    found = measure(chosen.clips, chosen.others)
    show(found)
    for name, value, wanted in bounds(found):
        print(f"{name:<36} {value:>8.2f}   wanted: {wanted}")


if __name__ == "__main__":
    main()
