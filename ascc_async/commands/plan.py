"""`plan`: what a run would do. Asks YouTube nothing."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import logging
import shlex
import sys
from pathlib import Path
from typing import Any

from ascc_async.audioset.catalog import read_catalog
from ascc_async.audioset.classes import choose_classes, class_table, render_class_table
from ascc_async.audioset.download import fetch_missing
from ascc_async.audioset.selection import select
from ascc_async.errors import SettingsError
from ascc_async.pipeline.plan import make_plan
from ascc_async.pipeline.plan_outlook import look_into
from ascc_async.progress.formatting import safe
from ascc_async.progress.plan_text import render_plan
from ascc_async.settings import AudiosetSettings
from ascc_async.settings_loader import DEFAULT_FILE, load


def main(options: argparse.Namespace) -> int:
    """Print the plan, or with `--classes` every class."""
    settings = load(options.config, options.options)
    logging.getLogger("ascc_async").setLevel(logging.ERROR)  # said below, as notes
    folder, config = settings.audioset.metadata_dir, options.config or Path(DEFAULT_FILE)
    usual = config.resolve().parent / AudiosetSettings().metadata_dir
    # Whoever has the files already must not find them downloaded again into a mistyped folder.
    if folder != usual and not folder.exists():
        raise SettingsError(
            f"audioset.metadata_dir: there is no folder {folder}. If that is mistyped, correct it."
            f" If the folder is to be new, make it (mkdir -p {shlex.quote(str(folder))}) and plan"
            " again: AudioSet's files, about 100 MB, are then downloaded into it"
        )

    def on_progress(name: str, received: int, total: int | None) -> None:
        # To standard error, as the notes: standard output may be read as JSON.
        if received == total:
            print(f"ascc-async: downloaded {safe(name)}", file=sys.stderr)

    asyncio.run(fetch_missing(settings.audioset, settings.network, on_progress))
    catalog = read_catalog(settings.audioset)
    data: Any
    if options.classes:
        choices = choose_classes(catalog.classes, catalog.ontology, settings.classes)
        table = class_table(choices, catalog.segments.class_counts().tolist())
        data, text = table, render_class_table(table)
    else:
        selection = select(catalog, settings.classes, settings.sampling)
        plan = make_plan(catalog, selection, settings, look_into(settings, selection))
        data, text = dataclasses.asdict(plan), render_plan(plan)
    print(json.dumps(data, ensure_ascii=False, indent=2) if options.json else text)
    for warning in catalog.warnings:
        print(f"ascc-async: note: {safe(warning)}", file=sys.stderr)
    return 0
