"""What was asked of the stand-in: one JSON line per request, and cheap counters."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Seen:
    """One request. `size` is the body's bytes as sent; `fault` what was done to the answer."""

    who: str
    door: str
    host: str
    path: str
    endpoint: str
    kind: str
    method: str = "GET"
    videos: Sequence[str] = ()
    client: str = ""
    mask: str = ""
    range: str = ""
    status: int = 0
    size: int = 0
    fault: str = ""
    refused: str = ""
    signed_in: bool = False


class RequestLog:
    """Appends to `path`; each line is there before the answer's last byte is sent."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self.requests: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.videos: Counter[str] = Counter()
        self.connections: Counter[str] = Counter()

    def add(self, seen: Seen, *, written: bool) -> None:
        """Count a request, and write its line if asked."""
        self.requests[seen.endpoint] += 1
        self.bytes[seen.kind] += seen.size
        self.videos[seen.endpoint] += len(seen.videos)
        if seen.refused:
            self.refused[seen.who] += 1
        else:
            self.answered[seen.who] += 1
        if seen.fault:
            self.faults[seen.fault] += 1
        if written:
            line = {"t": time.time()} | {name: getattr(seen, name) for name in Seen.__slots__}
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()

    def counters(self) -> dict[str, dict[str, int]]:
        """All counters: by endpoint, by kind, by identity, by fault, by door."""
        names = ("requests", "bytes", "refused", "answered", "faults", "videos", "connections")
        return {name: dict(getattr(self, name)) for name in names}

    def reset(self) -> None:
        """Set every counter to nothing; the file stays."""
        for counter in (self.requests, self.bytes, self.refused, self.answered):
            counter.clear()
        for counter in (self.faults, self.videos, self.connections):
            counter.clear()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read(path: Path, first: int = 0) -> list[dict[str, Any]]:
    """The lines of a request log from byte `first` on; one still being written is left out."""
    if not path.exists():
        return []
    text = path.read_bytes()[first:]
    return [json.loads(line) for line in text[: text.rfind(b"\n") + 1].splitlines()]
