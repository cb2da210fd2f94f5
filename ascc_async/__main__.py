"""`python -m ascc_async`; the console script `ascc-async` is the same."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    from ascc_async.cli import run_command  # the import is kept off the path of spawned workers

    sys.exit(run_command(sys.argv[1:]))


if __name__ == "__main__":
    main()
