"""`python -m ascc_async`; the console script `ascc-async` is the same."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line and exit with its code."""
    _open_standard_files()
    from ascc_async.cli import run_command  # the import is kept off the path of spawned workers

    sys.exit(run_command(sys.argv[1:]))


def _open_standard_files() -> None:
    """Where one of the three is closed (`>&-`), put the null device in its place.

    Else the next file to be opened, the journal perhaps, would be standard output.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # takes the lowest number
    sys.stdin = sys.stdin or os.fdopen(0, encoding="utf-8")
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8")


if __name__ == "__main__":
    main()
