"""`split.npy` is read by numpy 1 and 2."""

from __future__ import annotations

import io
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from ascc_async.learning.few_shot import object_array

NAMES = [["Dog", "Male speech, man speaking"], [], ["Señal"]]
OLD = os.environ.get("OLD_NUMPY_PYTHON", "")


def test_this_numpy_loads_it() -> None:
    """Three lists of names, whatever their lengths, in an object array; header 1.0."""
    for names in (NAMES, [["a"], ["b"], ["c"]]):
        content = object_array(names)
        loaded = np.load(io.BytesIO(content), allow_pickle=True)
        assert (loaded.shape, loaded.dtype, loaded.tolist()) == ((3,), object, names)
        assert content[6:8] == b"\x01\x00"
        assert b"_core" not in content


@pytest.mark.skipif(not OLD, reason="needs OLD_NUMPY_PYTHON: a Python with numpy 1")
def test_numpy_1_loads_it(tmp_path: Path) -> None:
    """Which does not know `numpy._core`."""
    (tmp_path / "split.npy").write_bytes(object_array(NAMES))
    load = "numpy.load('split.npy', allow_pickle=True)"
    code = f"import numpy; print(numpy.__version__, {load}.tolist())"
    done = subprocess.run(
        [OLD, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60,
        env={"PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert done.stdout.startswith("1."), done.stderr
    assert done.stdout.endswith(f" {NAMES}\n")
