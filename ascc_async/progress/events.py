"""Log records as lines: for people, and for programs."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ascc_async.progress.words import clock, safe

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_LONGEST = 600  # characters of one event on the screen; the log file has it all


def extras(record: logging.LogRecord) -> dict[str, Any]:
    """The fields that were given with an event."""
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


def event_line(at: float, level: str, event: str, fields: Mapping[str, Any]) -> str:
    """One event as one line of JSON: `time` (ISO 8601, UTC), `level`, `event`, then its fields.

    Pure ASCII, so that nothing in a title can steer a terminal.
    """
    time = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    base = {"time": time.replace("+00:00", "Z"), "level": level, "event": event}
    return json.dumps({**base, **fields, **base}, default=str)


class TextFormat(logging.Formatter):
    """`14:05:09 warning: event (field value, field value)`, without control characters."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, cut when it is very long."""
        told = extras(record)
        repeated = told.pop("repeated", 0)
        fields = ", ".join(f"{key} {_short(value)}" for key, value in told.items())
        level = "" if record.levelno <= logging.INFO else f"{record.levelname.lower()}: "
        times = f" ({_more(repeated)})" if repeated else ""
        words = record.getMessage() + (f" ({fields})" if fields else "")
        return f"{clock(record.created)} {level}{cut(safe(words))}{times}"


class JsonFormat(logging.Formatter):
    """One object per event; see `event_line`. `logger` names the module."""

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        fields = {"logger": record.name, **extras(record)}
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return event_line(record.created, record.levelname.lower(), record.getMessage(), fields)


def cut(text: str) -> str:
    """The text, shortened with an ellipsis when it is longer than anyone reads."""
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _more(times: int) -> str:
    return "once more" if times == 1 else f"{times} times more"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
