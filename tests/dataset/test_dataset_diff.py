"""What changed between two manifests."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from dataset_samples import Sample, full

from ascc_async.dataset.diff import BytesChange, LicenseChange, Lost, as_json, as_text, diff
from ascc_async.model import License, Outcome, Reason


def manifest(sample: Sample) -> Path:
    """The sample's manifest, written."""
    sample.write()
    return sample.path("manifest.csv")


def test_a_manifest_does_not_differ_from_itself(tmp_path: Path) -> None:
    """Nor does one whose times are others."""
    first = manifest(full(tmp_path / "a"))
    later = full(tmp_path / "b")
    later.journal.answer_rows = [
        replace(row, checked_at=row.checked_at + 60) for row in later.journal.answer_rows
    ]
    changes = diff(first, manifest(later))
    assert changes.empty
    assert changes.same == 3
    assert as_text(changes) == "The same: 3 clips, byte for byte.\n"


def test_every_kind_of_change_is_found(tmp_path: Path) -> None:
    """Added, lost with reason, license, bytes; and segments of one side only."""
    a, b = Sample(tmp_path / "a"), Sample(tmp_path / "b")
    a.add("aaaaaaaaaaa")
    b.add("aaaaaaaaaaa")
    a.add("bytes111111", file={"sha256": "11" * 32})
    b.add("bytes111111", file={"sha256": "22" * 32})
    a.add("gone1111111")
    b.add("gone1111111", license=License.UNAVAILABLE, reason=Reason.REMOVED)
    b.journal.answer_rows = [
        replace(row, reason=Reason.REMOVED) if row.license is License.UNAVAILABLE else row
        for row in b.journal.answer_rows
    ]
    a.add("later111111", outcome=Outcome.PENDING)
    b.add("later111111")
    a.add("onlya111111")
    b.add("onlyb111111")
    a.add("zzzzzzzzzzz", license=License.STANDARD)
    changes = diff(manifest(a), manifest(b))
    assert changes.added == ("later111111_30000", "onlyb111111_30000")
    assert changes.lost == (
        Lost("gone1111111_30000", "unavailable", "removed"),
        Lost("onlya111111_30000", "", ""),
    )
    assert changes.licenses == (
        LicenseChange("gone1111111_30000", "creative_commons", "unavailable"),
    )
    assert changes.bytes == (BytesChange("bytes111111_30000", "11" * 32, "22" * 32),)
    assert (changes.same, changes.only_a, changes.only_b) == (1, 2, 1)
    assert not changes.empty


def test_text_and_json_tell_the_same(tmp_path: Path) -> None:
    """The text shows the first of each list, the JSON all."""
    a, b = Sample(tmp_path / "a"), Sample(tmp_path / "b")
    a.add("aaaaaaaaaaa")
    b.add("aaaaaaaaaaa")
    for letter in "bcd":
        a.add(letter * 11)
        b.add(letter * 11, outcome=Outcome.REJECTED, reason=Reason.SILENT)
    changes = diff(manifest(a), manifest(b))
    assert as_text(changes, shown=2).splitlines() == [
        "The same in both: 1 clip.",
        "lost: 3",
        "  bbbbbbbbbbb_30000  rejected (silent)",
        "  ccccccccccc_30000  rejected (silent)",
        "  … and 1 more (--json lists all)",
    ]
    record = json.loads(as_json(changes))
    assert record["empty"] is False
    assert [lost["segment_id"][0] for lost in record["lost"]] == ["b", "c", "d"]
