"""`export metaaudio`: what CHeggan/MetaAudio's unmodified code reads.

Its loaders take a class's name from what follows the last backslash of a folder's path. On POSIX
only folders whose names begin with one work: `spec-posix/`, the same files as in `spec/`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ascc_async.dataset.published_clips import EXPORTS_FOLDER, published_clips, write_credits_of
from ascc_async.dataset.tables import read_rows
from ascc_async.errors import SetupError
from ascc_async.files import PART, held, part_of, put, remove_files, seal, sync
from ascc_async.learning.class_split import PARTS
from ascc_async.learning.feature_files import INDEX, put_array
from ascc_async.learning.few_shot import object_array
from ascc_async.learning.recipe import FeatureRecipe
from ascc_async.learning.statistics import STATISTICS
from ascc_async.learning.tables import Made, kept_classes, made_by, used_clips

_NAME = "AudioSet"  # one of the names its code knows


@dataclass(frozen=True, slots=True)
class MetaAudioFolder:
    """What is in the folder now: clips of `classes`, and how many links were made by this call."""

    folder: Path
    clips: int
    classes: int
    new: int


def recipe_of(slices: float | None) -> FeatureRecipe:
    """The arrays it reads: as its own scripts make them, from normalised waveforms."""
    return FeatureRecipe("metaaudio", normalise="sample", slices=slices)


def export(output_dir: Path, recipe: FeatureRecipe) -> MetaAudioFolder:
    """Write it from the arrays and the split that are there. Raises SetupError.

    The caller holds the split: the statistics are those of its training classes.
    """
    exports = output_dir / EXPORTS_FOLDER
    folder = exports / (f"metaaudio-{recipe.slices:g}s" if recipe.slices else "metaaudio")
    arrays = exports / "features" / recipe.folder
    # Nobody is to delete what is being linked.
    with held(folder), held(arrays, alone=False):
        return _export_to(folder, arrays, output_dir, recipe)


def _export_to(
    folder: Path, arrays: Path, output_dir: Path, recipe: FeatureRecipe
) -> MetaAudioFolder:
    exports = output_dir / EXPORTS_FOLDER
    statistics = _statistics(arrays / STATISTICS)  # before anything there is changed
    rows = {row.segment_id: row for row in published_clips(output_dir)}
    index = read_rows(arrays / INDEX, Made, made_by("export metaaudio"))
    paths = {made.segment_id: arrays / made.path for made in index}
    # A name is a folder here: it cannot hold what separates folders.
    split = [
        {mid: name.replace("/", "_") for mid, name in kept_classes(exports, part).items()}
        for part in PARTS
    ]
    names = {mid: name for part in split for mid, name in part.items()}
    used = {
        segment_id: names[mid]
        for segment_id, mid in used_clips(exports).items()
        if segment_id in rows.keys() & paths.keys()
    }
    for leftover in folder.rglob(f"{PART}*"):  # of a call that was killed
        leftover.unlink()
    new = 0
    for tree, before in (("spec", ""), ("spec-posix", "\\")):
        wanted = {
            Path(before + name, f"{segment_id}.npy"): paths[segment_id]
            for segment_id, name in used.items()
        }
        new += _link(folder / tree, wanted)
    kind = "variable_spec" if recipe.slices else "spec"
    for norm, values in statistics.items():
        name = f"{norm}_{_NAME}_{kind}_fixed__0.7_0.1_0.2.npy"
        put_array(folder / "norm_stats" / name, values)
    put(folder / "split.npy", object_array([[*part.values()] for part in split]))
    put(folder / "params.yaml",
        _PARAMS.format(variable=bool(recipe.slices), kind=kind, name=_NAME).encode())  # fmt: skip
    shape = "(n, 128, frames)" if recipe.slices else "(128, 313)"
    put(folder / "README.md", _README.format(shape=shape).encode())
    credited = [row for segment_id, row in rows.items() if segment_id in used]
    write_credits_of(folder, output_dir, credited, recipe.changes)
    return MetaAudioFolder(folder, len(used), len(set(used.values())), new)


def _link(folder: Path, wanted: Mapping[Path, Path]) -> int:
    """Make `folder` hold just these names of these files; returns how many were made."""
    remove_files(path for path in folder.glob("*/*") if path.relative_to(folder) not in wanted)
    new = 0
    for name, source in wanted.items():
        path = folder / name
        if path.exists() and (path.samefile(source) or path.read_bytes() == source.read_bytes()):
            continue
        new += 1
        with part_of(path) as part:
            try:
                os.link(source, part)
            except OSError:  # a file system without hard links, or another one
                shutil.copyfile(source, part)
                seal(part, path)
            else:
                part.replace(path)
    if new:
        for path in {(folder / name).parent for name in wanted}:
            sync(path)
    return new


def _statistics(path: Path) -> dict[str, npt.NDArray[np.float32]]:
    """Mean and deviation of the training classes. Raises SetupError where there are none."""
    with np.load(path) as statistics:
        try:
            # Without those for `channel` its code stops with an error.
            return {
                norm: statistics[f"few_shot_train_{norm}"].astype(np.float32)
                for norm in ("global", "channel")
            }
        except KeyError as error:
            raise SetupError(
                "few-shot keeps no class for training, as none has enough clips: run"
                " `python -m ascc_async few-shot --min-clips N` with a smaller N than 10, then"
                " this again."
            ) from error


# The keys are those its three examples read.
_PARAMS = """\
base: {{n_way: 5, k_shot: 1, q_queries: 1, cuda: 0, num_repeats: 1, task_type: {name}_,
  distance: l2, out_dim: 64}}
