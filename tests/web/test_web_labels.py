"""The labels of segments, from the metadata or the manifest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from metadata_folders import row, segments, video, write_folder

from ascc_async.settings import Settings
from ascc_async.web.labels import LabelReader, Labels
from ascc_async.web.tally import Tallies

COPIED = Path(__file__).parents[1] / "fixtures/version_0_1_half_way"


async def labels_of(output: Path, metadata: Path) -> Labels:
    audioset = {"metadata_dir": metadata, "splits": ["balanced_train"]}
    settings = Settings.model_validate({"output": {"dir": output}, "audioset": audioset})
    work: Callable[..., Any] = asyncio.to_thread
    return await LabelReader(settings, work, Tallies(settings, work)).labels()


async def test_metadata_says_what_a_segment_holds(tmp_path: Path) -> None:
    """Unknown ones hold nothing; another start is another segment."""
    rows = [row(3), row(1, "/m/b,/m/c"), row(2, "/m/a,/m/c", "0.000", "9.500")]
    labels = await labels_of(
        tmp_path, write_folder(tmp_path, {"balanced_train_segments.csv": segments(rows)})
    )
    assert not list(tmp_path.glob("*.npz"))  # whoever only looks leaves nothing behind
    ids = [f"{video(1)}_30000", f"{video(2)}_0", f"{video(3)}_30000", f"{video(9)}_0"]
    assert labels.names["/m/c"] == "Class c"
    assert labels.having("/m/c")(ids) == [True, True, False, False]
    assert labels.having("/m/none")(ids) == [False] * 4
    assert labels.having("/m/a")([]) == []
    first, second, third, unknown, moved = labels.segments([*ids, f"{video(1)}_5"])
    assert (first and first.labels, second and second.end_ms) == (("/m/b", "/m/c"), 9500)
    assert third is not None
    assert unknown is moved is None


async def test_without_metadata_the_manifest_says_it(tmp_path: Path) -> None:
    """As in a folder that was copied; where there is neither, nothing is known."""
    labels = await labels_of(COPIED, tmp_path / "none")
    (segment,) = labels.segments(["1biANmfDpi0_195000"])
    assert segment is not None
    assert (segment.end_ms, len(segment.labels) > 0) == (205_000, True)
    assert labels.having(segment.labels[0])([segment.segment_id, "xxxxxxxxxxx_0"]) == [True, False]
    assert all(mid in labels.names for mid in segment.labels)
    empty = await labels_of(tmp_path, tmp_path / "none")
    assert empty.segments([segment.segment_id]) == [None]
    assert empty.having(segment.labels[0])([segment.segment_id]) == [False]


@pytest.mark.parametrize("damage", ["segment_id\n", "not a manifest", ""])
async def test_a_damaged_manifest_takes_labels_away_and_nothing_else(
    damage: str, tmp_path: Path
) -> None:
    """The pages go on without them."""
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset/manifest.csv").write_text(damage)
    assert (await labels_of(tmp_path, tmp_path / "none")).segments(["xxxxxxxxxxx_0"]) == [None]
