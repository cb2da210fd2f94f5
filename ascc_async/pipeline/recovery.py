"""A journal that is damaged or gone is made anew from the dataset, as far as that carries.

The manifest holds the newest answer about every selected segment with its evidence, and the hash
of every clip. What it does not hold (another selection's answers are months of work) is taken from
the damaged journal, as far as that can be read; the rest is lost and asked again.
"""

from __future__ import annotations

import asyncio
import csv
import json
import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from ascc_async.dataset.check import sha256_of
from ascc_async.dataset.extras import QUALITY_COLUMNS
from ascc_async.dataset.manifest import ManifestRow
from ascc_async.dataset.reading import read_manifest
from ascc_async.dataset.text import from_iso, restored
from ascc_async.errors import JournalError, MetadataError
from ascc_async.journal.check import damage, discard, set_aside
from ascc_async.journal.reader import Reader
from ascc_async.journal.records import AnswerRow, ClipRow, Record
from ascc_async.journal.writer import Journal
from ascc_async.media.cut import form_of
from ascc_async.model import ClipFile, License, LicenseAnswer, Outcome, Quality, Reason
from ascc_async.settings import ClipsSettings

log = logging.getLogger(__name__)

_AT_ONCE = 2000  # rows in one commit
_DETAIL = "from the manifest: the journal was damaged"
_NOT_FETCHED = (Outcome.REJECTED, Outcome.UNAVAILABLE, Outcome.NOT_SHAREABLE)


@dataclass(slots=True)
class Recovered:
    """What a new journal was made of. `lost`: clips of the manifest that are not whole on disk.

    `salvaged`: answers and clips that only the damaged journal had.
    """

    answers: int = 0
    clips: int = 0
    lost: int = 0
    salvaged: int = 0


async def mend_journal(path: Path) -> Recovered | None:
    """See that the journal at `path` can be trusted; None when it can.

    A damaged one is kept as `<name>.damaged-<time>`, and a new one is made from
    `dataset/manifest.csv` where there is one; so is one that is missing or empty. Raises
    JournalError when the folder cannot be written.
    """
    manifest = path.parent / "dataset" / "manifest.csv"
    wrong = await asyncio.to_thread(_wrong, path, manifest)
    if not wrong:
        return None
    try:
        return await _mend(path, manifest, wrong)
    except OSError as error:
        raise JournalError(
            f"{path}: {wrong}, and a new journal cannot be made: {error.strerror}."
            " Make room or give yourself the right to write there, then run again."
        ) from None


def _wrong(path: Path, manifest: Path) -> str:
    if not manifest.exists() and (not path.exists() or path.stat().st_size == 0):
        return ""  # there was nothing yet
    return damage(path) if path.exists() else "it is missing"


async def _mend(path: Path, manifest: Path, wrong: str) -> Recovered:
    new = path.with_name(f"{path.name}.rebuilding")
    await asyncio.to_thread(discard, new)
    recovered = await _rebuild(new, manifest, path)
    kept = await asyncio.to_thread(_exchange, path, new)
    _report(recovered, manifest, wrong, kept)
    return recovered


