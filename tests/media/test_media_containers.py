"""Indexes and packets read from bytes made by hand, and written back."""

from __future__ import annotations

import struct
import zlib
from bisect import bisect_left
from itertools import accumulate
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_helpers import sidx

from ascc_async.errors import Rejected
from ascc_async.media.boxes import boxes, find, full, made
from ascc_async.media.ebml import UNKNOWN, element_at
from ascc_async.media.index import Fragment, Index, checked
from ascc_async.media.mp3_tag import checksum as mp3_checksum
from ascc_async.media.mp3_tag import set_length
from ascc_async.media.mp4_index import read_sidx
from ascc_async.media.mp4_table import read_table
from ascc_async.media.mp4_track import read_tracks
from ascc_async.media.mp4_write import Written, mp4_file
from ascc_async.media.ogg_write import checksum, ogg_opus_file
from ascc_async.media.packets import Codec, Packets, joined
from ascc_async.media.webm_blocks import opus_samples, read_tail
from ascc_async.media.webm_index import opus_codec

OPUS_HEAD = b"OpusHead" + struct.pack("<BBHIhB", 1, 2, 312, 48_000, 0, 0)


def run(count: int, start: int = 0) -> Packets:
    """Packets of 960 ticks whose content is their number."""
    return Packets([bytes([number % 256] * 5) for number in range(count)], [960] * count, start)


def numbers(packets: Packets) -> list[int]:
    """Which of them are there."""
    return [packet[0] for packet in packets.data]


def test_sidx_tells_places_and_times() -> None:
    """Fragments follow the box, after the gap that it names, one after the other."""
    data = b"ahead" + sidx([(100, 441), (50, 300)], timescale=44_100, earliest=7, offset=20)
    box = next(boxes(data, 5))
    found = read_sidx(data, box, base=1000)
    place = 1000 + len(data) + 20
    assert (found.timescale, found.earliest) == (44_100, 7)
    assert found.fragments == (
        Fragment(place, place + 99, 7, 448),
        Fragment(place + 100, place + 149, 448, 748),
    )


def test_sidx_of_64_bits() -> None:
    """Version 1 counts in 64 bits."""
    numbers_of = struct.pack(">IIQQHHIII", 1, 1000, 1 << 40, 1 << 33, 0, 1, 10, 20, 0)
    data = full(b"sidx", 1, 0, numbers_of)
    found = read_sidx(data, next(boxes(data)))
    assert found.earliest == 1 << 40
    assert found.fragments[0].first == len(data) + (1 << 33)


