"""What a run will probably meet: by what is known of AudioSet, and by this folder's journal."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ascc_async.audioset.sampling import RowState
from ascc_async.audioset.segments import Bools
from ascc_async.audioset.selection import Selection
from ascc_async.audioset.video_lists import read_video_lists, rows_in_lists
from ascc_async.dataset.removals import read_removals
from ascc_async.journal.reader import Reader
from ascc_async.journal.writer import JOURNAL_NAME
from ascc_async.media.encoding import encoding_of
from ascc_async.model import License, Outcome, Reason
from ascc_async.pipeline.journal_index import (
    LICENSE_CODES,
    REASON_CODES,
    UNASKED,
    ClipFate,
    JournalIndex,
)
from ascc_async.pipeline.plan_requests import Outlook
from ascc_async.settings import Settings

Chances = NDArray[np.float64]
_SHAREABLE = LICENSE_CODES[License.CREATIVE_COMMONS]
_UNAVAILABLE = LICENSE_CODES[License.UNAVAILABLE]
_UNKNOWN = LICENSE_CODES[License.UNKNOWN]
_NOT_LISTED = REASON_CODES[Reason.NOT_LISTED]


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What a plan assumes, stated with it.

    Shares: `answered_share` and `unknown_share` of all videos, the rest is not there, of which
    `bare_share` in words that say nothing certain; `creative_commons_share` of those answered,
    `barred_share` of the clips. `listed_share`: Creative Commons in the lists of
    `license.ask_first`.
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
    listed_share: float = 0.80

    @property
    def found_share(self) -> float:
        """Share of all videos that are Creative Commons."""
        return self.answered_share * self.creative_commons_share


@dataclass(frozen=True, slots=True)
class Seen:
    """What a folder holds already; `index` knows nothing where there is no journal.

    `listed`: for every row of the table, whether a list of `license.ask_first` names it. `ended`
    and `barred` count clips.
    """

    index: JournalIndex
    listed: Bools
    ended: int = 0
    barred: int = 0

    def to_ask(self, rows: Bools) -> Bools:
        """Those of these rows that are still to be asked."""
        to_ask: Bools = rows & (self.index.states == RowState.UNASKED)
        return to_ask


def look_into(settings: Settings, selection: Selection) -> Seen:
    """Read the journal, if there is one. Raises MetadataError for a wrong list, JournalError."""
    output, license_ = settings.output.dir, settings.license
    index = JournalIndex(
        selection,
        retry_unknown=license_.retry_unknown,
        recheck_after_days=license_.recheck_after_days,
        removals=read_removals(output),
    )
    listed = rows_in_lists(read_video_lists(license_.ask_first), selection)
    if not (output / JOURNAL_NAME).is_file():
        index.leave_out_removed()
        return Seen(index, listed)
    encoding = encoding_of(settings.clips)
    with closing(Reader(output / JOURNAL_NAME)) as reader:
        index.load(reader, encoding)
        if license_.explain_missing:
            index.load_explained(reader)
        ends = Counter(clip.outcome for page in reader.clips(encoding) for clip in page)
    return Seen(index, listed, ends.total() - ends[Outcome.PENDING], ends[Outcome.UNAVAILABLE])


def assumptions(seen: Seen, selection: Selection, bytes_a_clip: int) -> Assumptions:
    """What is known, brought nearer to what the journal shows. Listed videos show nothing of the
    others.
    """
    known, index, licenses = Assumptions(bytes_a_clip), seen.index, seen.index.licenses
    was_asked = selection.selected & (licenses != UNASKED)
    rows, listed = was_asked & ~seen.listed, was_asked & seen.listed
    numbers = {name: int((licenses[rows] == code).sum()) for name, code in LICENSE_CODES.items()}
    asked, found = int(rows.sum()), numbers[License.CREATIVE_COMMONS]
    answered = found + numbers[License.STANDARD]
    # Some of them were said to be gone twice, and ended by that.
    bare = index.bare[rows] & (index.reasons[rows] != _NOT_LISTED)
    open_ = int((bare & (licenses[rows] == _UNKNOWN)).sum())
    shown = f"{known.source}; brought nearer to what this folder shows of {asked:,} videos"
    return Assumptions(
        bytes_a_clip,
        blended(known.answered_share, answered, asked),
        blended(known.creative_commons_share, found, answered),
        shown if asked else known.source,
        blended(known.unknown_share, numbers[License.UNKNOWN] - open_, asked),
        blended(known.bare_share, int(bare.sum()), numbers[License.UNAVAILABLE] + open_),
        blended(known.barred_share, seen.barred, seen.ended),
        blended(known.listed_share, int((licenses[listed] == _SHAREABLE).sum()), int(listed.sum())),
    )


def blended(known: float, seen: int, of: int) -> float:
    """A known share and one seen, `seen` of `of`: what is known counts as long as chance explains
    what is seen, and the less the further that is off.
    """
    expected = of * known
    # Before one is to be expected, one is chance: a find among the first ten must not promise a
    # tenth of two million.
    off = max(0.0, abs(seen - expected) - max(0.0, 1 - expected))
    if not off:
        return known
    chance = expected * (1 - known)  # the square that `off` has by chance
    return (chance * known + off**2 * seen / of) / (chance + off**2)


def clip_chances(selection: Selection, seen: Seen, basis: Assumptions) -> Chances:
    """For every row of the table how likely it ends as a clip, 1 where it is one.

    What was asked before will be again what it was.
    """
    index, had = seen.index, 1 - basis.barred_share
    chances = np.where(seen.listed, basis.listed_share, basis.found_share) * had
    chances[index.licenses != UNASKED] = 0
    chances[(index.licenses == _SHAREABLE) & (index.fates == ClipFate.NOT_MADE)] = had
    chances[(index.licenses == _SHAREABLE) & (index.fates == ClipFate.MADE)] = 1
    chances[~selection.selected | (index.states == RowState.NO)] = 0
    return chances


def rows_needed(selection: Selection, chances: Chances, limit: int | None) -> Bools:
    """The rows on which a run's clips hang: all, or of each class those up to its `limit`-th clip,
    as far as can be foretold.
    """
    if limit is None:
        return selection.selected
    # A video of several classes is asked once: the sum of the classes would be too many.
    needed = np.zeros(len(selection.segments), bool)
    for position in range(len(selection.chosen)):
        order = selection.order(position)
        before = np.cumsum(chances[order]) - chances[order]
        needed[order[before < limit]] = True
    return needed


def outlook(seen: Seen, basis: Assumptions, needed: Bools) -> Outlook:
    """Of these rows: those of them that are open, to be asked or to be made."""
    index = seen.index
    rows = seen.to_ask(needed)
    fresh = rows & (index.licenses == UNASKED)
    never, listed = int(fresh.sum()), int((fresh & seen.listed).sum())
    # What was asked before will be again what it was.
    unknown = rows & (index.licenses == _UNKNOWN) & ~index.bare
    gone = rows & ((index.licenses == _UNAVAILABLE) | index.bare)
    # Some were asked before: their evidence is old, or their clip is still to be made.
    open_ = needed & index.to_be_made() & ~index.lossless
    clips = listed * basis.listed_share + (never - listed) * basis.found_share + int(open_.sum())
    missing = never * max(0.0, 1 - basis.answered_share - basis.unknown_share)
    unexplained = 0
    if index.explained is not None:
        not_listed = index.reasons == _NOT_LISTED
        unexplained = int((needed & not_listed & ~rows & ~index.explained).sum())
    return Outlook(
        videos=int(rows.sum()),
        missing=missing + int(gone.sum()),
        bare=missing * basis.bare_share,
        unknown=never * basis.unknown_share + int(unknown.sum()),
        unexplained=unexplained,
        clips=clips,
        barred=clips * basis.barred_share,
    )
