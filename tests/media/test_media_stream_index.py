"""Indexes read from bytes made by hand: where fragments lie, in bytes and in seconds."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_helpers import Memory, box, element, sidx, track

from ascc_async.media.ranges import Ranges
from ascc_async.media.stream_index import (
    IndexedFragment,
    StreamHead,
    StreamIndex,
    read_index,
)

INIT = box(b"ftyp", b"dash") + box(b"moov", bytes(500))
CUES, CLUSTER = 0x1C53BB6B, 0x1F43B675


async def index_of(data: bytes) -> StreamIndex | None:
    """The index of a stream of these bytes."""
    stream = StreamHead(Ranges(Memory({"sound": data})), track())
    container, index = await read_index(stream)
    assert container == ("mp4" if data.startswith(INIT) else "matroska")
    return index


async def mp4_index(index: bytes, media: int = 1000) -> StreamIndex | None:
    """The index of an MP4 with this in front of its media."""
    return await index_of(INIT + index + box(b"moof", bytes(media)))


async def test_sidx_says_bytes_and_seconds() -> None:
    """Fragments follow the box, after the gap that it names, one after the other."""
    box_of = sidx([(100, 441), (50, 882)], timescale=44_100, earliest=44_100, offset=20)
    index = await mp4_index(box_of)
    at = len(INIT + box_of) + 20
    assert index == StreamIndex(
        INIT,
        (
            IndexedFragment(at, at + 99, 1.0, 1.01),
            IndexedFragment(at + 100, at + 149, 1.01, 1.03),
        ),
    )
    assert index.end == 1.03


async def test_sidx_of_64_bits() -> None:
    """Version 1 counts in 64 bits, here beyond 2^32."""
    index = await mp4_index(sidx([(10, 1000)], earliest=1 << 33, offset=1 << 34, wide=True))
    assert index is not None
    assert index.fragments[0].start == (1 << 33) / 1000
    assert index.fragments[0].first > 1 << 34


async def test_a_long_head_is_fetched_further() -> None:
    """Ten hours of fragments do not fit into the first bytes."""
    index = await mp4_index(sidx([(10, 10_000)] * 3600), media=40_000)
    assert index is not None
    assert (len(index.fragments), index.end) == (3600, 36_000)


@pytest.mark.parametrize(
    ("first", "end", "expected"),
    [
        (0, 10, [0]), (9, 9.999, [0]), (9, 10.001, [0, 1]), (10, 20, [1]),
        (9.999, 20.001, [0, 1, 2]), (29, 39, [2]), (90, 95, [2]),
    ],
)  # fmt: skip
def test_only_fragments_that_hold_a_part_are_chosen(
    first: float, end: float, expected: list[int]
) -> None:
    """A border belongs to the fragment that starts there; beyond the end it is the last one."""
    parts = [IndexedFragment(n * 100, n * 100 + 99, n * 10.0, n * 10.0 + 10) for n in range(3)]
    chosen = StreamIndex(b"", tuple(parts)).covering(first, end)
    assert [part.first // 100 for part in chosen] == expected


@pytest.mark.parametrize(
    "index",
    [
        b"",
        sidx([]),
        sidx([(0, 1000)]),
        sidx([(1000, 1000)], timescale=0),
        sidx([(1000, 1000)])[:-12] + b"\0" * 12,
        sidx([(1000, 20_000)], nested=True),
        b"\0\0\0\x01moov" + (1 << 60).to_bytes(8, "big"),
        b"\0\0\0\x04free",
        b"\x7f\xff\xff\xfffree",
    ],
)
async def test_an_absurd_mp4_index_is_no_index(index: bytes) -> None:
    """Nothing, zero, cut off, larger than memory, nested: the stream is fetched from its start."""
    assert await mp4_index(index) is None


def cue(time: int, position: int) -> bytes:
    """A point of the Cues."""
    where = element(0xB7, element(0xF1, position.to_bytes(4, "big")))
    return element(0xBB, element(0xB3, time.to_bytes(4, "big")) + where)


def webm(
    cues: list[tuple[int, int]], seconds: float = 30, *, late: bool = False, size: int | None = None
) -> bytes:
    """A WebM with these Cues (milliseconds, position of the cluster)."""
    duration = element(0x4489, struct.pack(">d", seconds * 1000)) if seconds else b""
    info = element(0x1549A966, element(0x2AD7B1, (1_000_000).to_bytes(3, "big")) + duration)
    points = element(CUES, b"".join(cue(*one) for one in cues))
    media = element(CLUSTER, bytes(5000))
    position = element(0x53AB, CUES.to_bytes(4, "big"))
    seek = len(element(0x4DBB, position + element(0x53AC, bytes(4)))) + 12
    at = seek + len(info) + len(media)
    seeks = element(0x114D9B74, element(0x4DBB, position + element(0x53AC, at.to_bytes(4, "big"))))
    body = seeks + info + media + points if late else info + points + media
    segment = element(0x18538067, body)
    if size is not None:
        segment = segment[:4] + size.to_bytes(8, "big") + segment[12:]
    return element(0x1A45DFA3, bytes(20)) + segment


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("size", [None, (1 << 57) - 1], ids=["known size", "unknown size"])
async def test_cues_are_found_in_front_or_at_the_end(late: bool, size: int | None) -> None:
    """The head ends where Cues or clusters begin; the last cluster lasts to the segment's end."""
    data = webm([(10_000, 2000), (0, 300)], late=late, size=size)
    index = await index_of(data)
    assert index is not None
    segment = 32 + 12
    assert [(part.first, part.start, part.end) for part in index.fragments] == [
        (segment + 300, 0, 10), (segment + 2000, 10, 30),
    ]  # fmt: skip
    assert index.fragments[-1].last == len(data) - 1
    assert data[len(index.head) :][:4] in (CUES.to_bytes(4, "big"), CLUSTER.to_bytes(4, "big"))


async def test_without_a_length_the_last_cluster_may_hold_anything() -> None:
    """But only what the Cues name is promised."""
    index = await index_of(webm([(0, 300), (10_000, 2000)], seconds=0))
    assert index is not None
    assert (index.end, index.fragments[-1].end) == (10, float("inf"))


@pytest.mark.parametrize("cues", [[], [(10_000, 300), (0, 2000)]])
async def test_absurd_cues_are_no_index(cues: list[tuple[int, int]]) -> None:
    """None, or times that run backwards."""
    assert await index_of(webm(cues)) is None


@given(st.binary(max_size=300))
async def test_random_bytes_are_no_index(data: bytes) -> None:
    """Whatever follows a good beginning, reading ends, and early."""
    await index_of(INIT + data)
    await index_of(webm([])[:44] + data)
