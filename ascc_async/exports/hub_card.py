"""The card of `export parquet`, in the form Hugging Face reads, and its license notice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ascc_async.dataset.card import SIZES, missing, table
from ascc_async.dataset.counts import Counts
from ascc_async.dataset.terms import CITATIONS, LICENSES, TITLE, TOOL
from ascc_async.dataset.text import counted, markdown
from ascc_async.exports.folder import code_to_read
from ascc_async.exports.parquet_tables import uncompressed_bytes
from ascc_async.exports.rows import Published, Row

LICENSE_NOTICE = """\
The sounds in this dataset are licensed by their authors, who are named in ATTRIBUTION.csv and
CREDITS.md, under

    Creative Commons Attribution 3.0 Unported (CC BY 3.0)
    https://creativecommons.org/licenses/by/3.0/legalcode

AudioSet's labels are Google's, under

    Creative Commons Attribution 4.0 International (CC BY 4.0)
    https://creativecommons.org/licenses/by/4.0/legalcode

AudioSet's ontology (the names of the classes and their order) is Google's, under

    Creative Commons Attribution-ShareAlike 4.0 International (CC BY-SA 4.0)
    https://creativecommons.org/licenses/by-sa/4.0/legalcode

LICENSES.md says which part is which, and what each asks of you.
"""
# Which of AudioSet's splits a configuration reads, by the name it has there.
_CONFIGS: dict[str, dict[str, tuple[str, ...]]] = {
    "default": {},
    "balanced": {"train": ("balanced_train",), "test": ("eval",)},
    "full": {"train": ("balanced_train", "unbalanced_train"), "test": ("eval",)},
}


def hub_card(
    folder: Path,
    shards: Mapping[str, Sequence[Row]],
    features: Mapping[str, Any],
    published: Published,
    counts: Counts,
    *,
    limited: bool,
) -> str:
    """The whole card; sizes are those of the tables in `folder`.

    `limited`: the run wanted only so many clips per class.
    """
    rows = published.rows
    sizes: dict[str, int] = {}
    for name, (first, *_) in shards.items():
        sizes[first.split] = sizes.get(first.split, 0) + uncompressed_bytes(folder / name)
    clips = {split: sum(row.split == split for row in rows) for split in sizes}
    configs, infos = [], []
    for config, parts in _CONFIGS.items():
        wanted = parts or {split: (split,) for split in sizes}
        there = {name: [split for split in splits if split in sizes]
                 for name, splits in wanted.items()}  # fmt: skip
        there = {name: splits for name, splits in there.items() if splits}
        if not there:
            continue
        files = [
            {"split": name, "path": [f"data/{split}-*" for split in splits]}
            for name, splits in there.items()
        ]
        configs.append({"config_name": config, "data_files": files})
        numbers: list[dict[str, Any]] = [
            {"name": name, "num_bytes": sum(sizes[split] for split in splits),
             "num_examples": sum(clips[split] for split in splits)}
            for name, splits in there.items()
        ]  # fmt: skip
        total = sum(number["num_bytes"] for number in numbers)
        info = {"config_name": config, "splits": numbers, "dataset_size": total}
        if config == "default":  # the others have the same, and the tables say it as well
            info["features"] = [_yaml_feature(*item) for item in features.items()]
        infos.append(info)
    front = {
        "pretty_name": TITLE,
        "license": ["cc-by-3.0", "cc-by-4.0", "cc-by-sa-4.0"],
        "language": ["en"],
        "annotations_creators": ["expert-generated", "crowdsourced"],
        "source_datasets": ["extended|other-audioset"],
        "task_categories": ["audio-classification"],
        "size_categories": [next((n for most, n in SIZES if len(rows) < most), "1M<n<10M")],
        "tags": ["audio", "audioset", "sound-events", "creative-commons", "few-shot"],
        "configs": configs,
        "dataset_info": infos,
    }
    matter = yaml.safe_dump(front, sort_keys=False, allow_unicode=True)
    splits = [(f"`{split}`", clips[split], f"{sizes[split] / 1e6:,.1f}") for split in sizes]
    holds = dict.fromkeys(published.names.values(), 0)
    for row in rows:
        for name in row.human_labels:
            holds[name] += 1
    classes = [(markdown(name), number) for name, number in holds.items() if number]
    seconds = sum(row.duration_seconds for row in rows)
    return _BODY.format(
        matter=matter,
        title=TITLE,
        clips=counted(len(rows), "clip"),
        hours=f"{seconds / 3600:,.2f}",
        channels=counted(len({row.channel_id for row in rows}), "channel"),
        splits=table(("split", "clips", "MB"), splits),
        classes=table(("class", "clips"), classes),
        absent=len(published.names) - len(classes),
        missing=missing(counts, limited=limited, listed_in="`manifest.parquet`"),
        licenses=LICENSES,
        citations=CITATIONS,
        tool=TOOL,
        split=next(iter(sizes)),
        format=Path(rows[0].path).suffix[1:].upper(),
        read=code_to_read(rows[0].path, 'clip["audio"]["bytes"]'),
    )


def _yaml_feature(name: str, feature: Any) -> dict[str, Any]:
    """A column as the card's front matter has it."""
    if isinstance(feature, list):
        inner = _yaml_feature("", feature[0])
        del inner["name"]
        if list(inner) == ["dtype"] and isinstance(inner["dtype"], str):
            return {"name": name, "list": inner["dtype"]}
        return {"name": name, "list": inner.get("struct", inner)}
    kind = feature.get("_type")
    if kind == "ClassLabel":
        names = {str(index): label for index, label in enumerate(feature["names"])}
        return {"name": name, "dtype": {"class_label": {"names": names}}}
    if kind == "Audio":
        return {"name": name, "dtype": "audio"}
    if kind == "Value":
        return {"name": name, "dtype": feature["dtype"]}
    return {"name": name, "struct": [_yaml_feature(*item) for item in feature.items()]}


