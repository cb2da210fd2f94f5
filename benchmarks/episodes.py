"""Drawing episodes: `Episodes` beside MetaAudio's own sampler.

`python -m benchmarks.episodes METAAUDIO`: a folder with its `task_sampling_classes.py`, in an
environment with torch. 5 ways, 1 shot, 5 queries out of 285 classes of 40 clips.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from ascc_async.learning import Episodes

WAYS, SHOTS, QUERIES = 5, 1, 5
LABELS = np.repeat(np.arange(285), 40).tolist()


def their_sampler(folder: Path) -> Callable[[int], Any]:
    """MetaAudio's, unmodified but for torch's `Sampler.__init__`, which takes nothing any more."""
    torch_data = importlib.import_module("torch.utils.data")
    torch_data.Sampler.__init__ = lambda self, data_source=None: None
    sys.path.insert(0, str(folder))
    sampler = importlib.import_module("task_sampling_classes").NShotTaskSampler
    frame = pd.DataFrame({"id": range(len(LABELS)), "class_id": LABELS})
    dataset = SimpleNamespace(df=frame)
    return lambda tasks: sampler(dataset, tasks, WAYS, SHOTS, QUERIES)


def per_task(sampler: Any, tasks: int) -> float:
    """Milliseconds a task, the best of three."""
    taken = []
    for _ in range(3):
        began = time.perf_counter()
        drawn = sum(len(task) for task in sampler)
        taken.append(time.perf_counter() - began)
        assert drawn == tasks * WAYS * (SHOTS + QUERIES)
    return min(taken) * 1000 / tasks


def main() -> None:
    """Print both and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("metaaudio", type=Path)
    theirs = per_task(their_sampler(parser.parse_args().metaaudio)(100), 100)
    ours = per_task(Episodes(LABELS, WAYS, SHOTS, QUERIES, tasks=5000), 5000)
    print(f"ours {ours:.3f} ms a task, MetaAudio's {theirs:.2f} ms: {theirs / ours:.0f} times")
    print("wanted: 10 times")


if __name__ == "__main__":
    main()
