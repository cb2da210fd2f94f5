"""What the user sees while a run goes on: the dashboard, lines, or JSON."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TextIO

from rich.console import Console, RenderableType
from rich.control import Control
from rich.segment import ControlType
from rich.text import Text

from ascc_async.dataset.text import counted
from ascc_async.errors import StopRun
from ascc_async.files import NO_SPACE
from ascc_async.pipeline.snapshot import Phase, RunSnapshot
from ascc_async.progress.dashboard import Dashboard
from ascc_async.progress.figures import snapshot_fields, snapshot_line
from ascc_async.progress.formatting import count, folded, moment
from ascc_async.progress.logs import EventHandler, JsonFormat, TextFormat, collecting, event_line
from ascc_async.progress.picture import Picture

log = logging.getLogger(__name__)

LogFormat = Literal["text", "json"]
_DRAW_EVERY = 0.5  # seconds
_SIGNALS = {"SIGINT": "Ctrl-C", "SIGHUP": "the terminal was closed"}
_MOST_EVENTS = 100  # all are in logs/
_LINE_EVERY = 60.0  # a log of weeks must stay readable
_FIRST_LINES_EVERY = 10.0  # for a minute: whoever starts it looks whether it works


@dataclass(frozen=True, slots=True)
class Display:
    """How a run is shown. `quiet`: only warnings and the report; `verbose`: every event, below the
    dashboard too; `debug`: the log file gets what only who looks for a fault needs.
    """

    log_format: LogFormat = "text"
    quiet: bool = False
    verbose: bool = False
    debug: bool = False


class PlainConsole(Console):
    """A rich console that prints texts as they are: no markup, no emoji, no highlighting.

    `gone` turns true when the reader at the other end has left (`… | head`); from then on it is
    silent.
    """

    def __init__(self, file: TextIO | None = None, width: int | None = None) -> None:
        super().__init__(file=file or sys.stdout, width=width, highlight=False, emoji=False)
        self.gone = False

    def fold(self, text: str) -> Text:
        """On a terminal long lines are wrapped between words."""
        return Text(folded(text, self.width) if self.is_terminal else text)

    def show(self, *parts: RenderableType) -> None:
        """Print texts, folded, and what is rendered; a `Text` stays as it is.

        Raises OSError where it goes to a full disk.
        """
        for part in parts:
            what = self.fold(part) if isinstance(part, str) else part
            if self.gone:
                return
            try:
                self.print(what, soft_wrap=isinstance(what, Text))
            except OSError as error:
                if error.errno in NO_SPACE:
                    raise
                self.on_broken_pipe()  # a terminal that was closed

    def on_broken_pipe(self) -> None:
        """The reader has gone: fall silent. The owner of the run decides what that means."""
        self.gone = self.quiet = True
        # Python itself complains at its end when what is still buffered goes nowhere.
        with suppress(OSError, ValueError):
            descriptor = os.open(os.devnull, os.O_WRONLY)
            os.dup2(descriptor, self.file.fileno())
            os.close(descriptor)


class Screen:
    """Shows snapshots and events. On a terminal the dashboard, else lines or JSON."""

    def __init__(
        self,
        snapshot: Callable[[], RunSnapshot],
        output_dir: Path,
        display: Display,
        *,
        on_gone: Callable[[], None],
        console: PlainConsole | None = None,
    ) -> None:
        """`on_gone` is called once when nobody reads the output any more."""
        self._snapshot, self._output, self._on_gone = snapshot, output_dir, on_gone
        self._display, self._json = display, display.log_format == "json"
        self._console = console or PlainConsole()
        self._events: deque[str] | None = None  # shown with the picture, and kept until it is gone

    @asynccontextmanager
    async def showing(self) -> AsyncIterator[None]:
        """Within, the run is shown, and log records too.

        Whatever leaves the block leaves as it is; a bug in the showing cancels the block. Of either
        bug the log file keeps the traceback, also where nobody asked for --debug.
        """
        # The dashboard needs a terminal that can move its cursor.
        redraws = self._console.is_terminal and not self._console.is_dumb_terminal
        if redraws:  # "is starting …", from the command line, is taken away
            erase = Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2))
            self._console.control(erase)
        events = EventHandler(self.show)
        events.setFormatter(JsonFormat() if self._json else TextFormat())
        shows_dashboard = redraws and not self._json and not self._display.quiet
        if self._display.quiet or (shows_dashboard and not self._display.verbose):
            # Normal events show as numbers in the dashboard, and are in the log file.
            events.setLevel(logging.WARNING)
        with collecting(events, self._output, debug=self._display.debug):
            try:
                with self._drawing() if shows_dashboard else nullcontext() as picture:
                    left: BaseException | None = None
                    async with asyncio.TaskGroup() as tasks:
                        task = tasks.create_task(self._keep_showing(events, picture))
                        try:
                            yield
                        except Exception as error:  # noqa: BLE001 - raised again, outside
                            left = error
                        finally:
                            task.cancel()
                    if left is not None:
                        raise left
            except StopRun:
                raise
            except Exception:
                log.exception("unexpected error: this is a bug, please report it")
                raise

    def say(self, text: str, event: str, fields: Mapping[str, Any]) -> None:
        """Say something: `text` to people, `event` with `fields` to programs."""
        self.show(event_line(time.time(), "info", event, fields) if self._json else text)

    def show(self, line: str) -> None:
        """A text below the dashboard, and where it stood when it is gone."""
        if self._events is not None:
            self._events.append(line)
            return
        was_gone = self._console.gone
        try:
            self._console.show(Text(line) if self._json else line)
        except OSError:  # a full disk ends no run: all of this is in logs/, too
            self._console.on_broken_pipe()
            return
        if self._console.gone and not was_gone:
            self._on_gone()

    @contextmanager
    def _drawing(self) -> Iterator[Picture]:
        """A picture; events are shown with it, and stay when it is gone."""
        self._events = deque(maxlen=_MOST_EVENTS)
        try:
            with Picture(self._console) as picture:
                yield picture
        finally:
            lines, self._events = self._events, None
            for line in lines:
                self.show(line)

    async def _keep_showing(self, events: EventHandler, picture: Picture | None) -> None:
        begun = time.monotonic()
        next_line = begun + _FIRST_LINES_EVERY
        stopping_announced = resuming_announced = False
        delay = 0.0  # the first picture comes at once
        while True:
            await asyncio.sleep(delay)
            delay = _DRAW_EVERY
            events.show_repeated()
            snapshot = self._snapshot()
            if snapshot.stopping.draining and not stopping_announced:
                stopping_announced = True
                # The dashboard shows it too; a log file or a pipe has only this line.
                why = snapshot.stopping.reason
                log.info(
                    "stopping (%(asked_by)s): finishing what is under way, at most"
                    " %(at_most_seconds)d s, then writing the dataset; Ctrl-C now aborts",
                    {
                        "asked_by": _SIGNALS.get(why, why),
                        "why": why,
                        "at_most_seconds": round(snapshot.stopping.seconds_left or 0),
                    },
                )
            if snapshot.phase is Phase.WORKING and not resuming_announced:
                resuming_announced = True
                self._say_what_is_there(snapshot)
            if picture is not None:
                if self._console.gone:
                    continue
                try:
                    picture.draw(Dashboard(snapshot), below=list(self._events or ()))
                except OSError:  # the terminal was closed
                    self._console.on_broken_pipe()
                    self._on_gone()
            elif time.monotonic() >= next_line and not self._display.quiet:
                first_minute = next_line < begun + _LINE_EVERY
                next_line += _FIRST_LINES_EVERY if first_minute else _LINE_EVERY
                text = f"{moment(snapshot.at)} {snapshot_line(snapshot)}"
                if self._json:
                    fields = snapshot_fields(snapshot, snapshot.at)
                    text = event_line(snapshot.at, "info", "progress", fields)
                self.show(text)

    def _say_what_is_there(self, snapshot: RunSnapshot) -> None:
        """Where an earlier run left off: nobody should fear that it begins from scratch."""
        queue = snapshot.work_queue
        answered = queue.asked - snapshot.answered if queue else 0
        if self._display.quiet or queue is None or answered <= 0:
            return
        clips = queue.clips - snapshot.clips_made
        made = f" and {counted(clips, 'clip')} made already" if clips else ""
        text = (
            f"{moment(snapshot.at)} resuming: {count(answered)} of {count(queue.selected)} videos"
            f" are answered{made}"
        )
        fields = {"answered": answered, "selected": queue.selected, "clips": clips}
        self.say(text, "resuming", fields)
