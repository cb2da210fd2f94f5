"""At the start: brings journal and files together, whatever the last run was cut off in.

A clip is put in place before it is recorded, and its modification time is set to the time that
the journal keeps, so that a look at size and time is enough to trust it. What looks touched is
hashed; what is missing or altered is fetched again; what the journal does not know is set aside.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ascc_async.dataset.decision import credits_of
from ascc_async.dataset.removals import Removals
from ascc_async.files import PART
from ascc_async.journal.reader import Reader
from ascc_async.journal.records import ClipRow, Forgotten, Moved
from ascc_async.model import ClipFile, License

log = logging.getLogger(__name__)

CLIPS = "clips"
UNCLAIMED = "unclaimed"
OTHER_FORMS = "other_forms"
WITHDRAWN = "withdrawn"
_TIME_SLACK = 0.001


@dataclass(slots=True)
class Reconciled:
    """What was found: clips to fetch again, clips moved, files set aside, leftovers removed."""

    forgotten: list[Forgotten] = field(default_factory=list)
    moved: list[Moved] = field(default_factory=list)
    unclaimed: list[str] = field(default_factory=list)
    leftovers: int = 0

    @property
    def records(self) -> list[Forgotten | Moved]:
        """What the journal must be told."""
        return [*self.forgotten, *self.moved]


def reconcile(
    output_dir: Path, reader: Reader, form: str, removals: Removals | None = None
) -> Reconciled:
    """Compare the journal's clips with the files under `output_dir/clips`.

    Clips of another form than `form` are kept under `clips/other_forms/<form>/`, where they are
    found again when the settings go back; those that are no longer Creative Commons, or on the
    removal list, under `clips/withdrawn/`. Nothing is deleted. The journal is told by the caller
    (`records`).
    """
    found = Reconciled()
    known: set[str] = set()
    removals = removals or Removals()
    for each in reader.forms():
        for page in reader.clips(each):
            for row in page:
                if row.clip is not None:
                    home = _home(reader, row, row.clip, form, removals)
                    known.add(_check(output_dir, row, row.clip, home, found))
    for path in _files(output_dir / CLIPS):
        relative = str(path.relative_to(output_dir))
        if PART in path.name:
            path.unlink()
            found.leftovers += 1
        elif relative not in known:
            _set_aside(output_dir, path)
            found.unclaimed.append(relative)
    _report(found)
    return found


def _home(reader: Reader, row: ClipRow, clip: ClipFile, form: str, removals: Removals) -> str:
    """Where the clip's file belongs now."""
    name = Path(clip.path).name
    home = f"{name[:2]}/{name}"
    if row.form != form:
        return f"{CLIPS}/{OTHER_FORMS}/{row.form}/{home}"
    answer = reader.answer(row.video_id)
    known = credits_of(answer, row)
    if (answer is not None and answer.license is License.STANDARD) or removals.hold(
        row.video_id, row.segment_id, known.channel_id, known.channel
    ):
        return f"{CLIPS}/{WITHDRAWN}/{home}"
    return f"{CLIPS}/{home}"


def _check(output_dir: Path, row: ClipRow, clip: ClipFile, home: str, found: Reconciled) -> str:
    """Where the clip's file is now; a wrong or missing one is noted as forgotten."""
    path = output_dir / clip.path
    if not is_whole(path, clip):
        # A run may have been cut off between the move and its record.
        path = output_dir / home
        if not is_whole(path, clip):
            why = "missing or altered on disk"
            found.forgotten.append(Forgotten(row.segment_id, row.form, why))
            return ""
    if home != clip.path:
        (output_dir / home).parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, output_dir / home)
        found.moved.append(Moved(row.segment_id, row.form, home))
    return home


def is_whole(path: Path, clip: ClipFile) -> bool:
    """Whether the file is the recorded one: by size and time, or by hash where the time differs."""
    try:
        state = path.stat()
    except OSError:
        return False
    if state.st_size != clip.bytes:
        return False
    if abs(state.st_mtime - clip.fetched_at) <= _TIME_SLACK:
        return True
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != clip.sha256:
            return False
    os.utime(path, (clip.fetched_at, clip.fetched_at))  # copied: not to be hashed every time
    return True


def _files(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        if Path(root) == folder and UNCLAIMED in folders:
            folders.remove(UNCLAIMED)
        yield from (Path(root, name) for name in names)


def _set_aside(output_dir: Path, path: Path) -> None:
    target = output_dir / CLIPS / UNCLAIMED / path.name
    target.parent.mkdir(exist_ok=True)
    number = 0
    while target.exists():
        number += 1
        target = target.with_name(f"{path.stem}~{number}{path.suffix}")
    os.replace(path, target)


def _report(found: Reconciled) -> None:
    if found.forgotten:
        log.warning(
            "clips missing or altered: fetched again", extra={"clips": len(found.forgotten)}
        )
    if found.unclaimed:
        log.warning(
            "files that no record knows: set aside in clips/unclaimed",
            extra={"files": len(found.unclaimed), "first": found.unclaimed[0]},
        )
    if found.leftovers:
        log.info("unfinished files of an earlier run removed", extra={"files": found.leftovers})
