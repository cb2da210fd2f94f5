"""What was asked of the stand-in: one JSON line per request, and cheap counters."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any


class RequestLog:
    """Appends to `path`; each line is there before the answer's last byte is sent."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        names = ("requests", "bytes", "refused", "answered", "faults", "videos", "connections")
        self._counters: dict[str, Counter[str]] = {name: Counter() for name in names}

    def add(self, request: dict[str, Any], *, written: bool) -> None:
        """Count a request, and write its line if asked."""
        self.count("requests", request["endpoint"])
        self.count("bytes", request["kind"], request["size"])
        self.count("videos", request["endpoint"], len(request["videos"]))
        self.count("refused" if request["refused"] else "answered", request["who"])
        if request["fault"]:
            self.count("faults", request["fault"])
        if written:
            self._file.write(json.dumps(request) + "\n")
            self._file.flush()  # tests read it while the answer is on its way

    def count(self, counter: str, key: str, number: int = 1) -> None:
        """Count something, such as a connection by its listener."""
        self._counters[counter][key] += number

    def counters(self) -> dict[str, dict[str, int]]:
        """All counters: by endpoint, by kind, by identity, by fault, by listener."""
        return {name: dict(counter) for name, counter in self._counters.items()}

    def reset(self) -> None:
        """Set every counter to nothing; the file stays."""
        for counter in self._counters.values():
            counter.clear()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_log(path: Path, first: int = 0) -> list[dict[str, Any]]:
    """The lines of a request log from byte `first` on; one still being written is left out."""
    if not path.exists():
        return []
    # Read up to the last line end: the stand-in may be writing.
    text = path.read_bytes()[first:]
    return [json.loads(line) for line in text[: text.rfind(b"\n") + 1].splitlines()]
