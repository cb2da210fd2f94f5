"""The report at the end of a run and of `status`: done, missing and why, what to do, where.

All numbers are sums over the manifest, so that report, card and `status` agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ascc_async.dataset.counts import Counts
from ascc_async.dataset.reasons import REASON_FACTS
from ascc_async.dataset.text import counted
from ascc_async.files import size
from ascc_async.model import License, Outcome, Reason
from ascc_async.pipeline.snapshot import RunSnapshot
from ascc_async.progress.formatting import count, duration, share
from ascc_async.progress.logs import LOGS

UNTRIED = "not tried yet"
UNTRIED_REMEDY = (
    "not tried yet: run the same command again to continue (with sampling.max_per_class it tries no"
    " more than that needs)"
)
UNFINISHED = "tried, not finished"
UNFINISHED_REMEDY = (
    "tried, not finished: each run tries again; where YouTube keeps refusing to play a video and"
    " does not say why, cookies (docs/cookies.md) or another address (network.proxy) may help"
)
OUTCOME_NAMES = {
    Outcome.CLIP: "clips",
    Outcome.NOT_SHAREABLE: "not shareable",
    Outcome.UNAVAILABLE: "not available",
    Outcome.REJECTED: "rejected",
    Outcome.SPARE: "spare",
    Outcome.PENDING: "pending",
}
# Also where it is 0: a reader would else wonder whether it was counted.
_ALWAYS_SHOWN = (Outcome.CLIP, Outcome.NOT_SHAREABLE, Outcome.UNAVAILABLE)
_WITHOUT_REASON = {Outcome.NOT_SHAREABLE: "standard license"}
# In the order in which a newcomer opens them.
_FILES = (
    ("dataset/README.md", "the dataset card: start here"),
    ("dataset/manifest.csv", "every selected segment: license, outcome, reason, file"),
    ("dataset/CREDITS.md", "whom to credit when you share clips"),
    ("clips", "the sounds"),
    (LOGS, "what happened, in detail"),
)


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do about some segments: which (their reasons), how many, what."""

    about: tuple[str, ...]
    number: int
    remedy: str


def advice(counts: Counts) -> list[Advice]:
    """What to do about each group that is missing: first what can be helped, most first."""
    reasons = [(reason, number) for (_, reason), number in counts.reasons.items() if reason]
    remedies = (UNTRIED_REMEDY, UNFINISHED_REMEDY)
    return advice_about(reasons, zip(remedies, _pending(counts), strict=True))


def advice_about(
    reasons: Iterable[tuple[str, int]], pending: Iterable[tuple[str, int]] = ()
) -> list[Advice]:
    """The same by how many there are of each reason, and what to do about so many pending ones."""
    # By remedy, as several reasons share one: nobody wants to read it five times.
    groups: dict[str, list[tuple[str, int]]] = {}
    for reason, number in reasons:
        groups.setdefault(REASON_FACTS[Reason(reason)].remedy, []).append((reason, number))
    for remedy, number in pending:
        if number:
            groups[remedy] = [(Outcome.PENDING, number)]
    advices = [
        Advice(
            tuple(dict.fromkeys(name for name, _ in group)),
            sum(number for _, number in group),
            remedy,
        )
        for remedy, group in groups.items()
    ]
    # What cannot be helped comes last, however much of it there is.
    hopeless = {facts.remedy for facts in REASON_FACTS.values() if facts.hopeless}
    return sorted(advices, key=lambda item: (item.remedy in hopeless, -item.number))


def _pending(counts: Counts) -> tuple[int, int]:
    """Of the pending rows without a reason those not tried yet, and those tried in vain."""
    return counts.untried, counts.reasons.get((Outcome.PENDING, ""), 0) - counts.untried


