"""How the folder stands, looked at once a second for all who look, and only while somebody does."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ascc_async.dataset.counts import Counts
from ascc_async.dataset.manifest_index import ManifestIndex
from ascc_async.errors import MetadataError
from ascc_async.progress.status import Status, read_status

LOOK_EVERY = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class View:
    """One look: how it stands, or the `problem` of reading that; what of it is shown, as HTML and
    as a server-sent event, with a digest by which a reader knows whether that is new.
    """

    at: float
    status: Status
    problem: str | None
    html: str
    digest: str
    message: bytes


class Live:
    """`work` calls a function in a thread; `render` makes HTML of a status or a problem."""

    def __init__(
        self,
        output: Path,
        work: Callable[[Callable[[], View]], Any],
        render: Callable[[Status, str | None], str],
    ) -> None:
        self._output, self._work, self._render = output, work, render
        self._lock = asyncio.Lock()
        self._looked_at = -LOOK_EVERY
        self._view: View | None = None
        self._counted: tuple[object, Counts | MetadataError] | None = None
        self.ended = asyncio.Event()

    async def now(self) -> View:
        """At most a second old; two hundred who ask at once share one look."""
        async with self._lock:
            if self._view is None or time.monotonic() - self._looked_at >= LOOK_EVERY:
                self._view = await self._work(self._look)
                self._looked_at = time.monotonic()
            return self._view

    async def after(self, digest: str, seconds: float) -> View | None:
        """The next that differs from the one with this digest; None after so many seconds, or when
        the server ends.
        """
        end = time.monotonic() + seconds
        while not self.ended.is_set() and time.monotonic() < end:
            if (view := await self.now()).digest != digest:
                return view
            try:
                await asyncio.wait_for(self.ended.wait(), LOOK_EVERY)
            except TimeoutError:
                continue
        return None

    def _look(self) -> View:
        at, status = time.time(), read_status(self._output, self._count)
        problem = str(status.problem) if status.problem else None
        html = self._render(status, problem)
        digest = hashlib.sha256(html.encode()).hexdigest()[:16]
        data = json.dumps({"at": at, "digest": digest, "html": html})
        return View(at, status, problem, html, digest, f"id: {digest}\ndata: {data}\n\n".encode())

    def _count(self, manifest: Path) -> Counts:
        # Two million rows take seconds, and a run writes them every few minutes: also where they
        # cannot be counted, once is enough.
        stat = manifest.stat()
        version = stat.st_ino, stat.st_mtime_ns, stat.st_size
        if self._counted is None or self._counted[0] != version:
            try:
                self._counted = version, ManifestIndex(manifest).counts
            except MetadataError as error:
                self._counted = version, error
        counts = self._counted[1]
        if isinstance(counts, MetadataError):
            raise counts
        return counts
