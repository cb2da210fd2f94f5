"""Clips without re-encoding: the source's own packets, of which exactly the segment is heard."""

from __future__ import annotations

from dataclasses import replace

from ascc_async.media.cut import Cut
from ascc_async.media.excerpt import Excerpt
from ascc_async.media.mp4_write import Written, mp4_file
from ascc_async.media.ogg_write import MOST_PRE_SKIP, ogg_opus_file
from ascc_async.media.packets import Packets


def copied(excerpt: Excerpt, cut: Cut, form: str) -> bytes | None:
    """The finished file for `form` "opus" or "m4a", or None where the cut asks for re-encoding.

    What stands before the cut in its first packets is skipped by pre-skip or edit list, what
    stands after it by the end position: players hear the segment to the sample.
    """
    codec = excerpt.codec
    unchanged = not cut.resampled and not cut.padding and cut.channels == cut.source_channels
    if not unchanged or codec.timescale != codec.rate:
        return None
    packets = excerpt.packets.covering(0, excerpt.packets.start + cut.end)
    if form == "opus" and codec.name == "opus" and cut.first <= MOST_PRE_SKIP:
        return ogg_opus_file(codec, packets, cut.first, cut.frames)
    if form == "m4a" and codec.name == "aac":
        return mp4_file(Written(codec, _ended(packets, cut.end), (cut.first, cut.frames)))
    return None


def _ended(packets: Packets, end: int) -> Packets:
    """The last packet lasts only to the cut's end: ffmpeg trims by that, not by the edit list."""
    last = end - sum(packets.durations[:-1])
    return replace(packets, durations=[*packets.durations[:-1], last])
