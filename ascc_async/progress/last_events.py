"""What a run said last, read back from its log file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ascc_async.progress.logs import LOG_FILE, LOGS

_TAIL = 200_000  # bytes: some hundred events
_NOT_SAID = ("time", "level", "event", "logger", "traceback", "repeated", "text")


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """`times`: how often lately it was said with other numbers, or of other videos."""

    at: float
    level: str
    text: str
    times: int = 1


def last_events(output_dir: Path, most: int) -> list[LoggedEvent]:
    """The newest first; none where there is no log, or none that can be read."""
    try:
        with (output_dir / LOGS / LOG_FILE).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL))
            lines = file.read().splitlines()
    except OSError:
        return []
    found: dict[str, LoggedEvent] = {}
    for event in _read(reversed(lines)):
        # The same event with other seconds or rates in it.
        kind = re.sub(r"\d+", "0", event.text.partition(" (")[0])
        if kind in found:
            found[kind] = replace(found[kind], times=found[kind].times + 1)
        elif len(found) < most:
            found[kind] = event
    return list(found.values())


def _read(lines: Iterator[bytes]) -> Iterator[LoggedEvent]:
    for line in lines:
        try:
            fields: dict[str, Any] = json.loads(line)
            at = datetime.fromisoformat(fields["time"]).timestamp()
            text, level = str(fields["event"]), str(fields["level"])
        except (ValueError, TypeError, KeyError):  # the first line is cut; the last may be
            continue
        # What is part of the sentence is not said again.
        more = ", ".join(
            f"{name}: {value}"
            for name, value in fields.items()
            if isinstance(value, str | int) and name not in _NOT_SAID and str(value) not in text
        )
        yield LoggedEvent(at, level, f"{text} ({more})" if more else text)
