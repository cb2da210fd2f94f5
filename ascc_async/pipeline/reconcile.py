"""Brings journal and files together, whatever the last run was cut off in.

A clip is put in place before it is recorded, and its modification time is set to the time that
the journal keeps, so that a look at size and time is enough to trust it: hashing a hundred
thousand clips would take minutes. What looks touched is hashed; what is missing or altered is
fetched again; what the journal does not know is set aside. Nothing is deleted.
"""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ascc_async.dataset.eligibility import credits_of
from ascc_async.dataset.rebuild import Recipe
from ascc_async.dataset.removals import Removals
from ascc_async.errors import SetupError
from ascc_async.files import PART, disk_errors, sha256_of
from ascc_async.journal.reader import Reader
from ascc_async.journal.records import AnswerRow, ClipRow, Forgotten, Moved
from ascc_async.journal.writer import Journal
from ascc_async.model import ClipFile, License

log = logging.getLogger(__name__)

CLIPS = "clips"
UNCLAIMED = "unclaimed"
OTHER_FORMS = "other_forms"
WITHDRAWN = "withdrawn"
_TIME_SLACK = 0.001  # file systems and `cp -p` round times differently
_CHANGES_AT_ONCE = 5000  # records: some 10 ms of the event loop


@dataclass(frozen=True, slots=True)
class Records:
    """What a run knows and where it keeps it; a rebuild goes by a `recipe`."""

    journal: Journal
    reader: Reader
    removals: Removals
    recipe: Recipe | None


async def reconcile(records: Records, encoding: str) -> None:
    """Move clips to where they belong now, and record what is not as the journal says.

    Raises SetupError where files cannot be moved.
    """
    output = records.journal.path.parent
    with disk_errors(output / CLIPS):
        changes = await asyncio.to_thread(
            sort_clips, output, records.reader, encoding, records.removals
        )
    # Another clips.format moves every clip: a hundred thousand records at once would hold the
    # event loop.
    for start in range(0, len(changes), _CHANGES_AT_ONCE):
        await records.journal.record(*changes[start : start + _CHANGES_AT_ONCE])


def sort_clips(
    output_dir: Path, reader: Reader, encoding: str, removals: Removals
) -> list[Forgotten | Moved]:
    """Compare the journal's clips with the files under `output_dir/clips`; what to record.

    Clips of another encoding are kept under `clips/other_forms/<encoding>/`, where they are
    used again when the settings go back; those that are no longer Creative Commons, or on the
    removal list, under `clips/withdrawn/`.
    """
    forgotten: list[Forgotten] = []
    moved: list[Moved] = []
    claimed: set[str] = set()
    for page in (page for each in reader.encodings() for page in reader.clips(each)):
        clips = [(row, row.clip) for row in page if row.clip is not None]
        answers = reader.answers_of([row.video_id for row, _ in clips])
        for row, clip in clips:
            answer = answers.get(row.video_id)
            home = _home(row, clip, answer, encoding, removals)
            # Where it was and where it belongs: a run may have been cut off between the move and
            # its record.
            there = next((at for at in (clip.path, home) if _is_whole(output_dir / at, clip)), None)
            if there is None:
                why = "missing or altered on disk"
                forgotten.append(Forgotten(row.segment_id, row.encoding, why))
                continue
            claimed.add(home)
            if there != home:
                (output_dir / home).parent.mkdir(parents=True, exist_ok=True)
                os.replace(output_dir / there, output_dir / home)
            if clip.path != home:
                moved.append(Moved(row.segment_id, row.encoding, home))
    if forgotten:
        log.warning(
            "clips are missing or were altered: they will be fetched again",
            extra={"clips": len(forgotten)},
        )
    # Only after all moves: what lies where it belongs now is claimed.
    _set_unclaimed_aside(output_dir, claimed)
    return [*forgotten, *moved]


def _home(
    row: ClipRow, clip: ClipFile, answer: AnswerRow | None, encoding: str, removals: Removals
) -> str:
    """Where the clip's file belongs now."""
    name = clip.path.rpartition("/")[2]
    home = f"{name[:2]}/{name}"
    if row.encoding != encoding:
        return f"{CLIPS}/{OTHER_FORMS}/{row.encoding}/{home}"
    known = credits_of(answer, row)
    # Not for «unavailable» or «unknown»: that may pass, and the clip counts again.
    removed = removals.cover(row.segment_id, known.channel_id, known.channel)
    if removed or (answer is not None and answer.license is License.STANDARD):
        return f"{CLIPS}/{WITHDRAWN}/{home}"
    return f"{CLIPS}/{home}"


def _is_whole(path: Path, clip: ClipFile) -> bool:
    """Whether the file is the recorded one: by size and time, or by hash where the time differs.

    Raises SetupError where that cannot be told: what cannot be read now is not lost.
    """
    try:
        status = path.stat()
        if status.st_size != clip.bytes:
            return False
        if abs(status.st_mtime - clip.fetched_at) <= _TIME_SLACK:
            return True
        if sha256_of(path) != clip.sha256:
            return False
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise SetupError(
            f"{path}: this clip cannot be read ({error.strerror or error}). That does not say it is"
            " lost: see to the disk, or to your right to read there, then run again"
        ) from error
    with suppress(OSError):  # somebody else's file is hashed every time
        os.utime(path, (clip.fetched_at, clip.fetched_at))
    return True


def _set_unclaimed_aside(output_dir: Path, claimed: set[str]) -> None:
    """Move what the journal does not know to `clips/unclaimed`, remove what is unfinished."""
    unfinished, unclaimed = 0, []
    for root, folders, names in os.walk(output_dir / CLIPS):
        folder = os.path.relpath(root, output_dir)
        if folder == CLIPS and UNCLAIMED in folders:
            folders.remove(UNCLAIMED)  # these were set aside before
        for name in names:
            path, target = Path(root, name), output_dir / CLIPS / UNCLAIMED / name
            if PART in name:
                path.unlink()
                unfinished += 1
            elif f"{folder}/{name}" not in claimed:
                target.parent.mkdir(exist_ok=True)
                number = 0
                while target.exists():
                    number += 1
                    target = target.with_name(f"{path.stem}~{number}{path.suffix}")
                path.replace(target)
                unclaimed.append(f"{folder}/{name}")
    if unclaimed:
        log.warning(
            "files in clips/ that the journal does not know were moved to clips/unclaimed",
            extra={"files": len(unclaimed), "first": unclaimed[0]},
        )
    if unfinished:
        log.info("unfinished files of an earlier run were removed", extra={"files": unfinished})
