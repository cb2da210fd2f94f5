"""The README's training loop runs as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from learning_samples import Dataset

ROOT = Path(__file__).parents[2]
# A Python that has torch, which is no dependency of ours: this one, or one named for the purpose.
TORCH = sys.executable if find_spec("torch") else os.environ.get("TORCH_PYTHON", "")
CLASSES = ("Frog", "Crow", "Bark", "Rain", "Wind", "Piano", "Singing", "Whistling", "Car", "Meow")


@pytest.mark.skipif(not TORCH, reason="needs torch: install it, or name TORCH_PYTHON")
def test_the_training_loop_of_the_readme_trains(tmp_path: Path) -> None:
    """From clips to a loss, by the commands and the fifteen lines that it shows."""
    dataset = Dataset(tmp_path / "data")
    for name in CLASSES:
        for copy in range(6):
            dataset.add(f"{copy}{name:_<10}"[:11], name)
    dataset.write()
    for arguments in (("few-shot", "--min-clips", "6"), ("features", "metaaudio")):
        code, said = dataset.run(*arguments)
        assert code == 0, said
    loop = re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"),
                      re.MULTILINE | re.DOTALL)[0]  # fmt: skip
    assert len(list(filter(str.strip, loop.splitlines()))) == 15
    quick = loop.replace("tasks=100", "tasks=2").replace("range(10)", "range(2)")
    done = subprocess.run(
        [TORCH, "-c", quick], cwd=tmp_path, capture_output=True, text=True, timeout=120,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["0", "1"], done.stderr
