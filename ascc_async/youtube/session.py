"""The one way our own code asks YouTube: as one identity, every try through the rate limiter."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Awaitable, Callable, Container, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any, Self, TypeVar

from ascc_async.errors import ServerFault, UnexpectedAnswer
from ascc_async.network.bandwidth import Bandwidth
from ascc_async.network.client import (
    MOST_REDIRECTS,
    REDIRECTS,
    HttpResponse,
    IdentityClient,
    redirect_target,
    trusted_authorities,
)
from ascc_async.network.cookies import IdentityCookies
from ascc_async.network.retry import RetrySettings, retry_faults
from ascc_async.settings import NetworkSettings
from ascc_async.throttle.bucket import RequestKind
from ascc_async.throttle.limiter import RateLimiter
from ascc_async.throttle.permit import Permit
from ascc_async.youtube.json_reading import parse_json
from ascc_async.youtube.messages import refusal_in, refusal_in_page

log = logging.getLogger(__name__)

ANSWER_BYTES = 8 << 20  # twenty times a full `next` answer
_ERROR_BYTES = 64 << 10  # enough of an error page to find the words that tell what it is
# Videos between their license request and their clip: more than ever wait there.
_REMEMBERED_VIDEOS = 20_000
_ORIGIN = "https://www.youtube.com"
_INNERTUBE = _ORIGIN + "/youtubei/"
# A browser's, in English and with the one compression that costs little to unpack.
_HEADERS = {
    "User-Agent": (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
        " Chrome/149.0.0.0 Safari/537.36"
    ),
    "Accept-Language": "en",
    "Accept-Encoding": "gzip",
}

T = TypeVar("T")


# Two are made for every request, and a frozen one costs three times as much to make.
@dataclass(slots=True)
class Call:
    """One request, as often as it is tried. Statuses in `allow_status` are the caller's business;
    other 4xx and 5xx raise. `identity` None: whichever may ask first. `patience`: as
    `RateLimiter.permit` takes it, and `video_id`, where a refusal may be about the video alone.
    """

    kind: RequestKind
    method: str
    url: str
    identity: str | None = None
    data: bytes | None = field(default=None, repr=False)
    params: Mapping[str, str] | None = field(default=None, repr=False)
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    new_video: bool = False
    patience: float = math.inf
    video_id: str = ""
    allow_status: Container[int] = ()


@dataclass(slots=True)
class Answer:
    """A whole answer. `url` is without its query; `permit` is that by which it was asked."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    permit: Permit
    url: str

    @property
    def identity(self) -> str:
        """Who was answered."""
        return self.permit.identity

    def json_object(self, *, errors_too: bool = False) -> dict[str, Any]:
        """The JSON object in it. Raises Refused for a consent or login form, else ServerFault.

        An object that only reports an error is a ServerFault as well, unless `errors_too`.
        """
        try:
            value = parse_json(self.body.decode("utf-8", "replace"))
        except ValueError as error:
            # A refusal may come with status 200, as a page where JSON was asked for.
            if not self.body.strip():
                raise ServerFault(f"{self.url} answers with nothing") from error
            text = self.body[:_ERROR_BYTES].decode("utf-8", "replace")
            refusal = refusal_in_page(text)
            fault = ServerFault(f"{self.url} answers something that is not JSON")
            raise refusal or fault from error
        if not isinstance(value, dict):
            raise UnexpectedAnswer(f"{self.url} answers JSON that is not an object")
        if "error" in value and not errors_too:
            raise ServerFault(f"{self.url} answers an error with status {self.status}")
        return value


class StickyIdentity:
    """Who asked for a video, so that its later requests come from the same identity.

    Only of the newest videos; idle where there is only one identity.
    """

    def __init__(self, limiter: RateLimiter, *, identities: int) -> None:
        self._limiter, self._idle = limiter, identities < 2
        self._identities: dict[str, str] = {}

    def note(self, video_id: str, identity: str) -> None:
        """This identity asked for the video."""
        if self._idle:
            return
        self._identities.pop(video_id, None)
        if len(self._identities) >= _REMEMBERED_VIDEOS:  # the oldest goes
            del self._identities[next(iter(self._identities))]
        self._identities[video_id] = identity

    def identity_for(self, video_id: str, *kinds: RequestKind) -> str | None:
        """Who is to ask next; None: any, since nobody is known or that identity is paused.

        `kinds`: of the requests that are to follow.
        """
        identity = self._identities.get(video_id)
        if identity is None:
            return None
        paused = any(self._limiter.is_paused(kind, identity) for kind in kinds)
        return None if paused else identity


