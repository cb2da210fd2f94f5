"""What every page stands on: the folder it shows, threads to read in, templates, static files."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import importlib.util
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import jinja2
from aiohttp import hdrs, web

from ascc_async import __version__
from ascc_async.dataset.text import counted, restored
from ascc_async.files import size
from ascc_async.journal.reader import Reader
from ascc_async.journal.writer import JOURNAL_NAME
from ascc_async.progress.formatting import count, duration, moment, rate, safe, share
from ascc_async.settings import Settings
from ascc_async.web.live import Live

T = TypeVar("T")
_HERE = Path(__file__).parent
_THREADS = 4  # a run beside needs the processors more than two hundred readers do
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# Of the navigation, in its order.
PAGES = {"/": "Overview", "/classes": "Classes", "/missing": "Missing", "/clips": "Clips"}


class ShownFolder:
    """The folder that is shown. Whatever reads files runs in one of a few threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.output = settings.output.dir
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="web")
        # Of its own: pictures take longest, and pages must not wait for them.
        self._artist = ThreadPoolExecutor(1, thread_name_prefix="pictures")
        self._kept: dict[str, tuple[object, asyncio.Future[Any]]] = {}
        self._templates = templates()
        # All of it now: an update of this program may exchange the files while it serves.
        for template in self._templates.list_templates():
            self._templates.get_template(template)
        for name in STATIC_NAMES:
            static_content(name)

    async def work(self, function: Callable[..., T], *values: Any) -> T:
        """Call it in a thread: nothing that takes longer than a blink runs on the event loop."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, function, *values)

    async def kept(self, name: str, version: object, make: Callable[..., T], *values: Any) -> T:
        """What `make` gives, made once for this version, however many ask for it meanwhile."""
        found = self._kept.get(name)
        if found is None or found[0] != version:
            made = asyncio.get_running_loop().run_in_executor(self._threads, make, *values)
            self._kept[name] = found = version, made
        try:
            # Who goes away takes it from nobody else.
            return cast(T, await asyncio.shield(found[1]))
        except Exception:
            if self._kept.get(name) is found:
                del self._kept[name]
            raise

    async def read(self, function: Callable[[Reader], T]) -> T:
        """Ask the journal. Raises JournalError where there is none, which middleware explains."""

        def look() -> T:
            with closing(Reader(self.output / JOURNAL_NAME)) as reader:
                return function(reader)

        return await self.work(look)

    async def draw(self, function: Callable[..., T], *values: Any) -> T:
        """The same for pictures, of which one is made at a time."""
        return await asyncio.get_running_loop().run_in_executor(self._artist, function, *values)

    def text(self, template: str, **values: Any) -> str:
        """A template filled in, every value in it harmless."""
        return self._templates.get_template(template).render(values)

    def page(
        self, request: web.Request, template: str, *, status: int = 200, **values: Any
    ) -> web.Response:
        """A whole page; templates extend `base.html`."""
        text = self.text(template, path=request.path, **values)
        return web.Response(text=text, content_type="text/html", status=status)

    def close(self) -> None:
        """Wait for no thread: they only read."""
        for threads in (self._threads, self._artist):
            threads.shutdown(wait=False, cancel_futures=True)


SHOWN = web.AppKey("shown", ShownFolder)
LIVE = web.AppKey("live", Live)


def templates() -> jinja2.Environment:
    """The templates, in which every value is harmless."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        auto_reload=False,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Whoever names a video may try to turn or hide what follows the name.
        finalize=lambda value: safe(value) if type(value) is str else value,
    )
    formats = (count, counted, duration, moment, rate, restored, share, size)
    environment.filters.update({each.__name__: each for each in formats})
    environment.globals.update(pages=PAGES, static=static_address, version=__version__)
    return environment


def plotly_script() -> Path:
    """Plotly's own script, out of the installed package: importing it would take a second."""
    spec = importlib.util.find_spec("plotly")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "package_data" / "plotly.min.js"


@cache
def static_content(name: str) -> bytes:
    """A file that pages load."""
    return (plotly_script() if name == "plotly.js" else _HERE / "static" / name).read_bytes()


@cache
def _packed(name: str) -> bytes:
    return gzip.compress(static_content(name), 6)


STATIC_NAMES = frozenset({"plotly.js", *(path.name for path in (_HERE / "static").iterdir())})


@cache
def static_address(name: str) -> str:
    """Where a browser finds it, which it may keep for good: other content, another address."""
    return f"/static/{name}?{hashlib.sha256(static_content(name)).hexdigest()[:12]}"


async def static_file(request: web.Request) -> web.Response:
    """One of the few files there are: its name is looked up, never made into a path."""
    name = request.match_info.get("name", "favicon.svg")
    if name not in STATIC_NAMES:
        raise web.HTTPNotFound
    work = request.app[SHOWN].work
    headers = {
        hdrs.CONTENT_TYPE: _TYPES[Path(name).suffix],
        hdrs.CACHE_CONTROL: "private, max-age=31536000, immutable",
        hdrs.VARY: "Accept-Encoding",
    }
    if "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        headers[hdrs.CONTENT_ENCODING] = "gzip"
        return web.Response(body=await work(_packed, name), headers=headers)
    return web.Response(body=await work(static_content, name), headers=headers)
