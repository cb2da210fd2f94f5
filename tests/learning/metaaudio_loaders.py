"""Runs MetaAudio's own loaders, in its folder, on what `export metaaudio` wrote; prints what came.

Started as a process by `test_learning_metaaudio.py`, as its README says.
"""

from __future__ import annotations

import json

import numpy as np
import yaml
from all_prep_batches import prep_batch_fixed
from dataset_.DatasetClasses import FastDataLoader, NormDataset, TrainingVariableDataset
from dataset_.SetupClass import DatasetSetup
from task_sampling_classes import NShotTaskSampler

with open("maml_experiment_params.yaml") as file:
    params = yaml.safe_load(file)
data = params["data"]
ratios = [params["split"][part] for part in ("train", "val", "test")]
classes = np.load(data["fixed_path"], allow_pickle=True)
kind = TrainingVariableDataset if data["variable"] else NormDataset
seen = {}
for norm in ("global", "channel", "per_sample", "None"):
    data["norm"] = norm
    setup = DatasetSetup(params=params, splits=ratios, seed=0, class_splits=classes)
    dataset = kind(
        data_path=data["data_path"], classes=setup.train, norm=norm,
        stats_file_path=setup.stats_file_path,
    )  # fmt: skip
    sampler = NShotTaskSampler(
        dataset=dataset, episodes_per_epoch=2, n_way=3, k_shot=1, q_queries=1, num_tasks=2, seed=0
    )
    loader = FastDataLoader(dataset, batch_sampler=sampler, num_workers=1)
    prepare = prep_batch_fixed(n_way=3, k_shot=1, q_queries=1, device="cpu", trans=False)
    for batch in loader:
        x, y = prepare(batch, 2)
    values = np.concatenate([dataset[index][0].numpy() for index in range(len(dataset))])
    seen[norm] = {
        "clips": len(dataset), "x": list(x.shape), "y": list(y.shape), "dtype": str(x.dtype),
        "mean": float(values.mean()), "deviation": float(values.std()),
    }  # fmt: skip
print("SEEN " + json.dumps(seen))
