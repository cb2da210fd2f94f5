"""One clip, from a resolved video to a checked file in place."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path

from ascc_async.errors import Rejected
from ascc_async.media import cut as cutting
from ascc_async.media.cut import Cut
from ascc_async.media.excerpt import Excerpt, Wanted
from ascc_async.media.fetch import fetch_excerpt
from ascc_async.media.ffmpeg import FFmpeg, FFmpegFailed, check_encoders
from ascc_async.media.mp4_write import mp4_file
from ascc_async.media.packets import corrupt
from ascc_async.media.place import part_of, seal
from ascc_async.media.quality import Inspection, inspect_file
from ascc_async.media.ranges import Ranges
from ascc_async.model import ClipFile, Reason, Resolved, Segment, Track
from ascc_async.settings import ClipsSettings

log = logging.getLogger(__name__)


class Cutter:
    """Makes clips as the settings want them, under `output_dir/clips`.

    Raises SettingsError or SetupError at once when the settings and this ffmpeg do not fit.
    """

    def __init__(self, settings: ClipsSettings, ffmpeg: FFmpeg, output_dir: Path) -> None:
        cutting.check_settings(settings)
        check_encoders(ffmpeg.installed, cutting.encoders(settings))
        self._settings, self._ffmpeg, self._output = settings, ffmpeg, output_dir
        self._form = cutting.form_of(settings)

    def path_for(self, video_id: str, start_ms: int) -> Path:
        """Where the clip belongs, relative to `output.dir`."""
        name = f"{video_id}_{start_ms}.{cutting.extension(self._settings)}"
        return Path("clips", video_id[:2], name)

    async def make(self, ranges: Ranges, resolved: Resolved, segment: Segment) -> ClipFile:
        """Fetch, cut, check and put in place one clip.

        Raises Rejected (TOO_SHORT, SILENT, CORRUPT, NO_AUDIO), DiskFull, SetupError, and what
        reading raises: LinkExpired, Refused, NetworkFault, ServerFault. Leaves nothing behind
        unless it returns.
        """
        wanted = Wanted(segment.start_ms, segment.end_ms)
        excerpt = await fetch_excerpt(ranges, resolved.audio, wanted.start_ms, wanted.end_ms)
        cut = cutting.plan(excerpt, wanted, self._settings)
        relative = self.path_for(segment.video_id, segment.start_ms)
        path = self._output / relative
        with part_of(path) as part:
            await self._encode(excerpt, cut, part)
            inspection = await asyncio.to_thread(inspect_file, part)
            check(inspection, cut)
            sha256, size = await asyncio.to_thread(seal, part, path)
        return ClipFile(
            segment_id=segment.segment_id,
            path=relative.as_posix(),
            sha256=sha256,
            bytes=size,
            frames=inspection.frames,
            sample_rate=inspection.sample_rate,
            channels=inspection.channels,
            form=self._form,
            source_format=source_format(resolved.audio),
            fetched_at=time.time(),
            quality=inspection.quality,
            note="; ".join(cut.notes),
        )

    async def _encode(self, excerpt: Excerpt, cut: Cut, part: Path) -> None:
        arguments = cutting.sound_arguments(
            cut, self._settings, self._ffmpeg.installed.soxr, str(part)
        )
        try:
            await self._ffmpeg.run(arguments, mp4_file(excerpt.codec, excerpt.packets))
        except FFmpegFailed as error:
            corrupt(str(error).replace(str(part), part.name))


def source_format(track: Track) -> str:
    """The stream a clip was cut from, such as `140 mp4 mp4a.40.2`."""
    return " ".join(part for part in (track.format_id, track.container, track.codec) if part)


def check(inspection: Inspection, cut: Cut) -> None:
    """Raise `Rejected` (CORRUPT, SILENT) unless the finished file is what was planned."""
    if (inspection.sample_rate, inspection.channels) != (cut.rate, cut.channels):
        corrupt(
            f"decodes to {inspection.sample_rate} Hz, {inspection.channels} channels,"
            f" not {cut.rate} Hz, {cut.channels}"
        )
    if inspection.frames != cut.frames:
        corrupt(f"decodes to {inspection.frames} samples, not {cut.frames}")
    if inspection.silent:
        raise Rejected(Reason.SILENT, "digital silence")
