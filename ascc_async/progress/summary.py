"""What is said at the end of a run: done, missing and why, what to do, where everything is.

All numbers are sums over the manifest, so that summary, card and `status` agree.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ascc_async.dataset.counts import Counts
from ascc_async.model import License, Outcome
from ascc_async.pipeline.snapshot import RunSnapshot
from ascc_async.progress.advice import advice
from ascc_async.progress.log_sink import LOGS
from ascc_async.progress.words import count, duration, share, size

_NAMES = {
    Outcome.CLIP: "clips",
    Outcome.NOT_SHAREABLE: "not shareable",
    Outcome.UNAVAILABLE: "not available",
    Outcome.REJECTED: "rejected",
    Outcome.SPARE: "spare",
    Outcome.PENDING: "pending",
}
_ALWAYS = (Outcome.CLIP, Outcome.NOT_SHAREABLE, Outcome.UNAVAILABLE)
_UNTOLD = {Outcome.NOT_SHAREABLE: "standard license", Outcome.PENDING: "waiting for their turn"}
_FILES = (
    ("dataset/README.md", "the dataset card: start here"),
    ("dataset/manifest.csv", "every selected segment: license, outcome, reason, file"),
    ("dataset/CREDITS.md", "whom to credit when you share clips"),
    ("clips", "the sounds"),
    (LOGS, "what happened, in detail"),
)


def summary(counts: Counts, snapshot: RunSnapshot, output_dir: Path) -> str:
    """The whole text, for people."""
    parts = (_headline(counts, snapshot), numbers(counts), missing(counts), places(output_dir))
    return "\n\n".join(part for part in parts if part)


def summary_fields(counts: Counts, snapshot: RunSnapshot, output_dir: Path) -> dict[str, Any]:
    """The same for programs: JSON-ready, with stable names."""
    return {
        "seconds": round(snapshot.at - snapshot.started_at, 3),
        "draining": snapshot.stopping.draining,
        "asked_now": snapshot.answered,
        "clips_now": snapshot.clips_made,
        "media_bytes_now": snapshot.media_bytes,
        **number_fields(counts),
        "output_dir": str(output_dir),
    }


def number_fields(counts: Counts) -> dict[str, Any]:
    """The manifest's sums, JSON-ready. `reasons` by outcome, then reason."""
    reasons: dict[str, dict[str, int]] = {}
    for (outcome, reason), number in counts.reasons.items():
        if reason:
            reasons.setdefault(outcome, {})[reason] = number
    return {
        "segments": counts.segments,
        "asked": counts.asked,
        "creative_commons": counts.license(License.CREATIVE_COMMONS),
        "unknown": counts.license(License.UNKNOWN),
        "outcomes": {outcome.value: counts.outcome(outcome) for outcome in Outcome},
        "reasons": reasons,
        "clip_seconds": counts.seconds,
        "clip_bytes": counts.bytes,
        "channels": counts.channels,
        "advice": [
            {"about": list(one.about), "segments": one.number, "remedy": one.remedy}
            for one in advice(counts)
        ],
    }


def _headline(counts: Counts, snapshot: RunSnapshot) -> str:
    took = duration(snapshot.at - snapshot.started_at)
    left = f"{count(counts.pending)} segments are left"
    if snapshot.stopping.draining and counts.pending:
        return f"Stopped after {took}. {left}: the same command goes on with them."
    if not snapshot.answered and not snapshot.clips_made:
        return f"Done: nothing was left to ask or to fetch ({took})."
    waiting = f" {left} for a later run." if counts.pending else ""
    return (
        f"Done in {took}: {count(snapshot.answered)} videos asked and"
        f" {count(snapshot.clips_made)} clips made ({size(snapshot.media_bytes)} fetched)"
        f" in this run.{waiting}"
    )


def numbers(counts: Counts) -> str:
    """What the manifest adds up to, a line for each number."""
    answered = counts.asked - counts.license(License.UNKNOWN)
    shareable = counts.license(License.CREATIVE_COMMONS)
    rows = [
        (counts.segments, "segments", f"selected; {count(counts.asked)} were asked about"),
        (
            shareable,
            "Creative Commons",
            f"{share(shareable, answered)} of the {count(answered)} answered",
        ),
        *_outcomes(counts),
    ]
    wide = max(len(count(number)) for number, _, _ in rows)
    lines = (f"{count(number):>{wide}}  {name:<16}  {note}".rstrip() for number, name, note in rows)
    return "\n".join(lines)


def _outcomes(counts: Counts) -> Iterator[tuple[int, str, str]]:
    for outcome, name in _NAMES.items():
        number = counts.outcome(outcome)
        if number or outcome in _ALWAYS:
            yield number, name, _sound(counts) if outcome is Outcome.CLIP else _why(counts, outcome)


def _sound(counts: Counts) -> str:
    if not counts.clips:
        return ""
    return (
        f"{duration(counts.seconds)} of sound, {size(counts.bytes)},"
        f" {count(counts.channels)} channels to credit"
    )


def _why(counts: Counts, outcome: Outcome) -> str:
    """The reasons of an outcome, biggest first."""
    if outcome is Outcome.SPARE:
        return "beyond sampling.max_per_class"
    reasons = [
        (number, reason or _UNTOLD.get(outcome, "no reason told"))
        for (told, reason), number in counts.reasons.items()
        if told == outcome
    ]
    return ", ".join(f"{name} {count(number)}" for number, name in sorted(reasons, reverse=True))


def missing(counts: Counts) -> str:
    """What to do about each group that is missing; "" when nothing is."""
    told = [
        f"- {', '.join(one.about)} ({count(one.number)}): {one.remedy}." for one in advice(counts)
    ]
    return "\n".join(["What to do about what is missing:", *told]) if told else ""


def places(output_dir: Path) -> str:
    """Where everything is: only what exists."""
    there = [(name, what) for name, what in _FILES if (output_dir / name).exists()]
    wide = max((len(name) for name, _ in there), default=0)
    lines = [f"  {name:<{wide}}  {what}" for name, what in there]
    return "\n".join([f"Where everything is: {output_dir}", *lines])