def _exchange(path: Path, new: Path) -> str:
    """The new journal for the damaged one; where that is kept now, "" when there was none.

    A crash in between leaves a damaged journal or none: made anew again by the next run.
    """
    aside = path.with_name(f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    was_there = path.exists()
    if was_there:
        set_aside(path, aside)
    set_aside(new, path)
    return str(aside) if was_there else ""


async def _rebuild(new: Path, manifest: Path, damaged: Path) -> Recovered:
    source = await asyncio.to_thread(_Source, manifest)
    async with Journal(new) as journal:
        while records := await asyncio.to_thread(source.next_records):
            await journal.record(*records)
        rest = _salvaged(damaged, source.videos, source.segments)
        while (found := await asyncio.to_thread(next, rest, None)) is not None:
            if found:
                await journal.record(*found)
            source.recovered.salvaged += len(found)
    return source.recovered


def _salvaged(damaged: Path, videos: set[str], segments: set[str]) -> Iterator[list[Record]]:
    """What was recorded of other videos and segments, as far as it can be read.

    A word that was damaged is in no list, and ends the reading; clips are compared with their
    files before they count.
    """
    try:
        with closing(Reader(damaged)) as reader:
            for answers in reader.answers():
                told = [one for one in answers if one.license is not License.UNKNOWN]
                yield [_told(one) for one in told if one.video_id not in videos]
            for form in reader.forms():
                for clips in reader.clips(form):
                    yield [one for one in clips if one.clip and one.segment_id not in segments]
    except (JournalError, ValueError) as error:
        log.info("the damaged journal cannot be read to its end", extra={"why": str(error)})


def _told(row: AnswerRow) -> LicenseAnswer:
    return LicenseAnswer(**{one.name: getattr(row, one.name) for one in fields(LicenseAnswer)})


class _Source:
    """Makes records of the manifest's rows and of what lies beside it."""

    def __init__(self, manifest: Path) -> None:
        self._output = manifest.parents[1]
        self._form = _form(manifest.parent / "run.json")
        self._quality = dict(_qualities(manifest.parent / "quality.csv"))
        self._rows = read_manifest(manifest) if manifest.exists() else iter(())
        self.recovered = Recovered()
        self.videos, self.segments = set[str](), set[str]()

    def next_records(self) -> list[Record]:
        """Those of the next rows that bear any; none at the end."""
        found: list[Record] = []
        try:
            for row in self._rows:
                found += self._records(row)
                if len(found) >= _AT_ONCE:
                    break
        except MetadataError as error:
            # Rows up to there were whole: better those than none.
            log.warning("the manifest is damaged too", extra={"why": str(error)})
        return found

    def _records(self, row: ManifestRow) -> Iterator[Record]:
        answer = _answer(row)
        if answer is None:
            return
        self.recovered.answers += 1
        self.videos.add(row.video_id)
        if row.reason == Reason.LICENSE_CHANGED and answer.license is License.STANDARD:
            yield _answer(row._replace(license=License.CREATIVE_COMMONS)) or answer
        yield answer
        clip = self._clip(row, answer)
        if clip is not None:
            yield clip

    def _clip(self, row: ManifestRow, answer: LicenseAnswer) -> ClipRow | None:
        shareable = answer.license is License.CREATIVE_COMMONS
        if shareable and row.outcome in _NOT_FETCHED and row.reason:
            reason, at = Reason(row.reason), answer.checked_at
            return self._row(row, Outcome(row.outcome), at, None, reason)
        if not row.has_file:
            return None
        file = self._file(row)
        if file is None:
            self.recovered.lost += 1
            return None
        self.recovered.clips += 1
        self.segments.add(row.segment_id)
        return self._row(row, Outcome.CLIP, file.fetched_at, file)

    def _row(
        self,
        row: ManifestRow,
        outcome: Outcome,
        at: float,
        file: ClipFile | None,
        reason: Reason | None = None,
    ) -> ClipRow:
        words = (restored(row.title), restored(row.channel), restored(row.channel_id))
        return ClipRow(
            row.segment_id, row.video_id, self._form, outcome, at, 1, reason, _DETAIL, file, *words
        )

    def _file(self, row: ManifestRow) -> ClipFile | None:
        """The clip's file if it is the one that the manifest names, by its hash."""
        path, quality = self._output / row.path, self._quality.get(row.segment_id)
        if quality is None or not self._form:
            return None
        try:
            if path.stat().st_size != int(row.bytes) or sha256_of(path) != row.sha256:
                return None
            fetched_at = path.stat().st_mtime
        except OSError:
            return None
        seconds = float(row.duration_seconds)
        return ClipFile(
            row.segment_id, row.path, row.sha256, int(row.bytes),
            round(seconds * int(row.sample_rate)), int(row.sample_rate), int(row.channels),
            self._form, restored(row.source_format), fetched_at, quality, _note(row, seconds),
        )  # fmt: skip


def _note(row: ManifestRow, seconds: float) -> str:
    missing = (row.end_ms - row.start_ms) / 1000 - seconds
    return f"the sound ends {missing:.3f} s before the segment" if missing > 0.001 else ""


def _answer(row: ManifestRow) -> LicenseAnswer | None:
    if not row.license or not row.license_checked_at:
        return None
    license_ = License(row.license)
    unavailable = license_ is License.UNAVAILABLE and row.reason
    return LicenseAnswer(
        row.video_id,
        license_,
        row.license_source,
        from_iso(row.license_checked_at),
        Reason(row.reason) if unavailable else None,
        restored(row.license_text),
        title=restored(row.title),
        channel=restored(row.channel),
        channel_id=restored(row.channel_id),
        detail=_DETAIL,
    )


def _form(run_record: Path) -> str:
    """The form of the manifest's clips, "" where nothing tells it."""
    try:
        told = json.loads(run_record.read_text(encoding="utf-8"))["settings"]["clips"]
        return form_of(ClipsSettings.model_validate(told))
    except (OSError, ValueError, TypeError, KeyError) as error:
        log.warning("run.json does not tell the clips' form", extra={"why": type(error).__name__})
        return ""


def _qualities(path: Path) -> Iterator[tuple[str, Quality]]:
    names = QUALITY_COLUMNS[2:6]
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                yield row["segment_id"], Quality(*(float(row[name]) for name in names))
    except (OSError, ValueError, TypeError, KeyError, csv.Error) as error:
        log.warning("quality.csv cannot be read to its end", extra={"why": str(error)})


def _report(recovered: Recovered, manifest: Path, wrong: str, kept: str) -> None:
    at = manifest.stat().st_mtime if manifest.exists() else None
    since = datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds") if at else ""
    log.warning(
        "the journal is damaged: kept aside, a new one made from the dataset"
        if kept
        else "the journal is missing: a new one made from the dataset",
        extra={
            "damage": wrong,
            "kept_as": kept,
            "answers_kept": recovered.answers,
            "clips_kept": recovered.clips,
            "clips_lost": recovered.lost,
            "salvaged": recovered.salvaged,
            "lost": (
                f"what was learned after {since}, and the history before: asked again"
                if since
                else "everything: no manifest to make it from"
            ),
        },
    )
