"""Lines of the tables beside the manifest."""

from __future__ import annotations

import pytest
from dataset_samples import clip_file

from ascc_async.dataset.manifest import ManifestRow
from ascc_async.dataset.tables import QUALITY_COLUMNS, quality_row
from ascc_async.model import Quality


@pytest.mark.parametrize(
    ("quality", "flags"),
    [
        (Quality(-1.0, -20.0, 0.0, 0.0), ""),
        (Quality(-1.0, -50.1, 0.0, 0.0), "quiet"),
        (Quality(-1.0, -20.0, 0.51, 0.0), "mostly_silent"),
        (Quality(0.0, -20.0, 0.0, 0.0011), "clipped"),
        (Quality(0.0, -60.0, 0.9, 0.01), "quiet mostly_silent clipped"),
    ],
)
def test_flags_point_at_what_is_worth_a_listen(quality: Quality, flags: str) -> None:
    """Under -50 dBFS, more than half silent, more than one sample in a thousand clipped."""
    clip = clip_file("aaaaaaaaaaa_0")
    empty = dict.fromkeys(ManifestRow._fields, "")
    empty.update(start_seconds="30", end_seconds="40", duration_seconds="10")
    row = ManifestRow(**empty)._replace(segment_id=clip.segment_id, path=clip.path)
    line = dict(zip(QUALITY_COLUMNS, quality_row(row, quality), strict=True))
    assert line["flags"] == flags
    assert (line["segment_id"], line["path"]) == (clip.segment_id, clip.path)
    shorter = row._replace(duration_seconds="9.98")
    assert quality_row(shorter, quality)[-1] == f"short {flags}".strip()
