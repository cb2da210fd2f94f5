"""Ranged reads: pieces, cut bodies, careless servers, sums."""

from __future__ import annotations

import pytest
from media_helpers import Answer, Memory, answered, ignoring_range, torn_after, track

from ascc_async.errors import LinkExpired, NetworkFault, Rejected, ServerFault
from ascc_async.media.ranges import PIECE, RangeAnswer, Ranges

DATA = bytes(range(256)) * 100


def reading(*script: Answer, data: bytes = DATA) -> tuple[Ranges, Memory]:
    """Ranges over one stream, whose first answers are scripted."""
    memory = Memory({"sound": data}, list(script))
    return Ranges(memory), memory


def early(data: bytes, first: int, last: int | None) -> RangeAnswer:
    """More than asked for, as caches may answer."""
    return RangeAnswer(206, 0, len(data), data[: (last or 0) + 9], True)


@pytest.mark.parametrize(
    ("script", "first", "last", "received"),
    [([], 100, 299, 200), ([early], 10, 20, 29), ([], 25_590, 30_000, 10)],
    ids=["as asked", "starts early and ends late", "beyond the end"],
)
async def test_a_span_is_read_in_one_request(
    script: list[Answer], first: int, last: int, received: int
) -> None:
    """Exactly the bytes asked for as far as there are any, and the size of the whole."""
    ranges, memory = reading(*script)
    span = await ranges.read(track(), first, last)
    assert (span.body, span.total) == (DATA[first : last + 1], len(DATA))
    assert memory.asked == [(first, last)]
    assert (ranges.requests, ranges.received) == (1, received)


async def test_a_body_cut_short_is_continued_where_it_stopped() -> None:
    """Nothing is read twice."""
    ranges, memory = reading(torn_after(50), torn_after(0), torn_after(70))
    assert (await ranges.read(track(), 0, 999)).body == DATA[:1000]
    assert memory.asked == [(0, 999), (50, 999), (50, 999), (120, 999)]
    assert (ranges.requests, ranges.received, ranges.continued) == (4, 1000, 3)


async def test_breaking_again_and_again_is_a_network_fault() -> None:
    """Continuing has a bound."""
    ranges, memory = reading(*[torn_after(1)] * 100)
    with pytest.raises(NetworkFault) as caught:
        await ranges.read(track(), 0, 999)
    assert caught.value.kind == "short_body"
    assert len(memory.asked) < 12


async def test_large_spans_come_in_pieces() -> None:
    """No request asks for more than 10 MiB, beyond which YouTube slows down."""
    data = bytes(2 * PIECE + 10)
    ranges, memory = reading(data=data)
    assert len((await ranges.read(track(), 5, 10 * PIECE)).body) == len(data) - 5
    assert [first for first, _ in memory.asked] == [5, PIECE + 5, 2 * PIECE + 5]
    assert all(last == first + PIECE - 1 for first, last in memory.asked)


async def test_a_server_that_ignores_the_range_is_noticed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The wanted bytes are taken out of the whole, and it is logged."""
    ranges, _ = reading(ignoring_range)
    assert (await ranges.read(track(), 500, 599)).body == DATA[500:600]
    assert "the stream from its start" in caplog.text


async def test_another_range_than_asked_for_is_a_server_fault() -> None:
    """Bytes from elsewhere never get into a clip."""
    ranges, _ = reading(lambda data, first, last: RangeAnswer(206, 900, None, data[900:], True))
    with pytest.raises(ServerFault, match="asked for bytes from 10 on, got bytes from 900 on"):
        await ranges.read(track(), 10, 20)


async def test_beyond_the_end_there_is_nothing() -> None:
    """A 416 means that the index lies: the stream is corrupt."""
    ranges, _ = reading()
    with pytest.raises(Rejected, match="nothing at byte 99999"):
        await ranges.read(track(), 99_999, 100_010)


async def test_a_short_answer_that_claims_to_be_whole_is_continued() -> None:
    """A server may answer with less than asked for; the size of the whole tells."""

    def less(data: bytes, first: int, last: int | None) -> RangeAnswer:
        return RangeAnswer(206, first, len(data), data[first : first + 10], True)

    ranges, memory = reading(less)
    assert (await ranges.read(track(), 0, 99)).body == DATA[:100]
    assert memory.asked == [(0, 99), (10, 99)]


async def test_what_the_source_raises_comes_through() -> None:
    """An expired link is for the caller to resolve again."""

    def expired(data: bytes, first: int, last: int | None) -> RangeAnswer:
        raise LinkExpired("403")

    ranges, _ = reading(answered, expired)
    await ranges.read(track(), 0, 9)
    with pytest.raises(LinkExpired):
        await ranges.read(track(), 10, 19)
