"""AudioSet's metadata files, in the official format, for the stand-in's own list of videos.

The ontology is a small one: about forty of AudioSet's classes, chosen for their oddities.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ascc_async.standin.world import Video

OFFICIAL_ROWS = {"balanced_train": 22_160, "eval": 20_371, "unbalanced_train": 2_041_789}
CLASS_FILES = ("class_labels_indices.csv", "qa_true_counts.csv", "ontology.json")


@dataclass(frozen=True, slots=True)
class WorldClass:
    """One entry of the ontology.

    `children`: their MIDs, spaces between. `restriction`: "abstract" or "blacklist". `rated`: how
    many were rated and how many of them were right; None: only in the ontology, not in the class
    list.
    """

    mid: str
    name: str
    children: str = ""
    restriction: str = ""
    rated: tuple[int, int] | None = None
    weight: float = 1


# Names with commas and parentheses, two parents, abstract, blacklisted and unrated ones.
ONTOLOGY = (
    WorldClass("/m/0dgw9r", "Human sounds", "/m/09l8g /m/01w250", "abstract"),
    WorldClass("/m/09l8g", "Human voice", "/m/09x0r /m/015lz1", "abstract"),
    WorldClass("/m/09x0r", "Speech", "/m/05zppz /m/02zsn", rated=(10, 10), weight=12),
    WorldClass("/m/05zppz", "Male speech, man speaking", rated=(10, 9), weight=3),
    WorldClass("/m/02zsn", "Female speech, woman speaking", rated=(10, 10), weight=2),
    WorldClass("/m/015lz1", "Singing", rated=(9, 9)),
    WorldClass("/m/01w250", "Whistling", rated=(10, 7)),
    WorldClass("/m/0jbk", "Animal", "/m/068hy /m/01280g", rated=(10, 10), weight=3),
    WorldClass("/m/068hy", "Domestic animals, pets", "/m/0bt9lr /m/01yrx", rated=(9, 9), weight=2),
    WorldClass("/m/0bt9lr", "Dog", "/m/05tny_", rated=(10, 10), weight=3),
    WorldClass("/m/05tny_", "Bark", rated=(9, 9), weight=2),
    WorldClass("/m/01yrx", "Cat", "/m/07qrkrw", rated=(10, 10)),
    WorldClass("/m/07qrkrw", "Meow", rated=(10, 9)),
    WorldClass("/m/01280g", "Wild animals", "/m/015p6 /m/09ld4", rated=(10, 8)),
    WorldClass("/m/015p6", "Bird", "/m/020bb7 /m/04s8yn", rated=(10, 10), weight=3),
    WorldClass("/m/020bb7", "Bird vocalization, bird call, bird song", rated=(10, 10), weight=2),
    WorldClass("/m/04s8yn", "Crow", rated=(10, 9)),
    WorldClass("/m/09ld4", "Frog", rated=(9, 8)),
    WorldClass(
        "/m/04rlf", "Music", "/m/04szw /m/0kpv1t /t/dd00030 /m/074ft", rated=(10, 10), weight=12
    ),
    WorldClass("/m/04szw", "Musical instrument", "/m/0342h /m/05r5c", rated=(10, 9), weight=2),
    WorldClass("/m/0342h", "Guitar", "/m/042v_gx", rated=(10, 10), weight=2),
    WorldClass("/m/042v_gx", "Acoustic guitar", rated=(10, 6)),
    WorldClass("/m/05r5c", "Piano", rated=(10, 10)),
    WorldClass("/m/0kpv1t", "Music genre", "/m/03_d0", "abstract"),
    WorldClass("/m/03_d0", "Jazz", rated=(0, 0)),
    WorldClass("/t/dd00030", "Music mood", "/t/dd00031", "abstract"),
    WorldClass("/t/dd00031", "Happy music", rated=(0, 0)),
    WorldClass("/m/074ft", "Song", "", "blacklist", rated=(10, 3)),
    WorldClass("/m/059j3w", "Natural sounds", "/m/0838f /m/03m9d0z /m/0ngt1", "blacklist"),
    WorldClass("/m/03m9d0z", "Wind", rated=(10, 9), weight=2),
    WorldClass("/m/0ngt1", "Thunder", rated=(10, 10)),
    WorldClass("/m/0838f", "Water", "/m/06mb1", rated=(10, 10), weight=2),
    WorldClass("/m/06mb1", "Rain", rated=(10, 8)),
    WorldClass("/t/dd00041", "Sounds of things", "/m/07yv9 /m/07pp_mv", "blacklist"),
    WorldClass("/m/07yv9", "Vehicle", "/m/012f08", rated=(10, 10), weight=4),
    WorldClass("/m/012f08", "Motor vehicle (road)", "/m/0k4j /m/03j1ly", rated=(10, 9), weight=2),
    WorldClass("/m/0k4j", "Car", rated=(10, 9), weight=3),
    WorldClass("/m/03j1ly", "Emergency vehicle", "/m/04qvtq /m/012n7d", rated=(10, 10)),
    WorldClass("/m/04qvtq", "Police car (siren)", rated=(10, 9)),
    WorldClass("/m/012n7d", "Ambulance (siren)", rated=(9, 8)),
    WorldClass("/m/07pp_mv", "Alarm", "/m/03kmc9", rated=(10, 10)),
    WorldClass("/m/03kmc9", "Siren", "/m/04qvtq /m/012n7d", rated=(10, 10)),
    WorldClass("/t/dd00123", "Channel, environment and background", "/m/096m7z", "abstract"),
    WorldClass("/m/096m7z", "Noise", "/m/01jwx6", rated=(10, 5)),
    WorldClass("/m/01jwx6", "Vibration", "", "blacklist", rated=(10, 2)),
)


def split_file(split: str) -> str:
    """Official name of a split's file."""
    return f"{split}_segments.csv"


