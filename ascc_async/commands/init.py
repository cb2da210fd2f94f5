"""`init`: the files that a real run begins with, and docs, where only the package is installed."""

from __future__ import annotations

import argparse
import json
import shlex
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from ascc_async.dataset.text import counted
from ascc_async.errors import SetupError
from ascc_async.progress.formatting import safe, say
from ascc_async.settings import Settings

TEMPLATES = ("settings.yaml", "cookies.example.txt")
_PAGES = (".md", ".png", ".svg", ".service", "Containerfile")
_NEXT = """\
Choose classes and splits in settings.yaml, add a Data API key (docs/data-api.md) or cookies \
(docs/cookies.md) if you have them; then{go_there}
  python -m ascc_async plan      how many requests, how many hours, how much disk
  python -m ascc_async doctor    is everything there that a run needs
  python -m ascc_async           the run"""


def main(options: argparse.Namespace) -> int:
    """Write each that is not there yet; with `--schema` a JSON Schema instead, on the screen."""
    if options.schema:
        print(json.dumps(Settings.model_json_schema(), indent=2))
        return 0
    folder: Path = options.dir
    templates = files("ascc_async") / "templates"
    pages = [page for page in (templates / "docs").iterdir() if page.name.endswith(_PAGES)]
    try:
        (folder / "docs").mkdir(parents=True, exist_ok=True)
        for name in TEMPLATES:
            new = _write(templates / name, folder / name)
            became = "written" if new else "is there already, left as it is"
            say(f"{safe(str(folder / name))}: {became}")
        written = [_write(page, folder / "docs" / page.name) for page in pages].count(True)
    except OSError as error:
        raise SetupError(
            f"{folder}: cannot be written: {error.strerror}. Name another folder: init DIR."
        ) from error
    became = counted(written, "page") + " written" if written else "all pages are there already"
    say(f"{safe(str(folder / 'docs'))}: {became}")
    go_there = "" if folder.samefile(".") else f"\n  cd {safe(shlex.quote(str(folder)))}"
    say(_NEXT.format(go_there=go_there))
    return 0


def _write(source: Traversable, path: Path) -> bool:
    """Never over a file that is there; whether it was written."""
    try:
        with path.open("xb") as file:
            file.write(source.read_bytes())
    except FileExistsError:
        return False
    return True
