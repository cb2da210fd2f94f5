"""`verify`: hashes and decodes every clip again, reads its evidence, compares with the manifest."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ascc_async.dataset.evidence import EVIDENCE_FILE, wrong_evidence
from ascc_async.dataset.manifest import DATASET_FOLDER, ManifestRow, as_rows, manifest_pages
from ascc_async.dataset.published_clips import manifest_in
from ascc_async.dataset.text import counted
from ascc_async.errors import Rejected
from ascc_async.files import PART, sha256_of, size
from ascc_async.journal.lock import run_lock
from ascc_async.journal.reader import Reader
from ascc_async.journal.records import Forgotten
from ascc_async.journal.writer import JOURNAL_NAME, Journal
from ascc_async.media.decoding import sound_source
from ascc_async.media.encoding import encoding_of, format_of
from ascc_async.media.ffmpeg import find_ffmpeg
from ascc_async.media.quality import inspect_file
from ascc_async.pipeline.reconcile import OTHER_FORMS, UNCLAIMED
from ascc_async.progress.bar import progress_bar
from ascc_async.progress.formatting import safe, say
from ascc_async.settings import Settings
from ascc_async.settings_loader import load

WRONG = 1
_TOLERANCE = 0.1  # seconds: encoders pad the last frame, and not every decoder cuts it off


class Problem(NamedTuple):
    """Something that is not as the manifest says; `path` is relative to `output.dir`.

    `kind` is missing, size, hash, undecodable, unreadable; or, of no clip (`segment_id` is ""),
    unlisted: a file that the manifest does not name; evidence: a license cannot be shown.
    """

    segment_id: str
    path: str
    kind: str
    detail: str


class Checked(NamedTuple):
    """How many clips were looked at, and bytes of them."""

    clips: int
    bytes: int


def main(options: argparse.Namespace) -> int:
    """Exit code 1 and a list where something is wrong; `--repair` has it fetched again."""
    settings = load(options.config, options.options)
    output = settings.output.dir
    # Files the journal knows are no strays, whatever the manifest says of them. A dataset that was
    # copied without its journal can be verified too.
    known: set[str] = set()
    if (output / JOURNAL_NAME).exists():
        with closing(Reader(output / JOURNAL_NAME)) as reader:
            pages = (page for encoding in reader.encodings() for page in reader.clips(encoding))
            known = {row.clip.path for page in pages for row in page if row.clip is not None}
    ffmpeg = asyncio.run(find_ffmpeg()).path
    checked, problems = verify(output, ffmpeg, known, sample=options.sample)
    # What cannot be read now may be whole: a right or a disk that comes back.
    segments = dict.fromkeys(
        problem.segment_id
        for problem in problems
        if problem.segment_id and problem.kind != "unreadable"
    )
    if options.json:
        print(json.dumps(_fields(checked, problems)))
    else:
        read = size(checked.bytes)
        found = counted(len(problems), "problem")
        say(f"{counted(checked.clips, 'clip')} checked, {read} read; {found}")
        for problem in problems:
            say(f"{problem.kind}: {safe(problem.path)} {safe(problem.detail)}".rstrip())
    note = partial(say, stream=sys.stderr)  # standard output holds nothing but the result
    if any(problem.kind == "evidence" for problem in problems):
        note("The next run writes the evidence again, as far as the journal holds it.")
    if segments and options.repair:
        asyncio.run(_fetch_again(settings, segments))
        note(f"{counted(len(segments), 'clip')} will be fetched again by the next run.")
    return WRONG if problems else 0


def _fields(checked: Checked, problems: Collection[Problem]) -> dict[str, Any]:
    clips = [problem for problem in problems if problem.segment_id]
    return {
        "checked": checked.clips,
        "ok": checked.clips - len(clips),
        "damaged": [problem.segment_id for problem in clips if problem.kind != "missing"],
        "missing": [problem.segment_id for problem in clips if problem.kind == "missing"],
        "unlisted": [problem.path for problem in problems if problem.kind == "unlisted"],
        "evidence": [problem.detail for problem in problems if problem.kind == "evidence"],
    }


async def _fetch_again(settings: Settings, segments: Collection[str]) -> None:
    encoding = encoding_of(settings.clips)
    # A run keeps in memory which clips are there, and would not notice: refused beside one.
    with run_lock(settings.output.dir):
        async with Journal(settings.output.dir / JOURNAL_NAME) as journal:
            why = "found wrong by verify"
            await journal.record(*(Forgotten(segment, encoding, why) for segment in segments))


def verify(
    output_dir: Path,
    ffmpeg: str,
    known: Collection[str] = (),
    *,
    sample: int | None = None,
) -> tuple[Checked, list[Problem]]:
    """Check every file and record of evidence the manifest names, then look for files it does not:
    how many clips, and what is wrong.

    `ffmpeg` is the program that decodes what libsndfile cannot. `known` are paths (relative to
    `output_dir`) that the journal knows although the manifest does not name them: clips kept out,
    clips newer than the manifest. `sample`: only so many clips, others each time.
    Raises MetadataError for a manifest that cannot be read.
    """
    rows: list[ManifestRow] = []
    evidence: dict[str, str] = {}
    for page in manifest_pages(manifest_in(output_dir)):
        clips, proven = page[page.sha256 != ""], page[page.evidence != ""]
        rows += as_rows(clips)
        evidence.update(zip(proven.evidence, proven.video_id, strict=True))
    expected = {*known, *(row.path for row in rows)}
    if sample is not None and sample < len(rows):
        rows = random.sample(rows, sample)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        # Left early, by Ctrl-C say, `map` cancels what has not begun.
        results = pool.map(partial(_check_clip, output_dir, ffmpeg=ffmpeg), rows)
        problems = list(filter(None, progress_bar(results, "checking clips", len(rows))))
    folder = output_dir / "clips"
    for path in sorted(folder.rglob("*")):
        name, top = path.relative_to(output_dir).as_posix(), path.relative_to(folder).parts[0]
        ours = top not in (UNCLAIMED, OTHER_FORMS) and not path.name.startswith(PART)
        if ours and name not in expected and path.is_file():
            problems.append(Problem("", name, "unlisted", "the manifest does not name this file"))
    if evidence:
        name = f"{DATASET_FOLDER}/{EVIDENCE_FILE}"
        wrong = wrong_evidence(output_dir / name, evidence)
        problems += [Problem("", name, "evidence", f"{video}: {why}") for video, why in wrong]
    return Checked(len(rows), sum(int(row.bytes) for row in rows)), problems


def _check_clip(output_dir: Path, row: ManifestRow, ffmpeg: str) -> Problem | None:
    """Compare a file with its row: there, as long, the same bytes, decodable.

    Never raises for what is wrong with the file.
    """
    path = output_dir / row.path
    problem = partial(Problem, row.segment_id, row.path)
    try:
        length = path.stat().st_size
        if length != int(row.bytes):
            return problem("size", f"{length} bytes, the manifest says {row.bytes}")
        # After the size, which costs nothing: the hash reads the whole file.
        sha256 = sha256_of(path)
        if sha256 != row.sha256:
            return problem("hash", f"sha256 {sha256}, the manifest says {row.sha256}")
    except (FileNotFoundError, NotADirectoryError):
        return problem("missing", "the file is not there")
    except OSError as error:
        return problem("unreadable", error.strerror or str(error))
    # Outside: what is raised there is a bug, and must not pass for trouble with the file.
    wrong = _decode_problem(path, row, ffmpeg)
    return problem("undecodable", wrong) if wrong else None


def _decode_problem(path: Path, row: ManifestRow, ffmpeg: str) -> str:
    """What is wrong with the sound, "" if nothing: the right hash says nothing of that."""
    try:
        source = sound_source(path, ffmpeg, pictures=True)
        sound = inspect_file(source, lossy=format_of(path).lossy)
    except Rejected as error:
        return str(error)
    rate, channels, duration = sound.sample_rate, sound.channels, sound.frames / sound.sample_rate
    if (str(rate), str(channels)) != (row.sample_rate, row.channels):
        return f"{rate} Hz, {channels} channels, not {row.sample_rate} Hz, {row.channels}"
    expected = float(row.duration_seconds)
    if abs(duration - expected) > _TOLERANCE:
        return f"{duration:.3f} s long, not {expected:.3f} s"
    return ""