def write_world(folder: Path, videos: Iterable[Video], *, seed: int = 0) -> None:
    """All files for these videos, one segment each: one in six balanced, one in six eval.

    The same videos and seed give the same files. Every class of `ONTOLOGY` is used if there are
    some hundred videos. Replaces files that are there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_classes(folder, ONTOLOGY)
    rng = random.Random(f"labels {seed}")
    classes = [entry for entry in ONTOLOGY if entry.rated is not None]
    weights = [entry.weight for entry in classes]
    # Splits by position among the sorted ids: the same world gives the same files.
    lines: dict[str, list[str]] = {split: [] for split in OFFICIAL_ROWS}
    labels_of: dict[str, list[str]] = {split: [] for split in OFFICIAL_ROWS}
    splits = ("balanced_train", "eval", *["unbalanced_train"] * 4)
    videos = sorted(videos, key=lambda video: video.video_id)
    for number, video in enumerate(videos):
        more = rng.choices(classes, weights, k=rng.choice((0, 1, 1, 2, 3)))
        # Besides what is drawn each class takes its turn, so that none is missing.
        labels = sorted({entry.mid for entry in (classes[number * 7 % len(classes)], *more)})
        start, end = video.segment_start_ms / 1000, video.segment_end_ms / 1000
        split = splits[number % len(splits)]
        lines[split].append(f'{video.video_id}, {start:.3f}, {end:.3f}, "{",".join(labels)}"\n')
        labels_of[split] += labels
    for split, rows in lines.items():
        labels = labels_of[split]
        head = segment_head(len(rows), len(set(labels)), len(labels)).decode()
        text = head + "".join(rows)
        (folder / split_file(split)).write_text(text, encoding="ascii", newline="")


def segment_head(rows: int, classes: int, labels: int) -> bytes:
    """The three lines that a segment file begins with."""
    return (
        # As in the official files, spaces and all: readers are strict about it.
        b"# Segments csv created Sun Mar  5 10:54:31 2017\n"
        b"# num_ytids=%d, num_segs=%d, num_unique_labels=%d, num_positive_labels=%d\n"
        b"# YTID, start_seconds, end_seconds, positive_labels\n" % (rows, rows, classes, labels)
    )


def write_classes(folder: Path, entries: Sequence[WorldClass]) -> None:
    """Class list, quality counts and ontology of these classes."""
    # As in AudioSet: abstract classes are in the ontology, but no segment is labelled with them.
    listed = [(entry, entry.rated) for entry in entries if entry.rated is not None]
    names = [f'{i},{entry.mid},"{entry.name}"\n' for i, (entry, _) in enumerate(listed)]
    counts = [f"{entry.mid},{rated},{true}\n" for entry, (rated, true) in listed]
    ontology = [
        {
            "id": entry.mid,
            "name": entry.name,
            "description": f"{entry.name}, as the stand-in has it.",
            "citation_uri": "",
            "positive_examples": [],
            "child_ids": entry.children.split(),
            "restrictions": entry.restriction.split(),
        }
        for entry in entries
    ]
    contents = (
        "index,mid,display_name\n" + "".join(names),
        "label_id,num_rated,num_true\n" + "".join(counts),
        json.dumps(ontology, indent=2) + "\n",
    )
    for name, content in zip(CLASS_FILES, contents, strict=True):
        (folder / name).write_text(content, encoding="utf-8", newline="")