@pytest.mark.parametrize(
    ("first", "end", "expected"),
    [
        (0, 10, [0]), (9_000, 9_999, [0]), (9_000, 10_001, [0, 1]), (10_000, 20_000, [1]),
        (9_999, 20_001, [0, 1, 2]), (29_000, 39_000, [2]), (90_000, 95_000, [2]),
    ],
)  # fmt: skip
def test_only_fragments_that_hold_a_part_are_chosen(
    first: int, end: int, expected: list[int]
) -> None:
    """A border belongs to the fragment that starts there; beyond the end it is the last one."""
    parts = [Fragment(n * 100, n * 100 + 99, n * 10_000, (n + 1) * 10_000) for n in range(3)]
    chosen = checked(1000, parts).covering(first, end)
    assert [part.first // 100 for part in chosen] == expected


def test_an_index_that_runs_backwards_is_corrupt() -> None:
    """Places and times only grow."""
    with pytest.raises(Rejected, match="backwards"):
        checked(1000, [Fragment(100, 199, 0, 10), Fragment(150, 250, 10, 20)])
    with pytest.raises(Rejected, match="backwards"):
        checked(1000, [Fragment(100, 199, 50, 60), Fragment(200, 250, 10, 20)])


def test_neighbours_of_what_was_read() -> None:
    """The fragment before, and the one that the reading stopped in."""
    parts = tuple(Fragment(n * 100, n * 100 + 99, n, n + 1) for n in range(3))
    index = Index(1, parts)
    assert index.beside(100, 150) == (parts[0], parts[1])
    assert index.beside(0, 300) == (None, None)


@given(st.integers(0, 40 * 960), st.integers(1, 20 * 960), st.integers(0, 5000))
def test_covering_packets_hold_all_that_was_asked(first: int, length: int, start: int) -> None:
    """Nothing needed is missing, and at most a part of a packet is too much at each side."""
    whole = run(40, start)
    found = whole.covering(first, first + length)
    low, high = max(first, start), min(first + length, whole.end)
    if low < high:
        assert found.start <= low < found.start + 960
        assert found.end - 960 < high <= found.end
    assert len(found.data) >= 1
    assert found.start == start + numbers(found)[0] * 960


def test_discard_belongs_to_the_last_packet_only() -> None:
    """Cut before it, the packets are heard to their end."""
    whole = Packets([b"a", b"b"], [960, 960], 0, discard=300)
    assert whole.end == 1620
    assert whole.covering(0, 960).end == 960
    assert whole.covering(0, 961).end == 1620


def test_pictures_start_at_a_key() -> None:
    """The last key shown at or before the time, by when it is shown, not when it is decoded."""
    whole = Packets([b"."] * 6, [10] * 6, 0, shown=[20] * 6, keys=[0, 3])
    assert whole.from_key(49).start == 0
    assert whole.from_key(50).start == 30
    assert whole.from_key(50).keys == [0]
    assert whole.from_key(5).start == 0


def test_joining_keeps_order_and_keys() -> None:
    """Several fragments read as one."""
    parts = [Packets([b"a", b"b"], [1, 1], 5, keys=[0]), Packets([b"c"], [1], 7, keys=[0])]
    found = joined(parts)
    assert (list(found.data), found.start, found.keys) == ([b"a", b"b", b"c"], 5, [0, 2])


def test_what_is_written_as_mp4_is_read_back() -> None:
    """Places, sizes, durations, delays and keys survive; so does the edit list."""
    codec = Codec("video", "avc1", made(b"avc1", bytes(24), struct.pack(">HH", 64, 48), bytes(50)),
                  12_800, 12_800, 0, 0, 64, 48)  # fmt: skip
    content, delays = [b"one", b"three", b"2"], [0, 1024, -512]
    packets = Packets(content, [512, 512, 600], 0, shown=delays, keys=[0, 2])
    data = mp4_file(Written(codec, packets, heard=(100, 1000)))
    moov = next(box for box in boxes(data) if box.kind == b"moov")
    (track,) = read_tracks(data, moov)
    table = read_table(data, track.table)
    found = table.packets(data, 0, 0, 3)
    assert [bytes(packet) for packet in found.data] == [b"one", b"three", b"2"]
    assert (found.durations, found.shown, found.keys) == ([512, 512, 600], [0, 1024, -512], [0, 2])
    assert (track.codec.skip, track.codec.width, track.codec.timescale) == (100, 64, 12_800)
    assert table.rows(511, 513) == (0, 2)
    assert table.key_before(1) == 0


def test_numbers_too_large_for_mp4_are_corrupt() -> None:
    """Durations beyond 32 bits come only from hostile streams."""
    codec = opus_codec(OPUS_HEAD)
    with pytest.raises(Rejected, match="beyond all measure"):
        mp4_file(Written(codec, Packets([b"a", b"b"], [0xFFFFFFFF, 0xFFFFFFFF], 0)))


def test_opus_heads_lose_their_pre_skip_in_mp4() -> None:
    """What feeds the decoder skips nothing: every sample's place is counted by us."""
    codec = opus_codec(OPUS_HEAD)
    settings = find(codec.entry, b"dOps", 36)
    assert settings is not None
    assert codec.entry[settings.body + 2 : settings.body + 4] == b"\0\0"
    assert (codec.skip, codec.channels, codec.rate) == (312, 2, 48_000)


@pytest.mark.parametrize("head", [b"", b"OpusHead", OPUS_HEAD[:18], b"VorbHead" + bytes(20)])
def test_no_opus_head_is_corrupt(head: bytes) -> None:
    """Cut short or something else."""
    with pytest.raises(Rejected, match="OpusHead"):
        opus_codec(head)


@pytest.mark.parametrize(
    ("packet", "samples"),
    [
        (bytes([31 << 3]), 960), (bytes([28 << 3]), 120), (bytes([0 << 3]), 480),
        (bytes([3 << 3]), 2880), (bytes([12 << 3]), 480), (bytes([13 << 3]), 960),
        (bytes([31 << 3 | 1]), 1920), (bytes([31 << 3 | 3, 6]), 5760),
    ],
)  # fmt: skip
def test_opus_packets_tell_their_length(packet: bytes, samples: int) -> None:
    """All modes, and several frames in a packet (RFC 6716, section 3.1)."""
    assert opus_samples(packet) == samples


@pytest.mark.parametrize("packet", [b"", b"\xfb", b"\xfb\x07", b"\xff\x00"])
def test_impossible_opus_packets_are_corrupt(packet: bytes) -> None:
    """Empty, without a count, longer than 120 ms, none at all."""
    with pytest.raises(Rejected):
        opus_samples(packet)


def block(number: int, sound: bytes = b"\xa3" * 40) -> bytes:
    """The n-th SimpleBlock of track 1: 20 ms of Opus, full of what looks like the start of one."""
    content = b"\x81" + (20 * number).to_bytes(2, "big") + b"\x80\xfc" + sound
    return b"\xa3" + (0x4000 + len(content)).to_bytes(2, "big") + content


def test_the_tail_of_a_cluster_is_found_again() -> None:
    """From bytes that begin in the middle of a block the whole ones are read, to the end."""
    data = b"".join(block(number) for number in range(10))
    found = read_tail(data[30:], 1, 1_000_000)
    assert [part.time for part in found] == list(range(20, 200, 20))


def test_a_tail_is_found_wherever_it_begins() -> None:
    """Sound is any bytes: some look like blocks of every kind, some lead to where one starts."""
    rng = Random(7)
    blocks = [block(number, rng.randbytes(rng.randrange(100, 400))) for number in range(500)]
    starts = [0, *accumulate(map(len, blocks))]
    data = b"".join(blocks)
    for cut in range(0, starts[480], 67):
        first = bisect_left(starts, cut)
        found = read_tail(data[cut:], 1, 1_000_000)
        assert [part.time // 20 for part in found] == list(range(first, 500))


@pytest.mark.parametrize("data", [b"", block(1)[:-1], block(1) + b"\0", bytes(500), b"\xa3" * 50])
def test_a_tail_that_does_not_lead_to_the_end_is_none(data: bytes) -> None:
    """Better read more than guess."""
    assert read_tail(data, 1, 1_000_000) == []


def test_elements_of_unknown_size_are_told() -> None:
    """All ones mean: until the next of its level."""
    element = element_at(b"\x1f\x43\xb6\x75\x01\xff\xff\xff\xff\xff\xff\xff", 0)
    assert element is not None
    assert element.unknown_size
    assert element.end >= UNKNOWN


def pages(data: bytes) -> list[tuple[int, int, bytes]]:
    """Flags, position and body of each page, its checksum tried."""
    found, at = [], 0
    while at < len(data):
        flags, position = struct.unpack_from("<BQ", data, at + 5)
        count = data[at + 26]
        size = sum(data[at + 27 : at + 27 + count])
        end = at + 27 + count + size
        blank = data[at : at + 22] + bytes(4) + data[at + 26 : end]
        assert struct.unpack_from("<I", data, at + 22)[0] == checksum(blank)
        found.append((flags, position, data[at + 27 + count : end]))
        at = end
    return found


def test_ogg_pages_hold_all_and_end_on_the_sample() -> None:
    """Pre-skip and the last page's position frame exactly what is heard."""
    data = ogg_opus_file(opus_codec(OPUS_HEAD), run(600), 4_000, 500_000)
    found = pages(data)
    assert struct.unpack_from("<H", found[0][2], 10)[0] == 4_000
    assert [flags for flags, _, _ in found] == [2, 0, *[0] * (len(found) - 3), 4]
    assert found[-1][1] == 504_000
    assert b"".join(body for _, _, body in found[2:]) == b"".join(map(bytes, run(600).data))


def test_ogg_checksum_is_that_of_the_format() -> None:
    """CRC-32 with polynomial 0x04c11db7, not mirrored, starting at 0: worked out bit by bit."""

    def slowly(data: bytes) -> int:
        value = 0
        for byte in data:
            value ^= byte << 24
            for _ in range(8):
                value = (value << 1 ^ (0x04C11DB7 if value >> 31 else 0)) & 0xFFFFFFFF
        return value

    data = bytes(range(256)) * 3
    assert checksum(data) == slowly(data) != zlib.crc32(data)


def test_mp3_length_is_corrected_in_its_tag(tmp_path: Path) -> None:
    """Padding is what is left of all frames after delay and samples; the checksum fits."""
    path = tmp_path / "clip.mp3"
    head = bytearray(b"\xff\xfb\x90\x64" + bytes(32) + b"Info" + b"\0\0\0\x0f" + b"\0\0\0\xc2")
    lame = len(head) + 108
    head += bytes(400)
    head[lame + 21 : lame + 24] = (576 << 12 | 1681).to_bytes(3, "big")
    path.write_bytes(head)
    set_length(path, 221_200)
    data = path.read_bytes()
    delays = int.from_bytes(data[lame + 21 : lame + 24], "big")
    assert delays == 576 << 12 | 194 * 1152 - 576 - 221_200
    assert data[lame + 34 : lame + 36] == mp3_checksum(data[: lame + 34]).to_bytes(2, "big")


@pytest.mark.parametrize("samples", [400_000, 100])
def test_an_mp3_of_another_length_is_corrupt(tmp_path: Path, samples: int) -> None:
    """Only padding is corrected, never a wrong number of frames."""
    path = tmp_path / "clip.mp3"
    path.write_bytes(b"\xff\xfb\x90\x64Info\0\0\0\x0f\0\0\0\xc2" + bytes(400))
    with pytest.raises(Rejected, match="samples of padding"):
        set_length(path, samples)


def test_an_mp3_without_a_tag_is_corrupt(tmp_path: Path) -> None:
    """Its length could only be guessed."""
    path = tmp_path / "clip.mp3"
    path.write_bytes(b"\xff\xfb\x90\x64" + bytes(400))
    with pytest.raises(Rejected, match="without its tag"):
        set_length(path, 100)
