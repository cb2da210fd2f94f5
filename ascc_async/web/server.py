"""The web server: every address there is, and its end on Ctrl-C."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from aiohttp import hdrs, web
from aiohttp.http import HttpProcessingError
from aiohttp.log import server_logger
from aiohttp.typedefs import Handler

from ascc_async.errors import JournalError, MetadataError, NoJournal, SetupError, StopRun
from ascc_async.settings import Settings
from ascc_async.web import classes, clip, clips, for_programs, missing, overview
from ascc_async.web.access import Access, Listen, on_prepare
from ascc_async.web.labels import LABELS, LabelReader
from ascc_async.web.live import Live
from ascc_async.web.shown_folder import LIVE, SHOWN, ShownFolder, static_file
from ascc_async.web.tally import TALLIES, StillCounting, Tallies

log = logging.getLogger(__name__)

_BUG = """\
500: this page could not be made. Where ascc_async was updated while `serve` ran, end it and start \
it again; otherwise it is a bug: what `serve` printed in its terminal tells more. A run goes on.
"""
_SECONDS_TO_END = 1.0  # for answers under way: nothing is lost with them


def application(settings: Settings, access: Access) -> web.Application:
    """Everything that is served."""
    # Whoever may not look learns nothing, not even which addresses there are.
    app = web.Application(middlewares=[access.middleware, _explained])
    app[SHOWN] = shown = ShownFolder(settings)
    app[LIVE] = live = Live(shown.output, shown.work, partial(overview.render, shown))
    app[TALLIES] = Tallies(settings, shown.work)
    app[LABELS] = LabelReader(settings, shown.work, app[TALLIES])
    app.on_response_prepare.append(on_prepare)
    app.router.add_get("/static/{name}", static_file)
    app.router.add_get("/favicon.ico", static_file)  # browsers ask for it beside a page of text
    for page in (overview, classes, missing, clips, clip, for_programs):
        app.add_routes(page.ROUTES)

    async def begin(_: web.Application) -> None:
        app[LABELS].begin()

    async def end(_: web.Application) -> None:
        live.ended.set()

    async def close(_: web.Application) -> None:
        app[LABELS].end()
        shown.close()

    app.on_startup.append(begin)
    app.on_shutdown.append(end)
    app.on_cleanup.append(close)
    return app


@web.middleware
async def _explained(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What cannot be read, or is not there (yet), is a page that says so."""
    shown = request.app[SHOWN]
    try:
        return await handler(request)
    except web.HTTPNotFound as error:
        if "text/html" not in request.headers.get(hdrs.ACCEPT, ""):
            raise
        problem = "There is nothing at this address. The links above lead to all there is."
        if error.text and not error.text.startswith("404:"):
            problem = error.text
        return shown.page(request, "problem.html", status=404, title="Not found", problem=problem)
    except StillCounting:
        return shown.page(request, "counting.html", title="Counting …")
    except (web.HTTPException, ConnectionError):  # the latter: the reader went away
        raise
    except StopRun as error:
        # Nothing is wrong with a folder in which no run has worked yet.
        damaged = isinstance(error, JournalError | MetadataError)
        damaged = damaged and not isinstance(error, NoJournal)
        title = "This cannot be shown" if damaged else "Nothing to show yet"
        status = 503 if damaged else 200
        return shown.page(request, "problem.html", status=status, title=title, problem=str(error))
    except Exception:
        log.exception("a page could not be made: this is a bug", extra={"address": request.path})
        return web.Response(status=500, text=_BUG)


def _is_ours(record: logging.LogRecord) -> bool:
    # Anybody may send what is not HTTP: that is their mistake, and no traceback of ours.
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


async def serve(
    settings: Settings, listen: Listen, access: Access, ready: Callable[[int], None]
) -> None:
    """Until a signal ends it. `ready` is told the port. SetupError when it cannot listen there."""
    end = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, end.set)
    with suppress(OSError):
        os.nice(10)  # a run on the same machine comes first
    server_logger.addFilter(_is_ours)
    runner = web.AppRunner(
        application(settings, access),
        access_log=None,
        handler_cancellation=True,  # an answer that nobody waits for any more is not worked on
        shutdown_timeout=_SECONDS_TO_END,
    )
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, listen.host, listen.port).start()
        except OSError as error:
            code = error.errno or 0  # below 0 where a name is unknown
            why = os.strerror(code) if code > 0 else error.strerror
            raise SetupError(
                f"cannot listen on {listen.host}:{listen.port}: {why}. Another"
                " program may use it, or the address is not this machine's: choose another with"
                " --listen HOST:PORT (port 0: any that is free)"
            ) from error
        ready(runner.addresses[0][1])
        await end.wait()
    finally:
        await runner.cleanup()
