"""What the stand-in releases has the form of Google's files."""

from __future__ import annotations

import csv
import tarfile
from pathlib import Path

from ascc_async.standin.metadata import write_world
from ascc_async.standin.released import write_released
from ascc_async.standin.world import World
from ascc_async.standin.world_settings import WorldSettings


def test_most_videos_have_features_and_all_have_times(tmp_path: Path) -> None:
    """In the layout of Google's archive; times within ten seconds."""
    write_world(tmp_path / "metadata", World(WorldSettings(videos=60)).videos)
    write_released(tmp_path / "metadata", tmp_path / "google")
    with tarfile.open(tmp_path / "google/features.tar.gz") as archive:
        assert archive.getnames() == [
            f"audioset_v1_embeddings/{split}/00.tfrecord"
            for split in ("bal_train", "unbal_train", "eval")
        ]
    with (tmp_path / "google/audioset_eval_strong.tsv").open(encoding="utf-8") as file:
        events = list(csv.DictReader(file, delimiter="\t"))
    assert events
    for event in events:
        assert 0 <= float(event["start_time_seconds"]) < float(event["end_time_seconds"]) <= 10
