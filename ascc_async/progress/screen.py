"""Temporary."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from ascc_async.progress.snapshot import RunSnapshot


class Screen:
    def __init__(self, snapshot: Callable[[], RunSnapshot], output: Path, log_format: str) -> None:
        self._snapshot = snapshot
        logging.basicConfig(level=logging.INFO, stream=sys.stderr)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        print(self._snapshot())

    def stopped(self, error: Exception) -> None:
        print("stopped", error)

    def summary(self, written: Any, goodbye: str) -> None:
        print(written.counts)
        print(goodbye)