def report(counts: Counts, snapshot: RunSnapshot, output_dir: Path) -> str:
    """The report at the end of a run, for people."""
    took = duration(snapshot.at - snapshot.started_at)
    left = f"{count(counts.left)} segments are left"
    if not counts.left and snapshot.missing:
        left = f"{count(snapshot.missing)} videos are left to ask why they are missing"
    if snapshot.stopping.draining and (counts.left or snapshot.missing):
        headline = f"Stopped after {took}. {left}: run the same command again to continue."
    elif not snapshot.answered and not snapshot.clips_made:
        headline = f"Done: nothing was left to do ({took})."
    else:
        # What is not tried by now max_per_class does not need.
        later = counts.left - counts.untried
        headline = (
            f"Done in {took}: {count(snapshot.answered)} videos asked about and"
            f" {count(snapshot.clips_made)} clips made ({size(snapshot.media_bytes)} fetched)"
            " in this run."
            + (f" {counted(later, 'segment')} will be tried again by a later run." if later else "")
        )
    return "\n\n".join([headline, *sums(counts, output_dir)])


def report_fields(counts: Counts, snapshot: RunSnapshot, output_dir: Path) -> dict[str, Any]:
    """The same for programs: JSON-ready, with stable names."""
    return {
        "seconds": round(snapshot.at - snapshot.started_at, 3),
        "draining": snapshot.stopping.draining,
        "asked_now": snapshot.answered,
        "clips_now": snapshot.clips_made,
        "media_bytes_now": snapshot.media_bytes,
        **count_fields(counts),
        "output_dir": str(output_dir),
    }


def count_fields(counts: Counts) -> dict[str, Any]:
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
            {"about": list(item.about), "segments": item.number, "remedy": item.remedy}
            for item in advice(counts)
        ],
    }


def sums(counts: Counts, output_dir: Path) -> Iterator[str]:
    """Paragraphs: what the manifest adds up to, what to do, where everything is."""
    # «Unknown» is no answer: counted in, it would make Creative Commons look rarer than it is.
    answered = counts.asked - counts.license(License.UNKNOWN)
    shareable = counts.license(License.CREATIVE_COMMONS)
    of_answered = f"{share(shareable, answered)} of the {count(answered)} answered"
    rows = [
        (counts.segments, "segments", f"selected; {count(counts.asked)} were asked about"),
        (shareable, "Creative Commons", of_answered),
    ]
    for outcome, name in OUTCOME_NAMES.items():
        number = counts.outcome(outcome)
        if number or outcome in _ALWAYS_SHOWN:
            rows.append((number, name, _note(counts, outcome)))
    width = max(len(count(number)) for number, _, _ in rows)
    yield "\n".join(
        f"{count(number):>{width}}  {name:<16}  {note}".rstrip() for number, name, note in rows
    )

    if advices := advice(counts):
        lines = (f"- {', '.join(a.about)} ({count(a.number)}): {a.remedy}." for a in advices)
        yield "\n".join(["What to do about what is missing:", *lines])

    # Only what exists: a first run that was stopped early has no dataset yet.
    files = [(name, what) for name, what in _FILES if (output_dir / name).exists()]
    width = max((len(name) for name, _ in files), default=0)
    lines = (f"  {name:<{width}}  {what}" for name, what in files)
    yield "\n".join([f"Where everything is: {output_dir}", *lines])


def _note(counts: Counts, outcome: Outcome) -> str:
    """How much sound the clips are; the reasons of any other outcome, biggest first."""
    if outcome is Outcome.CLIP:
        sound = f"{duration(counts.seconds)} of sound, {size(counts.bytes)}"
        return f"{sound}, {counted(counts.channels, 'channel')} to credit" if counts.clips else ""
    if outcome is Outcome.SPARE:
        return "fetched, but more than sampling.max_per_class asks for"
    reasons = [
        (number, reason or _WITHOUT_REASON.get(outcome, "no reason given"))
        for (of_outcome, reason), number in counts.reasons.items()
        if of_outcome == outcome and (reason or outcome is not Outcome.PENDING)
    ]
    if outcome is Outcome.PENDING:
        names = zip(_pending(counts), (UNTRIED, UNFINISHED), strict=True)
        reasons += [(number, name) for number, name in names if number]
    return ", ".join(f"{name} {count(number)}" for number, name in sorted(reasons, reverse=True))
