"""`serve`: a page to look at in the browser, beside a run or after it."""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import os
import sys
import webbrowser
from threading import Thread
from typing import NoReturn

from ascc_async.errors import SettingsError
from ascc_async.progress.formatting import say
from ascc_async.settings_loader import load

_NEEDED = ("jinja2", "plotly", "prometheus_client")


def require_web(command: str) -> None:
    """Raise SettingsError where the extra is not installed."""
    if missing := [name for name in _NEEDED if importlib.util.find_spec(name) is None]:
        raise SettingsError(f"{command} needs {missing[0]}: pip install 'ascc-async[web]'")


def main(options: argparse.Namespace) -> NoReturn:
    """Serve until Ctrl-C."""
    require_web("serve")
    from ascc_async.web.access import Access, Listen
    from ascc_async.web.server import serve

    settings = load(options.config, options.options)
    listen = Listen.of(options.listen)
    access = Access(listen, options.token)

    def ready(port: int) -> None:
        url = listen.url(port, access.token)
        say(f"{settings.output.dir} is shown at {url}\nCtrl-C ends this page; a run goes on.")
        if options.open:
            # Some browsers keep whoever opens them waiting until they are closed.
            Thread(target=webbrowser.open, args=(url,), daemon=True).start()

    asyncio.run(serve(settings, listen, access, ready))
    sys.stdout.flush()
    # A thread may still be counting millions of rows. All that threads do here is read: Python
    # would wait for them, nobody else does.
    os._exit(0)
