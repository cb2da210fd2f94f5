"""Clusters and blocks: the Opus packets of a WebM stream, with their exact place.

WebM rounds times to a millisecond, 48 samples. Opus packets last whole multiples of 2.5 ms, so
the true place of a packet is the multiple of its length (or of 2.5 ms) next to its rounded time.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from ascc_async.errors import Rejected
from ascc_async.media.ebml import Element, element_at, unsigned, whole
from ascc_async.media.packets import OPUS_RATE, Buffer, Packets, corrupt
from ascc_async.media.webm_index import CLUSTER, NANOSECONDS, WebmHead, WebmTrack

_TIMESTAMP, _SIMPLE_BLOCK, _BLOCK_GROUP, _BLOCK, _DISCARD = 0xE7, 0xA3, 0xA0, 0xA1, 0x75A2
_REFERENCE, _KEY, _LACED = 0xFB, 0x80, 0x06
_SHORTEST = 120
_FRAME = {0: (480, 960, 1920, 2880), 1: (480, 960), 2: (120, 240, 480, 960)}
FEWEST_FOR_SYNC = 4
_SHORT, _LONG = struct.Struct(">BBBhB"), struct.Struct(">BHBhB")


class Block(NamedTuple):
    """One packet as the container has it: time in container ticks, discard in nanoseconds."""

    time: int
    data: Buffer
    discard: int = 0
    key: bool = True


def read_blocks(data: Buffer, track: int) -> tuple[list[Block], bool]:
    """The track's blocks in `data`, which starts at a cluster, and whether none is cut off."""
    found: list[Block] = []
    view, at, time = memoryview(data), 0, 0
    while at < len(view):
        quick = _usual_block(view, at, track, time)
        if quick is not None:
            block, at = quick
            found.append(block)
            continue
        element = element_at(view, at)
        if element is None:
            return found, False
        if element.kind == CLUSTER:
            at = element.body
            continue
        if element.end > len(view):
            return found, element.kind not in (_SIMPLE_BLOCK, _BLOCK_GROUP, _TIMESTAMP)
        if element.kind == _TIMESTAMP:
            time = unsigned(view, element)
        else:
            found.extend(_blocks(view, element, track, time))
        at = element.end
    return found, True


def read_tail(data: Buffer, track: int, scale: int) -> list[Block]:
    """The last blocks of a cluster, from bytes that begin anywhere in it and end where it ends.

    Blocks follow each other without gaps, so the first place from which a chain of at least
    `FEWEST_FOR_SYNC` of them leads exactly to the end is a true one, if the first two are as far
    apart as the first is long: by chance, a place within a block leads to where a later one
    starts. Times count from the cluster's own clock, which is not in these bytes, in ticks of
    `scale` nanoseconds. No blocks when there is no such place.
    """
    view, leads_nowhere = memoryview(data), set[int]()
    for at in _places(bytes(data)):
        found = _chain(view, at, track, leads_nowhere)
        if len(found) >= FEWEST_FOR_SYNC and _adjacent(found[0], found[1], scale):
            times = [block.time for block in found]
            if times == sorted(set(times)):
                return found
    return []


def _adjacent(block: Block, following: Block, scale: int) -> bool:
    """Whether one starts where the other ends, as far as rounded times tell."""
    try:
        long = _samples(block.data) / OPUS_RATE
    except Rejected:
        return False
    apart = (following.time - block.time) * scale / NANOSECONDS
    return abs(apart - long) <= 2 * scale / NANOSECONDS


def _places(data: bytes) -> Iterator[int]:
    at = data.find(b"\xa3")
    while at >= 0:
        yield at
        at = data.find(b"\xa3", at + 1)


def _chain(view: memoryview, at: int, track: int, leads_nowhere: set[int]) -> list[Block]:
    """Blocks from `at` to the end of the bytes; none, and noted, when they do not lead there."""
    found: list[Block] = []
    passed: list[int] = []
    while at < len(view):
        passed.append(at)
        step = None if at in leads_nowhere else _linked_block(view, at, track)
        if step is None:
            leads_nowhere.update(passed)
            return []
        found.append(step[0])
        at = step[1]
    return found


def _linked_block(view: memoryview, at: int, track: int) -> tuple[Block, int] | None:
    """The block at `at` and where the next one starts; None when there is none of this track."""
    quick = _usual_block(view, at, track, 0)
    if quick is not None:
        return quick
    block = view[at] in (_SIMPLE_BLOCK, _BLOCK_GROUP) and any(view[at + 1 : at + 2])
    try:
        element = element_at(view, at) if block else None
        if element is None or element.end > len(view):
            return None
        found = _blocks(view, element, track, 0)
    except Rejected:  # these bytes are no block, but the middle of one
        return None
    return (found[0], element.end) if found else None


