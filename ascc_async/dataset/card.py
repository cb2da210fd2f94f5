"""The dataset card `dataset/README.md`, in the form Hugging Face reads; numbers from the counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import yaml

from ascc_async.dataset import card_words as words
from ascc_async.dataset.counts import Counts
from ascc_async.dataset.roster import DatasetClass
from ascc_async.dataset.text import counted, markdown
from ascc_async.model import Outcome, Reason
from ascc_async.settings import ClipsSettings

TITLE = "AudioSet, the Creative Commons part"

_SIZES = (
    (1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"),
)  # fmt: skip
_TABLES = {
    "manifest": "manifest.csv",
    "labels": "labels.csv",
    "attribution": "ATTRIBUTION.csv",
    "quality": "quality.csv",
}


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What the card says besides the counts."""

    classes: Sequence[DatasetClass]
    clips: ClipsSettings
    recheck_after_days: float
    max_per_class: int | None


def card(counts: Counts, facts: CardFacts) -> str:
    """The whole card."""
    sections = (
        ("", f"{words.WHAT_IT_IS}\n{_in_short(counts)}"),
        ("How it was made", _how_made(facts)),
        ("The files", words.FILES),
        ("Clips per split", _splits(counts)),
        ("Clips per class", _classes(counts, facts)),
        ("Sample rates", _sample_rates(counts, facts.clips)),
        ("What is missing, and why", _missing(counts, facts.max_per_class is not None)),
        ("Licenses", words.LICENSES),
        ("How to cite", f"Please cite AudioSet, and MetaAudio.\n\n{words.CITATIONS}"),
        ("How to have something removed", words.REMOVAL),
    )
    body = "\n".join((f"## {title}\n\n" if title else "") + text for title, text in sections)
    return f"---\n{_front_matter(counts)}---\n\n# {TITLE}\n\n{body}"


def _front_matter(counts: Counts) -> str:
    size = next((name for most, name in _SIZES if counts.clips < most), "1M<n<10M")
    configs = [
        {"config_name": name, "data_files": path, **({"default": True} if not place else {})}
        for place, (name, path) in enumerate(_TABLES.items())
    ]
    matter = {
        "pretty_name": TITLE,
        "license": ["cc-by-3.0", "cc-by-4.0"],
        "language": ["en"],
        "task_categories": ["audio-classification"],
        "size_categories": [size],
        "tags": ["audio", "audioset", "sound-events", "creative-commons", "few-shot"],
        "configs": configs,
    }
    return yaml.safe_dump(matter, sort_keys=False, allow_unicode=True)


def _in_short(counts: Counts) -> str:
    seen = ""
    if counts.clips:
        seen = f" Licenses seen between {counts.first_checked} and {counts.last_checked}."
    return (
        f"**{counted(counts.clips, 'clip')}**, {_length(counts.seconds)} of sound,"
        f" {counts.bytes / 1e6:,.1f} MB, from {counted(counts.channels, 'channel')}."
        f" Segments selected: {counts.segments:,}; asked about: {counts.asked:,}.{seen}\n"
    )


def _length(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours:,} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"


def _how_made(facts: CardFacts) -> str:
    text = words.HOW_MADE.format(days=f"{facts.recheck_after_days:g}", form=_form(facts.clips))
    if facts.max_per_class is not None:
        wanted = counted(facts.max_per_class, "clip")
        verb = "was" if facts.max_per_class == 1 else "were"
        text += f"Of each class, {wanted} {verb} wanted, drawn by the seed.\n"
    return text


def _form(clips: ClipsSettings) -> str:
    container = "MP4, with picture" if clips.media == "video" else clips.format.upper()
    rate = "the source's sample rate" if clips.sample_rate is None else f"{clips.sample_rate} Hz"
    channels = {None: "the source's channels", 1: "mono", 2: "two channels"}[clips.channels]
    return f"{container}, {rate}, {channels}"


def _splits(counts: Counts) -> str:
    names = sorted({split for split, _ in counts.splits})
    rows: list[tuple[object, ...]] = [
        (name, *(counts.splits.get((name, outcome), 0) for outcome in Outcome)) for name in names
    ]
    rows.append(("**all**", *(counts.outcome(outcome) for outcome in Outcome)))
    return _table(("split", *Outcome), rows)


def _classes(counts: Counts, facts: CardFacts) -> str:
    held = [item for item in facts.classes if counts.classes.get(item.mid)]
    rows = [(markdown(item.name), f"`{item.mid}`", counts.classes[item.mid]) for item in held]
    empty = len(facts.classes) - len(held)
    note = f"\n{empty:,} of the {len(facts.classes):,} chosen classes have no clip.\n"
    lead = "A clip may hold several classes, and counts for each.\n\n"
    return lead + _table(("class", "MID", "clips"), rows) + (note if empty else "")


def _sample_rates(counts: Counts, clips: ClipsSettings) -> str:
    kept = "Kept as the source had them.\n\n" if clips.sample_rate is None else ""
    return kept + _table(("Hz", "clips"), counts.sample_rates.items())


def _missing(counts: Counts, limited: bool) -> str:
    rows = [
        (outcome, reason, _why(Outcome(outcome), reason, limited), number)
        for (outcome, reason), number in counts.reasons.items()
        if outcome != Outcome.CLIP
    ]
    if not rows:
        return "Nothing: every selected segment is here.\n"
    lead = "Segment by segment: `manifest.csv` and `unavailable.csv`.\n\n"
    return lead + _table(("outcome", "reason", "meaning", "segments"), rows)


def _why(outcome: Outcome, reason: str, limited: bool) -> str:
    if reason:
        return words.REASONS[Reason(reason)]
    return words.LIMITED if limited and outcome is Outcome.PENDING else words.OUTCOMES[outcome]


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ("| " + " | ".join(_cells(row)) + " |" for row in rows)
    return "\n".join(lines) + "\n"


def _cells(row: Sequence[object]) -> Iterator[str]:
    for value in row:
        yield f"{value:,}" if isinstance(value, int) else str(value)
