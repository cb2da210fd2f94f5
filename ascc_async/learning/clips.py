"""The clips as a training loop wants them: arrays with their labels, normalised, credited."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from ascc_async.audioset.classes import read_class_names
from ascc_async.audioset.metadata_files import CLASS_LIST
from ascc_async.dataset.credits import Attribution
from ascc_async.dataset.published_clips import EXPORTS_FOLDER, published_clips
from ascc_async.dataset.tables import read_rows
from ascc_async.dataset.text import counted, restored
from ascc_async.errors import MetadataError, SetupError
from ascc_async.learning.class_split import PARTS
from ascc_async.learning.presets import PRESETS
from ascc_async.learning.statistics import FEW_SHOT_TRAIN, STATISTICS, sha256_of_ids
from ascc_async.learning.tables import Made, kept_classes, made_by, used_clips

Floats = NDArray[np.float32]


class Clips:
    """What `features` made of the clips of a part: pairs of a float32 array and a label.

    `dir` is the dataset's folder (`output.dir`), `preset` a folder below its `exports/features/`.
    `part` is one of the class split that `few-shot` made (`train`, `val`, `test`), or one of
    AudioSet's splits. `labels`: the index of the clip's class in `classes`, or with `multi`, which
    AudioSet's splits need, a 1 for each class that the clip holds; `class_list` is then Google's
    `class_labels_indices.csv` (by default that in `dir/metadata`). `normalise`: by mean and
    deviation over the training clips, of all (`global`) or for each mel band (`channel`), by those
    of the clip itself (`sample`), or `none`. `statistics` names the training clips; by default
    `few_shot_train`, and for AudioSet's splits `balanced_train`.

    It is a dataset for `torch.utils.data.DataLoader`, and needs no torch. Raises SetupError where a
    file is missing or the part has no clip, with the command that helps, MetadataError for a
    damaged one, and ValueError for arguments that do not fit.
    """

    def __init__(
        self,
        dir: str | PathLike[str],
        preset: str = "metaaudio",
        part: str = "train",
        normalise: Literal["none", "sample", "global", "channel"] = "channel",
        labels: Literal["one", "multi"] = "one",
        *,
        statistics: str | None = None,
        class_list: str | PathLike[str] | None = None,
    ) -> None:
        output, of_split = Path(dir), part in PARTS
        exports = output / EXPORTS_FOLDER
        for name, value, known in (
            ("normalise", normalise, ("none", "sample", "global", "channel")),
            ("labels", labels, ("one", "multi")),
        ):
            if value not in known:
                raise ValueError(f"{name}={value!r}: expected {', '.join(known)}")
        if labels == "one" and not of_split:
            raise ValueError(
                f"part={part!r}: expected {', '.join(PARTS)}, or labels='multi' for AudioSet's"
                " splits, whose clips have several labels"
            )
        self._folder = exports / "features" / preset
        if preset.partition("-")[0] not in PRESETS and not (self._folder / "index.csv").exists():
            raise ValueError(f"preset={preset!r}: expected one of {', '.join(PRESETS)}")
        mids = used_clips(exports, part) if of_split else {}
        held: dict[str, str] = {}
        if labels == "multi":
            rows = published_clips(output)
            held = {row.segment_id: row.labels for row in rows
                    if (row.segment_id in mids if of_split else row.split == part)}  # fmt: skip
            if not held and not of_split:
                splits = sorted({row.split for row in rows})
                raise ValueError(f"no clip of part {part!r}: there are {', '.join(splits)}")

        self._paths = _arrays(self._folder, preset, held or mids)
        self.segment_ids = list(self._paths)
        if not self.segment_ids:
            why = (
                "few-shot kept no class for it: `python -m ascc_async few-shot --min-clips N` with"
                " a smaller N keeps more"
                if of_split and not mids
                else "all its clips were too short for these arrays (dropped.csv)"
            )
            raise SetupError(f"there is no clip of part {part!r}: {why}")

        self._labels: list[int] | Floats
        if labels == "one":
            names = kept_classes(exports, part)
            codes = {mid: code for code, mid in enumerate(names)}
            self._labels = [codes[mids[segment_id]] for segment_id in self.segment_ids]
        else:
            found = CLASS_LIST.find(output / "metadata") if class_list is None else class_list
            if found is None:
                raise SetupError(
                    f"{output / 'metadata' / CLASS_LIST.name} is missing: name Google's class list"
                    f" with class_list=, such as {CLASS_LIST.name} in your audioset.metadata_dir"
                )
            names = read_class_names(Path(found))
            codes = {mid: code for code, mid in enumerate(names)}
            self._labels = np.zeros((len(self), len(codes)), np.float32)
            for marks, segment_id in zip(self._labels, self.segment_ids, strict=True):
                mids_held = held[segment_id].split(",")
                if unknown := [mid for mid in mids_held if mid not in codes]:
                    lacks = f"lacks {unknown[0]}, a class of {segment_id}: name the dataset's own"
                    raise MetadataError(Path(found), None, lacks)
                marks[[codes[mid] for mid in mids_held]] = 1
        self.classes = list(names.values())

        self._of_each = normalise == "sample"
        self._statistics: Floats | None = None
        if normalise in ("global", "channel"):
            training = statistics or (FEW_SHOT_TRAIN if of_split else "balanced_train")
            self._statistics = _statistics(self._folder, preset, f"{training}_{normalise}")
            if training == FEW_SHOT_TRAIN:
                _check_training(exports, self._folder, preset)
        self._credits: Mapping[str, str] | None = None

    def __len__(self) -> int:
        return len(self.segment_ids)

    def __getitem__(self, index: int) -> tuple[Floats, Any]:
        """The array of a clip, and the index of its class, or with `multi` a number for each."""
        array: Floats = np.load(self._folder / self._paths[self.segment_ids[index]])
        if self._of_each:
            array = _normalised(array, array.mean(), array.std())
        elif self._statistics is not None:
            mean, deviation = self._statistics
            if array.ndim == 1:  # a waveform has no bands
                mean, deviation = mean[0], deviation[0]
            elif len(mean) not in (1, array.shape[-2]):  # patches have their bands last
                mean, deviation = mean.T, deviation.T
            array = _normalised(array, mean, deviation)
        return array, self._labels[index]

    def get_labels(self) -> list[int] | Floats:
        """The labels of all clips, for `Episodes` and other samplers."""
        return self._labels

    def credit(self, index: int) -> str:
        """Whom to name for a clip, in one line: title, author, source, license, changes."""
        if self._credits is None:
            remedy = made_by(_command(self._folder.name))
            self._credits = {
                row.segment_id: f"{restored(row.title)} by {restored(row.author)},"
                f" {row.source_link}, {row.license} {row.license_link}: {row.changes}"
                for row in read_rows(self._folder / "ATTRIBUTION.csv", Attribution, remedy)
            }
        return self._credits[self.segment_ids[index]]


def _normalised(array: Floats, mean: Any, deviation: Any) -> Floats:
    # Where all is equal, as in silence, nothing is to be divided by.
    result: Floats = (array - mean) / np.where(deviation > 0, deviation, 1).astype(np.float32)
    return result


def _command(preset: str) -> str:
    """The call that makes a folder of this name, see `FeatureRecipe.folder`."""
    name, *options = preset.split("-")
    words = {
        "repeat": "--short repeat",
        "drop": "--short drop",
        "sample": "--normalise sample",
        "patches": "--patches",
    }
    if options and options[-1].startswith("slices"):
        return f"export {name} --slices {options[-1][6:-1]}"
    return " ".join(
        ["features", name, *(words.get(one, f"--seconds {one[:-1]}") for one in options)]
    )


def _arrays(folder: Path, preset: str, segments: Iterable[str]) -> dict[str, str]:
    """The path of each segment's array. Only what `features` was told to drop may be missing."""
    command = _command(preset)
    rows = read_rows(folder / "index.csv", Made, made_by(command))
    paths = {row.segment_id: row.path for row in rows}
    dropped = folder / "dropped.csv"
    rows = read_rows(dropped, Made, made_by(command)) if dropped.exists() else []
    left_out = {row.segment_id for row in rows}
    missing = [one for one in segments if one not in paths and one not in left_out]
    if missing:
        raise SetupError(
            f"{folder} has no array of {counted(len(missing), 'clip')}, such as {missing[0]}: run"
            f" `python -m ascc_async few-shot` and then `python -m ascc_async {command}` again"
        )
    return {one: paths[one] for one in segments if one in paths}


