"""Ranged reads: pieces of at most 10 MiB, cut bodies continued, careless servers noticed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ascc_async.errors import NetworkFault, Rejected, ServerFault
from ascc_async.model import Reason, Track

log = logging.getLogger(__name__)

PIECE = 10 * 1024 * 1024  # YouTube slows larger requests down to near playback speed
_MOST_CONTINUATIONS = 8


@dataclass(frozen=True, slots=True)
class RangeAnswer:
    """One answer to a ranged read.

    `first` is the position of `body[0]` in the stream as the server said it (0 for a 200), `total`
    the stream's size where known. `complete` is False when the connection broke: `body` is short.
    """

    status: int
    first: int
    total: int | None
    body: bytes
    complete: bool


class RangeSource(Protocol):
    """Where bytes come from: one request each, with its own retries of requests without answer."""

    async def read(
        self, url: str, headers: Mapping[str, str], first: int, last: int
    ) -> RangeAnswer:
        """Bytes `first` … `last` (inclusive) of an address.

        Of a 200 no more than up to `last` is read. Statuses 200, 206 and 416 are answers.
        Raises LinkExpired (403, 410), Refused, NetworkFault (nothing came), ServerFault.
        """
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of a stream; fewer than asked only where it ends. `total`: its size where known."""

    body: bytes
    total: int | None


class Ranges:
    """Reads spans of streams and counts `requests`, bytes `received` and bodies `continued`."""

    def __init__(self, source: RangeSource) -> None:
        self._source = source
        self.requests = self.received = self.continued = 0

    async def read(self, track: Track, first: int, last: int) -> Span:
        """Bytes `first` … `last` (inclusive) of a track; fewer where it ends before.

        Raises what the source raises, NetworkFault(short_body) when the connection breaks again
        and again, ServerFault for another range than the one asked for, Rejected(CORRUPT) for
        a range that lies beyond the stream.
        """
        body, total, breaks = bytearray(), None, 0
        while (at := first + len(body)) <= last:
            stop = min(last, at + PIECE - 1)
            answer = await self._source.read(track.url, track.headers, at, stop)
            self.requests += 1
            self.received += len(answer.body)
            total = answer.total if answer.total is not None else total
            if answer.status == 416:
                break
            if answer.status == 200 and at:
                log.warning(
                    "the media server sent the stream from its start instead of the part asked"
                    " for: the same clip, with more bytes",
                    extra={"asked_from": at},
                )
            skip = at - answer.first
            if skip < 0 or (answer.complete and skip > len(answer.body)):
                raise ServerFault(f"asked for bytes from {at} on, got bytes from {answer.first} on")
            body += answer.body[skip : skip + stop - at + 1]
            end = first + len(body)
            if end == total or (answer.complete and total is None and end <= stop):
                break
            if end > stop:
                continue
            breaks += 1
            self.continued += 1
            if breaks > _MOST_CONTINUATIONS:
                raise NetworkFault(
                    f"the connection broke {breaks} times in one read", kind="short_body"
                )
        if not body:
            # The index points beyond the end: no fault of the network, so no other try helps.
            raise Rejected(Reason.CORRUPT, f"nothing at byte {first} of the stream")
        return Span(bytes(body), total)
