"""What a run will probably meet: by what is known of AudioSet, or by this folder's journal."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from math import ceil

import numpy as np

from ascc_async.audioset.sampling import RowState
from ascc_async.audioset.segments import Bools, Bytes
from ascc_async.audioset.selection import Selection
from ascc_async.audioset.video_lists import read_video_lists, rows_in_lists
from ascc_async.dataset.removals import read_removals
from ascc_async.journal.reader import Reader
from ascc_async.journal.writer import JOURNAL_NAME
from ascc_async.media.encoding import encoding_of
from ascc_async.model import License, Outcome
from ascc_async.pipeline.journal_index import LICENSE_CODES, UNASKED, JournalIndex
from ascc_async.pipeline.plan_requests import Outlook
from ascc_async.settings import Settings

_ENOUGH = 300  # answers before they say more than what is known of AudioSet
_ENOUGH_CLIPS = 10


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What a plan assumes, stated with it.

    Shares: `answered_share` and `unknown_share` of all videos, the rest is not there, of which
    `bare_share` in words that say nothing certain; `creative_commons_share` of those answered,
    `barred_share` of the clips.
    """

    bytes_a_clip: int
    answered_share: float = 0.80
    creative_commons_share: float = 0.0070
    source: str = (
        "2021's scan of 1.99 M videos: 86 % answered, 0.70 % of those Creative Commons; 15 to 20 %"
        " of the videos have gone since"
    )
    unknown_share: float = 0.0
    bare_share: float = 0.5
    barred_share: float = 0.094

    @property
    def found_share(self) -> float:
        """Share of all videos that are Creative Commons."""
        return self.answered_share * self.creative_commons_share

    @property
    def clip_share(self) -> float:
        """Share of all videos that become clips."""
        return self.found_share * (1 - self.barred_share)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a folder holds already, for every row of the table; nothing where there is no journal.

    `listed`: in a list of `license.ask_first`. `ended` and `barred` count clips.
    """

    licenses: Bytes
    states: Bytes
    bare: Bools
    listed: Bools
    ended: int = 0
    barred: int = 0


def look_into(settings: Settings, selection: Selection) -> Seen:
    """Read the journal, if there is one. Raises MetadataError for a wrong list, JournalError."""
    output, license_ = settings.output.dir, settings.license
    listed = rows_in_lists(read_video_lists(license_.ask_first), selection)
    index = JournalIndex(
        selection,
        retry_unknown=license_.retry_unknown,
        recheck_after_days=license_.recheck_after_days,
        removals=read_removals(output),
    )
    bare = np.zeros(len(selection.segments), bool)
    if not (output / JOURNAL_NAME).is_file():
        return Seen(index.licenses, index.states, bare, listed)
    with closing(Reader(output / JOURNAL_NAME)) as reader:
        index.load(reader, encoding_of(settings.clips))
        barely = [each.video_id for page in reader.unknown() for each in page if each.bare_by]
        rows = selection.segments.rows_of(np.array(barely, "S11"))
        bare[rows[rows >= 0]] = True
        ends = Counter(
            clip.outcome for page in reader.clips(encoding_of(settings.clips)) for clip in page
        )
    barred, ended = ends[Outcome.UNAVAILABLE], ends.total() - ends[Outcome.PENDING]
    return Seen(index.licenses, index.states, bare, listed, ended, barred)


def assumptions(seen: Seen, selection: Selection, bytes_a_clip: int) -> Assumptions:
    """By the journal where it shows enough. Listed videos show nothing of the others."""
    basis = Assumptions(bytes_a_clip)
    rows = selection.selected & ~seen.listed & (seen.licenses != UNASKED)
    if (asked := int(rows.sum())) < _ENOUGH:
        return basis
    codes = seen.licenses[rows]
    numbers = {name: int((codes == code).sum()) for name, code in LICENSE_CODES.items()}
    found = numbers[License.CREATIVE_COMMONS]
    answered = found + numbers[License.STANDARD]
    bare = int(seen.bare[rows].sum())
    missing = numbers[License.UNAVAILABLE] + bare
    enough_clips = seen.ended >= _ENOUGH_CLIPS
    return Assumptions(
        bytes_a_clip,
        answered / asked,
        found / max(1, answered),
        f"what this folder's journal shows of {asked:,} videos",
        (numbers[License.UNKNOWN] - bare) / asked,
        bare / max(1, missing),
        seen.barred / seen.ended if enough_clips else basis.barred_share,
    )


def rows_to_ask(selection: Selection, seen: Seen, clip_share: float, limit: int | None) -> Bools:
    """The rows that will have to be asked: all that are open, or for at most `limit` clips a class
    about so many of its first ones.
    """
    unasked: Bools = selection.selected & (seen.states == RowState.UNASKED)
    if limit is None:
        return unasked
    hopeful = (seen.states == RowState.APPROVED) | (seen.states == RowState.CLIP)
    # A video of several classes is asked once: the sum of the classes would be too many.
    asked = np.zeros(len(selection.segments), bool)
    for position in range(len(selection.chosen)):
        order = selection.order(position)
        wanted = max(0, limit - int(hopeful[order].sum()))
        asked[order[unasked[order]][: ceil(wanted / max(clip_share, 1e-9))]] = True
    return asked


def outlook(selection: Selection, seen: Seen, basis: Assumptions, rows: Bools) -> Outlook:
    """Of these rows to be asked. What was asked before will be again what it was."""
    fresh = rows & (seen.licenses == UNASKED)
    never, listed = int(fresh.sum()), int((fresh & seen.listed).sum())
    bare, unknown = (seen.bare & rows), (seen.licenses == LICENSE_CODES[License.UNKNOWN]) & rows
    again = int((rows & (seen.licenses == LICENSE_CODES[License.CREATIVE_COMMONS])).sum())
    found = max(never * basis.found_share, listed * basis.answered_share)
    missing = never * (1 - basis.answered_share - basis.unknown_share)
    gone = int((rows & (seen.licenses == LICENSE_CODES[License.UNAVAILABLE])).sum())
    waiting = int((selection.selected & (seen.states == RowState.APPROVED)).sum())
    clips = found + again + waiting
    return Outlook(
        videos=int(rows.sum()),
        missing=missing + gone + int(bare.sum()),
        bare=missing * basis.bare_share,
        unknown=never * basis.unknown_share + int((unknown & ~bare).sum()),
        clips=clips,
        barred=clips * basis.barred_share,
    )
