"""A Python that has what reads our exports: this one, or the one that `PEERS_PYTHON` names."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest


def run_peer(package: str, code: str, *arguments: Path | str) -> str:
    """What a program that uses `package` prints; skips where there is no such Python."""
    here = sys.executable if find_spec(package) else ""
    python = here or os.environ.get("PEERS_PYTHON", "")
    if not python or subprocess.run([python, "-c", f"import {package}"], check=False).returncode:
        pytest.skip(f"needs {package}: install it, or name PEERS_PYTHON")
    command = [python, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
