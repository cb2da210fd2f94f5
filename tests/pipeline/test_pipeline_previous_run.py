"""What is different from the last run."""

from __future__ import annotations

from pathlib import Path

from ascc_async.journal.reader import Reader
from ascc_async.journal.records import ClipRow, Forgotten, Learned
from ascc_async.journal.writer import Journal
from ascc_async.media.encoding import encoding_of
from ascc_async.model import ClipFile, Outcome, Quality, Reason
from ascc_async.pipeline.previous_run import (
    changed_settings,
    settings_to_remember,
    short_clips,
)
from ascc_async.settings import ClipsSettings, Settings
from ascc_async.settings_loader import load

ENCODING = encoding_of(ClipsSettings())


def settings_with(*options: str) -> Settings:
    return load(None, [f"output.dir={Path('out').absolute()}", *options])


def clip(
    number: int,
    note: str = "",
    reason: Reason | None = None,
    detail: str = "",
    seconds: int = 10,
) -> ClipRow:
    video_id = f"{number:011}"
    segment_id = f"{video_id}_0"
    file = ClipFile(
        segment_id, f"clips/00/{segment_id}.flac", "00", 9, 9 * seconds, 9, 1, ENCODING, "140", 1.0,
        Quality(0, 0, 0, 0), note,
    )  # fmt: skip
    outcome = Outcome.REJECTED if reason else Outcome.CLIP
    return ClipRow(
        segment_id, video_id, ENCODING, outcome, 1.0, 1, reason, detail, None if reason else file
    )


async def test_only_settings_that_shape_the_dataset_are_named(tmp_path: Path) -> None:
    """Pace, proxy and keys are nobody's business; the same settings give nothing."""
    path = tmp_path / "state.sqlite3"
    first = settings_with("sampling.seed=1", "clips.format=flac")
    async with Journal(path) as journal:
        reader = Reader(path)
        assert changed_settings(reader, first) == ()
        await journal.record(settings_to_remember(first))
        assert changed_settings(reader, first) == ()
        other = settings_with(
            "sampling.seed=2", "clips.format=opus", "throttle.burst=9", "license.api_keys=[AIzaX]"
        )
        assert changed_settings(reader, other) == (
            "clips.format: flac → opus",
            "sampling.seed: 1 → 2",
        )
        reader.close()


async def test_only_short_clips_are_made_again_when_their_treatment_changes(tmp_path: Path) -> None:
    """Cut short, padded or left out: forgotten; whole clips stay, and segments after the end."""
    path = tmp_path / "state.sqlite3"
    rows = (
        clip(1),
        clip(2, note="the sound ends 1.000 s before the segment"),
        clip(3, note="last 2.000 s are silence, added"),
        clip(4, reason=Reason.TOO_SHORT, detail="1.000 s are missing at the end"),
        clip(5, reason=Reason.TOO_SHORT, detail="the sound ends before the segment starts"),
        clip(6, reason=Reason.SILENT),
    )
    async with Journal(path) as journal:
        reader = Reader(path)
        await journal.record(*rows)
        first = short_clips(reader, ClipsSettings(shorter_than_segment="keep"))
        assert [type(record) for record in first] == [Learned]
        await journal.record(*first)
        assert short_clips(reader, ClipsSettings(shorter_than_segment="keep")) == []
        records = short_clips(reader, ClipsSettings(shorter_than_segment="pad"))
        forgotten = {record.segment_id for record in records if isinstance(record, Forgotten)}
        assert forgotten == {f"{number:011}_0" for number in (2, 3, 4)}
        reader.close()


async def test_another_least_length_touches_only_clips_it_decides_on(tmp_path: Path) -> None:
    """Raised: clips that are shorter now. Lowered: what was left out and may count now."""
    path = tmp_path / "state.sqlite3"
    rows = (
        clip(1, note="the sound ends 8.000 s before the segment", seconds=2),
        clip(2, note="the sound ends 1.000 s before the segment", seconds=9),
        clip(3, reason=Reason.TOO_SHORT, detail="only 0.023 s of sound"),
        clip(4, reason=Reason.TOO_SHORT, detail="the sound ends before the segment starts"),
    )

    def forgotten(reader: Reader, least: float) -> list[str]:
        records = short_clips(reader, ClipsSettings(min_seconds=least))
        return [record.segment_id for record in records if isinstance(record, Forgotten)]

    async with Journal(path) as journal:
        reader = Reader(path)
        await journal.record(*rows, Learned("short/" + ENCODING, ["keep", 1]))
        assert forgotten(reader, 1) == []
        assert forgotten(reader, 5) == [f"{1:011}_0"]
        assert forgotten(reader, 0) == [f"{3:011}_0"]
        # Version 0.1 made a clip of any piece.
        await journal.record(Learned("short/" + ENCODING, "keep"))
        assert forgotten(reader, 1) == []
        assert forgotten(reader, 5) == [f"{1:011}_0"]
        reader.close()
