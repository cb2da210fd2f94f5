"""`demo`, the commands it names at its end, and what docs/learning.md says that they print."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from ascc_async.cli import run_command
from ascc_async.files import sha256_of
from ascc_async.settings_loader import load

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/learning.md").read_text("utf-8").split("## `features`")[0]
TORCH = sys.executable if find_spec("torch") else os.environ.get("TORCH_PYTHON", "")


def shell(folder: Path, line: str, python: str = sys.executable) -> str:
    """What a line typed there prints."""
    done = subprocess.run(
        ["bash", "-c", line.replace("python ", f"{shlex.quote(python)} ")],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=400,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tree(folder: Path) -> dict[str, tuple[str, int]]:
    """Every file with its hash and when it was written."""
    return {
        str(path): (sha256_of(path), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_made_up_answers_do_not_get_among_real_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder of a real run is refused, as the demo's own and as its output.dir; a run in the
    demo's folder asks nobody.
    """
    (tmp_path / "settings.yaml").write_text("", "utf-8")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "state.sqlite3").touch()
    assert run_command(["demo", "--dir", str(tmp_path)]) == 1
    new = str(tmp_path / "new")
    assert run_command(["demo", "--dir", new, "--set", f"output.dir={tmp_path / 'data'}"]) == 1
    assert capsys.readouterr().err.count("is not the demo's") == 2
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["state.sqlite3"]
    assert load(tmp_path / "new" / "settings.yaml").network.proxy == "http://127.0.0.1:9"


@pytest.mark.slow
def test_the_whole_way_from_the_demo_to_a_trained_model(tmp_path: Path) -> None:
    """The demo names these commands word for word; they print what the page shows, touch no file
    when they are run again, and never the dataset.
    """
    demo = tmp_path / "demo"
    said = shell(tmp_path, f"python -m ascc_async demo --dir {demo}")
    named = re.findall(r"^  (.+)$", said.split("To train on the clips")[1], re.MULTILINE)
    shown = re.findall(r"^\$ (.+)\n((?:(?!\$ |```).*\n)*)", PAGE, re.MULTILINE)
    *steps, (train, printed) = [step for step in shown if "demo --dir" not in step[0]]
    assert named == [command.replace("/tmp/demo", str(demo)) for command, _ in steps]
    before = tree(demo / "dataset"), tree(demo / "clips")
    for command, output in steps[1:]:
        assert shell(demo, command) == output.replace("/tmp/demo", str(demo))
    made = tree(demo / "exports")
    for command, _ in steps[1:]:
        shell(demo, command)
    assert tree(demo / "exports") == made
    assert (tree(demo / "dataset"), tree(demo / "clips")) == before

    assert train == "python train.py"
    if TORCH:
        script = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[0]
        (demo / "train.py").write_text(script, "utf-8")
        figures = re.compile(r"[\d.]+(?=%|$)", re.MULTILINE)
        trained = shell(demo, train, TORCH)
        assert figures.sub("", trained) == figures.sub("", printed)
