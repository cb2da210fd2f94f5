"""What goes over the wire while yt-dlp works: counted, watched, bounded."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from yt_dlp.networking.exceptions import RequestError, TransportError

from ascc_async.youtube.ytdlp_records import OVERSIZED, Sent

PLAYER = "/youtubei/v1/player"
_AUTHOR = re.compile(rb'"author"\s*:\s*("(?:[^"\\]|\\.)*")')
_MOST_BYTES = 32 << 20
_CHUNK = 1 << 20


def answered(address: str, response: Any) -> Sent:
    """The record of a request that was answered, whatever the status."""
    # `history` is how requests (the library) tells of redirects; other handlers do not tell.
    history = getattr(getattr(response, "_requests_response", None), "history", None)
    landed = address_of(response.url)
    return Sent(
        address,
        status=response.status,
        landed=landed,
        retry_after=response.headers.get("Retry-After") or "",
        hops=len(history) if history is not None else int(landed != address),
    )


def watch(
    response: Any, see: Callable[[bytes], None], broke: Callable[[RequestError], None]
) -> None:
    """Let `see` have the body, tell `broke` where it ends too early, and bound it: yt-dlp reads
    whole answers, and one that unpacks to gigabytes would take the machine along."""
    read = response.read

    def read_within(amount: int | None = None) -> bytes:
        try:
            body = bytes(read(amount)) if amount is not None else _whole(response, read)
        except RequestError as error:
            broke(error)
            raise
        if amount is None:
            see(body)
        return body

    response.read = read_within


def _whole(response: Any, read: Callable[[int], bytes]) -> bytes:
    pieces, left = [], _MOST_BYTES
    while piece := read(_CHUNK):
        pieces.append(piece)
        left -= len(piece)
        if left < 0:
            response.close()
            raise TransportError(f"{OVERSIZED} {_MOST_BYTES} bytes")
    return b"".join(pieces)


def ignore(body: bytes) -> None:
    """Nothing to be seen in this answer."""


def author_in(player_answer: bytes) -> str:
    """The channel's name in a player's answer, which yt-dlp takes from the page alone; "" if not
    there."""
    details = player_answer.find(b'"videoDetails"')
    found = _AUTHOR.search(player_answer, details) if details >= 0 else None
    if found is None:
        return ""
    try:
        return str(json.loads(found.group(1)))
    except ValueError:
        return ""


def address_of(url: str) -> str:
    """Host and path: queries may hold keys."""
    return url.partition("?")[0].partition("://")[2]
