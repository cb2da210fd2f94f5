"""A plan, and the table of classes, as plain text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from ascc_async.audioset.catalog import Catalog
from ascc_async.audioset.classes import choose_classes
from ascc_async.audioset.plan import Duration, RunPlan
from ascc_async.settings import ClassesSettings


def render_plan(plan: RunPlan) -> str:
    """The plan as text, ready to be printed; its warnings are for the caller to print."""
    return "\n".join(_lines(plan))


def class_table(catalog: Catalog, settings: ClassesSettings) -> list[dict[str, Any]]:
    """Every class in class list order, chosen or not, as JSON-ready data.

    `rows`: segments in the chosen splits; `suitable_index`: what `classes.start_index` and
    `end_index` count, None for a class that is not suitable. Raises `SettingsError` for a name in
    the settings that is no class.
    """
    choices = choose_classes(catalog.classes, catalog.ontology, settings)
    counts = catalog.segments.class_counts().tolist()
    return [
        asdict(choice.sound)
        | {
            "quality": choice.sound.quality,
            "suitable_index": choice.suitable_index,
            "rows": rows,
            "chosen": choice.chosen,
            "why_not": choice.why_not,
        }
        for choice, rows in zip(choices, counts, strict=True)
    ]


def render_class_table(table: Sequence[dict[str, Any]]) -> str:
    """The table as text. `suitable` counts what `start_index` and `end_index` count."""
    lines = [f"{'index':>5} {'suitable':>8} {'quality':>7} {'rows':>9} leaf  {'MID':<14} name"]
    for row in table:
        quality = "-" if row["quality"] is None else f"{row['quality']:.2f}"
        suitable = "-" if row["suitable_index"] is None else row["suitable_index"]
        remarks = [*row["restrictions"]]
        if row["why_not"]:
            remarks.append(f"not chosen: {row['why_not']}")
        remark = f"  ({'; '.join(remarks)})" if remarks else ""
        lines.append(
            f"{row['index']:>5} {suitable:>8} {quality:>7} {row['rows']:>9,}"
            f" {'leaf' if row['leaf'] else '-':<5} {row['mid']:<14} {row['name']}{remark}"
        )
    chosen = sum(row["chosen"] for row in table)
    return "\n".join([*lines, f"{chosen} of {len(table)} classes chosen"])


def _lines(plan: RunPlan) -> Iterator[str]:
    limit = f", at most {plan.max_per_class} clips each" if plan.max_per_class else ""
    yield f"Splits      {', '.join(plan.splits)}"
    yield f"Classes     {plan.classes:,} of {plan.classes_of:,}{limit}"
    yield f"Segments    {plan.segments:,} in {plan.videos:,} videos"
    if plan.videos_to_ask < plan.videos:
        yield f"To ask      about {plan.videos_to_ask:,} videos"
    yield f"Clips       about {plan.clips:,}, {_bytes(plan.disk_bytes)} on disk"
    for title, sizes in (("Smallest", plan.smallest), ("Largest", plan.largest)):
        yield f"{title} classes                      segments   clips"
        for size in sizes:
            yield f"  {size.name[:32]:<32} {size.rows:>9,} {size.clips:>9,.1f}"
    yield "Requests"
    for stage in plan.stages:
        yield f"  {stage.stage:<9} {stage.requests:>12,}  {stage.of}"
    yield f"{'Time at the permitted rate':<46} {'licenses':>10} {'clips':>10}"
    for duration in plan.durations:
        yield _duration(duration)
    if plan.changes:
        yield "What would change that"
        for change in plan.changes:
            hours = _hours(change.license_hours)
            yield f"  {change.setting:<44} {change.videos:>10,} videos, licenses {hours}"
    basis = plan.assumptions
    yield (
        f"Assumed: {basis.answered_share:.0%} of the videos answer,"
        f" {basis.creative_commons_share:.2%} of those are Creative Commons,"
        f" {basis.bytes_a_clip / 1e6:.2f} MB a clip"
    )
    yield f"  ({basis.source})"


def _duration(duration: Duration) -> str:
    licenses, clips = _hours(duration.license_hours), _hours(duration.clip_hours)
    by_video = duration.license_hours_by_video
    slower = f"   ({_hours(by_video)} if YouTube counts videos)" if by_video else ""
    return f"  {duration.way:<44} {licenses:>10} {clips:>10}{slower}"


def _hours(hours: float) -> str:
    if hours < 1:
        return f"{hours * 60:,.0f} min"
    return f"{hours:,.1f} h" if hours < 72 else f"{hours / 24:,.1f} days"


def _bytes(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.0f} MB"
