"""A plan as plain text."""

from __future__ import annotations

from collections.abc import Iterator

from ascc_async.audioset.plan import ClassSize, Duration, Plan


def render_plan(plan: Plan) -> str:
    """The plan as text, ready to be printed."""
    return "\n".join(_lines(plan))


def _lines(plan: Plan) -> Iterator[str]:
    limit = f", at most {plan.max_per_class} clips each" if plan.max_per_class else ""
    yield f"Splits      {', '.join(plan.splits)}"
    yield f"Classes     {plan.classes:,} of {plan.classes_of:,}{limit}"
    yield f"Segments    {plan.segments:,} in {plan.videos:,} videos"
    if plan.videos_to_ask < plan.videos:
        yield f"To ask      about {plan.videos_to_ask:,} videos"
    yield f"Clips       about {plan.clips:,}, {_size(plan.disk_bytes)} on disk"
    yield from _sizes("Smallest", plan.smallest)
    yield from _sizes("Largest", plan.largest)
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
    share = plan.assumptions
    yield (
        f"Assumed: {share.answered_share:.0%} of the videos answer,"
        f" {share.creative_commons_share:.2%} of those are Creative Commons,"
        f" {share.bytes_a_clip / 1e6:.2f} MB a clip"
    )
    yield f"  ({share.source})"
    for warning in plan.warnings:
        yield f"Note: {warning}"


def _sizes(title: str, sizes: tuple[ClassSize, ...]) -> Iterator[str]:
    yield f"{title} classes                      segments   clips"
    for size in sizes:
        yield f"  {size.name[:32]:<32} {size.rows:>9,} {size.clips:>9,.1f}"


def _duration(duration: Duration) -> str:
    licenses, clips = _hours(duration.license_hours), _hours(duration.clip_hours)
    by_video = duration.license_hours_by_video
    slower = f"   ({_hours(by_video)} if YouTube counts videos)" if by_video else ""
    return f"  {duration.way:<44} {licenses:>10} {clips:>10}{slower}"


def _hours(hours: float) -> str:
    if hours < 1:
        return f"{hours * 60:,.0f} min"
    return f"{hours:,.1f} h" if hours < 72 else f"{hours / 24:,.1f} days"


def _size(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.0f} MB"
