"""Whatever the network sends, the readers of containers raise `Rejected` or read on."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from media_helpers import Memory, free, sidx, track

from ascc_async.errors import Rejected
from ascc_async.media.boxes import boxes, full, made
from ascc_async.media.ebml import elements
from ascc_async.media.excerpt import Excerpt
from ascc_async.media.fetch import fetch_excerpt
from ascc_async.media.mp4_index import read_sidx
from ascc_async.media.mp4_write import Written, mp4_file
from ascc_async.media.ranges import Ranges
from ascc_async.model import Reason
from ascc_async.standin.media import StreamSpec
from ascc_async.standin.media_layout import IndexForm

Streams = Callable[[StreamSpec, int], bytes]
FEW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
SPECS = [
    (140, StreamSpec(21_000, 22_050, 1)),
    (140, StreamSpec(21_000, 22_050, 1, index=IndexForm.NONE)),
    (251, StreamSpec(21_000, 48_000, 1)),
    (251, StreamSpec(21_000, 48_000, 1, index=IndexForm.UNKNOWN_SIZES)),
    (251, StreamSpec(21_000, 48_000, 1, index=IndexForm.NONE)),
]


def excerpt(data: bytes, start: int, end: int) -> Excerpt:
    """What is read of a stream."""
    return asyncio.run(fetch_excerpt(Ranges(Memory({"sound": data})), track(), start, end))


def fetched(data: bytes, start: int = 9_000) -> bool:
    """Read an excerpt and write what would go to ffmpeg; False when it was rejected."""
    try:
        found = excerpt(data, start, start + 5_000)
        mp4_file(Written(found.codec, found.packets))
    except Rejected:
        return False
    return True


@FEW
@given(st.binary(max_size=600))
def test_random_bytes_are_rejected(data: bytes) -> None:
    """After a plausible beginning of either container, or none at all."""
    for start in (b"", b"\0\0\0\x14ftypdash\0\0\0\0iso6", b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67"):
        assert not fetched(start + data or b"\0")


@pytest.mark.parametrize(("itag", "spec"), SPECS)
@FEW
@given(
    changes=st.lists(st.tuples(st.integers(0, 2500), st.integers(0, 255)), min_size=1, max_size=8),
    late=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=4),
    kept=st.one_of(st.none(), st.integers(1, 10**6)),
)
def test_damaged_streams_are_rejected_or_read(
    itag: int, spec: StreamSpec, stream: Streams, changes: list[tuple[int, int]],
    late: list[tuple[int, int]], kept: int | None,
) -> None:  # fmt: skip
    """Bytes changed in head, index and media, or an end cut off: no other error ever."""
    data = bytearray(stream(spec, itag))
    for place, value in (*changes, *late):
        data[place % len(data)] = value
    fetched(bytes(data[: None if kept is None else 1 + kept % len(data)]))


ODD_NUMBERS = st.sampled_from([None, -1, 0, 1, 4096, 10**6, 2**31, 10**30])
ODD_SECONDS = st.sampled_from([None, -5.0, 0.0, 0.001, 5.0, 21.0, 1e308, math.inf, math.nan])


@pytest.mark.parametrize(("itag", "spec"), SPECS)
@FEW
@given(size=ODD_NUMBERS, seconds=ODD_SECONDS, rate=ODD_NUMBERS, channels=ODD_NUMBERS)
def test_what_the_player_says_of_a_stream_is_believed_of_nobody(
    itag: int, spec: StreamSpec, stream: Streams, size: int | None, seconds: float | None,
    rate: int | None, channels: int | None,
) -> None:  # fmt: skip
    """A size, a length, a rate that cannot be: the stream is read or rejected, no other error."""
    said = track(size=size, duration=seconds, sample_rate=rate, channels=channels)
    with suppress(Rejected):
        asyncio.run(
            fetch_excerpt(Ranges(Memory({"sound": stream(spec, itag)})), said, 9_000, 14_000)
        )


def test_undamaged_streams_are_read(stream: Streams) -> None:
    """The streams that are damaged above are good to begin with."""
    assert all(fetched(stream(spec, itag)) for itag, spec in SPECS)


@FEW
@given(st.binary(max_size=200))
def test_walking_always_ends(data: bytes) -> None:
    """No box and no element leads backwards or in a circle."""
    for walk in (boxes, elements):
        try:
            assert len(list(walk(data))) <= len(data)  # type: ignore[operator]
        except Rejected:
            continue


def head_and(index: bytes, stream: Streams) -> bytes:
    """A good beginning with another index."""
    data = stream(*reversed(SPECS[0]))  # type: ignore[arg-type]
    moov = next(box for box in boxes(data) if box.kind == b"moov")
    return data[: moov.end] + index + free(100_000)


@pytest.mark.parametrize(
    ("index", "words"),
    [
        (sidx([(0, 1000)]), "points to nothing"),
        (sidx([]), "without fragments"),
        (sidx([(1000, 1000)], timescale=0), "shorter than it says"),
        (sidx([(0x7FFFFFFF, 10)]), "where at most"),
        (sidx([(1000, 20_000)], offset=0xFFFF_FFF0), "nothing at byte"),
        (sidx([(1000, 20_000)], nested=True), "an index that is not there"),
    ],
)
def test_an_absurd_index_is_told(index: bytes, words: str, stream: Streams) -> None:
    """Nothing, zero, beyond the end, gigabytes: each has its words."""
    with pytest.raises(Rejected, match=words) as caught:
        excerpt(head_and(index, stream), 0, 10)
    assert caught.value.reason is Reason.CORRUPT


def test_an_index_that_contains_itself_is_told(stream: Streams) -> None:
    """Indexes within indexes end at some depth."""
    inner = sidx([(44, 20_000)], nested=True)
    loop = b"".join([inner] * 12)
    with pytest.raises(Rejected, match="without end"):
        excerpt(head_and(loop, stream), 0, 10)


def test_a_sidx_cut_off_is_told() -> None:
    """A count that is larger than the box."""
    data = bytearray(sidx([(1000, 1000)]))
    data[30:32] = b"\xff\xff"
    with pytest.raises(Rejected, match="shorter than it says"):
        read_sidx(bytes(data), next(boxes(bytes(data))))


def test_a_box_larger_than_memory_is_not_read(stream: Streams) -> None:
    """A head of exabytes is refused, not asked for."""
    data = made(b"ftyp", b"dash") + b"\0\0\0\1moov" + (1 << 60).to_bytes(8, "big") + bytes(5000)
    memory = Memory({"sound": data})
    with pytest.raises(Rejected, match="where at most"):
        asyncio.run(fetch_excerpt(Ranges(memory), track(), 0, 10_000))
    assert len(memory.asked) == 1


def test_packets_without_end_are_refused(stream: Streams) -> None:
    """A fragment of a kilobyte that claims a billion empty packets costs no memory."""
    data = stream(*reversed(SPECS[0]))  # type: ignore[arg-type]
    moov = next(box for box in boxes(data) if box.kind == b"moov")
    runs = full(b"trun", 0, 0, (150_000).to_bytes(4, "big")) * 50
    header = full(b"tfhd", 0, 0x20008, (1).to_bytes(4, "big"), (1024).to_bytes(4, "big"))
    fragment = made(b"moof", made(b"traf", header, runs)) + made(b"mdat")
    index = sidx([(len(fragment), 20_000)])
    with pytest.raises(Rejected, match="packets without end"):
        excerpt(data[: moov.end] + index + fragment, 0, 10)
