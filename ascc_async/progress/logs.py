"""Log records while a run is on: as lines for people or programs, and nothing said twice."""

from __future__ import annotations

import json
import logging
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from ascc_async.progress.formatting import finish, moment, safe

LOGS = "logs"
LOG_FILE = "ascc_async.log"
_PACKAGE = "ascc_async"
_REPEAT_EVERY = 60.0  # seconds
_FILE_BYTES, _FILES = 5_000_000, 5
_LONGEST = 600  # characters of one event on the screen; the log file has it all
_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# An event about another source, identity or stage is another event; one about another video is
# the same: a thousand videos with the same trouble are one line and a count.
_WHO = ("source", "identity", "kind", "stage", "endpoint")
_Key = tuple[object, ...]


def event_line(at: float, level: str, event: str, fields: Mapping[str, Any]) -> str:
    """One event as one line of JSON: `time` (ISO 8601, UTC), `level`, `event`, then its fields.

    Pure ASCII, so that nothing in a title can steer a terminal.
    """
    time_text = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    base = {"time": time_text.replace("+00:00", "Z"), "level": level, "event": event}
    return json.dumps({**base, **fields, **base}, default=str)


class TextFormat(logging.Formatter):
    """`2026-01-31 14:05:09 warning: event (field: value)`, without control characters."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, cut when it is very long; below it the traceback where there is one."""
        fields = _fields_of(record)
        message, more = record.getMessage(), ""
        if repeated := fields.pop("repeated", 0):
            # They were of several videos: one's id would look as if it were all of it.
            fields = {name: fields[name] for name in _WHO if name in fields}
            more = f": {repeated} more like it; all are in {LOGS}/"
            message = re.split(r"[:;.] | \(", message, maxsplit=1)[0]  # all was said before
        details = ", ".join(
            f"{key}: {_shown(key, value)}" for key, value in fields.items() if value is not None
        )
        level = "" if record.levelno <= logging.INFO else f"{record.levelname.lower()}: "
        text = safe(message + (f" ({details})" if details else "") + more)
        if len(text) > _LONGEST:
            text = text[: _LONGEST - 1] + "…"
        return f"{moment(record.created)} {level}{text}"


def _shown(key: str, value: object) -> object:
    if isinstance(value, float):
        return finish(value, time.time()) if key == "until" else f"{value:.4g}"
    return value


class JsonFormat(logging.Formatter):
    """One object per event; see `event_line`. `logger` names the module."""

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        # The parts of a sentence such as "pausing %(seconds).0f s" are fields for programs too.
        parts = record.args if isinstance(record.args, Mapping) else {}
        fields = {"logger": record.name, **parts, **_fields_of(record)}
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return event_line(record.created, record.levelname.lower(), record.getMessage(), fields)


def _fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """What was given with the event as `extra`."""
    return {key: value for key, value in vars(record).items() if key not in _STANDARD_FIELDS}


class EventHandler(logging.Handler):
    """Shows every event once a minute at most; those between become one line with a count."""

    def __init__(
        self, show: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(logging.INFO)
        self._show, self._clock = show, clock
        self._shown_at: dict[_Key, float] = {}
        self._held_back: dict[_Key, tuple[logging.LogRecord, int]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Show it, or count it."""
        fields = _fields_of(record)
        parts = record.args if isinstance(record.args, Mapping) else {}
        who = [parts.get(name, fields.get(name)) for name in _WHO]
        # Not the finished sentence: with other seconds or rates in it, it is the same event.
        key = (record.name, record.levelno, record.msg, *map(str, who))
        if self._clock() - self._shown_at.get(key, -_REPEAT_EVERY) < _REPEAT_EVERY:
            _, number = self._held_back.get(key, (record, 0))
            self._held_back[key] = (record, number + 1)
            return
        self._shown_at[key] = self._clock()
        self._show(self.format(record))

    def show_repeated(self, *, all_of_them: bool = False) -> None:
        """Show the counts that have waited for a minute."""
        now = self._clock()
        for key, shown_at in list(self._shown_at.items()):
            if not all_of_them and now - shown_at < _REPEAT_EVERY:
                continue
            if key in self._held_back:
                record, number = self._held_back.pop(key)
                record.repeated, record.created = number, time.time()
                self._shown_at[key] = now
                self._show(self.format(record))
            else:
                del self._shown_at[key]  # a run of weeks says many different things

    def close(self) -> None:
        """Show what is still held back."""
        self.show_repeated(all_of_them=True)
        super().close()


@contextmanager
def logging_from(level: int) -> Iterator[None]:
    """Within, the package logs nothing below this level; whoever calls us keeps their own."""
    package = logging.getLogger(_PACKAGE)
    level_before = package.level
    package.setLevel(level)
    try:
        yield
    finally:
        package.setLevel(level_before)


@contextmanager
def collecting(screen: logging.Handler, output_dir: Path, *, debug: bool = False) -> Iterator[None]:
    """Within, log records go to `screen` and into `output_dir/logs/`, other packages' too.

    `debug`: into the file also what only who looks for a fault needs.
    """
    handlers = [screen]
    with suppress(OSError):  # a folder that cannot be written is the run's to explain
        # First, and unfiltered: the file has every one.
        handlers.insert(0, file_handler(output_dir))
    root = logging.getLogger()
    for handler in handlers:
        root.addHandler(handler)
    try:
        with logging_from(logging.DEBUG if debug else logging.INFO):
            yield
    finally:
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()


def file_handler(output_dir: Path) -> logging.Handler:
    """Everything that is logged, into `output_dir/logs/`, rotated, for the user's eyes alone."""
    folder = output_dir / LOGS
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handler = _PrivateFile(
        folder / LOG_FILE, maxBytes=_FILE_BYTES, backupCount=_FILES, encoding="utf-8"
    )
    handler.setFormatter(JsonFormat())
    return handler


class _PrivateFile(RotatingFileHandler):
    """Made readable by the user alone; a full disk does not fill the screen with complaints."""

    def _open(self) -> TextIOWrapper:
        def opener(name: str, flags: int) -> int:
            return os.open(name, flags, 0o600)

        return open(self.baseFilename, "a", encoding="utf-8", errors="replace", opener=opener)

    def handleError(self, record: logging.LogRecord) -> None:
        """Said nowhere: the run itself explains a full disk."""
