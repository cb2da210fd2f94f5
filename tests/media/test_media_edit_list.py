"""How long the sound waits, read from the head of an MP4."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_helpers import box

from ascc_async.media.edit_list import sound_delay

Entries = list[tuple[int, int]]


def moov(entries: Entries, *, wide: bool = False, handler: bytes = b"soun") -> bytes:
    """A head with a track of pictures, whose sound-less edit list counts for nothing, and another
    track. The clock has 1,000 ticks a second.
    """
    layout, version = (">Qqi", b"\1") if wide else (">Iii", b"\0")
    times = bytes(16 if wide else 8)
    clock = box(b"mvhd", version, bytes(3), times, struct.pack(">I", 1000), bytes(80))

    def track(kind: bytes, edits: Entries) -> bytes:
        rows = b"".join(struct.pack(layout, *edit, 1 << 16) for edit in edits)
        elst = box(b"elst", version, bytes(3), len(edits).to_bytes(4, "big"), rows)
        hdlr = box(b"hdlr", bytes(8), kind, bytes(13))
        return box(b"trak", box(b"edts", elst), box(b"mdia", hdlr))

    return box(b"moov", clock, track(b"vide", [(9_000, -1)]), track(handler, entries))


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(
    ("entries", "seconds"),
    [
        ([(277, -1), (60_000, 1024)], 0.277),
        ([(200, -1), (77, -1), (60_000, 0)], 0.277),
        ([(60_000, 1024), (277, -1), (1, 0)], 0.0),
        ([], 0.0),
    ],
)
def test_only_the_pause_before_the_sound_counts(
    entries: Entries, seconds: float, wide: bool
) -> None:
    """Wherever the head is in the file, in both widths of box; a pause further on is none."""
    head = moov(entries, wide=wide)
    media = box(b"mdat", bytes(100))
    assert sound_delay(head + media) == pytest.approx(seconds)
    assert sound_delay(media + head) == pytest.approx(seconds)


def test_without_a_whole_head_nothing_is_known() -> None:
    """Of a stream fetched in part the head may be missing; one without sound has no delay."""
    head = moov([(277, -1)])
    assert sound_delay(box(b"ftyp", bytes(8))) is None
    assert sound_delay(head[:-1]) is None
    assert sound_delay(moov([(277, -1)], handler=b"text")) == 0.0


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=8))
def test_a_damaged_head_raises_nothing(changes: list[tuple[int, int]]) -> None:
    """Whatever its bytes say, ffmpeg decides what becomes of the stream."""
    head = bytearray(moov([(277, -1), (60_000, 0)]))
    for place, value in changes:
        head[place % len(head)] = value
    delay = sound_delay(bytes(head))
    assert delay is None or delay >= 0
