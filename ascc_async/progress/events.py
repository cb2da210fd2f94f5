"""Log records as lines: for people, for programs, and nothing said twice."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from ascc_async.progress.words import clock, safe

LOGS = "logs"
_REPEAT_EVERY = 60.0
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_FILE_BYTES, _FILES = 5_000_000, 5


def extras(record: logging.LogRecord) -> dict[str, Any]:
    """The fields that were given with an event."""
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


class TextFormat(logging.Formatter):
    """`14:05:09 warning: event (field value, field value)`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, without control characters."""
        told = ", ".join(f"{key} {_short(value)}" for key, value in extras(record).items())
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        words = safe(record.getMessage()) + (f" ({safe(told)})" if told else "")
        trace = f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
        return f"{clock(record.created)} {level}{words}{trace}"


class JsonFormat(logging.Formatter):
    """One object per event: `time`, `level`, `event`, and the event's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        data = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
            **extras(record),
        }
        if record.exc_info:
            data["traceback"] = self.formatException(record.exc_info)
        return json.dumps(data, ensure_ascii=False, default=str)


class Repeats(logging.Filter):
    """Lets an event through once a minute; what came between is told as a count."""

    def __init__(self, clock_: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock_
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to show this one."""
        key = (record.name, record.getMessage())
        now = self._clock()
        shown_at, hidden = self._seen.get(key, (-_REPEAT_EVERY, 0))
        if now - shown_at < _REPEAT_EVERY:
            self._seen[key] = (shown_at, hidden + 1)
            return False
        self._seen[key] = (now, 0)
        if hidden:
            record.repeated = hidden + 1
        return True

    def hidden(self) -> dict[str, int]:
        """Events that came again and were not told yet, with how often."""
        return {event: number for (_, event), (_, number) in self._seen.items() if number}


def file_handler(output_dir: Path) -> logging.Handler:
    """Everything from INFO on, into `output_dir/logs/`, rotated, readable by the user alone."""
    folder = output_dir / LOGS
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handler = RotatingFileHandler(
        folder / "ascc_async.log", maxBytes=_FILE_BYTES, backupCount=_FILES, encoding="utf-8"
    )
    handler.setFormatter(JsonFormat())
    handler.addFilter(Repeats())
    return handler


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)
