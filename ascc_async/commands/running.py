"""A run in front of a user: signals, screen, exit code."""

from __future__ import annotations

import asyncio
import logging

from ascc_async.concurrency.shutdown import Shutdown
from ascc_async.dataset.publish import Written
from ascc_async.dataset.rebuild import Recipe
from ascc_async.errors import AsccError
from ascc_async.pipeline.run import Run
from ascc_async.progress.screen import LogFormat, Screen
from ascc_async.progress.summary import summary, summary_fields
from ascc_async.settings import Settings

log = logging.getLogger(__name__)

DONE, DRAINED, ABORTED = 0, 3, 130
_ABORTED = "Left at once. All that was recorded is kept: the same command goes on."


async def run_with_screen(
    settings: Settings, log_format: LogFormat, goodbye: str, recipe: Recipe | None = None
) -> int:
    """Run to the end, or until a signal drains (exit code 3) or aborts (130) it.

    Raises StopRun when the run cannot go on, after the screen showed where it stands.
    """
    # What is in flight may need a whole timeout, and a cut after it.
    shutdown = Shutdown(settings.network.timeout_seconds + 30)
    run = Run(settings, shutdown, recipe)
    screen = Screen(
        run.snapshot,
        settings.output.dir,
        log_format,
        on_gone=lambda: shutdown.drain("nobody reads the output any more"),
    )
    async with screen.showing():
        written = await _run(run, shutdown)
    if written is None:
        screen.say(
            "Left at once. All that was recorded is kept: the same command goes on.", "aborted"
        )
        return ABORTED
    told = (written.counts, run.snapshot(), settings.output.dir)
    fields = {**summary_fields(*told), "changed_settings": list(run.changed_settings)}
    screen.say("\n" + summary(*told) + _changed(run.changed_settings), "summary", fields)
    if shutdown.draining and written.counts.pending:
        return DRAINED
    if goodbye:
        screen.say("\n" + goodbye, "goodbye", {"text": goodbye})
    return DONE


def _changed(changes: tuple[str, ...]) -> str:
    """What is different from the last run's settings, for people."""
    if not changes:
        return ""
    lines = "".join(f"\n  {change}" for change in changes)
    return f"\n\nSettings that were different in the last run here:{lines}"


async def _run(run: Run, shutdown: Shutdown) -> Written | None:
    """None when the run was aborted."""
    async with asyncio.TaskGroup() as tasks:
        telling = tasks.create_task(_tell_stopping(shutdown))
        failed: Exception | None = None
        written: Written | None = None
        try:
            with shutdown.handling_signals():
                written = await run.run()
        except asyncio.CancelledError:
            if not shutdown.aborted:
                raise
        except Exception as error:  # noqa: BLE001 - raised again, outside of the group
            failed = error
        telling.cancel()
    if failed is not None:
        if not isinstance(failed, AsccError):
            log.error("an error nobody foresaw", exc_info=failed)
        raise failed
    return written


async def _tell_stopping(shutdown: Shutdown) -> None:
    """Say what a signal means; the picture on a terminal says it by itself."""
    await shutdown.wait_draining()
    log.info(
        "stopping: what is in flight is finished, then the dataset is written; once more leaves"
        " at once",
        extra={"asked_by": shutdown.reason, "at_most_seconds": round(shutdown.seconds_left() or 0)},
    )
