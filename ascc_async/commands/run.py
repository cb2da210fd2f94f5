"""`run`: the whole job, going on where it stopped."""

from __future__ import annotations

import argparse

from ascc_async.dataset.rebuild import Recipe
from ascc_async.progress.screen import LogFormat
from ascc_async.settings import Settings
from ascc_async.settings_loader import load


def main(options: argparse.Namespace) -> int:
    """Run with the settings that the options name."""
    return run(load(options.config, options.options), options.log_format)


def run(
    settings: Settings,
    log_format: LogFormat,
    *,
    goodbye: str = "",
    recipe: Recipe | None = None,
) -> int:
    """One run with its screen and signals; `goodbye` is said at the end of a finished one.

    `recipe`: rebuild what it says, instead of choosing from AudioSet's metadata.
    """
    import asyncio

    import uvloop

    from ascc_async.commands.running import run_with_screen

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run_with_screen(settings, log_format, goodbye, recipe))