def _usual_block(view: memoryview, at: int, track: int, time: int) -> tuple[Block, int] | None:
    """A whole SimpleBlock in its usual form, and where it ends; None for anything else.

    Nearly all blocks are like this. The long way costs five times as much, some hundred times
    a clip.
    """
    if len(view) - at < _LONG.size:
        return None
    long = view[at + 1] & 0xC0 == 0x40
    kind, size, number, relative, flags = (_LONG if long else _SHORT).unpack_from(view, at)
    head, ones = (_LONG.size, 0x4000) if long else (_SHORT.size, 0x80)
    end = at + head - 4 + size - ones
    usual = kind == _SIMPLE_BLOCK and number == track + 0x80 and ones <= size < ones * 2 - 1
    if not usual or flags & _LACED or not at + head <= end <= len(view):
        return None
    return Block(time + relative, view[at + head : end], 0, bool(flags & _KEY)), end


def _blocks(data: Buffer, element: Element, track: int, time: int) -> list[Block]:
    if element.kind == _SIMPLE_BLOCK:
        return _block(data, element, track, time)
    if element.kind != _BLOCK_GROUP:
        return []
    parts = {child.kind: child for child in whole(data, element)}
    discard = 0
    if _DISCARD in parts:
        raw = parts[_DISCARD]
        discard = int.from_bytes(data[raw.body : raw.end], "big", signed=True)
    found = _block(data, parts[_BLOCK], track, time) if _BLOCK in parts else []
    return [block._replace(discard=discard, key=_REFERENCE not in parts) for block in found]


def _block(data: Buffer, element: Element, track: int, time: int) -> list[Block]:
    number_size = 9 - data[element.body].bit_length() if element.body < element.end else 9
    content = element.body + number_size + 3
    if content > element.end:
        corrupt("a block without a head")
    number = int.from_bytes(data[element.body : element.body + number_size], "big")
    if number - (1 << 7 * number_size) != track:
        return []
    flags = data[content - 1]
    if flags & _LACED:
        corrupt("laced blocks")
    relative = int.from_bytes(data[content - 3 : content - 1], "big", signed=True)
    packet = memoryview(data)[content : element.end]
    return [Block(time + relative, packet, key=bool(flags & _KEY))]


def _samples(packet: Buffer) -> int:
    """As `opus_samples`; quick where the first byte says all."""
    return (_BY_FIRST_BYTE[packet[0]] if len(packet) else 0) or opus_samples(packet)


def opus_samples(packet: Buffer) -> int:
    """Length of an Opus packet in samples of 48 kHz. Raises `Rejected(CORRUPT)`."""
    if not len(packet):
        corrupt("an empty Opus packet")
    mode = packet[0] >> 3
    each = _FRAME[0 if mode < 12 else 1 if mode < 16 else 2][mode % (2 if 12 <= mode < 16 else 4)]
    code = packet[0] & 3
    if code == 3 and len(packet) < 2:
        corrupt("an Opus packet cut short")
    count = (1, 2, 2, packet[1] & 63 if code == 3 else 0)[code]
    if not 0 < each * count <= 5760:
        corrupt("an Opus packet longer than 120 ms")
    return each * count


_BY_FIRST_BYTE = [0 if first & 3 == 3 else opus_samples(bytes([first])) for first in range(256)]


def packets_of(
    blocks: list[Block], head: WebmHead, webm: WebmTrack, tail: list[Block] | None = None
) -> Packets:
    """Blocks as packets in ticks of the track's codec. `tail` are the packets right before them,
    whose own times are not known. Raises `Rejected(CORRUPT)`.
    """
    if not blocks:
        corrupt("nothing where the index points to")
    if webm.codec.kind == "video":
        return _pictures(blocks, head, webm)
    before = [_samples(block.data) for block in tail or ()]
    durations = [_samples(block.data) for block in blocks]
    rough = (blocks[0].time - head.origin(webm.codec)) * head.scale * OPUS_RATE / NANOSECONDS
    discard = max(0, min(round(blocks[-1].discard * OPUS_RATE / NANOSECONDS), durations[-1]))
    data = [block.data for block in (*(tail or ()), *blocks)]
    start = _snapped(rough, durations[0]) - sum(before)
    if start < 0:
        corrupt("more sound before the start than there is time")
    return Packets(data, [*before, *durations], start, discard)


def _pictures(blocks: list[Block], head: WebmHead, webm: WebmTrack) -> Packets:
    origin = head.origin(webm.codec)
    times = [(block.time - origin) * head.scale // 1_000_000 for block in blocks]
    steps = [after - before for before, after in pairwise(times)]
    if any(step <= 0 for step in steps):
        corrupt("pictures out of order")
    last = steps[-1] if steps else 40
    keys = [number for number, block in enumerate(blocks) if block.key]
    return Packets([block.data for block in blocks], [*steps, last], times[0], keys=keys)


def _snapped(rough: float, duration: int) -> int:
    whole_packets = round(rough / duration) * duration
    if abs(whole_packets - rough) <= 2 * 48:
        return max(0, whole_packets)
    return max(0, round(rough / _SHORTEST) * _SHORTEST)