models: [Hybrid]
hyper: {{inner_train_steps: 8, inner_val_steps: 8, inner_lr: 0.4, meta_lr: 0.001, min_lr: 0.001,
  T_max: 1, initial_lr: 0.0005, patience: 100000, factor: 0.1, scheduler_warm_up: 20}}
training: {{epochs: 200, episodes_per_epoch: 10, train_batch_size: 50, val_tasks: 200,
  test_tasks: 1000, trans_batch: False, eval_spacing: 10, break_threshold: 500, warm_up: 100000,
  num_workers: 2, loss: weighted, transform: CL2N, eval_batch_spacing: 500, batch_size: 100}}
data: {{variable: {variable}, name: {name}, norm: global, type: {kind}, fixed: True,
  fixed_path: dataset_/splits/{name}_split.npy, data_path: {name}, val_aware_sampling: True}}
split: {{train: 0.7, val: 0.1, test: 0.2}}
"""
_README = """\
# For MetaAudio
Clips as the unmodified code of
[MetaAudio](https://github.com/CHeggan/MetaAudio-A-Few-Shot-Audio-Classification-Benchmark) reads
them: log-mel spectrograms of shape {shape} by class, a fixed split of the classes, and the
statistics of its training classes. Made with ascc_async, from the clips that its `few-shot` uses.
Whom to credit: `CREDITS.md`, `ATTRIBUTION.csv`.

In this folder, with the repository in it:
```sh
example=MetaAudio-A-Few-Shot-Audio-Classification-Benchmark/Examples/MAML_ESC
mkdir -p $example/dataset_/norm_stats
cp norm_stats/*.npy $example/dataset_/norm_stats/
cp split.npy $example/dataset_/splits/AudioSet_split.npy
cp params.yaml $example/maml_experiment_params.yaml   # the other examples name theirs otherwise
ln -s "$PWD/spec-posix" $example/AudioSet             # on Windows: spec
cd $example && python BaseLooper.py
```
Its loaders find a class by the backslash before its name: on Linux and macOS `spec-posix/` has the
folders so named, with the very files of `spec/` (hard links). With `norm: global` and `channel` its
code finds the statistics, with `per_sample` and `None` it needs none. Where torch's `Sampler` takes
no argument, put one line into a `sitecustomize.py` on `PYTHONPATH`:
```python
import torch; torch.utils.data.Sampler.__init__ = lambda self, *data: None
```
"""
