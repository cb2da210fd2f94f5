"""Asks YouTube's own `next` endpoint, masked to about 1 KB, for a video's license.

A video that is not there costs one more small request, to `player`, which tells why.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ascc_async.errors import ServerFault
from ascc_async.model import License, LicenseAnswer, Reason
from ascc_async.throttle.limiter import RequestKind
from ascc_async.youtube.innertube_api import (
    MaskedEndpoint,
    MaskSyntax,
    WebClient,
    current_web_client,
)
from ascc_async.youtube.json_reading import inside
from ascc_async.youtube.license_parser import LicenseReading, read_watch_answer
from ascc_async.youtube.messages import (
    playability_in,
    reason_in_playability,
    refusal_in_playability,
)
from ascc_async.youtube.session import Sessions

_RESULTS = "contents.twoColumnWatchNextResults.results.results.contents"
_OWNER = f"{_RESULTS}.videoSecondaryInfoRenderer.owner.videoOwnerRenderer"
NEXT_PATHS = (
    f"{_RESULTS}.videoPrimaryInfoRenderer.title.runs.text",
    f"{_RESULTS}.videoPrimaryInfoRenderer.title.simpleText",
    f"{_RESULTS}.videoPrimaryInfoRenderer.dateText.simpleText",
    f"{_OWNER}.title.runs.text",
    f"{_OWNER}.attributedTitle.content",
    f"{_OWNER}.title.runs.navigationEndpoint.browseEndpoint.browseId",
    f"{_OWNER}.navigationEndpoint.browseEndpoint.browseId",
    # The whole container: a part of it that was renamed must be seen, not masked away.
    f"{_RESULTS}.videoSecondaryInfoRenderer.metadataRowContainer",
    "currentVideoEndpoint.watchEndpoint.videoId",
    "responseContext.mainAppWebResponseContext.loggedOut",
)
PLAYER_PATHS = ("playabilityStatus", "videoDetails.videoId")


@dataclass(frozen=True, slots=True)
class PlayerVerdict:
    """What the player says of a video. `playable`: it is there; `reason` None: unknown words."""

    playable: bool
    reason: Reason | None
    words: str


class PlayerAsker:
    """Asks the player why a video is not there, for `playabilityStatus` alone."""

    def __init__(self, sessions: Sessions, client: WebClient) -> None:
        self._player = MaskedEndpoint(sessions, client, "player", PLAYER_PATHS)

    async def ask(self, video_id: str, *, identity: str | None = None) -> PlayerVerdict:
        """The player's verdict. Raises Refused (the bot check too), NetworkFault, ServerFault."""

        def read(answer: Mapping[str, Any], _: str) -> PlayerVerdict:
            playability = playability_in(answer.get("playabilityStatus"))
            # Before all else: a bot check in place of a reason says nothing about the video.
            refusal = refusal_in_playability(playability)
            if refusal is not None:
                raise refusal
            if inside(answer, "videoDetails").get("videoId") not in (None, video_id):
                raise ServerFault("the player answers about another video")
            return PlayerVerdict(
                playable=playability.status == "OK",
                reason=reason_in_playability(playability),
                words=playability.words or playability.status,
            )

        _, verdict = await self._player.ask(video_id, read, identity=identity)
        return verdict


class InnertubeSource:
    """One small request a video; one more, to the player, for a video that is not there."""

    name = "innertube"
    batch_size = 1
    kind = RequestKind.PAGES

    def __init__(
        self,
        sessions: Sessions,
        *,
        client: WebClient | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._sessions, self._wall = sessions, wall
        client = client or current_web_client()
        self.next = MaskedEndpoint(sessions, client, "next", NEXT_PATHS)
        self.asker = PlayerAsker(sessions, client)

    async def ask(
        self, video_ids: Sequence[str], *, identity: str | None = None
    ) -> list[LicenseAnswer]:
        """An answer for every id, in order. Raises Refused, NetworkFault, ServerFault."""
        return [await self._ask_one(video_id, identity) for video_id in video_ids]

    async def _ask_one(self, video_id: str, identity: str | None) -> LicenseAnswer:
        syntax, (reading, asked_by) = await self.next.ask(
            video_id, self._read, identity=identity, new_video=True
        )
        if reading.license is License.STANDARD:
            # Only a container without a row shows that the mask cuts no evidence away.
            self.next.proven = True
        else:  # there will be further requests for this video
            self._sessions.sticky.note(video_id, asked_by)
        if reading.license is License.UNKNOWN and reading.is_about(video_id):
            # No video at all: it may be gone, and only the player says why.
            if not reading.there:
                verdict = await self.asker.ask(video_id, identity=asked_by)
                if not verdict.playable:
                    license_ = License.UNKNOWN if verdict.reason is None else License.UNAVAILABLE
                    return LicenseAnswer(
                        video_id,
                        license_,
                        self.name,
                        self._wall(),
                        verdict.reason,
                        detail=verdict.words,
                    )
            if not self.next.proven:
                reading = await self._ask_without_this_mask(video_id, syntax, reading, asked_by)
        return reading.answer(video_id, self.name, self._wall(), detail="the answer did not tell")

    def _read(self, answer: Mapping[str, Any], identity: str) -> tuple[LicenseReading, str]:
        reading = read_watch_answer(answer)
        self._sessions.note_login(identity, reading.logged_out)
        return reading, identity

    async def _ask_without_this_mask(
        self, video_id: str, syntax: MaskSyntax, silent: LicenseReading, identity: str
    ) -> LicenseReading:
        """Until a mask has let evidence through, its silence may be the mask's own doing."""
        for other in self.next.others_than(syntax):
            result = await self.next.ask_with(other, video_id, self._read, identity=identity)
            if result is not None and result[0].license is not License.UNKNOWN:
                self.next.give_up(syntax, other, why="leaves out the license")
                return result[0]
        return silent
