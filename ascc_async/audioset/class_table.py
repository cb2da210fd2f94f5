"""Every class on one line: for `plan --classes`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ascc_async.audioset.catalog import Catalog
from ascc_async.audioset.class_choice import judge_classes
from ascc_async.settings import ClassesSettings


@dataclass(frozen=True, slots=True)
class ClassLine:
    """One class. `rows`: segments in the chosen splits; `why_not` is empty when `chosen`.

    `suitable_index` is what `classes.start_index` and `end_index` count; None: not suitable.
    """

    index: int
    suitable_index: int | None
    mid: str
    name: str
    quality: float | None
    num_rated: int
    num_true: int
    leaf: bool
    restrictions: tuple[str, ...]
    rows: int
    chosen: bool
    why_not: str


def class_table(catalog: Catalog, settings: ClassesSettings) -> tuple[ClassLine, ...]:
    """All classes in class list order, chosen or not. Raises `SettingsError` for a misspelt one."""
    choices = judge_classes(catalog.classes, catalog.ontology, settings)
    counts = catalog.segments.class_counts().tolist()
    return tuple(
        ClassLine(
            index=sound.index,
            suitable_index=choice.suitable_index,
            mid=sound.mid,
            name=sound.name,
            quality=sound.quality,
            num_rated=sound.num_rated,
            num_true=sound.num_true,
            leaf=sound.leaf,
            restrictions=sound.restrictions,
            rows=rows,
            chosen=choice.chosen,
            why_not=choice.why_not,
        )
        for sound, choice, rows in zip(catalog.classes, choices, counts, strict=True)
    )


def render_class_table(lines: Sequence[ClassLine]) -> str:
    """The table as text. `suitable` counts what `start_index` and `end_index` count."""
    head = f"{'index':>5} {'suitable':>8} {'quality':>7} {'rows':>9} leaf  {'MID':<14} name"
    body = [_line(line) for line in lines]
    chosen = [line for line in lines if line.chosen]
    foot = f"{len(chosen)} of {len(lines)} classes chosen"
    return "\n".join([head, *body, foot])


def _line(line: ClassLine) -> str:
    quality = "-" if line.quality is None else f"{line.quality:.2f}"
    suitable = "-" if line.suitable_index is None else str(line.suitable_index)
    marks = [*line.restrictions, *([f"not chosen: {line.why_not}"] if line.why_not else [])]
    words = f"  ({'; '.join(marks)})" if marks else ""
    return (
        f"{line.index:>5} {suitable:>8} {quality:>7} {line.rows:>9,}"
        f" {'leaf' if line.leaf else '-':<5} {line.mid:<14} {line.name}{words}"
    )
