"""`diff A B`: what changed between two manifests."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from ascc_async.dataset.diff import as_text, diff
from ascc_async.files import must_exist
from ascc_async.progress.formatting import say


def main(options: argparse.Namespace) -> int:
    """Print the changes; the exit code is 0 whether there are any or not."""
    must_exist(options.a, options.b)
    changes = diff(options.a, options.b)
    if options.json:
        print(json.dumps({"empty": changes.empty, **asdict(changes)}, indent=2))
    else:
        say(as_text(changes))
    return 0
