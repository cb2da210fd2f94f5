"""`diff A B`: what changed between two manifests."""

from __future__ import annotations

import argparse

from ascc_async.dataset.diff import as_json, as_text, diff


def main(options: argparse.Namespace) -> int:
    """Print the changes; the exit code is 0 whether there are any or not."""
    changes = diff(options.a, options.b)
    print(as_json(changes) if options.json else as_text(changes))
    return 0
