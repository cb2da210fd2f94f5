"""Reads a watch page as it comes, and says as soon as it has told enough. No network."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ascc_async.model import License, Reason
from ascc_async.youtube.client import without_halves
from ascc_async.youtube.license_parser import Reading, read_watch_answer
from ascc_async.youtube.reasons import Playability, playability_in, reason_in_playability
from ascc_async.youtube.refusals import refusal_in_playability

_PLAYER = re.compile(rb"ytInitialPlayerResponse(?:[\"']\s*\])?\s*=\s*(?=\{)")
_DATA = re.compile(rb"ytInitialData(?:[\"']\s*\])?\s*=\s*(?=\{)")
_PRIMARY = b'"videoPrimaryInfoRenderer":'
_SECONDARY = b'"videoSecondaryInfoRenderer":'
_LOGGED_IN = re.compile(rb'"LOGGED_IN":\s*(true|false)')
_HALF = re.compile(r"\\u[dD][89a-fA-F]")  # where half of a character may be written
# `<` is escaped inside YouTube's JSON, so this ends the script and nothing else.
_END = b"</script"

# With these nothing more can follow. The others' pages may still show the license.
_FINAL = frozenset(
    {Reason.REMOVED, Reason.PRIVATE, Reason.ACCOUNT_TERMINATED, Reason.COPYRIGHT_CLAIM}
)


@dataclass(frozen=True, slots=True)
class PageReading:
    """What a watch page told. `markers`: it was a watch page at all."""

    reading: Reading
    playability: Playability
    reason: Reason | None
    markers: bool


@dataclass
class PageReader:
    """Feed it the page's bytes; it answers when the answer is certain."""

    video_id: str
    _page: bytearray = field(default_factory=bytearray)
    _player: dict[str, Any] | None = None
    _data: dict[str, Any] | None = None
    _early: Reading | None = None
    _found: dict[str, int] = field(default_factory=dict)
    _looked: int = 0

    def feed(self, chunk: bytes) -> PageReading | None:
        """Take more of the page; the reading, once nothing more of it can change the answer."""
        # A marker may lie across the border of two chunks.
        self._looked = max(0, len(self._page) - 64)
        self._page += chunk
        if self._player is None:
            self._player = self._script("player", _PLAYER)
        if self._data is None:
            self._data = self._script("data", _DATA)
        if self._data is None and "data" in self._found and self._early is None:
            self._early = self._read_ahead()
        return self._result() if self._is_certain() else None

    def finish(self) -> PageReading:
        """The page has ended: what it told."""
        return self._result()

    def head(self) -> str:
        """The beginning of the page as text, for finding out what it is instead."""
        return self._page[:65536].decode("utf-8", "replace")

    def _is_certain(self) -> bool:
        if self._player is None:
            return self._data is not None and self._named() != ""
        playability = self._playability()
        if reason_in_playability(playability) in _FINAL or refusal_in_playability(playability):
            return True
        return self._data is not None or (self._early is not None and self._named() != "")

    def _script(self, name: str, marker: re.Pattern[bytes]) -> dict[str, Any] | None:
        """The object assigned in a script, once it is there in full."""
        if name not in self._found:
            match = marker.search(self._page, self._looked)
            if match is None:
                return None
            self._found[name] = match.end()
        start = self._found[name]
        if self._page.find(_END, max(start, self._looked)) < 0:
            return None
        return _object_at(self._page, start)

    def _read_ahead(self) -> Reading | None:
        """The reading out of the two parts that matter, long before the data is complete."""
        secondary = self._part(_SECONDARY)
        primary = self._part(_PRIMARY) if secondary is not None else None
        if secondary is None or primary is None:
            return None
        parts = [{"videoPrimaryInfoRenderer": primary}, {"videoSecondaryInfoRenderer": secondary}]
        results = {"results": {"results": {"contents": parts}}}
        reading = read_watch_answer({"contents": {"twoColumnWatchNextResults": results}})
        return None if reading.license is License.UNKNOWN else reading

    def _part(self, key: bytes) -> dict[str, Any] | None:
        at = self._page.find(key, self._found["data"])
        return None if at < 0 else _object_at(self._page, at + len(key))

    def _playability(self) -> Playability:
        return playability_in((self._player or {}).get("playabilityStatus"))

    def _named(self) -> str:
        """The id of the video that the page is about, as far as it has said so."""
        details = _part_of(self._player, "videoDetails").get("videoId")
        if isinstance(details, str):
            return details
        return read_watch_answer(self._data).video_id if self._data is not None else ""

    def _result(self) -> PageReading:
        reading = self._early or Reading(License.UNKNOWN, there=False)
        if self._data is not None:
            reading = read_watch_answer(self._data)
        playability = self._playability()
        return PageReading(
            reading=_completed(reading, self._player, self._named(), self._logged_out()),
            playability=playability,
            reason=reason_in_playability(playability),
            markers=bool(self._found),
        )

    def _logged_out(self) -> bool | None:
        match = _LOGGED_IN.search(self._page)
        return None if match is None else match[1] == b"false"


def _completed(
    reading: Reading, player: dict[str, Any] | None, named: str, logged_out: bool | None
) -> Reading:
    """The reading, with what only the player's part of the page tells."""
    details = _part_of(player, "videoDetails")
    micro = _part_of(_part_of(player, "microformat"), "playerMicroformatRenderer")
    return replace(
        reading,
        video_id=named,
        title=reading.title or _text(details.get("title")),
        channel=reading.channel or _text(details.get("author")),
        channel_id=reading.channel_id or _text(details.get("channelId")),
        published=reading.published or _text(micro.get("publishDate")),
        logged_out=logged_out if reading.logged_out is None else reading.logged_out,
    )


def _object_at(page: bytearray, start: int) -> dict[str, Any] | None:
    """The JSON object that begins at `start`, or None when it is broken or not yet complete."""
    text = page[start:].decode("utf-8", "replace").lstrip()
    try:
        value, _ = json.JSONDecoder().raw_decode(text)
        if _HALF.search(text):
            value = without_halves(value)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _part_of(node: Mapping[str, Any] | None, name: str) -> Mapping[str, Any]:
    value = (node or {}).get(name)
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
