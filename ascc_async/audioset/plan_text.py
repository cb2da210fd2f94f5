"""A plan, and the table of classes, as plain text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ascc_async.audioset.catalog import Catalog
from ascc_async.audioset.classes import choose_classes
from ascc_async.audioset.plan import RunPlan
from ascc_async.settings import ClassesSettings


def render_plan(plan: RunPlan) -> str:
    """The plan as text, ready to be printed; its warnings are for the caller to print."""
    limit = f", at most {plan.max_per_class} clips each" if plan.max_per_class else ""
    size = plan.disk_bytes
    disk = f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.0f} MB"
    lines = [
        f"Splits      {', '.join(plan.splits)}",
        f"Classes     {plan.classes:,} of {plan.classes_of:,}{limit}",
        f"Segments    {plan.segments:,} in {plan.videos:,} videos",
    ]
    if plan.videos_to_ask < plan.videos:
        lines.append(f"To ask      about {plan.videos_to_ask:,} videos")
    lines.append(f"Clips       about {plan.clips:,}, {disk} on disk")

    for title, sizes in (("Smallest", plan.smallest), ("Largest", plan.largest)):
        lines.append(f"{title} classes                      segments   clips")
        lines += [f"  {one.name[:32]:<32} {one.rows:>9,} {one.clips:>9,.1f}" for one in sizes]

    lines.append("Requests")
    lines += [f"  {one.stage:<9} {one.requests:>12,}  {one.of}" for one in plan.stages]
    lines.append(f"{'Time at the permitted rate':<46} {'licenses':>10} {'clips':>10}")
    for duration in plan.durations:
        licenses, clips = _hours(duration.license_hours), _hours(duration.clip_hours)
        # Nobody outside knows whether YouTube's limit counts requests or videos: both are shown.
        by_video = duration.license_hours_by_video
        slower = f"   ({_hours(by_video)} if YouTube counts videos)" if by_video else ""
        lines.append(f"  {duration.way:<44} {licenses:>10} {clips:>10}{slower}")
    if plan.changes:
        lines.append("What would change that")
        lines += [
            f"  {one.setting:<44} {one.videos:>10,} videos, licenses {_hours(one.license_hours)}"
            for one in plan.changes
        ]

    basis = plan.assumptions
    lines.append(
        f"Assumed: {basis.answered_share:.0%} of the videos answer,"
        f" {basis.creative_commons_share:.2%} of those are Creative Commons,"
        f" {basis.bytes_a_clip / 1e6:.2f} MB a clip"
    )
    return "\n".join([*lines, f"  ({basis.source})"])


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


def _hours(hours: float) -> str:
    if hours < 1:
        return f"{hours * 60:,.0f} min"
    # Beyond three days nobody divides by 24 in the head.
    return f"{hours:,.1f} h" if hours < 72 else f"{hours / 24:,.1f} days"