_BODY = """\
---
{matter}---

# {title}

The part of [AudioSet](https://research.google.com/audioset/) that may be shared: **{clips}** of
about ten seconds, {hours} hours, from {channels} on YouTube whose authors chose the Creative
Commons Attribution license. Every row holds the sound, AudioSet's human labels, whom to credit,
and when the license was seen.

## Hear one
```python
import io
import soundfile
from datasets import Audio, load_dataset

clips = load_dataset("NAME", split="{split}")  # or the folder of this file
clip = clips.cast_column("audio", Audio(decode=False))[0]  # decode=False needs no torch
{read}
print(clip["human_labels"], clip["title"], clip["author"], clip["license"], rate)

import sounddevice  # pip install sounddevice
sounddevice.play(samples, rate, blocking=True)
```
DuckDB: `SELECT human_labels, title FROM 'data/*.parquet'`. Configurations: `default` has
AudioSet's own splits; `balanced` (train: balanced_train, test: eval) and `full` (train: both
training splits, test: eval) are those that papers use.

## Splits
{splits}
## What a row holds
| column | what |
| --- | --- |
| `video_id`, `segment_id` | the video, and AudioSet's segment of it |
| `start_seconds`, `end_seconds` | where in the video the segment lies |
| `audio` | `bytes`: the clip's file ({format}) as it is; `path`: its name |
| `labels`, `human_labels`, `label_indices` | MIDs, names, places in AudioSet's class list |
| `duration_seconds`, `sample_rate`, `channels`, `sha256` | of the clip |
| `peak_dbfs`, `rms_dbfs`, `silence_share`, `clipping_share` | level; shares from 0 to 1 |
| `title`, `author`, `channel_id`, `channel_link` | whom to credit |
| `source_link` | the video at the clip's start |
| `license`, `license_link`, `license_seen_at` | the license, and when it was seen |
| `evidence` | the record of `evidence.warc.gz` (WARC 1.1) with what YouTube answered about it |
| `changes` | what was done to the sound |
| `strong_labels` | where joined: when each sound begins and ends |
| `vggish` | where joined: Google's features, 128 numbers a second |

`manifest.parquet` has a row for every selected segment, also those that are not here;
`few_shot.parquet`, where there is one, a split of the classes for few-shot learning. Every file is
checked by `sha256sum -c SHA256SUMS`.

## How it was made
For every selected segment YouTube was asked for the license of its video. Only where the answer
was Creative Commons the sound of the segment was fetched and cut to the sample; what else was done
to it stands in `changes`. Empty, silent and undecodable clips were left out. `run.json` holds the
settings, the seed, the versions of the tools and the hashes of AudioSet's files. Made with
[ascc_async]({tool}).

## Clips per class
A clip may hold several classes, and counts for each. {absent:,} of AudioSet's classes have no clip.

{classes}
## What is missing, and why
{missing}
This part is not drawn at random: it leans towards channels that chose Creative Commons, and towards
videos that are still there. AudioSet's labels are those of its raters, errors included.

## Licenses
{licenses}
## How to cite
Please cite AudioSet, whose segments and labels these are, and MetaAudio, the benchmark for few-shot
learning that this dataset is made to serve. `CITATION.cff` holds both.

{citations}
## How to have something removed
Are you the author of a sound in here and want it taken out? Write to whoever publishes this copy
(on Hugging Face: the tab «Community»), with the link of the video or of your channel; no reason is
needed. For the publisher: put the link on a line of `removals.txt`, run `export parquet` again, and
upload with `--delete '*'`, which also takes away files that are no longer there.

## How to publish it
In this folder, with a NAME of your own such as `you/audioset-cc`. An upload that stopped goes on
where it was with the same command:
```sh
hf upload NAME . --repo-type dataset
```
"""
