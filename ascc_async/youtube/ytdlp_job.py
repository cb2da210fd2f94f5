"""What a slot runs. Imports yt-dlp only in the slot's process: it takes half a second."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING

from ascc_async.youtube.ytdlp_records import Access, Report, Strategy, WorkerConfig

if TYPE_CHECKING:
    from ascc_async.youtube.extractor_process import Worker


def extract(
    surroundings: WorkerConfig, access: Access, strategy: Strategy, video_id: str
) -> Report:
    """Ask yt-dlp for one video. Every failure comes back as data: its errors do not pickle."""
    return _worker(surroundings).extract(access, strategy, video_id)


def warm_up() -> None:
    """Import yt-dlp before the first job; for a slot's initializer."""
    import ascc_async.youtube.extractor_process  # noqa: F401


# The one thing that outlives a job in a slot's process: yt-dlp's long-lived objects.
@functools.cache
def _worker(surroundings: WorkerConfig) -> Worker:
    if surroundings.authorities:
        os.environ["SSL_CERT_FILE"] = surroundings.authorities
    from ascc_async.youtube.extractor_process import Worker

    return Worker(surroundings)
