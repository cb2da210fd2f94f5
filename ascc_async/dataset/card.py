"""The dataset card `dataset/README.md`, in the form Hugging Face reads; numbers from the counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import yaml

from ascc_async.audioset.selection import ChosenClass
from ascc_async.dataset.counts import Counts
from ascc_async.dataset.reasons import REASON_FACTS
from ascc_async.dataset.terms import CITATIONS, LICENSES, TITLE, TOOL
from ascc_async.dataset.text import counted, markdown
from ascc_async.model import Outcome, Reason
from ascc_async.settings import Settings

# Hugging Face knows these names only, and filters by them.
SIZES = (
    (1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"),
)  # fmt: skip
# Hugging Face shows each as a table of its own, the first one when nothing is asked for.
_CONFIGS: list[dict[str, object]] = [
    {"config_name": "manifest", "data_files": "manifest.csv", "default": True},
    {"config_name": "labels", "data_files": "labels.csv"},
    {"config_name": "attribution", "data_files": "ATTRIBUTION.csv"},
    {"config_name": "quality", "data_files": "quality.csv"},
]


def card(counts: Counts, classes: Sequence[ChosenClass], settings: Settings) -> str:
    """The whole card."""
    limit = settings.sampling.max_per_class
    # Every outcome has its column, also where it never occurs: cards of two runs compare.
    by_split = Counter[tuple[str, str]]()
    for kind, number in counts.kinds.items():
        by_split[kind.split, kind.outcome] += number
    splits: list[tuple[object, ...]] = [
        (name, *(by_split[name, outcome] for outcome in Outcome))
        for name in sorted({kind.split for kind in counts.kinds})
    ]
    splits.append(("**all**", *(counts.outcome(outcome) for outcome in Outcome)))
    kept = "Kept as the source had them.\n\n" if settings.clips.sample_rate is None else ""
    sections = (
        ("How it was made", _how_made(settings)),
        ("The files", _FILES),
        ("Clips per split", table(("split", *Outcome), splits)),
        ("Clips per class", _classes(counts, classes)),
        ("Sample rates", kept + table(("Hz", "clips"), counts.sample_rates.items())),
        (
            "What is missing, and why",
            missing(
                counts,
                limited=limit is not None,
                listed_in="`manifest.csv` and `unavailable.csv`",
            ),
        ),
        ("Licenses", LICENSES),
        ("How to cite", f"Please cite AudioSet, and MetaAudio.\n\n{CITATIONS}"),
        ("How to publish a copy", _PUBLISHING),
        ("How to have something removed", _REMOVAL),
    )
    body = "".join(f"\n## {title}\n\n{text}" for title, text in sections)
    front = {
        "pretty_name": TITLE,
        # The sounds, AudioSet's labels, and its ontology.
        "license": ["cc-by-3.0", "cc-by-4.0", "cc-by-sa-4.0"],
        "language": ["en"],
        "task_categories": ["audio-classification"],
        "size_categories": [next((n for most, n in SIZES if counts.clips < most), "1M<n<10M")],
        "tags": ["audio", "audioset", "sound-events", "creative-commons", "few-shot"],
        "configs": _CONFIGS,
    }
    # In the given order: a reader expects name and license first.
    matter = yaml.safe_dump(front, sort_keys=False, allow_unicode=True)
    return f"---\n{matter}---\n\n# {TITLE}\n\n{_WHAT_IT_IS}\n{_in_short(counts)}{body}"


def _in_short(counts: Counts) -> str:
    hours, rest = divmod(round(counts.seconds), 3600)
    length = f"{hours:,} h {rest // 60} min" if hours else f"{rest // 60} min {rest % 60} s"
    seen = ""
    if counts.clips:
        seen = f" Licenses seen between {counts.first_checked} and {counts.last_checked}."
    return (
        f"**{counted(counts.clips, 'clip')}**, {length} of sound,"
        f" {counts.bytes / 1e6:,.1f} MB, from {counted(counts.channels, 'channel')}."
        f" Segments selected: {counts.segments:,}; asked about: {counts.asked:,}.{seen}\n"
    )


def _how_made(settings: Settings) -> str:
    clips, limit = settings.clips, settings.sampling.max_per_class
    container = "MP4, with picture" if clips.media == "video" else clips.format.upper()
    rate = "the source's sample rate" if clips.sample_rate is None else f"{clips.sample_rate} Hz"
    channels = {None: "the source's channels", 1: "mono", 2: "two channels"}[clips.channels]
    text = _HOW_MADE.format(
        days=f"{settings.license.recheck_after_days:g}",
        tool=TOOL,
        form=f"{container}, {rate}, {channels}",
    )
    if limit is not None:
        verb = "was" if limit == 1 else "were"
        text += f"Of each class, {counted(limit, 'clip')} {verb} wanted, drawn by the seed.\n"
    return text


def _classes(counts: Counts, classes: Sequence[ChosenClass]) -> str:
    held = [item for item in classes if counts.classes.get(item.mid)]
    rows = [(markdown(item.name), f"`{item.mid}`", counts.classes[item.mid]) for item in held]
    # Only classes with clips: AudioSet has 527, and most would be rows of zeros in a small set.
    text = "A clip may hold several classes, and counts for each.\n\n"
    text += table(("class", "MID", "clips"), rows)
    if empty := len(classes) - len(held):
        text += f"\n{empty:,} of the {len(classes):,} chosen classes have no clip.\n"
    return text


def missing(counts: Counts, *, limited: bool, listed_in: str) -> str:
    """What is not in the dataset, by outcome and reason. `limited`: not all were asked for.

    `listed_in`: the files that name every segment.
    """
    rows = []
    for (outcome, reason), number in counts.reasons.items():
        if outcome == Outcome.CLIP:
            continue
        meaning = (
            REASON_FACTS[Reason(reason)].meaning if reason else OUTCOME_MEANINGS[Outcome(outcome)]
        )
        # Under a limit most segments are never asked about: «not finished» would mislead.
        if limited and outcome == Outcome.PENDING and not reason:
            meaning = "not needed, as its classes have the clips wanted, or not finished"
        rows.append((outcome, reason, meaning, number))
    if not rows:
        return "Nothing: every selected segment is here.\n"
    header = ("outcome", "reason", "meaning", "segments")
    return f"Segment by segment: {listed_in}.\n\n{table(header, rows)}"


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    for row in rows:
        # Texts from outside were escaped by the caller: a `|` would break the table.
        cells = (f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


OUTCOME_MEANINGS: dict[Outcome, str] = {
    Outcome.NOT_SHAREABLE: "not Creative Commons, so not kept (or asked to be left out)",
    Outcome.UNAVAILABLE: "the video could not be had when it was asked for",
    Outcome.REJECTED: "the video is there, its sound in the segment is not usable",
    Outcome.PENDING: "not finished: a further run goes on with it",
    Outcome.SPARE: "fetched, but beyond the wanted number of clips per class",
}

_WHAT_IT_IS = """\
The part of [AudioSet](https://research.google.com/audioset/) that may be shared: clips of about
ten seconds, each from a YouTube video whose author chose the Creative Commons Attribution license,
with AudioSet's human labels, full credits and the time at which the license was seen.
"""

_HOW_MADE = """\
For every selected segment of AudioSet, YouTube was asked for the license of its video. Only where
the answer was Creative Commons, and no older than {days} days, the sound of the segment was fetched
and cut to the sample ({form}). Nothing was normalised, denoised or otherwise altered. Empty,
silent and undecodable clips were left out. `quality.csv` tells level, silence and clipping of each.
`run.json` holds the settings, the seed, the versions of the tools and the hashes of AudioSet's
files. Made with [ascc_async]({tool}).
"""

_FILES = """\
| file | what |
| --- | --- |
| `manifest.csv` | one row for every selected segment, also those that are not in the dataset |
| `labels.csv` | `segment_id` and a column per class: 1 where AudioSet gives the clip the class |
| `classes/<display name>.csv` | per class, the clips that hold it |
| `suitable_classes.csv` | the chosen classes: index, MID, display name, quality |
| `quality.csv` | per clip: peak, RMS, share of silence, share of clipping |
| `ATTRIBUTION.csv`, `CREDITS.md` | title, author, source, license and changes of every clip |
| `evidence.warc.gz` | what YouTube answered about each license; the manifest names the record |
| `unavailable.csv` | what could not be had, with the reason |
| `run.json` | settings, seed, versions, hashes of the inputs |
| `LICENSE.md`, `CITATION.cff` | what each part may be used for; how to cite |
| `SHA256SUMS` | of all these files and all clips, for `sha256sum -c dataset/SHA256SUMS` |

The clips are under `clips/`, beside the folder of these files; `path` in the manifest is relative
to the folder that holds both. A file the manifest does not name as `clip` is not part of the
dataset. In all tables a text that a spreadsheet would take for a formula, or that starts with an
apostrophe, has an apostrophe in front: drop one leading apostrophe to get the text as it was.

```python
import pandas as pd
manifest = pd.read_csv("manifest.csv", dtype={"reason": "string"})
clips = manifest[manifest.outcome == "clip"]
```
"""

_PUBLISHING = """\
Share `dataset/` whole, with the clips that it names: the credits must stay with the sounds. In the
folder that holds `dataset/` and `clips/`, `sha256sum -c dataset/SHA256SUMS` says whether a copy is
whole. For readers who want rows that play, `python -m ascc_async export parquet` makes a folder for
Hugging Face and prints the line that uploads it (`hf upload NAME FOLDER --repo-type dataset`);
`export webdataset` makes tar files with sound, labels and credit together.
"""

_REMOVAL = """\
Are you the author of a sound in here and want it taken out? Write to whoever publishes this copy,
with the link of the video or of your channel; no reason is needed. For the publisher: put the
video's id, the channel's id or the link on a line of `removals.txt` (in the folder that holds
`dataset/` and `clips/`) and run again. Every run and every rebuild leaves out what it names.
"""
