"""What the user sees while a run goes on: the dashboard, lines, or JSON."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from rich.live import Live

from ascc_async.pipeline.snapshot import RunSnapshot
from ascc_async.progress.console import PlainConsole
from ascc_async.progress.dashboard import Dashboard
from ascc_async.progress.formatting import clock
from ascc_async.progress.log_lines import snapshot_fields, snapshot_line
from ascc_async.progress.logs import JsonFormat, RepeatFilter, TextFormat, collecting, event_line
from ascc_async.progress.opening import unsay

LogFormat = Literal["text", "json"]
_DRAW_EVERY = 0.5  # seconds
_LINE_EVERY = 60.0  # a log of weeks must stay readable


class Screen:
    """Shows snapshots and events. On a terminal the dashboard, else lines or JSON."""

    def __init__(
        self,
        snapshot: Callable[[], RunSnapshot],
        output_dir: Path,
        log_format: LogFormat,
        *,
        on_gone: Callable[[], None],
        console: PlainConsole | None = None,
    ) -> None:
        """`on_gone` is called once when nobody reads the output any more."""
        self._snapshot, self._output, self._on_gone = snapshot, output_dir, on_gone
        self._json = log_format == "json"
        self._console = console or PlainConsole()

    @asynccontextmanager
    async def showing(self) -> AsyncIterator[None]:
        """Within, the run is shown, and log records too.

        Whatever leaves the block leaves as it is; a bug in the showing cancels the block.
        """
        unsay()
        log_handler = _ScreenHandler(self.show)
        log_handler.setFormatter(JsonFormat() if self._json else TextFormat())
        with ExitStack() as stack:
            repeat_filter = stack.enter_context(collecting(log_handler, self._output))
            live: Live | None = None
            if not self._json and self._console.draws:
                # Normal events show as numbers in the dashboard, and are in the log file.
                log_handler.setLevel(logging.WARNING)
                live = Live(
                    get_renderable=lambda: Dashboard(self._snapshot()),
                    console=self._console,
                    auto_refresh=False,
                    transient=True,
                )
                stack.enter_context(live)
            left: BaseException | None = None
            async with asyncio.TaskGroup() as tasks:
                task = tasks.create_task(self._keep_showing(repeat_filter, live))
                try:
                    yield
                except Exception as error:  # noqa: BLE001 - raised again, outside of the group
                    left = error
                finally:
                    task.cancel()
            if left is not None:
                raise left

    def say(self, text: str, event: str, fields: Mapping[str, Any] | None = None) -> None:
        """Say something: `text` to people, `event` with `fields` to programs."""
        if self._json:
            text = event_line(time.time(), "info", event, fields or {"text": text})
        self.show(text)

    def show(self, line: str) -> None:
        """A line as it is, above the dashboard."""
        was_gone = self._console.gone
        self._console.tell(line)
        if self._console.gone and not was_gone:
            self._on_gone()

    async def _keep_showing(self, repeat_filter: RepeatFilter, live: Live | None) -> None:
        next_line = time.monotonic() + _LINE_EVERY
        while True:
            await asyncio.sleep(_DRAW_EVERY)
            repeat_filter.show_repeated()
            if live is not None:
                if self._console.gone:
                    continue
                try:
                    live.refresh()
                except OSError:  # the terminal was closed
                    self._console.on_broken_pipe()
                    self._on_gone()
            elif time.monotonic() >= next_line:
                next_line += _LINE_EVERY
                snapshot = self._snapshot()
                text = f"{clock(snapshot.at)} {snapshot_line(snapshot)}"
                if self._json:
                    text = event_line(snapshot.at, "info", "progress", snapshot_fields(snapshot))
                self.show(text)


class _ScreenHandler(logging.Handler):
    """Hands log records to the screen."""

    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        """Show one record."""
        self._show(self.format(record))
