"""The one way our own code asks YouTube: through the gate, as one identity, in our errors."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from types import TracebackType
from typing import Self, TypeVar

from tenacity import retry_if_exception

from ascc_async.errors import NetworkFault, ServerFault
from ascc_async.network.errors import UnexpectedAnswer
from ascc_async.network.retry import RetrySettings, retrying
from ascc_async.network.steady_jar import Cookies
from ascc_async.settings import NetworkSettings
from ascc_async.throttle.limiter import RateLimiter, RequestKind
from ascc_async.youtube.connections import IdentityClient, trusted_authorities
from ascc_async.youtube.exchange import (
    ANSWER_BYTES,
    MOVED,
    PIECE_BYTES,
    Answer,
    Call,
    Piece,
    Stream,
    check,
    drop,
    host,
    read_what_comes,
    read_whole,
    target,
)
from ascc_async.youtube.sticky import StickyIdentity

log = logging.getLogger(__name__)

HOPS = 5


T = TypeVar("T")


class Sessions:
    """All identities' sessions. Every try of every request passes the gate.

    Raises Refused (never tried again here), NetworkFault and ServerFault (after some tries);
    nothing of aiohttp comes out.
    """

    def __init__(
        self,
        network: NetworkSettings,
        limiter: RateLimiter,
        jars: Mapping[str, Cookies] | None = None,
        *,
        retries: RetrySettings | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._network, self._limiter = network, limiter
        self._retries, self._wall = retries, wall
        self._jars: Mapping[str, Cookies] = jars or {}
        self._ways: dict[str, IdentityClient] = {}
        self.sticky = StickyIdentity(limiter, identities=len(network.all_identities()))
        self._signed_out: set[str] = set()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        trust = trusted_authorities(self._network.ca_file)
        for one in self._network.all_identities():
            way = IdentityClient(
                one, trust, self._network.timeout_seconds, self._jars.get(one.name)
            )
            self._ways[one.name] = await self._stack.enter_async_context(way)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()
        self._ways.clear()

    def renew_cookies(self, identity: str, cookies: Cookies) -> None:
        """Use these cookies from now on (the user's file has changed)."""
        self._ways[identity].use_cookies(cookies)
        self._signed_out.discard(identity)

    @property
    def signed_out(self) -> frozenset[str]:
        """The identities whose cookies YouTube no longer takes as signed in."""
        return frozenset(self._signed_out)

    def saw_login(self, identity: str, logged_out: bool | None) -> None:
        """Note whether YouTube took a request as a guest's; warn once when cookies have died."""
        if logged_out is None or not self._ways[identity].signed_in:
            return
        if not logged_out:
            self._signed_out.discard(identity)
        elif identity not in self._signed_out:
            self._signed_out.add(identity)
            log.warning(
                "cookies no longer signed in: export them again from the browser",
                extra={"identity": identity},
            )

    async def request(
        self,
        kind: RequestKind,
        method: str,
        url: str,
        *,
        identity: str | None = None,
        data: bytes | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        new_video: bool = False,
        limit_bytes: int = ANSWER_BYTES,
        allow_status: Collection[int] = (),
    ) -> Answer:
        """Ask, and give back the whole answer, at most `limit_bytes` of it unpacked.

        Statuses in `allow_status` are the caller's business; other 4xx and 5xx raise.
        """
        call = Call(
            kind, method, url, identity, data, params, headers, new_video, limit_bytes, allow_status
        )
        return await self.ask(call, _as_it_is)

    async def ask(self, call: Call, read: Callable[[Answer], T]) -> T:
        """Ask, and give back what `read` makes of the answer.

        `read` runs inside the gate's entry: a `Refused` it finds in the body slows the identity,
        a `ServerFault` it raises is tried again.
        """
        return await self.persist(
            lambda again: self._ask(call, read, again=again), identity=call.identity
        )

    async def persist(
        self, attempt: Callable[[bool], Awaitable[T]], *, identity: str | None = None
    ) -> T:
        """Await `attempt(again)`, and again after a NetworkFault or ServerFault, within bounds.

        The last fault is raised, at once when the network of `identity` (None: of all) is away:
        ask `Gate.is_away` before blaming the video.
        """
        try:
            # The first try goes without tenacity: two million of them are worth 50 us each.
            return await attempt(False)
        except (NetworkFault, ServerFault) as fault:
            if not _worth_another_try(fault):
                raise
            return await self._persist_after(fault, attempt, identity)

    async def _persist_after(
        self, fault: Exception, attempt: Callable[[bool], Awaitable[T]], identity: str | None
    ) -> T:
        seen: list[Exception] = [fault]
        names = list(self._ways) if identity is None else [identity]

        async def next_try() -> T:
            if seen:
                raise seen.pop()
            return await attempt(True)

        def is_worth_it(error: BaseException) -> bool:
            # When the network is away, trying is the gate's business, not each request's.
            away = all(self._limiter.is_away(name) for name in names)
            return not away and _worth_another_try(error)

        policy = retrying(self._retries).copy(retry=retry_if_exception(is_worth_it))
        return await policy(next_try)

    @asynccontextmanager
    async def stream(
        self,
        kind: RequestKind,
        method: str,
        url: str,
        *,
        identity: str | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        new_video: bool = False,
    ) -> AsyncIterator[Stream]:
        """One try at an answer that is read as it comes; leaving early drops the connection.

        What is raised inside (`Refused` above all) counts for the gate.
        """
        call = Call(kind, method, url, identity, None, params, headers)
        async with self._limiter.entry(kind, identity=identity, new_video=new_video) as entry:
            response, route = await self._ways[entry.identity].open(call, self._wall())
            try:
                await check(response, route, call, self._wall())
                if response.status in MOVED:
                    raise UnexpectedAnswer(f"{route.host} answers {response.status}")
                yield Stream(response, route)
            finally:
                drop(response)

    async def read_range(
        self,
        url: str,
        headers: Mapping[str, str],
        first: int,
        last: int | None,
        *,
        identity: str,
        limit_bytes: int = PIECE_BYTES,
        judge: Callable[[Piece], None] | None = None,
    ) -> Piece:
        """One try at bytes `first` to `last` (None: to the end) of a media link.

        Redirects are followed. Every status under 500 but 429 comes back as a Piece. When the
        connection is cut after the first byte, what came is given back with `complete` false.
        `judge` is called inside the gate's entry, so that a `Refused` it raises slows the identity.
        Raises Refused, ServerFault, NetworkFault (nothing came).
        """
        wanted = dict(headers) | {
            "Range": f"bytes={first}-{'' if last is None else last}",
            "Accept-Encoding": "identity",
        }
        call = Call(
            RequestKind.MEDIA, "GET", url, identity, headers=wanted, limit_bytes=limit_bytes
        )
        for _ in range(HOPS):
            async with self._limiter.entry(RequestKind.MEDIA, identity=identity) as entry:
                piece = await self._read_piece(call, entry.identity)
                if judge is not None and piece.status not in MOVED:
                    judge(piece)
            if piece.status not in MOVED:
                return piece
            call = replace(call, url=target(call, piece.headers))
        raise UnexpectedAnswer(f"{host(url)} redirects in a circle")

    async def _read_piece(self, call: Call, identity: str) -> Piece:
        response, route = await self._ways[identity].open(call, self._wall(), whole=False)
        try:
            if response.status == 429 or response.status >= 500:
                await check(response, route, call, self._wall())
            body, complete = await read_what_comes(response, route, call.limit_bytes)
        finally:
            response.release() if response.content.at_eof() else drop(response)
        return Piece(response.status, response.headers, body, complete, identity)

    async def _ask(self, call: Call, read: Callable[[Answer], T], *, again: bool) -> T:
        identity, new_video = call.identity, call.new_video and not again
        for _ in range(HOPS):
            entry_for = self._limiter.entry(call.kind, identity=identity, new_video=new_video)
            async with entry_for as entry:
                answer = await self._exchange(call, entry.identity)
                if answer.status not in MOVED:
                    try:
                        return read(answer)
                    except RecursionError:
                        raise UnexpectedAnswer(f"{answer.url} nests its JSON too deep") from None
            # A redirect is one more request, of the same identity.
            identity, new_video = entry.identity, False
            call = replace(call, url=target(call, answer.headers), params=None)
        raise UnexpectedAnswer(f"{host(call.url)} redirects in a circle")

    async def _exchange(self, call: Call, identity: str) -> Answer:
        response, route = await self._ways[identity].open(call, self._wall())
        try:
            if response.status != 200:
                await check(response, route, call, self._wall())
            body = await read_whole(response, route, call.limit_bytes)
        except BaseException:
            drop(response)
            raise
        sent = getattr(response.content, "total_compressed_bytes", None)
        received = sent if isinstance(sent, int) and sent else len(body)
        return Answer(
            response.status, response.headers, body, identity, call.url.partition("?")[0], received
        )


def _as_it_is(answer: Answer) -> Answer:
    return answer


def _worth_another_try(error: BaseException) -> bool:
    if isinstance(error, NetworkFault):
        # A wrong password or an untrusted certificate will not be right in a second.
        return error.kind not in ("proxy_auth", "certificate")
    return isinstance(error, ServerFault) and not isinstance(error, UnexpectedAnswer)
