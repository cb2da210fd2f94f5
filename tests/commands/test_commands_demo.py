"""`demo`, and the commands it names at its end."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ascc_async.files import sha256_of

ROOT = Path(__file__).parents[2]


def tree(folder: Path) -> dict[str, tuple[str, int]]:
    """Every file with its hash and when it was written."""
    return {
        str(path): (sha256_of(path), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.slow
def test_the_commands_the_demo_names_work_on_what_it_made(tmp_path: Path) -> None:
    """Word for word as it prints them; run again they touch no file, the dataset they never do."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}

    def shell(line: str) -> str:
        done = subprocess.run(
            ["bash", "-c", line.replace("python ", f"{shlex.quote(sys.executable)} ")],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=180,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    said = shell("python -m ascc_async demo").split("To train on the clips")[1]
    lines = re.findall(r"^  (.+)$", said, re.MULTILINE)
    assert lines[0].startswith("cd ")
    assert [line.split()[3] for line in lines[1:]] == ["few-shot", "features", "join"]
    demo = tmp_path / "demo"
    before = tree(demo / "dataset"), tree(demo / "clips")
    for line in lines[1:]:
        shell(f"{lines[0]} && {line}")
    made = tree(demo / "exports")
    assert len(made) > 100
    shell(" && ".join(lines))
    assert tree(demo / "exports") == made
    assert (tree(demo / "dataset"), tree(demo / "clips")) == before
