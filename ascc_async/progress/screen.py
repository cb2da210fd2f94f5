"""What the user sees while a run goes on: a picture, lines, or JSON."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Literal

from rich.live import Live

from ascc_async.pipeline.snapshot import RunSnapshot
from ascc_async.progress.console import Out
from ascc_async.progress.events import JsonFormat, TextFormat, event_line
from ascc_async.progress.lines import fields, line
from ascc_async.progress.log_sink import LogSink, collecting
from ascc_async.progress.opening import unsay
from ascc_async.progress.terminal import Picture
from ascc_async.progress.words import clock

LogFormat = Literal["text", "json"]
_PICTURE_EVERY = 0.5  # seconds
_LINE_EVERY = 60.0


class Screen:
    """Shows snapshots and events. On a terminal a picture, else lines or JSON."""

    def __init__(
        self,
        snapshot: Callable[[], RunSnapshot],
        output_dir: Path,
        log_format: LogFormat,
        *,
        on_gone: Callable[[], None],
        out: Out | None = None,
    ) -> None:
        """`on_gone` is called once when nobody reads the output any more."""
        self._snapshot, self._output, self._on_gone = snapshot, output_dir, on_gone
        self._json = log_format == "json"
        self._out = out or Out()
        self._live: Live | None = None

    @asynccontextmanager
    async def showing(self) -> AsyncIterator[None]:
        """Within, the run is shown and log records are told.

        Whatever leaves the block leaves as it is; a bug in the showing cancels the block.
        """
        unsay()
        shown = _Shown(self)
        with collecting(shown, self._output) as sink, self._picture(shown):
            drawing = asyncio.TaskGroup()
            async with drawing:
                task = drawing.create_task(self._keep_telling(sink))
                left: BaseException | None = None
                try:
                    yield
                except Exception as error:  # noqa: BLE001 - raised again, outside of the group
                    left = error
                finally:
                    task.cancel()
            if left is not None:
                raise left

    @contextmanager
    def _picture(self, shown: logging.Handler) -> Iterator[None]:
        if self._json or not self._out.draws:
            yield
            return
        # What is normal shows in the picture, and stands in the log file.
        shown.setLevel(logging.WARNING)
        self._live = Live(
            get_renderable=lambda: Picture(self._snapshot()),
            console=self._out,
            auto_refresh=False,
            transient=True,
        )
        with self._live:
            yield

    def say(self, text: str, event: str, told: Mapping[str, Any] | None = None) -> None:
        """Tell something: `text` to people, `event` with the fields `told` to programs."""
        if self._json:
            text = event_line(time.time(), "info", event, told or {"text": text})
        self.show(text)

    def show(self, line: str) -> None:
        """A line as it is, above the picture."""
        was_gone = self._out.gone
        self._out.tell(line)
        if self._out.gone and not was_gone:
            self._on_gone()

    async def _keep_telling(self, sink: LogSink) -> None:
        next_line = time.monotonic() + _LINE_EVERY
        while True:
            await asyncio.sleep(_PICTURE_EVERY)
            sink.tell_repeated()
            if self._live is not None:
                self._draw(self._live)
            elif time.monotonic() >= next_line:
                next_line += _LINE_EVERY
                self._tell()

    def _draw(self, live: Live) -> None:
        if self._out.gone:
            return
        try:
            live.refresh()
        except OSError:  # the terminal was closed
            self._out.on_broken_pipe()
            self._on_gone()

    def _tell(self) -> None:
        picture = self._snapshot()
        if self._json:
            self.show(event_line(picture.at, "info", "progress", fields(picture)))
        else:
            self.show(f"{clock(picture.at)} {line(picture)}")

    @property
    def format(self) -> logging.Formatter:
        """How log records are told here."""
        return JsonFormat() if self._json else TextFormat()


class _Shown(logging.Handler):
    """Hands log records to the screen."""

    def __init__(self, screen: Screen) -> None:
        super().__init__(logging.INFO)
        self._screen = screen
        self.setFormatter(screen.format)

    def emit(self, record: logging.LogRecord) -> None:
        """Show one record."""
        self._screen.show(self.format(record))
