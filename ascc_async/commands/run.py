"""`run`: the whole job, going on where it stopped; with its screen, signals and exit code."""

from __future__ import annotations

import argparse
import asyncio
import importlib.util

from ascc_async.concurrency.shutdown import Shutdown
from ascc_async.dataset.rebuild import Recipe
from ascc_async.errors import ABORTED, SettingsError
from ascc_async.pipeline.run import Run
from ascc_async.pipeline.youtube_access import YouTubeAccess
from ascc_async.progress.live_output import Display, Screen
from ascc_async.progress.notify import Notifier
from ascc_async.progress.report import report, report_fields
from ascc_async.settings import Settings
from ascc_async.settings_loader import load
from ascc_async.youtube.browser_cookies import with_browser_cookies

DONE, DRAINED = 0, 3


def main(options: argparse.Namespace) -> int:
    """Run with the settings that the options name."""
    settings = load(options.config, options.options)
    with with_browser_cookies(settings, options.cookies_from_browser) as with_cookies:
        return run(with_cookies, display_of(options))


def display_of(options: argparse.Namespace) -> Display:
    """What the options everywhere say of the screen."""
    return Display(options.log_format, options.quiet, options.verbose, options.debug)


def run(
    settings: Settings, display: Display, *, goodbye: str = "", recipe: Recipe | None = None
) -> int:
    """One run with its screen and signals; `goodbye` is said at the end of a finished one.

    `recipe`: rebuild what it says, instead of choosing from AudioSet's metadata. Exit code 3 when
    a signal drained it, 130 when one aborted it. Raises StopRun when it cannot go on, after the
    screen showed where it stands.
    """
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run_with_screen(settings, display, goodbye, recipe))


def access_for(settings: Settings) -> type[YouTubeAccess]:
    """This machine's, or that of a cluster. Raises SettingsError for one that cannot be used."""
    if settings.cluster.engine is None:
        return YouTubeAccess
    if importlib.util.find_spec("distributed") is None:
        raise SettingsError("cluster.engine: dask needs Dask: pip install 'ascc-async[cluster]'")
    from ascc_async.cluster.access import ManyMachines
    from ascc_async.cluster.engine import scheduler_address

    scheduler_address(settings.cluster)  # before anything else: it may not be safe to talk to
    return ManyMachines


async def _run_with_screen(
    settings: Settings, display: Display, goodbye: str, recipe: Recipe | None
) -> int:
    output = settings.output.dir
    notifier = Notifier(settings.notify, output)
    await notifier.check()
    # What is in flight may need a whole timeout, and a cut after it.
    shutdown = Shutdown(settings.network.timeout_seconds + 30)
    job = Run(settings, shutdown, recipe, access_for(settings))
    screen = Screen(
        job.snapshot,
        output,
        display,
        on_gone=lambda: shutdown.drain("nobody reads the output any more"),
    )
    counts = None
    async with screen.showing():
        try:
            with shutdown.handling_signals():
                async with notifier.watching(job.snapshot):
                    counts = await job.run()
                    # As it is now: a signal while the message is sent stops nothing any more.
                    snapshot = job.snapshot()
                    drained = snapshot.stopping.draining and bool(counts.left or snapshot.missing)
                    text = report(counts, snapshot, output)
                    headline = text.partition("\n\n")[0]
                    more = "" if drained else " Start with dataset/README.md."
                    await notifier.ended("stopped" if drained else "finished", headline + more)
        except asyncio.CancelledError:
            # A second signal cancels this task; any other cancelling is not ours to swallow.
            if not shutdown.aborted:
                raise
    if counts is None:
        text = "Aborted. Progress is saved; run the same command to resume."
        screen.say(text, "aborted", {"text": text})
        return ABORTED
    if job.changed_settings:
        lines = "".join(f"\n  {change}" for change in job.changed_settings)
        text += f"\n\nSettings that were different in the last run here:{lines}"
    fields = report_fields(counts, snapshot, output)
    screen.say("\n" + text, "summary", {**fields, "changed_settings": list(job.changed_settings)})
    if drained:
        return DRAINED
    if goodbye:
        screen.say("\n" + goodbye, "goodbye", {"text": goodbye})
    return DONE
