"""Cuts one clip: from a resolved video to a checked file in place."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from ascc_async.errors import ItemError, NetworkFault, Rejected
from ascc_async.files import part_of, seal, sha256_of
from ascc_async.media import encoding
from ascc_async.media.encoding import Tags, tag_arguments
from ascc_async.media.excerpt import Excerpt, fetch_excerpt
from ascc_async.media.ffmpeg import FFmpeg, FFmpegFailed, check_encoders
from ascc_async.media.quality import Inspection, inspect_file
from ascc_async.media.ranges import Ranges
from ascc_async.model import ClipFile, Reason, Resolved, Segment
from ascc_async.settings import ClipsSettings

# An index tells the stream's end only roughly: priming and the last frame's padding differ.
_INDEX_TOLERANCE = 1.0


class _Material(NamedTuple):
    """What one clip is made of."""

    sound: Excerpt
    picture: Excerpt | None
    segment: Segment
    tags: Tags | None


class Cutter:
    """Makes clips as the settings want them, under `output_dir/clips`.

    Raises SetupError at once when this ffmpeg lacks an encoder.
    """

    def __init__(self, settings: ClipsSettings, ffmpeg: FFmpeg, output_dir: Path) -> None:
        check_encoders(ffmpeg.installed, encoding.encoders(settings))
        self._settings, self.ffmpeg, self._output = settings, ffmpeg, output_dir
        self.encoding = encoding.encoding_of(settings)

    async def make(
        self, ranges: Ranges, resolved: Resolved, segment: Segment, tags: Tags | None = None
    ) -> ClipFile:
        """Fetch, cut, check and put in place one clip.

        Raises Rejected (TOO_SHORT, SILENT, CORRUPT, NO_AUDIO), ItemError (TOOL_FAILED: ffmpeg was
        killed), DiskFull, SetupError, and what reading raises: LinkExpired, Refused, NetworkFault,
        ServerFault. Leaves nothing behind unless it returns.
        """
        settings, audio = self._settings, resolved.audio
        path = self._path(segment)
        async with _temporary_names(path) as (part, sound_part, picture_part):
            sound = await fetch_excerpt(ranges, audio, segment.start_ms, segment.end_ms, sound_part)
            picture = None
            if settings.media == "video":
                if resolved.video is None:
                    raise Rejected(
                        Reason.TOOL_FAILED, "the video has no picture to go with the sound"
                    )
                picture = await fetch_excerpt(
                    ranges, resolved.video, segment.start_ms, segment.end_ms, picture_part
                )
            material = _Material(sound, picture, segment, tags)
            inspection, notes = await self._cut(
                material, part, lambda: sound.completed(ranges, audio)
            )
            source = (audio.format_id, audio.container, audio.codec)
            source_format = " ".join(filter(None, source))
            return await self._put_in_place(part, path, segment, inspection, notes, source_format)

    async def make_from(
        self, lossless: ClipFile, segment: Segment, tags: Tags | None = None
    ) -> ClipFile:
        """The clip as `make` leaves it, from a lossless one of the same segment.

        Raises Rejected (CORRUPT also when that file is not whole), ItemError, DiskFull, SetupError.
        """
        source = self._output / lossless.path
        try:
            sha256 = await asyncio.to_thread(sha256_of, source)
        except OSError:
            sha256 = ""
        if sha256 != lossless.sha256:
            raise Rejected(Reason.CORRUPT, f"{lossless.path} is missing or was altered")
        path = self._path(segment)
        name = lossless.encoding.split("/")[1]
        sound = Excerpt(name, source, 0.0, None, indexed=False)
        async with _temporary_names(path) as (part, *_):
            material = _Material(sound, None, segment, tags)
            inspection, notes = await self._cut(material, part)
            if self.encoding not in encoding.LOSSLESS:
                # Rounded to 16 bits on its way; the very end is resampled without what follows.
                notes.append(f"by way of 16-bit {name.upper()}")
            return await self._put_in_place(
                part, path, segment, inspection, notes, lossless.source_format
            )

    async def put_in_place(self, segment: Segment, clip: ClipFile, body: bytes) -> ClipFile:
        """A clip that was made elsewhere. Raises NetworkFault when it is not whole, DiskFull."""
        if hashlib.sha256(body).hexdigest() != clip.sha256:
            raise NetworkFault("the clip was damaged on its way", kind="short_body")
        path = self._path(segment)
        async with _temporary_names(path) as (part, *_):
            await asyncio.to_thread(part.write_bytes, body)
            await asyncio.to_thread(seal, part, path)
        # By this time a later run knows the file again.
        return replace(clip, fetched_at=(await asyncio.to_thread(path.stat)).st_mtime)

    def _path(self, segment: Segment) -> Path:
        name = f"{segment.segment_id}.{encoding.extension(self._settings)}"
        return self._output / "clips" / segment.video_id[:2] / name

    async def _put_in_place(
        self,
        part: Path,
        path: Path,
        segment: Segment,
        inspection: Inspection,
        notes: list[str],
        source_format: str,
    ) -> ClipFile:
        sha256, size = await asyncio.to_thread(seal, part, path)
        lossy = encoding.CLIP_FORMATS[self._settings.format].lossy
        if self._settings.media == "audio" and lossy:
            codec = source_format.split()[-1]
            notes = [*notes, f"re-encoded from {'aac' if codec.startswith('mp4a') else codec}"]
        return ClipFile(
            segment_id=segment.segment_id,
            path=path.relative_to(self._output).as_posix(),
            sha256=sha256,
            bytes=size,
            frames=inspection.frames,
            sample_rate=inspection.sample_rate,
            channels=inspection.channels,
            encoding=self.encoding,
            source_format=source_format,
            # By this time a later run knows the file again.
            fetched_at=(await asyncio.to_thread(path.stat)).st_mtime,
            quality=inspection.quality,
            note="; ".join(notes),
        )

    async def _cut(
        self,
        material: _Material,
        part: Path,
        complete: Callable[[], Awaitable[Excerpt]] | None = None,
    ) -> tuple[Inspection, list[str]]:
        """Write and check the clip; returns what it holds, and notes on what is missing.

        `complete` fetches what was left out of the sound.
        """
        sound, segment = material.sound, material.segment
        inspection: Inspection | None = None
        try:
            inspection = await self._encode(material, part)
        except Rejected as error:
            if error.reason is not Reason.TOO_SHORT and sound.left_out is None:
                raise
        length_ms = segment.end_ms - segment.start_ms
        rate, frames = (inspection.sample_rate, inspection.frames) if inspection else (1000, 0)
        missing = encoding.samples(length_ms, rate) - frames
        if missing > 0 and sound.left_out is not None and complete is not None:
            # Fewer bytes were fetched than the sound needed: only with all does it tell anything.
            return await self._cut(material._replace(sound=await complete()), part)
        if missing < 0:
            raise Rejected(Reason.CORRUPT, f"decodes to {-missing} samples too many")
        seconds = missing / rate
        reached = segment.end_ms / 1000 - seconds
        if missing and reached + _INDEX_TOLERANCE < (sound.stream_end or 0):
            raise Rejected(
                Reason.CORRUPT, f"{seconds:.3f} s of sound are missing inside the stream"
            )
        if inspection is None:
            raise Rejected(Reason.TOO_SHORT, f"the sound ends {encoding.PAST_ITS_END}")
        if missing and length_ms / 1000 - seconds < self._settings.min_seconds:
            raise Rejected(Reason.TOO_SHORT, f"only {length_ms / 1000 - seconds:.3f} s of sound")
        if missing and self._settings.shorter_than_segment == "drop":
            raise Rejected(Reason.TOO_SHORT, f"{seconds:.3f} s are missing at the end")
        if inspection.silent:
            raise Rejected(Reason.SILENT, "digital silence")
        if not missing:
            return inspection, []
        if self._settings.shorter_than_segment == "keep":
            return inspection, [f"the sound ends {seconds:.3f} s {encoding.SHORT}"]
        # Only now is it known how much silence to add: the little that was fetched is cut again.
        inspection = await self._encode(material, part, pad=True)
        return inspection, [f"last {seconds:.3f} s are {encoding.PADDED}"]

    async def _encode(self, material: _Material, part: Path, *, pad: bool = False) -> Inspection:
        """Write the clip and decode it again, to its end."""
        sound, picture, segment, tags = material
        settings, length_ms = self._settings, segment.end_ms - segment.start_ms
        soxr = self.ffmpeg.installed.soxr
        written_tags = tag_arguments(tags, encoding.extension(settings))
        filters = encoding.sound_filter(sound, length_ms, settings, soxr=soxr, pad=pad)
        if picture is None:
            arguments = encoding.sound_arguments(sound, filters, settings, written_tags, part)
        else:
            listing = await self._run(encoding.picture_times_arguments(picture), part)
            shown = encoding.picture_filter(listing.decode(), picture.start, length_ms)
            arguments = encoding.video_arguments(sound, picture, filters, shown, written_tags, part)
        await self._run(arguments, part)
        form = encoding.format_of(part.with_suffix(f".{encoding.extension(settings)}"))
        written: Path | BytesIO = part
        if form.demuxer:
            pictures = picture is not None
            again = encoding.decode_arguments(str(part), form.demuxer, pictures=pictures)
            # An MP4 without a track: ffmpeg could decode nothing of the sound that is there.
            written = BytesIO(await self._run(again, part, without_stream=Reason.CORRUPT))
        inspection = await asyncio.to_thread(inspect_file, written, lossy=form.lossy)
        rate, channels = inspection.sample_rate, inspection.channels
        if (settings.sample_rate or rate, settings.channels or channels) != (rate, channels):
            raise Rejected(Reason.CORRUPT, f"decodes to {rate} Hz, {channels} channels")
        return inspection

    async def _run(
        self, arguments: list[str], part: Path, *, without_stream: Reason = Reason.NO_AUDIO
    ) -> bytes:
        try:
            return await self.ffmpeg.run(arguments)
        except FFmpegFailed as error:
            message = str(error).replace(f"{part.parent}{os.sep}", "")
            if error.by_force:
                raise ItemError(Reason.TOOL_FAILED, message) from error
            if "matches no streams" in message:
                raise Rejected(without_stream, "no such media in the stream") from error
            if "Output file is empty" in message:
                raise Rejected(Reason.TOO_SHORT, "no sound in it") from error
            raise Rejected(Reason.CORRUPT, message) from error


@asynccontextmanager
async def _temporary_names(path: Path) -> AsyncIterator[list[Path]]:
    """Three names beside `path`; made and removed in a thread, since a disk may be slow."""
    stack = ExitStack()

    def enter() -> list[Path]:
        return [stack.enter_context(part_of(path)) for _ in range(3)]

    try:
        yield await asyncio.to_thread(enter)
    except BaseException as error:
        # Raises in its place what `part_of` makes of an OSError.
        await asyncio.to_thread(stack.__exit__, type(error), error, error.__traceback__)
        raise
    await asyncio.to_thread(stack.close)
