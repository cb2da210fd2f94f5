"""One run at a time per output folder."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ascc_async.errors import SetupError
from ascc_async.journal.lock import LOCK_NAME, holder, run_lock

HOLD = (
    "import sys, pathlib; from ascc_async.journal.lock import run_lock\n"
    "with run_lock(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
)


def start_holder(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_run_is_refused_with_who_holds_it(tmp_path: Path) -> None:
    """The refusal names the process that holds the folder."""
    with start_holder(tmp_path) as process:
        with pytest.raises(SetupError, match=f"process {process.pid} on "), run_lock(tmp_path):
            pass
        found = holder(tmp_path)
        assert found is not None
        assert found.pid == process.pid
        process.communicate("")
    assert holder(tmp_path) is None


def test_a_lock_of_a_dead_process_is_taken_over(tmp_path: Path) -> None:
    """After kill -9 the lock file stays, and hinders nobody."""
    with start_holder(tmp_path) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with run_lock(tmp_path):
            found = holder(tmp_path)
    assert found is not None
    assert found.pid == os.getpid()


def test_who_only_looks_keeps_no_run_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`holder` has the lock for a moment: a run that starts in it tries again."""
    looker = (tmp_path / LOCK_NAME).open("w")
    fcntl.flock(looker, fcntl.LOCK_SH)
    monkeypatch.setattr("time.sleep", lambda seconds: looker.close())
    with run_lock(tmp_path):
        assert looker.closed


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A file where the folder should be is an error with a remedy."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match=r"cannot be written.*output\.dir"), \
            run_lock(tmp_path / "file" / "out"):  # fmt: skip
        pass
