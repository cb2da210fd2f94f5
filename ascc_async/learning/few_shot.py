"""`few-shot`: a split of the classes for meta-learning, and the clips that it uses."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from ascc_async.audioset.classes import read_class_names
from ascc_async.audioset.metadata_files import CLASS_LIST, ONTOLOGY
from ascc_async.audioset.ontology import read_ontology
from ascc_async.dataset.manifest import ManifestRow
from ascc_async.dataset.published_clips import EXPORTS_FOLDER, write_credits_of
from ascc_async.dataset.tables import read_rows, write_table
from ascc_async.dataset.text import field
from ascc_async.errors import Rejected, SetupError
from ascc_async.files import remove_leftovers, replacing, sha256_of
from ascc_async.learning.class_split import PARTS, ClassTree, split_classes
from ascc_async.learning.clip_choice import APART, Candidate, Choice, choose, why_no_candidate
from ascc_async.learning.tables import FEW_SHOT, ClassRow, FewShotClip
from ascc_async.media.decoding import ffmpeg_for, read_sound

_DERIVED_SEEDS = 200
Show = Callable[[Iterable[str], str, int], Iterable[str]]  # progress/bar.py has one


class KnownSound(NamedTuple):
    """A row of `sounds.csv`."""

    clip_sha256: str
    sound_sha256: str


@dataclass(frozen=True)
class Options:
    """What the split is asked to be. `ratios` are those of train, val and test; their sum is 1."""

    seed: int = 0
    by: Literal["leaves", "lowest"] = "leaves"
    min_clips: int = 10
    ratios: tuple[Fraction, Fraction, Fraction] = (
        Fraction(7, 10), Fraction(1, 10), Fraction(2, 10)
    )  # fmt: skip
    apart: tuple[str, ...] = APART


@dataclass(frozen=True)
class Classes:
    """AudioSet's classes: display names by MID in class list order, and the tree above them."""

    names: Mapping[str, str]
    tree: ClassTree
    sha256: Mapping[str, str]


def read_classes(metadata_dir: Path) -> Classes:
    """Read class list and ontology. Raises MetadataError."""
    class_list, ontology = CLASS_LIST.path_in(metadata_dir), ONTOLOGY.path_in(metadata_dir)
    names, graph = read_class_names(class_list), read_ontology(ontology)
    hashes = {path.name: sha256_of(path) for path in (class_list, ontology)}
    return Classes(names, ClassTree(graph, names), hashes)


@dataclass(frozen=True)
class Split:
    """`parts`: the part of each class, kept or not. `hits`: the split's classes of each clip."""

    seed: str
    parts: Mapping[str, str]
    hits: Mapping[str, Sequence[str]]
    choice: Choice

    def why_not(self, segment_id: str) -> str:
        """Why a clip is not used, "" where it is."""
        why = why_no_candidate(self.hits[segment_id], self.parts)
        return why or self.choice.why_not[segment_id]


def make_split(
    output_dir: Path, rows: Sequence[ManifestRow], classes: Classes, options: Options, show: Show
) -> Split:
    """The split of these clips. `show` shows how far it is.

    Raises SetupError for a clip that does not decode.
    """
    tree = classes.tree
    held = {row.segment_id: tree.held(row.labels.split(",")) for row in rows}
    if options.by == "leaves":
        mids = tree.lowest(classes.names)
    else:
        clips = Counter(mid for mids in held.values() for mid in mids - tree.blacklisted)
        mids = tree.lowest(mid for mid, count in clips.items() if count >= options.min_clips)
    wanted = set(mids) - tree.blacklisted
    hits = {segment_id: sorted(mids & wanted) for segment_id, mids in held.items()}
    single = [row for row in rows if len(hits[row.segment_id]) == 1]
    sounds = _sounds(output_dir, single, show) if "sound" in options.apart else {}
    candidates = []
    for row in single:
        known = {
            "video": row.video_id,
            "channel": row.channel_id,
            "sound": sounds.get(row.segment_id, ""),
        }
        keys = {name: known[name] for name in APART if name in options.apart}
        candidates.append(Candidate(row.segment_id, hits[row.segment_id][0], keys))
    seeds = [str(options.seed)]
    if options.by == "lowest":
        # These classes were chosen by the clips there are: so may the seed be.
        seeds = [f"{options.seed}/{number}" for number in range(_DERIVED_SEEDS)]

    def split_by(seed: str) -> Split:
        parts = split_classes(mids, tree.root, options.ratios, seed)
        return Split(seed, parts, hits, choose(candidates, parts, options.min_clips))

    return max(map(split_by, seeds), key=lambda split: split.choice.used)


