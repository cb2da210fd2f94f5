"""`report`: the figures of the pages as one file, for people without the tool."""

from __future__ import annotations

import argparse

from ascc_async.commands.serve import require_web
from ascc_async.dataset.manifest import DATASET_FOLDER
from ascc_async.errors import SettingsError
from ascc_async.files import put, size
from ascc_async.progress.formatting import say
from ascc_async.settings_loader import load


def main(options: argparse.Namespace) -> int:
    """Write it, whole or not at all."""
    require_web("report")
    from ascc_async.web.report import report

    settings = load(options.config, options.options)
    path = options.out or settings.output.dir / DATASET_FOLDER / "report.html"
    if path.is_dir():
        raise SettingsError(f"--out {path}: this is a folder; name a file, such as report.html")
    if options.out and not path.parent.is_dir():
        raise SettingsError(f"--out {path}: there is no folder {path.parent}; make it first")
    page, unread = report(settings)
    content = page.encode()
    put(path, content)
    if unread:
        say(f"The history is not in it: {unread}")
    say(f"Written: {path} ({size(len(content))}). It is one file: send it to whom you like.")
    return 0
