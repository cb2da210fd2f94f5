"""`init`: the two files that a real run begins with, where only the package is installed."""

from __future__ import annotations

import argparse
import json
from importlib.resources import files
from pathlib import Path

from ascc_async.errors import SetupError
from ascc_async.progress.formatting import safe
from ascc_async.settings import Settings

TEMPLATES = ("settings.yaml", "cookies.example.txt")
_NEXT = """\
Choose classes and splits in settings.yaml, add a Data API key or cookies if you have them; then
  cd {folder}
  python -m ascc_async plan      how many requests, how many hours, how much disk
  python -m ascc_async doctor    is everything there that a run needs
  python -m ascc_async           the run"""


def main(options: argparse.Namespace) -> int:
    """Write each that is not there yet; with `--schema` a JSON Schema instead, on the screen."""
    if options.schema:
        print(json.dumps(Settings.model_json_schema(), indent=2))
        return 0
    folder: Path = options.dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in TEMPLATES:
            text = (files("ascc_async") / "templates" / name).read_bytes()
            path = folder / name
            try:
                with path.open("xb") as file:
                    file.write(text)
            except FileExistsError:
                print(f"{safe(str(path))}: is there already, left as it is")
            else:
                print(f"{safe(str(path))}: written")
    except OSError as error:
        raise SetupError(
            f"{folder}: cannot be written: {error.strerror}. Name another folder: init DIR."
        ) from error
    print(_NEXT.format(folder=safe(str(folder))))
    return 0
