"""The tables of `features` and `few-shot`, and how they are read again."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ascc_async.dataset.tables import read_rows
from ascc_async.dataset.text import restored

FEW_SHOT = "few_shot"  # the folder of the class split, in `exports/`


class Made(NamedTuple):
    """What became of a clip; without a path it was too short and dropped."""

    segment_id: str
    path: str
    sha256: str
    clip_sha256: str
    frames: str
    source_frames: str


class ClassRow(NamedTuple):
    """A row of `classes.csv`."""

    part: str
    mid: str
    display_name: str
    root: str
    clips: str
    usable_clips: str
    kept: str


class FewShotClip(NamedTuple):
    """A row of `clips.csv`."""

    segment_id: str
    mid: str
    part: str
    used: str
    why_not: str


def made_by(command: str) -> str:
    """The remedy for what a command writes again."""
    return f"`python -m ascc_async {command}` makes it"


def used_clips(exports: Path, part: str = "") -> dict[str, str]:
    """The class of each clip that the split uses, in `part` or in all. Raises SetupError."""
    return {
        row.segment_id: row.mid
        for row in read_rows(exports / FEW_SHOT / "clips.csv", FewShotClip, made_by("few-shot"))
        if row.used == "1" and part in ("", row.part)
    }


def kept_classes(exports: Path, part: str) -> dict[str, str]:
    """Display names by MID of the classes that a part keeps. Raises SetupError."""
    return {
        row.mid: restored(row.display_name)
        for row in read_rows(exports / FEW_SHOT / "classes.csv", ClassRow, made_by("few-shot"))
        if row.part == part and row.kept == "1"
    }
