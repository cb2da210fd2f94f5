"""What changed between two manifests."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

from dataset_samples import Sample, full

from ascc_async.dataset.diff import as_text, diff
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
    a.add("later111111", license=None)
    b.add("later111111")
    a.add("onlya111111")
    b.add("onlyb111111")
    a.add("zzzzzzzzzzz", license=License.STANDARD)
    changes = diff(manifest(a), manifest(b))
    assert not changes.empty
    assert asdict(changes) == {
        "added": ["later111111_30000", "onlyb111111_30000"],
        "lost": [
            {"segment_id": "gone1111111_30000", "outcome": "unavailable", "reason": "removed"},
            {"segment_id": "onlya111111_30000", "outcome": "", "reason": ""},
        ],
        "licenses": [
            {
                "segment_id": "gone1111111_30000", "before": "creative_commons",
                "after": "unavailable",
            },
            {"segment_id": "later111111_30000", "before": "", "after": "creative_commons"},
        ],
        "bytes": [
            {"segment_id": "bytes111111_30000", "before": "11" * 32, "after": "22" * 32},
        ],
        "same": 1, "only_a": 2, "only_b": 1,
    }  # fmt: skip
    assert as_text(changes).splitlines() == [
        "The same in both: 1 clip.",
        "added: 2", "  later111111_30000", "  onlyb111111_30000",
        "lost: 2", "  gone1111111_30000  unavailable (removed)",
        "  onlya111111_30000  not in the second manifest",
        "license changed: 2", "  gone1111111_30000  creative_commons → unavailable",
        "  later111111_30000  not asked → creative_commons",
        "bytes changed: 1", "  bytes111111_30000  111111111111 → 222222222222",
        "Only in the first manifest: 2 segments.", "Only in the second manifest: 1 segment.",
    ]  # fmt: skip


def test_the_text_shows_the_first_of_each_list(tmp_path: Path) -> None:
    """Fifty; the JSON holds all."""
    a, b = Sample(tmp_path / "a"), Sample(tmp_path / "b")
    for number in range(52):
        a.add(f"{number:011}")
        b.add(f"{number:011}", outcome=Outcome.REJECTED, reason=Reason.SILENT)
    changes = diff(manifest(a), manifest(b))
    lines = as_text(changes).splitlines()
    assert lines[:3] == [
        "The same in both: 0 clips.", "lost: 52", "  00000000000_30000  rejected (silent)",
    ]  # fmt: skip
    assert lines[-2:] == [
        "  00000000049_30000  rejected (silent)", "  … and 2 more (--json lists all)",
    ]  # fmt: skip
    assert len(changes.lost) == 52
