"""One clip, from a resolved video to a checked file in place."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from pathlib import Path

from ascc_async.errors import ItemError, Rejected
from ascc_async.files import part_of, seal
from ascc_async.media import cut as cutting
from ascc_async.media.copied import copied
from ascc_async.media.cut import Cut
from ascc_async.media.excerpt import Excerpt, Wanted
from ascc_async.media.fetch import fetch_excerpt
from ascc_async.media.ffmpeg import FFmpeg, FFmpegFailed, check_encoders
from ascc_async.media.mp3_tag import set_length
from ascc_async.media.mp4_write import Written, mp4_file
from ascc_async.media.packets import corrupt
from ascc_async.media.picture import PictureCut, picture_arguments, picture_cut
from ascc_async.media.quality import Inspection, inspect_file, inspect_floats
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
        self._settings, self.ffmpeg, self._output = settings, ffmpeg, output_dir
        self._form = cutting.form_of(settings)

    def path_for(self, video_id: str, start_ms: int) -> Path:
        """Where the clip belongs, relative to `output.dir`."""
        name = f"{video_id}_{start_ms}.{cutting.extension(self._settings)}"
        return Path("clips", video_id[:2], name)

    async def make(self, ranges: Ranges, resolved: Resolved, segment: Segment) -> ClipFile:
        """Fetch, cut, check and put in place one clip.

        Raises Rejected (TOO_SHORT, SILENT, CORRUPT, NO_AUDIO), ItemError (TOOL_FAILED: ffmpeg was
        killed), DiskFull, SetupError, and what reading raises: LinkExpired, Refused, NetworkFault,
        ServerFault. Leaves nothing behind unless it returns.
        """
        source = await self._source(ranges, resolved, segment)
        relative = self.path_for(segment.video_id, segment.start_ms)
        path = self._output / relative
        with part_of(path) as part:
            notes = await self._write(source, part)
            inspection = await self._inspected(part, source.cut)
            check(inspection, source.cut)
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
            fetched_at=path.stat().st_mtime,  # by which a later run knows the file again
            quality=inspection.quality,
            note="; ".join(notes),
        )

    async def _source(self, ranges: Ranges, resolved: Resolved, segment: Segment) -> _Source:
        wanted = Wanted(segment.start_ms, segment.end_ms)
        sound = await fetch_excerpt(ranges, resolved.audio, wanted.start_ms, wanted.end_ms)
        cut = cutting.plan(sound, wanted, self._settings)
        if self._settings.media == "audio":
            return _Source(sound, cut)
        if resolved.video is None:
            raise Rejected(Reason.TOOL_FAILED, "the video has no picture to go with the sound")
        picture = await fetch_excerpt(ranges, resolved.video, wanted.start_ms, wanted.end_ms)
        return _Source(sound, cut, picture, picture_cut(picture, wanted))

    async def _write(self, source: _Source, part: Path) -> tuple[str, ...]:
        """Write the clip; returns its notes."""
        form = self._settings.format
        if self._settings.media == "audio" and form in ("opus", "m4a"):
            data = await asyncio.to_thread(copied, source.sound, source.cut, form)
            if data is not None:
                await asyncio.to_thread(part.write_bytes, data)
                return (*source.cut.notes, "not re-encoded")
            source = source.noted(f"re-encoded from {source.sound.codec.name}")
        await self._encode(source, part)
        return source.cut.notes

    async def _encode(self, source: _Source, part: Path) -> None:
        soxr, settings = self.ffmpeg.installed.soxr, self._settings
        tracks = [Written(source.sound.codec, source.sound.packets)]
        if source.picture is not None and source.picture_cut is not None:
            tracks.append(Written(source.picture.codec, source.picture.packets))
            arguments = picture_arguments(source.picture_cut, source.cut, settings, soxr, str(part))
        else:
            arguments = cutting.sound_arguments(source.cut, settings, soxr, str(part))
        await self._run(arguments, part, await asyncio.to_thread(mp4_file, *tracks))
        if settings.media == "audio" and settings.format == "mp3":
            await asyncio.to_thread(set_length, part, source.cut.frames)

    async def _inspected(self, part: Path, cut: Cut) -> Inspection:
        """Decode what was written, to its end: by libsndfile, or by ffmpeg where that cannot."""
        media = self._settings.media
        if media == "audio" and self._settings.format != "m4a":
            lossy = self._settings.format in ("opus", "mp3")
            return await asyncio.to_thread(inspect_file, part, lossy=lossy)
        sound = await self._run(cutting.decode_arguments(str(part), media), part)
        return await asyncio.to_thread(inspect_floats, sound, cut.channels, cut.rate)

    async def _run(self, arguments: list[str], part: Path, data: bytes | None = None) -> bytes:
        try:
            return await self.ffmpeg.run(arguments, data)
        except FFmpegFailed as error:
            words = str(error).replace(str(part), part.name)
            if error.by_force:
                raise ItemError(Reason.TOOL_FAILED, words) from error
            corrupt(words)


@dataclass(frozen=True, slots=True)
class _Source:
    """What was fetched for a clip, and what is to be cut out of it."""

    sound: Excerpt
    cut: Cut
    picture: Excerpt | None = None
    picture_cut: PictureCut | None = None

    def noted(self, note: str) -> _Source:
        return replace(self, cut=replace(self.cut, notes=(*self.cut.notes, note)))


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
