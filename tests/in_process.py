"""Runs a command in the tests' own process: ten times as fast, since nothing is imported anew."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

from ascc_async.cli import run_command


def run_here(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """What the real process would have left: exit code, standard output and error."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = run_command(arguments)
        except SystemExit as ended:  # argparse's way to say that an option is wrong
            code = int(str(ended.code))
    return subprocess.CompletedProcess(list(arguments), code, out.getvalue(), err.getvalue())
