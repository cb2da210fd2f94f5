"""`unavailable.csv` and `quality.csv`: what could not be had, and how the clips sound."""

from __future__ import annotations

from ascc_async.dataset.files import Table
from ascc_async.dataset.manifest import ManifestRow
from ascc_async.dataset.text import decimal, field, iso_time
from ascc_async.journal.records import AnswerRow, ClipRow
from ascc_async.model import License, Quality

UNAVAILABLE_COLUMNS = (
    "segment_id", "video_id", "split", "license", "outcome", "reason", "detail", "seen_at",
)  # fmt: skip
QUALITY_COLUMNS = (
    "segment_id", "path", "peak_dbfs", "rms_dbfs", "silence_share", "clipping_share", "flags",
)  # fmt: skip

QUIET_RMS_DBFS = -50.0
MOSTLY_SILENT_SHARE = 0.5
CLIPPED_SHARE = 0.001


class UnavailableTable:
    """Writes `unavailable.csv`: every segment with a reason, and the words that told it."""

    def __init__(self, writer: Table) -> None:
        self._writer = writer

    def add(self, row: ManifestRow, answer: AnswerRow | None, clip: ClipRow | None) -> None:
        """One segment, if it has a reason."""
        if not row.reason:
            return
        detail, seen_at = _evidence(row, answer, clip)
        self._writer.writerow(
            (
                row.segment_id, row.video_id, row.split, row.license, row.outcome, row.reason,
                field(detail), iso_time(seen_at),
            )
        )  # fmt: skip


def _evidence(
    row: ManifestRow, answer: AnswerRow | None, clip: ClipRow | None
) -> tuple[str, float]:
    """The words and the time of what gave the row its reason: the clip's or the answer's."""
    if clip is not None and row.license == License.CREATIVE_COMMONS:
        return clip.detail, clip.at
    return (answer.detail, answer.checked_at) if answer is not None else ("", 0.0)


def flags(quality: Quality) -> tuple[str, ...]:
    """Words for what a listener would notice: `quiet`, `mostly_silent`, `clipped`."""
    found = {
        "quiet": quality.rms_dbfs < QUIET_RMS_DBFS,
        "mostly_silent": quality.silence_share > MOSTLY_SILENT_SHARE,
        "clipped": quality.clipping_share > CLIPPED_SHARE,
    }
    return tuple(name for name, noticed in found.items() if noticed)


class QualityTable:
    """Writes `quality.csv`: levels in dBFS, shares from 0 to 1, flags joined by spaces."""

    def __init__(self, writer: Table) -> None:
        self._writer = writer

    def add(self, row: ManifestRow, quality: Quality) -> None:
        """One clip."""
        self._writer.writerow(
            (
                row.segment_id, row.path, decimal(quality.peak_dbfs, 2),
                decimal(quality.rms_dbfs, 2), decimal(quality.silence_share, 4),
                decimal(quality.clipping_share, 6), " ".join(flags(quality)),
            )
        )  # fmt: skip
