"""How many requests of each kind a run sends: a license costs more than its one question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from ascc_async.model import Reason
from ascc_async.pipeline.standing import LOOK_EVERY, SUSPECT_LOOKS, UNKNOWN_IN_A_ROW
from ascc_async.settings import Settings, SourceName

CALLS_A_DAY = 10_000  # of the Data API for one key, as Google gives them by default
VIDEOS_A_CALL = 49  # of the Data API: the fiftieth is a known one
MEDIA_A_CLIP = 2  # the stream's index, then the part
NOT_PLAYED = "not played"  # and nobody says why: in place of a reason


class _Tries(NamedTuple):
    """What it costs to learn that a clip cannot be had; `fetched`: so often as one that can."""

    player: int
    watch: int = 0
    config: int = 0
    fetched: int = 0


# Where yt-dlp's one-request client is told a reason that another may not be told, its default ones
# are asked: a page and a player, and for the age another two (youtube/client_choice.py). What would
# end a video, or is not explained, is asked twice (clip_stage.py).
_ONCE, _TWICE = _Tries(1), _Tries(2)
_TRIES: Mapping[str, _Tries] = {
    Reason.AGE_RESTRICTED: _Tries(4, watch=1, config=1),
    Reason.SIGN_IN_REQUIRED: _Tries(2, watch=1),
    Reason.NO_AUDIO: _Tries(2, watch=1),
    NOT_PLAYED: _Tries(4, watch=2),
    Reason.REMOVED: _TWICE,
    Reason.PRIVATE: _TWICE,
    Reason.ACCOUNT_TERMINATED: _TWICE,
    Reason.COPYRIGHT_CLAIM: _TWICE,
    Reason.LICENSE_CHANGED: _Tries(1, watch=1),
    Reason.TOO_SHORT: _Tries(1, fetched=1),
    Reason.SILENT: _Tries(1, fetched=1),
    Reason.CORRUPT: _Tries(3, fetched=3),
}


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a run will probably meet: so many `videos` to ask, and clips to be `made`.

    Of the videos some are `missing` (some of those in `bare` words, which the same run sees twice)
    or `unknown`; `unexplained`: found missing earlier, and not asked why. `calls` of the Data API
    ask all of them. `barred`: clips that cannot be had, by reason.
    """

    videos: float
    calls: float
    missing: float
    bare: float
    unknown: float
    unexplained: float
    made: float
    barred: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class StageRequests:
    """Requests of one stage; `of`: what for; `kind`: what is asked; `limit`: what counts them."""

    stage: str
    of: str
    requests: int
    kind: str
    limit: str


def requests_for(
    outlook: Outlook, settings: Settings, sources: tuple[SourceName, ...]
) -> tuple[StageRequests, ...]:
    """All of them."""
    lines: list[StageRequests] = []

    def add(stage: str, of: str, number: float, kind: str) -> None:
        limit = kind if kind in ("data_api", "media") else "pages"
        if number > 0:
            lines.append(StageRequests(stage, of, ceil(number - 1e-9), kind, limit))

    license_, identities = settings.license, len(settings.network.all_identities())
    known = len({*license_.known_creative_commons, *license_.known_standard}) * identities
    at_end = SUSPECT_LOOKS * identities
    first = sources[0] if sources else None
    tries = [(number, _TRIES.get(why, _ONCE)) for why, number in outlook.barred.items()]
    fetched = outlook.made + sum(number * each.fetched for number, each in tries)
    # What the first cannot tell each of the others is asked.
    asked = {name: outlook.videos if name == first else outlook.unknown for name in sources}
    if outlook.videos and first == "data_api":
        of = f"Data API calls (up to {VIDEOS_A_CALL} videos each)"
        add("licenses", of, outlook.calls, "data_api")
        add("licenses", "Data API calls: known videos at the start", identities, "data_api")
    if license_.explain_missing and first == "data_api":
        why = outlook.missing + outlook.unexplained
        add("licenses", "why a video is missing", why, "player")
    if asked.get("innertube"):
        add("licenses", "the data of a video's page", asked["innertube"], "next")
        # At the beginning and at the end; where it is asked only what others could not tell, after
        # every few instead.
        looks = known + at_end + asked["innertube"] / LOOK_EVERY
        if first != "innertube":
            looks = known + asked["innertube"] / UNKNOWN_IN_A_ROW
        add("licenses", "known videos, to check that licenses are read right", looks, "next")
        # Of about half of these nothing at all is shown: then the player is asked whether it plays.
        add("licenses", "whether a video that shows nothing exists", outlook.unknown / 2, "player")
    if first == "innertube":
        add("licenses", "why a video is missing", outlook.missing, "player")
        add("licenses", "asked again: only «Video unavailable» was said", outlook.bare, "next")
        add("licenses", "asked again: why a video is missing", outlook.bare, "player")
    if "watch_page" in asked:
        confirmed = fetched if first != "watch_page" else 0.0
        of = "watch pages" if first == "watch_page" else "watch pages, where others could not tell"
        add("licenses", of, asked["watch_page"], "watch")
        if first == "watch_page":
            add("licenses", "asked again: only «Video unavailable» was said", outlook.bare, "watch")
        if pages := asked["watch_page"] + confirmed:
            looks = known + (at_end if first == "watch_page" else 0) + pages / LOOK_EVERY
            of = "known videos, to check that watch pages are read right"
            add("licenses", of, looks, "watch")
        add("clips", "confirming the license", confirmed, "watch")
    # After two in a row that are not played a known one is asked, of the default clients, and the
    # second once more (youtube/extractor.py).
    unplayed = sum(number for number, each in tries if not each.fetched)
    share = unplayed / max(1, outlook.made + sum(outlook.barred.values()))
    again = [(number * (1 + share * (not each.fetched)), each) for number, each in tries]
    players = outlook.made + share * unplayed + sum(number * each.player for number, each in again)
    pages = share * unplayed + sum(number * each.watch for number, each in again)
    settings_ = sum(number * each.config for number, each in again)
    add("clips", "yt-dlp: where the sound is", players, "player")
    add("clips", "yt-dlp: pages of videos that are restricted", pages, "watch")
    add("clips", "yt-dlp: settings of players for those", settings_, "config")
    add("clips", "the needed parts of the media", fetched * MEDIA_A_CLIP, "media")
    return tuple(lines)
