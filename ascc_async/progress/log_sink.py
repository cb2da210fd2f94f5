"""Where log records go while a run is on: the screen and a rotated file, nothing said twice."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

from ascc_async.progress.events import JsonFormat, extras

LOGS = "logs"
LOG_FILE = "ascc_async.log"
_OURS = "ascc_async"
_REPEAT_EVERY = 60.0  # seconds
_FILE_BYTES, _FILES = 5_000_000, 5
# An event about another source, identity or stage is another event; one about another video is not.
_WHO = ("source", "identity", "kind", "stage", "endpoint")
_Key = tuple[object, ...]


class LogSink(logging.Handler):
    """Hands every event on once a minute at most; those between become one line with a count."""

    def __init__(
        self, handlers: Iterable[logging.Handler], clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()
        self._handlers, self._clock = tuple(handlers), clock
        self._shown: dict[_Key, float] = {}
        self._hidden: dict[_Key, tuple[logging.LogRecord, int]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Hand it on, or count it."""
        key = _key(record)
        if self._clock() - self._shown.get(key, -_REPEAT_EVERY) < _REPEAT_EVERY:
            self._hidden[key] = (record, self._hidden.get(key, (record, 0))[1] + 1)
            return
        self._tell(key)
        self._shown[key] = self._clock()
        self._pass_on(record)

    def tell_repeated(self, *, all_of_them: bool = False) -> None:
        """Tell the counts that have waited for a minute."""
        now = self._clock()
        for key in list(self._hidden):
            if all_of_them or now - self._shown[key] >= _REPEAT_EVERY:
                self._shown[key] = now
                self._tell(key)

    def _tell(self, key: _Key) -> None:
        if key not in self._hidden:
            return
        record, number = self._hidden.pop(key)
        record.repeated = number
        self._pass_on(record)

    def _pass_on(self, record: logging.LogRecord) -> None:
        for handler in self._handlers:
            if record.levelno >= handler.level:
                handler.handle(record)

    def close(self) -> None:
        """Tell what is still to be told, then close what it was handed to."""
        self.tell_repeated(all_of_them=True)
        for handler in self._handlers:
            handler.close()
        super().close()


def _key(record: logging.LogRecord) -> _Key:
    told = extras(record)
    return (record.name, record.levelno, record.getMessage(), *map(str, map(told.get, _WHO)))


@contextmanager
def collecting(screen: logging.Handler, output_dir: Path) -> Iterator[LogSink]:
    """Within, log records go to `screen` and into `output_dir/logs/`, other packages' too."""
    handlers = [screen]
    with suppress(OSError):  # a folder that cannot be written is the run's to explain
        handlers.append(file_handler(output_dir))
    sink = LogSink(handlers)
    root, ours = logging.getLogger(), logging.getLogger(_OURS)
    before = ours.level
    root.addHandler(sink)
    ours.setLevel(logging.INFO)
    try:
        yield sink
    finally:
        root.removeHandler(sink)
        ours.setLevel(before)
        sink.close()


def file_handler(output_dir: Path) -> logging.Handler:
    """Everything from INFO on, into `output_dir/logs/`, rotated, for the user's eyes alone."""
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
        return open(self.baseFilename, "a", encoding="utf-8", errors="replace", opener=_private)

    def handleError(self, record: logging.LogRecord) -> None:
        """Said nowhere: the run tells of a full disk itself."""


def _private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)
