"""What the journal's tests share: an answer, a clip, and a journal that holds some records."""

from __future__ import annotations

from pathlib import Path

from ascc_async.journal.reader import Reader
from ascc_async.journal.records import ClipRow, Record
from ascc_async.journal.writer import Journal
from ascc_async.model import ClipFile, License, LicenseAnswer, Outcome, Quality

ANSWER = LicenseAnswer(
    "-aaaaaaaaaa", License.CREATIVE_COMMONS, "innertube", 100.5, text="Creative Commons…",
    link="https://www.youtube.com/t/creative_commons", title='a "b", \n=c', channel="ch",
    channel_id="UC1", published="2015",
)  # fmt: skip
CLIP = ClipRow(
    "-aaaaaaaaaa_30500", "-aaaaaaaaaa", "audio-flac", Outcome.CLIP, 200.0, 1, title="t",
    channel="c",
    clip=ClipFile(
        "-aaaaaaaaaa_30500", "clips/-a/-aaaaaaaaaa_30500.flac", "00ff", 123, 441000, 44100, 2,
        "audio-flac", "140 mp4a.40.2", 200.0, Quality(-1.0, float("-inf"), 0.25, 0.0), "note",
    ),
)  # fmt: skip


async def write(path: Path, *records: Record) -> Reader:
    """Record them one after the other; a reader of what is there then."""
    async with Journal(path) as journal:
        for record in records:
            await journal.record(record)
    return Reader(path)