class Sessions:
    """All identities' clients; an async context manager. Every try passes the rate limiter.

    Raises Refused (never tried again here), NetworkFault and ServerFault (after some tries);
    nothing of aiohttp comes out.
    """

    def __init__(
        self,
        network: NetworkSettings,
        limiter: RateLimiter,
        jars: Mapping[str, IdentityCookies] | None = None,
        *,
        retries: RetrySettings | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.limiter, self._network, self._jars = limiter, network, jars or {}
        self._retries, self._wall = retries or RetrySettings(), wall
        self._bandwidth = Bandwidth(network.max_megabits_per_second)
        self._clients: dict[str, IdentityClient] = {}
        self._stack = AsyncExitStack()
        self._signed_out: set[str] = set()
        self._renewed_at: dict[str, float] = {}
        self.sticky = StickyIdentity(limiter, identities=len(network.all_identities()))

    async def __aenter__(self) -> Self:
        trust = trusted_authorities(self._network.ca_file)
        for identity in self._network.all_identities():
            client = IdentityClient(
                trust,
                self._network.timeout_seconds,
                proxy=identity.proxy,
                identity=identity.name,
                cookies=self._jars.get(identity.name),
                headers=_HEADERS,
                bandwidth=self._bandwidth,
            )
            self._clients[identity.name] = await self._stack.enter_async_context(client)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()
        self._clients.clear()

    # Cookies

    def renew_cookies(self, identity: str, cookies: IdentityCookies) -> None:
        """Use these cookies from now on (the user's file has changed)."""
        self._clients[identity].use_cookies(cookies)
        self._signed_out.discard(identity)
        self._renewed_at[identity] = self._wall()

    @property
    def signed_out(self) -> frozenset[str]:
        """The identities whose cookies YouTube no longer takes as signed in."""
        return frozenset(self._signed_out)

    def note_login(self, identity: str, logged_out: bool | None) -> None:
        """Note whether YouTube took a request as a guest's; warn once when cookies have died."""
        cookies = self._clients[identity].cookies
        if logged_out is None or cookies is None or not cookies.signed_in:
            return
        if not logged_out:
            self._signed_out.discard(identity)
        elif self._wall() - self._renewed_at.get(identity, 0) < self._network.timeout_seconds:
            return  # it may be the answer to a request that still went with the old cookies
        elif identity not in self._signed_out:
            self._signed_out.add(identity)
            log.warning(
                "cookies no longer signed in: export them again from the browser",
                extra={"identity": identity},
            )

    # Asking

    async def ask(self, call: Call, read: Callable[[Answer], T]) -> T:
        """Ask, and give back what `read` makes of the answer, which has at most `ANSWER_BYTES`.

        `read` runs before the rate limiter counts the request: a `Refused` that it finds in the
        body slows the identity, a `ServerFault` that it raises is tried again.
        """

        async def read_answer(response: HttpResponse, permit: Permit) -> T:
            body = await response.read(ANSWER_BYTES)
            url = call.url.partition("?")[0]
            return read(Answer(response.status, response.headers, body, permit, url))

        return await self.ask_open(call, read_answer)

    async def ask_open(self, call: Call, read: Callable[[HttpResponse, Permit], Awaitable[T]]) -> T:
        """As `ask`, of an answer whose body is still to be read; leaving early drops the rest.

        After a NetworkFault or ServerFault it is asked again, within bounds. The last one is
        raised, at once when the network of the call's identity (None: of all) is away: ask
        `RateLimiter.is_away` before blaming the video.
        """

        async def attempt(again: bool) -> T:
            # The pause between videos was kept at the first try.
            return await self._ask_once(replace(call, new_video=False) if again else call, read)

        def is_away() -> bool:
            names = self._clients if call.identity is None else (call.identity,)
            return all(map(self.limiter.is_away, names))

        return await retry_faults(attempt, self._retries, is_away=is_away)

    async def _ask_once(
        self, call: Call, read: Callable[[HttpResponse, Permit], Awaitable[T]]
    ) -> T:
        """One try; redirects are followed, each as one more request of the same identity."""
        for _ in range(MOST_REDIRECTS):
            waiting = self.limiter.permit(
                call.kind,
                identity=call.identity,
                new_video=call.new_video,
                patience=call.patience,
                video_id=call.video_id,
            )
            # What is raised inside (`Refused` above all) counts for the rate limiter.
            async with waiting as permit, await self._open(call, permit) as response:
                if response.status not in call.allow_status and not 200 <= response.status < 300:
                    await self._judge_status(call, response)
                if response.status not in REDIRECTS:
                    return await read(response, permit)
                url = redirect_target(call.url, response.headers)
            # What was asked for is in the new address: the query is not added again.
            identity = response.identity
            call = replace(call, url=url, params=None, identity=identity, new_video=False)
        raise UnexpectedAnswer(f"{response.host} redirects in a circle")

    async def _open(self, call: Call, permit: Permit) -> HttpResponse:
        client = self._clients[permit.identity]
        headers, cookies = call.headers, client.cookies
        if cookies is not None and call.method == "POST" and call.url.startswith(_INNERTUBE):
            # YouTube's API takes an account's cookies only together with this signature.
            signature = cookies.authorization(self._wall())
            if signature is not None:
                extra = {"Authorization": signature, "X-Origin": _ORIGIN}
                headers = {**(headers or {}), **extra, "X-Goog-AuthUser": "0"}
        return await client.open(
            call.method,
            call.url,
            params=call.params,
            data=call.data,
            headers=headers,
            long=call.kind is RequestKind.MEDIA,
        )

    async def _judge_status(self, call: Call, response: HttpResponse) -> None:
        """Raise what a status or a redirect says; return when a redirect may be followed."""
        text, url = "", call.url
        if response.status in REDIRECTS:
            # Consent, login and captcha are known by where they are.
            url = redirect_target(call.url, response.headers)
        else:
            body, _ = await response.read_what_comes(_ERROR_BYTES)
            text = body.decode("utf-8", "replace")
        refusal = refusal_in(
            status=response.status, headers=response.headers, text=text, url=url, now=self._wall()
        )
        if refusal is not None:
            raise refusal
        if response.status >= 500:
            raise ServerFault(f"{response.host} answers {response.status}")
        if response.status not in REDIRECTS or call.method != "GET":
            raise UnexpectedAnswer(f"{response.host} answers {response.status}")
