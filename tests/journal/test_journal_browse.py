"""Looking through the clips of a journal, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from journal_samples import ANSWER, CLIP, write

from ascc_async.journal import browse
from ascc_async.journal.browse import Search
from ascc_async.journal.reader import Reader
from ascc_async.journal.records import ClipRow
from ascc_async.media.encoding import SHORT
from ascc_async.model import Outcome, Quality

FLAC, WAV = "audio/flac/source/source", "audio/wav/source/source"


def clip(number: int, *, seconds: float = 10, encoding: str = FLAC, **changes: object) -> ClipRow:
    """The clip of video `00000000007`, and so on."""
    segment_id = f"{number:011}_1000"
    assert CLIP.clip is not None
    loud = Quality(-1.0, -20.0, 0.0, 0.0)
    file = replace(
        CLIP.clip,
        quality=loud,
        segment_id=segment_id,
        frames=int(seconds * 44100),
        encoding=encoding,
    )
    for name in ("note", "quality"):
        if name in changes:
            file = replace(file, **{name: changes.pop(name)})
    row = replace(CLIP, segment_id=segment_id, video_id=segment_id[:11], encoding=encoding)
    return replace(row, clip=file, **changes)  # type: ignore[arg-type]


def numbers(clips: Sequence[ClipRow]) -> list[int]:
    return [int(each.video_id) for each in clips]


def found(reader: Reader, **wanted: object) -> list[int]:
    """The clips of a search, which is what is counted."""
    search = Search(FLAC, **wanted)  # type: ignore[arg-type]
    page = browse.find(reader, search, 99, None)
    assert (page.total, page.earlier, page.later) == (len(page.clips), False, False)
    return numbers(page.clips)


@pytest.fixture
async def reader(tmp_path: Path) -> Reader:
    return await write(
        tmp_path / "state.sqlite3",
        clip(1, title="Dog 100% & cat", channel="Zoo", channel_id="UC1"),
        clip(2, title="Собака лает", channel="dogs", seconds=2.5, note=f"it ends 7 s {SHORT}"),
        clip(3, title="", channel="", quality=Quality(-60.0, float("-inf"), 0.6, 0.0)),
        replace(ANSWER, video_id=f"{3:011}", title="A doG's answer", channel="Its channel"),
        clip(4, title="loud", quality=Quality(0.0, -3.0, 0.0, 0.01)),
        clip(5, title="dog", encoding=WAV),
        ClipRow(f"{6:011}_1000", f"{6:011}", FLAC, Outcome.REJECTED, 300.0, title="dog"),
    )


def test_words_are_found_in_title_channel_and_id(reader: Reader) -> None:
    """Whatever the case and the script; all words must be there, and none is a pattern."""
    assert found(reader) == [1, 2, 3, 4]
    assert found(reader, words=("dog",)) == [1, 2, 3]
    assert found(reader, words=("DOG", "zoo")) == [1]
    assert found(reader, words=("answer",)) == [3]  # which has the title where the clip has none
    assert found(reader, words=("СОБАКА",)) == found(reader, words=("собака",)) == [2]
    assert found(reader, words=("00000000004_1000",)) == [4]
    assert found(reader, words=("100%",)) == [1]
    assert found(reader, words=("'",)) == [3]
    assert found(reader, words=("\\",)) == []
    assert found(reader, words=("d_g",)) == found(reader, words=("d*",)) == []


def test_channel_flag_and_length_choose(reader: Reader) -> None:
    """Flags as in `quality.csv`; lengths count to the sample."""
    assert found(reader, channel_id="UC1") == [1]
    assert found(reader, flag="short") == [2]
    assert found(reader, flag="quiet") == found(reader, flag="mostly_silent") == [3]
    assert found(reader, flag="clipped") == [4]
    clips = browse.find(reader, Search(FLAC), 9, None).clips
    flags = browse.flags_of(reader, clips)
    assert [flags[each.segment_id] for each in clips] == [
        [],
        ["short"],
        ["quiet", "mostly_silent"],
        ["clipped"],
    ]
    assert browse.flags_of(reader, []) == {}
    assert found(reader, shortest=2.5, longest=9.9) == [2]
    assert found(reader, shortest=10, words=("dog",)) == [1, 3]


def test_an_encoding_in_which_nothing_was_made_gives_way(reader: Reader, tmp_path: Path) -> None:
    """A copied folder is shown without its settings; an empty journal shows nothing."""
    assert browse.shown_encoding(reader, WAV) == WAV
    assert browse.shown_encoding(reader, "audio/mp3/source/source") in (FLAC, WAV)


async def test_pages_lead_from_one_to_the_next_and_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By key, in both directions, each clip once; also where most are left out."""
    monkeypatch.setattr(browse, "_CHUNK", 2)
    reader = await write(tmp_path / "state.sqlite3", *(clip(n, title="t") for n in range(23)))
    search = Search(FLAC)

    def odd(ids: Sequence[str]) -> list[bool]:
        return [int(each[:11]) % 2 == 1 for each in ids]

    for keep, wanted in ((None, list(range(23))), (odd, list(range(1, 23, 2)))):
        page = browse.find(reader, search, 5, keep)
        assert page.total == len(wanted)
        assert not page.earlier
        seen = [page]
        while page.later:
            page = browse.find(reader, search, 5, keep, after=page.clips[-1].segment_id)
            assert page.earlier
            seen.append(page)
        assert [n for each in seen for n in numbers(each.clips)] == wanted
        for earlier in reversed(seen[:-1]):
            before = page.clips[0].segment_id
            page = browse.find(reader, search, 5, keep, before=before)
            assert numbers(page.clips) == numbers(earlier.clips)
            assert (page.earlier, page.later) == (earlier.earlier, True)
