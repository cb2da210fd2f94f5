"""AudioSet's metadata files, in the official format, for the stand-in's own list of videos.

File names are the official ones; how they are served is the server's matter.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ascc_async.standin.metadata_classes import NODES, Node

OFFICIAL_ROWS = {"balanced_train": 22_160, "eval": 20_371, "unbalanced_train": 2_041_789}
CLASS_FILES = ("class_labels_indices.csv", "qa_true_counts.csv", "ontology.json")
RERATED = "rerated_video_ids.txt"


class Named(Protocol):
    """What the metadata needs to know of a video; the world's `Video` is one."""

    @property
    def video_id(self) -> str: ...
    @property
    def segment_start_ms(self) -> int: ...
    @property
    def segment_end_ms(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a segment file."""

    video_id: str
    start_ms: int
    end_ms: int
    labels: tuple[str, ...]


def split_file(split: str) -> str:
    """Official name of a split's file."""
    return f"{split}_segments.csv"


def write_world(folder: Path, videos: Iterable[Named], *, seed: int = 0) -> None:
    """All files for these videos, one segment each: one in six balanced, one in six eval.

    The same videos and seed give the same files. Every class of `NODES` is used if there are
    some hundred videos. Replaces files that are there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_classes(folder, NODES)
    rows = _rows_of(sorted(videos, key=lambda video: video.video_id), seed)
    splits: dict[str, list[Row]] = {split: [] for split in OFFICIAL_ROWS}
    names = ("balanced_train", "eval", *["unbalanced_train"] * 4)
    for number, row in enumerate(rows):
        splits[names[number % len(names)]].append(row)
    for split, members in splits.items():
        _write_rows(folder / split_file(split), members)
    rerated = [row.video_id for row in rows[::9]]
    (folder / RERATED).write_text("".join(f"{video_id}\n" for video_id in rerated))


def _rows_of(videos: Sequence[Named], seed: int) -> list[Row]:
    drawn = random.Random(f"labels {seed}")
    classes = [node for node in NODES if node.rated is not None]
    weights = [node.weight for node in classes]
    rows = []
    for number, video in enumerate(videos):
        more = drawn.choices(classes, weights, k=drawn.choice((0, 1, 1, 2, 3)))
        labels = {node.mid for node in (classes[number * 7 % len(classes)], *more)}
        times = video.segment_start_ms, video.segment_end_ms
        rows.append(Row(video.video_id, *times, tuple(sorted(labels))))
    return rows


def _write_rows(path: Path, rows: Sequence[Row]) -> None:
    classes = {label for row in rows for label in row.labels}
    labels = sum(len(row.labels) for row in rows)
    lines = [
        f"{row.video_id}, {row.start_ms / 1000:.3f}, {row.end_ms / 1000:.3f},"
        f' "{",".join(row.labels)}"\n'
        for row in rows
    ]
    head = segment_head(len(rows), len(classes), labels).decode()
    path.write_text(head + "".join(lines), encoding="ascii", newline="")


def segment_head(rows: int, classes: int, labels: int) -> bytes:
    """The three lines that a segment file begins with."""
    return (
        b"# Segments csv created Sun Mar  5 10:54:31 2017\n"
        b"# num_ytids=%d, num_segs=%d, num_unique_labels=%d, num_positive_labels=%d\n"
        b"# YTID, start_seconds, end_seconds, positive_labels\n" % (rows, rows, classes, labels)
    )


def write_classes(folder: Path, nodes: Sequence[Node]) -> None:
    """Class list, quality counts and ontology of these nodes."""
    listed = [(node, node.rated) for node in nodes if node.rated is not None]
    names = [f'{i},{node.mid},"{node.name}"\n' for i, (node, _) in enumerate(listed)]
    counts = [f"{node.mid},{rated},{true}\n" for node, (rated, true) in listed]
    entries = [
        {
            "id": node.mid,
            "name": node.name,
            "description": f"{node.name}, as the stand-in has it.",
            "citation_uri": "",
            "positive_examples": [],
            "child_ids": list(node.children),
            "restrictions": list(node.restrictions),
        }
        for node in nodes
    ]
    contents = (
        "index,mid,display_name\n" + "".join(names),
        "label_id,num_rated,num_true\n" + "".join(counts),
        json.dumps(entries, indent=2) + "\n",
    )
    for name, content in zip(CLASS_FILES, contents, strict=True):
        (folder / name).write_text(content, encoding="utf-8", newline="")