def _sounds(output_dir: Path, rows: Sequence[ManifestRow], show: Show) -> Mapping[str, str]:
    """By segment id a hash of what each clip decodes to, whatever its file. Raises SetupError.

    `sounds.csv` keeps what was found out, by the hash of the file, so that it stays right.
    """
    known_in = output_dir / EXPORTS_FOLDER / FEW_SHOT / "sounds.csv"
    known: dict[str, str] = {}
    with suppress(SetupError):  # otherwise all is found out again
        known = dict(read_rows(known_in, KnownSound, ""))
    new = [row for row in rows if row.sha256 not in known]
    ffmpeg = ffmpeg_for(row.path for row in new)

    def decode(row: ManifestRow) -> str:
        try:
            samples, rate = read_sound(output_dir / row.path, ffmpeg.path if ffmpeg else "")
        except Rejected as error:
            raise SetupError(f"{output_dir / row.path}: {error}") from error
        digest = hashlib.sha256(f"{rate} {samples.shape}".encode())
        digest.update(samples.tobytes())
        return digest.hexdigest()

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        decoded = show(pool.map(decode, new), "hashing sounds", len(new))
        known |= zip((row.sha256 for row in new), decoded, strict=True)
    with replacing(known_in) as part:
        sounds = sorted((row.sha256, known[row.sha256]) for row in rows)
        write_table(part, KnownSound._fields, sounds)
    return {row.segment_id: known[row.sha256] for row in rows}


def write_split(
    output_dir: Path, rows: Sequence[ManifestRow], classes: Classes, options: Options, split: Split
) -> None:
    """Write `exports/few_shot/`. Files that would not change are not touched. Raises SetupError."""
    folder = output_dir / EXPORTS_FOLDER / FEW_SHOT
    remove_leftovers(folder)
    parts, kept = split.parts, split.choice.kept
    clips = Counter(mid for row in rows for mid in classes.tree.held(row.labels.split(",")))
    # In the order of the parts, and of the class list within them.
    mids = sorted(parts, key=lambda mid: PARTS.index(parts[mid]))
    with replacing(folder / "classes.csv") as part:
        lines = [
            ClassRow(parts[mid], mid, field(classes.names[mid]), field(classes.tree.root_name(mid)),
             str(clips[mid]), str(split.choice.usable.get(mid, 0)), str(int(mid in kept)))
            for mid in mids
        ]  # fmt: skip
        write_table(part, ClassRow._fields, lines)
    with replacing(folder / "clips.csv") as part:
        write_table(part, FewShotClip._fields, (_clip_row(row.segment_id, split) for row in rows))
    with replacing(folder / "split.npy") as part:
        names = [[classes.names[mid] for mid in mids if mid in kept and parts[mid] == name]
                 for name in PARTS]  # fmt: skip
        part.write_bytes(object_array(names))
    with replacing(folder / "split.json") as part:
        part.write_text(_record(classes, options, split), encoding="utf-8", newline="")
    write_credits_of(folder, output_dir, rows, "listed in a split of classes for few-shot learning")


def _clip_row(segment_id: str, split: Split) -> FewShotClip:
    """The row of a clip in `clips.csv`. Of several classes none is its class."""
    hits, why_not = split.hits[segment_id], split.why_not(segment_id)
    mid = hits[0] if len(hits) == 1 else ""
    return FewShotClip(segment_id, mid, split.parts.get(mid, ""), str(int(not why_not)), why_not)


def _record(classes: Classes, options: Options, split: Split) -> str:
    """`split.json`: how the split was made. `classes_sha256`: of all classes with their parts."""
    listed = "".join(f"{mid} {split.parts[mid]}\n" for mid in sorted(split.parts))
    record = {
        "seed": options.seed,
        "seed_used": split.seed,
        "by": options.by,
        "ratios": {name: float(ratio) for name, ratio in zip(PARTS, options.ratios, strict=True)},
        "min_clips": options.min_clips,
        "apart": options.apart,
        "classes_sha256": hashlib.sha256(listed.encode()).hexdigest(),
        "inputs": [{"name": name, "sha256": sha256} for name, sha256 in classes.sha256.items()],
    }
    return json.dumps(record, indent=2) + "\n"


def object_array(lists: Sequence[Sequence[str]]) -> bytes:
    """An `.npy` file with an object array of lists, which numpy 1 and 2 can load.

    `np.save` of numpy 2 names `numpy._core` in it, which numpy 1 does not have.
    """
    array = np.empty(len(lists), dtype=object)
    for index, each in enumerate(lists):  # at once numpy would make lists of one length a table
        array[index] = list(each)
    file = io.BytesIO()
    header = {"descr": "|O", "fortran_order": False, "shape": array.shape}
    np.lib.format.write_array_header_1_0(file, header)
    # Protocol 2 writes names as plain lines; a display name cannot hold a line break.
    file.write(pickle.dumps(array, protocol=2).replace(b"cnumpy._core.", b"cnumpy.core."))
    return file.getvalue()
