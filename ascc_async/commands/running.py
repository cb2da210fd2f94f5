"""A run in front of a user: signals, screen, exit code."""

from __future__ import annotations

import asyncio

from ascc_async.app import Run
from ascc_async.dataset.publish import Written
from ascc_async.flow.stopping import Stopper
from ascc_async.progress.screen import LogFormat, Screen
from ascc_async.progress.summary import summary
from ascc_async.settings import Settings

DONE, DRAINED, ABORTED = 0, 3, 130


async def run_with_screen(settings: Settings, log_format: LogFormat, goodbye: str) -> int:
    """Run to the end, or until a signal drains (exit code 3) or aborts (130) it.

    Raises StopRun when the run cannot go on, after the screen showed where it stands.
    """
    # What is in flight may need a whole timeout, and a cut after it.
    stopper = Stopper(settings.network.timeout_seconds + 30)
    run = Run(settings, stopper)
    written: Written | None = None
    async with Screen(run.snapshot, settings.output.dir, log_format) as screen:
        with stopper.handling_signals():
            try:
                written = await run.run()
            except asyncio.CancelledError:
                if not stopper.aborted:
                    raise
    if written is None:
        return ABORTED
    screen.say(summary(written.counts, run.snapshot(), settings.output.dir), event="summary")
    if goodbye:
        screen.say(goodbye, event="goodbye")
    return DRAINED if stopper.draining and written.counts.pending else DONE
