"""Why a video is not there: one small `player` request, masked to what tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ascc_async.errors import ServerFault
from ascc_async.model import Reason
from ascc_async.network.errors import UnexpectedAnswer
from ascc_async.throttle.limiter import RequestKind
from ascc_async.youtube.client import WebClient, json_object
from ascc_async.youtube.exchange import Answer, Call
from ascc_async.youtube.license_sources import Tally
from ascc_async.youtube.masks import FieldMask, Form
from ascc_async.youtube.reasons import Playability, playability_in, reason_in_playability
from ascc_async.youtube.refusals import refusal_in_playability
from ascc_async.youtube.session import Sessions

PATHS = ("playabilityStatus", "videoDetails.videoId")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the player says of a video. `playable`: it is there; `reason` None: unknown words."""

    playable: bool
    reason: Reason | None
    words: str


class PlayabilityAsker:
    """Asks the player for `playabilityStatus` alone."""

    def __init__(self, sessions: Sessions, client: WebClient) -> None:
        self._sessions, self._client = sessions, client
        self.mask = FieldMask("player", PATHS)
        self.tally = Tally()

    async def ask(self, video_id: str, *, identity: str | None = None) -> Verdict:
        """The player's verdict. Raises Refused (the bot check too), NetworkFault, ServerFault."""
        forms = self.mask.forms_left()
        for form in forms:
            answer = await self._ask(video_id, form, identity)
            if answer is not None:
                if form is not forms[0]:
                    self.mask.use(form, instead_of=forms[0], why="refused")
                self.mask.notice(form, answer)
                return _verdict(video_id, answer)
        raise UnexpectedAnswer("www.youtube.com answers 400 to every player request")

    async def _ask(self, video_id: str, form: Form, identity: str | None) -> dict[str, Any] | None:
        def read(answer: Answer) -> dict[str, Any] | None:
            self.tally.add(answer.received)
            return None if answer.status == 400 else _read(answer)

        body = self._client.body(video_id)
        call = Call(
            RequestKind.PAGES,
            "POST",
            self.mask.url(form),
            identity,
            body,
            None,
            self._client.headers,
            allow_status=(400,),
        )
        return await self._sessions.ask(call, read)


def _read(answer: Answer) -> dict[str, Any]:
    value = json_object(answer)
    refusal = refusal_in_playability(playability_in(_status(value)))
    if refusal is not None:
        raise refusal
    return value


def _status(answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
    status = answer.get("playabilityStatus")
    return status if isinstance(status, Mapping) else None


def _verdict(video_id: str, answer: Mapping[str, Any]) -> Verdict:
    details = answer.get("videoDetails")
    named = details.get("videoId") if isinstance(details, Mapping) else None
    if named not in (None, video_id):
        raise ServerFault("the player answers about another video")
    playability: Playability = playability_in(_status(answer))
    return Verdict(
        playable=playability.status == "OK",
        reason=reason_in_playability(playability),
        words=playability.words or playability.status,
    )