def _check_training(exports: Path, folder: Path, preset: str) -> None:
    """Raise SetupError where the statistics are of another class split, perhaps of test clips."""
    of = None
    with suppress(OSError, ValueError, KeyError):
        of = json.loads((folder / "preset.json").read_bytes())["statistics_of"][
            "few_shot_train_sha256"
        ]
    training = _arrays(folder, preset, used_clips(exports, "train"))
    if of != sha256_of_ids(training):
        raise SetupError(
            f"{folder / STATISTICS} is not of the training clips that `few-shot` chose last:"
            f" run `python -m ascc_async {_command(preset)}` again"
        )


def _statistics(folder: Path, preset: str, key: str) -> Floats:
    """Mean and deviation. Raises SetupError where `features` did not find such clips."""
    path = folder / STATISTICS
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            if key in arrays:
                found: Floats = arrays[key].astype(np.float32)
                return found
            there = ", ".join(sorted(arrays))
    except (OSError, ValueError, BadZipFile) as error:
        raise SetupError(f"{path} is damaged: {made_by(_command(preset))}") from error
    raise SetupError(
        f"{path} has no {key}, only {there}. `python -m ascc_async few-shot` and then `python -m"
        f" ascc_async {_command(preset)}` write those of few_shot_train; others, see `statistics`"
    )
