"""YouTube's answers, from the world's truth and the settings of now."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ascc_async.model import License
from ascc_async.standin import masks, next_answer, playability, player_answer
from ascc_async.standin.links import Links
from ascc_async.standin.media_layout import Stream
from ascc_async.standin.player_answer import Asker
from ascc_async.standin.replies import Reply, api_error, dumps
from ascc_async.standin.streams import Streams
from ascc_async.standin.templates import Template, compile_json
from ascc_async.standin.wording import Words
from ascc_async.standin.world import Video, World
from ascc_async.standin.world_settings import WorldSettings


class Site:
    """Builds answers; templates are kept per shape, language and mask, nothing per video."""

    def __init__(self, settings: WorldSettings, links: Links, streams: Streams) -> None:
        self.settings, self.world = settings, World(settings)
        self.links, self._streams = links, streams
        self._templates: dict[tuple[Any, ...], Template] = {}
        self._masks: dict[str, masks.Mask] = {}

    def next(
        self, video_id: str, words: Words, *, mask: str = "", signed_in: bool = False, gone: bool
    ) -> Reply:
        """`youtubei/v1/next`. `gone`: as if nothing were known of the video (a refusal)."""
        if mask and self.settings.pages.mask == "refused":
            return bad_mask(mask)
        if self.settings.pages.mask == "ignored":
            mask = ""
        try:
            template, values = self.next_template(video_id, words, mask, signed_in, gone)
        except masks.BadMask:
            return bad_mask(mask)
        return Reply(template.fill(values))

    def next_template(
        self, video_id: str, words: Words, mask: str, signed_in: bool, gone: bool
    ) -> tuple[Template, dict[str, bytes]]:
        """The template for this video's shape, and what fills it."""
        video = self.world.video(video_id)
        shape = "gone" if gone else next_answer.shape_of(video)
        members = next_answer.is_members_only(video)
        key = (shape, words.language, mask, signed_in, members)
        template = self._templates.get(key)
        if template is None:
            answer = next_answer.build(
                shape, words, self.settings.pages, members=members, signed_in=signed_in
            )
            answer = masks.apply(answer, self.mask(mask))
            template = compile_json(answer, reordered=self.settings.pages.reordered)
            self._templates[key] = template
        return template, next_answer.values(video, words)

    def player(self, video_id: str, asker: Asker, *, mask: str = "", refusal: str = "") -> Reply:
        """`youtubei/v1/player`. `refusal`: "bot_check" or "try_later" in place of the truth."""
        if mask and self.settings.pages.mask == "refused":
            return bad_mask(mask)
        try:
            chosen = self.mask(mask) if self.settings.pages.mask == "honoured" else {}
        except masks.BadMask:
            return bad_mask(mask)
        answer = self.player_value(video_id, asker, chosen=chosen, refusal=refusal)
        return Reply(dumps(masks.apply(answer, chosen)))

    def is_quick(self, videos: Sequence[str], mask: str) -> bool:
        """Whether a player answer needs no look at media, so that no thread is worth its while."""
        masked = mask and self.settings.pages.mask == "honoured" and "streamingData" not in mask
        gone = videos and self.world.license(self.world.kind(videos[0])) is License.UNAVAILABLE
        return bool(masked or gone or not videos)

    def player_value(
        self, video_id: str, asker: Asker, *, chosen: masks.Mask | None = None, refusal: str = ""
    ) -> dict[str, Any]:
        """The answer before the mask; media is looked up only where the mask lets it through."""
        status = None
        if refusal:
            status = getattr(playability, refusal)(asker.words)
        wanted = not chosen or "streamingData" in chosen or "*" in chosen
        streams = self._streams.of if wanted else _no_streams
        video = self.world.video(video_id)
        return player_answer.answer(video, asker, self.links, streams, status)

    def stream(self, video: Video, itag: int) -> Stream:
        """One stream of a video. Blocking."""
        return self._streams.one(video, itag)

    def mask(self, text: str) -> masks.Mask:
        """A mask, read once. Raises `BadMask`."""
        if text not in self._masks:
            if len(self._masks) > 200:
                self._masks.clear()
                self._templates.clear()
            self._masks[text] = masks.parse(text) if text else {}
        return self._masks[text]


def _no_streams(video: Video) -> Sequence[Stream]:
    return ()


def bad_mask(mask: str) -> Reply:
    """400, as for any argument that cannot be read."""
    return api_error(
        400, f"Invalid field selection {mask[:60]}", "invalidParameter", "INVALID_ARGUMENT"
    )


def video_id_in(body: bytes) -> tuple[str, dict[str, Any]]:
    """The video id and client of an innertube request; ("", {}) where there is none."""
    try:
        sent = json.loads(body)
        client = sent["context"]["client"]
        return str(sent.get("videoId", "")), client if isinstance(client, dict) else {}
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", {}
