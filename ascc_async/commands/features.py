"""`features PRESET`: an array of every clip, their index and their statistics."""

from __future__ import annotations

import argparse
import os

from ascc_async.dataset.text import counted
from ascc_async.errors import SettingsError
from ascc_async.learning.features import make_features
from ascc_async.learning.presets import PRESETS
from ascc_async.learning.recipe import FeatureRecipe
from ascc_async.progress.bar import counted_bar
from ascc_async.progress.formatting import count, say
from ascc_async.settings import Settings
from ascc_async.settings_loader import load


def main(options: argparse.Namespace) -> int:
    """Make the arrays that are missing, or with `--list` show the presets."""
    if options.list:
        for name, preset in PRESETS.items():
            shape = FeatureRecipe(name).shape
            say(f"{name:<11} {shape!s:<12} {preset.about}")
        return 0
    if options.preset is None:
        raise SettingsError(f"name a preset: {', '.join(PRESETS)} (--list tells more)")
    recipe = FeatureRecipe(
        options.preset, options.seconds, options.short, options.normalise, options.patches
    )
    make_and_say(load(options.config, options.options), recipe, options.workers, options.part)
    return 0


def make_and_say(
    settings: Settings,
    recipe: FeatureRecipe,
    workers: int | None = None,
    part: tuple[int, int] | None = None,
) -> None:
    """Make the arrays, with a bar, and say what is there."""
    workers = workers or os.cpu_count() or 1
    with counted_bar(recipe.folder) as on_progress:
        made = make_features(settings.output.dir, recipe, workers, part, on_progress)
    arrays = counted(made.arrays, "array")
    if made.dropped:
        arrays += f", {counted(made.dropped, 'clip')} left out as too short (dropped.csv)"
    say(f"{recipe.folder}: {arrays}, {count(made.new)} new, in {made.folder}")
    if part:
        say("When all parts are done, the same command without --part writes the index.")
