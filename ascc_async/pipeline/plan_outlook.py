"""What a run will probably meet: by what is known of AudioSet, and by this folder's journal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np

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
    JournalIndex,
)
from ascc_async.pipeline.plan_requests import NOT_PLAYED, VIDEOS_A_CALL, Outlook
from ascc_async.pipeline.plan_sampling import Chances
from ascc_async.pipeline.snapshot import SNAPSHOT, snapshot_from
from ascc_async.settings import Settings

_SHAREABLE = LICENSE_CODES[License.CREATIVE_COMMONS]
_UNAVAILABLE = LICENSE_CODES[License.UNAVAILABLE]
_UNKNOWN = LICENSE_CODES[License.UNKNOWN]
_NOT_LISTED = REASON_CODES[Reason.NOT_LISTED]


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What a plan assumes, stated with it.

    Shares: `answered_share` and `unknown_share` of all videos, the rest is not there, of which
    `bare_share` in words that say nothing certain; `creative_commons_share` of those answered;
    `barred_shares` of these give no clip, by reason. `listed_share`: Creative Commons in the lists
    of `license.ask_first`.
    """

    bytes_a_clip: int
    answered_share: float = 0.80
    creative_commons_share: float = 0.0070
    source: str = (
        "2021's scan of 1.99 M videos: 86 % showed a license, 0.70 % of those Creative Commons;"
        " 15 to 20 % of the videos have gone since"
    )
    unknown_share: float = 0.0
    bare_share: float = 0.5
    # 2021: 9.4 %. Of those that were recorded since, 17 asked for the age and 12 for the country.
    barred_shares: Mapping[str, float] = field(
        default_factory=lambda: {Reason.AGE_RESTRICTED: 0.055, Reason.COUNTRY_RESTRICTED: 0.039}
    )
    listed_share: float = 0.80

    @property
    def found_share(self) -> float:
        """Share of all videos that are Creative Commons."""
        return self.answered_share * self.creative_commons_share

    @property
    def had_share(self) -> float:
        """Share of the Creative Commons videos that become clips."""
        return max(0.0, 1 - sum(self.barred_shares.values()))


@dataclass(frozen=True, slots=True)
class Seen:
    """What a folder holds already; `index` knows nothing where there is no journal.

    `listed`: for every row of the table, whether a list of `license.ask_first` names it. `tried`
    counts clips, of which some are `barred`, by reason. `machines`: how many of a cluster worked
    for the last run.
    """

    index: JournalIndex
    listed: Bools
    tried: int = 0
    barred: Mapping[str, int] = field(default_factory=dict)
    machines: int = 0

    def to_ask(self, needed: Chances) -> Chances:
        """The same, 0 for rows that are not to be asked."""
        to_ask: Chances = needed * (self.index.states == RowState.UNASKED)
        return to_ask


def look_into(settings: Settings, selection: Selection) -> Seen:
    """Read the journal, if there is one. Raises MetadataError for a wrong list, JournalError."""
    output, license_ = settings.output.dir, settings.license
    index = JournalIndex(selection, license_, removals=read_removals(output))
    listed = rows_in_lists(read_video_lists(license_.ask_first), selection)
    if not (output / JOURNAL_NAME).is_file():
        index.leave_out_removed()
        return Seen(index, listed)
    encoding, made, barred = encoding_of(settings.clips), 0, Counter[str]()
    with closing(Reader(output / JOURNAL_NAME)) as reader:
        index.load(reader, encoding)
        last = snapshot_from(reader.learned(SNAPSHOT).get(""))
        for clip in (clip for page in reader.clips(encoding) for clip in page):
            made += clip.outcome is Outcome.CLIP
            # What is pending for a reason was held up by something that passes.
            held_up = clip.outcome is Outcome.PENDING and clip.reason
            if clip.outcome is not Outcome.CLIP and not held_up:
                barred[clip.reason or NOT_PLAYED] += 1
    machines = [each.status for each in last.machines] if last else []
    return Seen(index, listed, made + barred.total(), barred, machines.count("working"))


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
    reasons = known.barred_shares.keys() | seen.barred.keys()
    barred = {
        why: blended(known.barred_shares.get(why, 0.0), seen.barred.get(why, 0), seen.tried)
        for why in sorted(reasons)
    }
    shown = f"{known.source}; adjusted to what {asked:,} videos showed in this folder"
    return Assumptions(
        bytes_a_clip,
        blended(known.answered_share, answered, asked),
        blended(known.creative_commons_share, found, answered),
        shown if asked else known.source,
        blended(known.unknown_share, numbers[License.UNKNOWN] - open_, asked),
        blended(known.bare_share, int(bare.sum()), numbers[License.UNAVAILABLE] + open_),
        barred,
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
    index, had = seen.index, basis.had_share
    chances = np.where(seen.listed, basis.listed_share, basis.found_share) * had
    chances[index.licenses != UNASKED] = 0
    chances[(index.licenses == _SHAREABLE) & (index.clip_states == RowState.APPROVED)] = had
    chances[(index.licenses == _SHAREABLE) & (index.clip_states == RowState.CLIP)] = 1
    chances[~selection.selected | (index.states == RowState.NO)] = 0
    return chances


def outlook(seen: Seen, basis: Assumptions, needed: Chances) -> Outlook:
    """Of these rows: those of them that are open, to be asked or to be made."""
    index = seen.index
    to_ask = seen.to_ask(needed)

    def number(rows: Bools, of: Chances = to_ask) -> float:
        return float(of[rows].sum())

    fresh = index.licenses == UNASKED
    never, listed = number(fresh), number(fresh & seen.listed)
    # What was asked before will be again what it was.
    unknown = number((index.licenses == _UNKNOWN) & ~index.bare)
    gone = number(~fresh & ((index.licenses == _UNAVAILABLE) | index.bare))
    # Some were asked before: their evidence is old, or their clip is still to be made.
    open_ = number(index.to_be_made() & ~index.lossless, needed)
    not_played = min(open_, seen.barred.get(NOT_PLAYED, 0))
    clips = listed * basis.listed_share + (never - listed) * basis.found_share + open_ - not_played
    barred = {why: clips * share for why, share in basis.barred_shares.items()}
    barred[NOT_PLAYED] = barred.get(NOT_PLAYED, 0.0) + not_played
    missing = never * max(0.0, 1 - basis.answered_share - basis.unknown_share)
    unexplained = 0.0
    if index.explained is not None:
        waiting = (index.reasons == _NOT_LISTED) & ~index.explained
        unexplained = number(waiting, needed) - number(waiting)
    return Outlook(
        videos=float(to_ask.sum()),
        calls=float(to_ask.sum()) / VIDEOS_A_CALL,
        missing=missing + gone,
        bare=missing * basis.bare_share,
        unknown=never * basis.unknown_share + unknown,
        unexplained=unexplained,
        made=clips * basis.had_share,
        barred=barred,
    )
