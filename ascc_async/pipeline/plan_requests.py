"""How many requests of each kind a run sends: a license costs more than its one question."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from ascc_async.pipeline.standing import LOOK_EVERY, UNKNOWN_IN_A_ROW
from ascc_async.pipeline.watched_source import SUSPECT_LOOKS
from ascc_async.settings import LicenseSettings, Settings, SourceName

CALLS_A_DAY = 10_000  # of the Data API for one key, as Google gives them by default
VIDEOS_A_CALL = 49  # of the Data API: the fiftieth is a known one
# Where yt-dlp's one-request client gets nothing its default clients are asked: a page, two players.
_PLAYERS_FOR_BARRED = 3
_MEDIA_A_CLIP = 2  # the stream's index, then the part


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a run will probably meet: so many `videos` to ask, and `clips` to make.

    Of the videos some are `missing` (some of those in `bare` words, which count only when seen
    twice) or `unknown`; of the clips some are `barred`, so that they cannot be had. `unexplained`:
    videos found missing earlier, and not asked why.
    """

    videos: float
    missing: float
    bare: float
    unknown: float
    unexplained: float
    clips: float
    barred: float


@dataclass(frozen=True, slots=True)
class StageRequests:
    """Requests of one stage; `of`: what for; `kind`: what is asked; `limit`: what counts them."""

    stage: str
    of: str
    requests: int
    kind: str
    limit: str


def usable_sources(license_: LicenseSettings) -> tuple[SourceName, ...]:
    """Those of the settings that can be asked: the Data API needs a key."""
    return tuple(name for name in license_.sources if name != "data_api" or license_.api_keys)


def requests_for(
    outlook: Outlook, settings: Settings, sources: tuple[SourceName, ...], *, second_looks: bool
) -> tuple[StageRequests, ...]:
    """All of them. `second_looks`: bare words are looked at again by the same run."""
    lines: list[StageRequests] = []

    def add(stage: str, of: str, number: float, kind: str) -> None:
        limit = kind if kind in ("data_api", "media") else "pages"
        if number > 0:
            lines.append(StageRequests(stage, of, ceil(number - 1e-9), kind, limit))

    license_, identities = settings.license, len(settings.network.all_identities())
    known = len({*license_.known_creative_commons, *license_.known_standard}) * identities
    at_end = SUSPECT_LOOKS * identities
    first = sources[0] if sources else None
    made = outlook.clips - outlook.barred
    # What the first cannot tell each of the others is asked.
    asked = {name: outlook.videos if name == first else outlook.unknown for name in sources}
    if outlook.videos and first == "data_api":
        calls = outlook.videos / VIDEOS_A_CALL
        add("licenses", f"Data API calls ({VIDEOS_A_CALL} videos each)", calls, "data_api")
        add("licenses", "Data API calls: known videos at the start", identities, "data_api")
        if license_.explain_missing:
            why = outlook.missing + outlook.unexplained
            add("licenses", "why a video is not there", why, "player")
    if asked.get("innertube"):
        add("licenses", "a page's data", asked["innertube"], "next")
        # At the beginning and at the end; where it is asked only what others could not tell, after
        # every few instead.
        looks = known + at_end + asked["innertube"] / LOOK_EVERY
        if first != "innertube":
            looks = known + asked["innertube"] / UNKNOWN_IN_A_ROW
        add("licenses", "known videos, to see that this is read right", looks, "next")
        # Of about half of these nothing at all is shown: then the player is asked whether it plays.
        add("licenses", "whether a video is there", outlook.unknown / 2, "player")
    if first == "innertube":
        add("licenses", "why a video is not there", outlook.missing, "player")
        if second_looks:
            add("licenses", "asked again: «Video unavailable» and no more", outlook.bare, "next")
            add("licenses", "asked again: why a video is not there", outlook.bare, "player")
    if "watch_page" in asked:
        confirmed = made if first != "watch_page" else 0.0
        of = "watch pages" if first == "watch_page" else "watch pages, where others could not tell"
        add("licenses", of, asked["watch_page"], "watch")
        if first == "watch_page" and second_looks:
            add("licenses", "asked again: «Video unavailable» and no more", outlook.bare, "watch")
        if pages := asked["watch_page"] + confirmed:
            looks = known + (at_end if first == "watch_page" else 0) + pages / LOOK_EVERY
            add("licenses", "known videos, to see that watch pages are read right", looks, "watch")
        add("clips", "confirming the license", confirmed, "watch")
    players = made + _PLAYERS_FOR_BARRED * outlook.barred
    add("clips", "yt-dlp: where the sound is", players, "player")
    add("clips", "yt-dlp: pages of videos that are barred", outlook.barred, "watch")
    add("clips", "parts of the media", made * _MEDIA_A_CLIP, "media")
    return tuple(lines)
