"""`features`: an array of every published clip, made in worker processes, resumable anywhere."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from ascc_async.concurrency.process_pool import ProcessPool, SlotDied
from ascc_async.concurrency.stage import stop_unwrapped
from ascc_async.dataset.manifest import ManifestRow
from ascc_async.dataset.published_clips import (
    EXPORTS_FOLDER,
    VERIFY,
    checked_clips,
    checked_path,
    published_clips,
    write_credits_of,
)
from ascc_async.errors import Rejected, SetupError, StopRun
from ascc_async.files import held
from ascc_async.learning.feature_files import FeatureFiles
from ascc_async.learning.recipe import FeatureRecipe
from ascc_async.learning.statistics import (
    FEW_SHOT_TRAIN,
    STATISTICS,
    sha256_of_ids,
    write_statistics,
)
from ascc_async.learning.tables import Made, used_clips
from ascc_async.media.decoding import ffmpeg_for, read_sound

_BATCH = 64  # clips recorded at once: a kill costs so many at most, for each worker


@dataclass(frozen=True, slots=True)
class Features:
    """`arrays` are there now, `new` of them made by this call; `dropped` clips were too short."""

    folder: Path
    arrays: int
    new: int
    dropped: int


def make_features(
    output_dir: Path,
    recipe: FeatureRecipe,
    workers: int,
    part: tuple[int, int] | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Features:
    """Make what is missing. `part` (2, 3): only every third clip from the second, and no index.

    The bytes are the same for any number of workers, any order of parts, any interruption.
    `on_progress` is told how many clips are done, of how many. Raises SetupError for a clip that
    is not as the manifest says.
    """
    rows = published_clips(output_dir)
    exports = output_dir / EXPORTS_FOLDER
    ffmpeg = ffmpeg_for(row.path for row in rows)
    files = FeatureFiles(
        exports / "features" / recipe.folder, recipe, ffmpeg.version if ffmpeg else ""
    )
    with held(files.folder, alone=part is None):
        wanted = rows[part[0] - 1 :: part[1]] if part else rows
        made = files.made(wanted)
        # The others are checked when they are read.
        there = (row for row in wanted if row.segment_id in made)
        for done, _ in enumerate(checked_clips(output_dir, there), 1):
            on_progress(done, len(wanted))
        missing = [row for row in wanted if row.segment_id not in made]
        if missing:
            files.reopen(row.segment_id for row in missing)
            done = len(wanted) - len(missing)
            # Several for each worker, so that none waits long for the last one.
            size = min(_BATCH, math.ceil(len(missing) / workers / 8))
            batches = (missing[at : at + size] for at in range(0, len(missing), size))
            make = partial(_make_batch, output_dir, files, ffmpeg.path if ffmpeg else "")

            def on_batch(batch: Sequence[ManifestRow]) -> None:
                nonlocal done
                done += len(batch)
                on_progress(done, len(wanted))

            with stop_unwrapped():
                asyncio.run(_make_all(make, batches, workers, on_batch))
            made |= files.made(missing)
        here = [made[row.segment_id] for row in wanted]
        arrays = [row for row in wanted if made[row.segment_id].path]
        if part is None:
            files.clean(here)
            _update_statistics(files, arrays, made, exports)
            write_credits_of(files.folder, output_dir, arrays, recipe.changes)
            files.finish(here)
    return Features(files.folder, len(arrays), len(missing), len(here) - len(arrays))


async def _make_all(
    make: Callable[[Sequence[ManifestRow]], str],
    batches: Iterator[Sequence[ManifestRow]],
    workers: int,
    on_batch: Callable[[Sequence[ManifestRow]], None],
) -> None:
    async with ProcessPool(workers) as pool, asyncio.TaskGroup() as tasks:

        async def work_on() -> None:
            for batch in batches:
                try:
                    wrong = await pool.run(make, batch)
                except SlotDied as error:
                    wrong = f"{error}, perhaps for want of memory: run again with fewer --workers"
                    raise SetupError(wrong) from error
                if wrong:
                    raise SetupError(wrong)
                on_batch(batch)

        for _ in range(workers):
            tasks.create_task(work_on())


def _make_batch(
    output_dir: Path, files: FeatureFiles, ffmpeg: str, rows: Sequence[ManifestRow]
) -> str:
    """In a worker process; returns what is wrong with a clip or the disk, else ""."""
    made = []
    try:
        for row in rows:
            path = checked_path(output_dir, row)
            try:
                samples, rate = read_sound(path, ffmpeg)
            except Rejected as error:
                raise SetupError(f"{path}: {error}. {VERIFY}") from error
            made.append(files.write(row, *files.recipe.array(samples, rate)))
        files.record(made)
    except StopRun as error:
        return str(error)
    return ""


def _update_statistics(
    files: FeatureFiles,
    rows: Sequence[ManifestRow],
    made: Mapping[str, Made],
    exports: Path,
) -> None:
    """Write `preset.json`, and `stats.npz` unless it is of these arrays already."""
    groups = {row.segment_id: [row.split] for row in rows}
    with suppress(SetupError):  # where few-shot has not been called
        for segment_id in used_clips(exports, "train").keys() & groups.keys():
            groups[segment_id].append(FEW_SHOT_TRAIN)
    digest = hashlib.sha256()
    for row in rows:
        digest.update(f"{made[row.segment_id].sha256} {groups[row.segment_id]}\n".encode())
    training = (row.segment_id for row in rows if FEW_SHOT_TRAIN in groups[row.segment_id])
    statistics_of = {
        "arrays_and_groups_sha256": digest.hexdigest(),
        "few_shot_train_sha256": sha256_of_ids(training),
    }
    if statistics_of != files.statistics_of() or not _is_whole(files.folder / STATISTICS):
        # Before the words that say what it is of: whenever this is killed, they are never wrong.
        (files.folder / STATISTICS).unlink(missing_ok=True)
    files.describe(statistics_of)
    if not (files.folder / STATISTICS).exists():
        arrays = ((made[row.segment_id].path, groups[row.segment_id]) for row in rows)
        write_statistics(files.folder, arrays, files.recipe.bands_axis)


def _is_whole(path: Path) -> bool:
    with suppress(OSError, BadZipFile), ZipFile(path) as file:
        return file.testzip() is None
    return False
