"""What the user sees while a run goes on: a picture, lines, or JSON."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from rich.console import Console
from rich.live import Live

from ascc_async.progress.events import JsonFormat, Repeats, TextFormat, file_handler
from ascc_async.progress.lines import fields, line
from ascc_async.progress.snapshot import RunSnapshot
from ascc_async.progress.terminal import Picture
from ascc_async.progress.words import clock

LogFormat = Literal["text", "json"]
_PICTURE_EVERY = 0.5
_LINE_EVERY = 60.0


class Screen:
    """Shows snapshots and events until left. On a terminal a picture, else lines or JSON."""

    def __init__(
        self,
        snapshot: Callable[[], RunSnapshot],
        output_dir: Path,
        log_format: LogFormat,
        console: Console | None = None,
    ) -> None:
        self._snapshot, self._output = snapshot, output_dir
        self._json = log_format == "json"
        self.console = console or Console(file=sys.stdout, highlight=False, soft_wrap=True)
        self._live: Live | None = None
        self._repeats = Repeats()
        self._handlers: list[logging.Handler] = []
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        root = logging.getLogger("ascc_async")
        root.setLevel(logging.INFO)
        root.propagate = False
        picture = self.console.is_terminal and not self._json
        self._handlers = [_Shown(self, logging.WARNING if picture else logging.INFO)]
        self._handlers[0].addFilter(self._repeats)
        with suppress(OSError):  # a folder that cannot be written is the run's to explain
            self._handlers.append(await asyncio.to_thread(file_handler, self._output))
        for handler in self._handlers:
            root.addHandler(handler)
        if picture:
            self._live = Live(
                get_renderable=lambda: Picture(self._snapshot()),
                console=self.console,
                auto_refresh=False,
                transient=True,
            )
            self._live.start()
        # Its parent is this context: it ends before `__aexit__` returns.
        self._task = asyncio.create_task(self._redraw())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        if self._live is not None:
            self._live.stop()
        for event, number in self._repeats.hidden().items():
            self.say(f"{clock(time.time())} {event} ({number} times more)", event=event)
        root = logging.getLogger("ascc_async")
        for handler in self._handlers:
            root.removeHandler(handler)
            handler.close()

    def say(self, text: str, *, event: str = "message") -> None:
        """A line above the picture."""
        if self._json:
            text = json.dumps({"event": event, "text": text}, ensure_ascii=False)
        self.console.print(text, markup=False)

    async def _redraw(self) -> None:
        while True:
            if self._live is not None:
                self._live.refresh()
                await asyncio.sleep(_PICTURE_EVERY)
            else:
                await asyncio.sleep(_LINE_EVERY)
                self._tell()

    def _tell(self) -> None:
        snapshot = self._snapshot()
        if self._json:
            self.console.print(
                json.dumps({"event": "progress", "time": snapshot.at, **fields(snapshot)}),
                markup=False,
            )
        else:
            self.console.print(f"{clock(snapshot.at)} {line(snapshot)}", markup=False)


class _Shown(logging.Handler):
    """Hands log records to the screen."""

    def __init__(self, screen: Screen, level: int) -> None:
        super().__init__(level)
        self._screen = screen
        self.setFormatter(JsonFormat() if screen._json else TextFormat())

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record above the picture."""
        self._screen.console.print(self.format(record), markup=False)
