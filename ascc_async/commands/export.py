"""`export FORMAT`: the dataset as other people's code reads it."""

from __future__ import annotations

import argparse

from ascc_async.commands.features import make_and_say
from ascc_async.commands.few_shot import split_and_say
from ascc_async.dataset.published_clips import EXPORTS_FOLDER
from ascc_async.dataset.text import counted
from ascc_async.learning import few_shot, metaaudio
from ascc_async.progress.formatting import count
from ascc_async.settings_loader import load


def main(options: argparse.Namespace) -> int:
    """Make what the format needs and is missing, then the format."""
    settings = load(options.config, options.options)
    recipe = metaaudio.recipe_of(options.slices)
    if not (settings.output.dir / EXPORTS_FOLDER / few_shot.FOLDER / "clips.csv").exists():
        split_and_say(settings, few_shot.Options())
    # After the split: the statistics are those of its training classes.
    make_and_say(settings, recipe)
    made = metaaudio.export(settings.output.dir, recipe)
    print(
        f"metaaudio: {counted(made.clips, 'clip')} of {count(made.classes)} classes,"
        f" {counted(made.new, 'new file')}, in {made.folder}; its README.md says how to start"
    )
    return 0
