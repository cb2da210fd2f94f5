"""A license source, and whether it reads licenses right: shown by videos whose license is known.

It reads known videos before any other, then one in a hundred answers of each identity, and at once
when it tells nothing any more. What it makes of them decides what its own answers are worth:

- read right: nothing follows; after thirty such looks in a row, what it answered before the first
  of them is believed for good;
- misread, even once (a changed page): it is suspect, and looked at ten times more. Misread again,
  it is not asked any more in this run. Either way its answers since then are asked again;
- not shown (a block may look so): it says nothing of any video, and what it answered since the last
  right look is asked again. Where another source shows one, this one pauses; else the identity
  does, longer each time.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from ascc_async import UPGRADE
from ascc_async.errors import NetworkFault, Refused, ServerFault, SourceUnusable
from ascc_async.model import License, LicenseAnswer
from ascc_async.pipeline.known_videos import KnownVideos, Look
from ascc_async.pipeline.standing import LOOK_EVERY, SUSPECT_LOOKS, Standing
from ascc_async.throttle.bucket import RequestKind
from ascc_async.youtube.license_sources import LicenseSource

log = logging.getLogger(__name__)

_REST, _LONGEST_REST = 60.0, 3600.0  # seconds a source rests when it shows nothing
_ELSEWHERE = 600.0  # seconds in which other sources take over what a suspect one answered
GONE = "it says that all videos of license.known_creative_commons are gone"
BLOCKED = (
    "You may be blocked: wait some hours, give cookies (network.cookies_file) or another address"
    " (network.proxy, network.identities). If these videos are gone for everybody, name others in"
    " license.known_creative_commons. Only if nothing else helps: YouTube may have changed its"
    f" pages, so update with `{UPGRADE}`."
)


@dataclass(frozen=True, slots=True)
class SourceContext:
    """What the sources share, and who hears what known videos show.

    `clean_until`: by «source/identity» (older versions: by source), up to when its answers are
    believed for good, as earlier runs gave it to `on_clean`. `on_doubt` gets a source's name and
    since when its answers are to be asked again. `rest_identity` and
    `leave_out`: see `YouTubeAccess`.
    """

    known: KnownVideos
    clean_until: Mapping[str, float]
    rest_identity: Callable[[RequestKind, str, Refused, float], None]
    on_clean: Callable[[str, float], Awaitable[None]]
    on_doubt: Callable[[str, float], Awaitable[None]]
    leave_out: Callable[[str, str], bool] = lambda source, identity: False


class WatchedSource:
    """One license source at work. `why` it cannot be asked, until (`closed_until`) it can.

    Both times are infinite when it misread; what it answered up to `doubted_until` is asked again.
    """

    def __init__(
        self,
        source: LicenseSource,
        context: SourceContext,
        others: Callable[[WatchedSource], list[WatchedSource]],
    ) -> None:
        """`others`: those beside this one that may be asked now."""
        self.source, self.name = source, source.name
        self._context, self._others = context, others
        self._known, self._wall = context.known, context.known.wall
        self.closed_until = self.doubted_until = -math.inf
        self.why = ""
        self.look_first = True  # before it is asked for anything else
        self.answered = self.looks_passed = 0
        self.standings: dict[str, Standing] = {}

    @property
    def at_once(self) -> int:
        """So many videos are asked at once: with many in a call, one of them is a known one."""
        return max(1, self.source.batch_size - 1)

    @property
    def trusted(self) -> bool:
        """Whether what it answered counts."""
        return self.doubted_until < math.inf

    @property
    def usable(self) -> bool:
        """Whether it may be asked now."""
        return self.closed_until <= self._wall()

    def believes(self, answer: LicenseAnswer) -> bool:
        """Whether nothing speaks against an answer of its own, now that it is to be recorded.

        «Unknown» claims nothing.
        """
        return answer.license is License.UNKNOWN or answer.checked_at > self.doubted_until

    def pause(self, error: SourceUnusable) -> None:
        """It said, or showed, until when it cannot be asked (None: in this run)."""
        if not self.usable:
            return  # said before, by another request that was under way
        self.why, self.look_first = str(error), True
        self.closed_until = math.inf if error.until is None else error.until
        when = "in this run"
        if error.until is not None:
            when = f"until {datetime.fromtimestamp(error.until):%Y-%m-%d %H:%M}"
        log.warning(
            "not using %(source)s %(when)s: %(why)s",
            {"source": self.name, "when": when, "why": self.why, "until": error.until},
        )

    def standing(self, identity: str) -> Standing:
        """With this identity."""
        if identity not in self.standings:
            known = self._context.clean_until
            clean = known.get(f"{self.name}/{identity}", known.get(self.name))
            self.standings[identity] = Standing(clean)
        return self.standings[identity]

    async def ask(
        self, video_ids: Sequence[str], identity: str | None = None
    ) -> list[LicenseAnswer] | None:
        """An answer for every id, `License.UNKNOWN` where the server failed.

        None when it cannot be asked or believed (any more): ask again, maybe another source.
        Raises Refused, NetworkFault, Closed, and SetupError when nothing can be reached at all.
        """
        if self.look_first and not await self.reads_right(identity):
            return None
        began, source = self._wall(), self.source
        # Where one more video costs no request, each call holds a known one.
        known = self._known.one() if len(video_ids) < source.batch_size > 1 else []
        try:
            answers = await source.ask([*video_ids, *known], identity=identity)
        except SourceUnusable as error:
            self.pause(error)
            return None
        except ServerFault as error:
            answers = [
                LicenseAnswer(video_id, License.UNKNOWN, self.name, began, detail=str(error))
                for video_id in (*video_ids, *known)
            ]
        answers, seen = answers[: len(video_ids)], answers[len(video_ids) :]
        self.answered += len(answers)
        asked_by = answers[0].asked_by
        standing = self.standing(asked_by)
        standing.count(answers)
        if seen:
            look = self._known.look_at(seen, began)
            if look.misread:
                async with standing.lock:
                    await self._suspect(look)
                return None
            if look.passed:
                await self._passed(look, asked_by)
            else:
                standing.answers = LOOK_EVERY  # that one may be gone: look at all of them
        # While one worker looks whether all is as it was, the others go on: what they are told
        # meanwhile is asked again with the rest.
        if not standing.due or (standing.looks and standing.lock.locked()):
            return answers
        right = await self.reads_right(asked_by or None)
        # Right now, maybe after hours in which nothing was shown.
        return answers if right and began > self.doubted_until else None

    async def reads_right(
        self, identity: str | None = None, *, since: float = 0.0, looks: int = 1
    ) -> bool:
        """Let it read known videos as this identity (None: any) if that is due.

        Due, too, when it did not since `since`, and when several `looks` are wanted. False when it
        must not be asked or believed now. Raises SetupError when nothing can be reached at all,
        Closed; Refused and NetworkFault when it must look first and the identity cannot ask now.
        """
        standing = self.standing(identity or "")
        async with standing.lock:
            if not self.usable:
                return False
            if not (self.look_first or standing.due or standing.looked_at < since or looks > 1):
                return True  # whoever waited here finds it done
            at_all = self.look_first or not standing.looks
            try:
                for _ in range(looks):
                    look = await self._known.look(self.source, identity, at_all=at_all)
                    if not look.passed:
                        break
            except SourceUnusable as error:
                self.pause(error)
                return False
            except (Refused, NetworkFault):
                if self.look_first:
                    raise
                return standing.looked_at >= since  # put off
            if look.misread:
                await self._suspect(look)
            elif look.silent:
                await self._wait_out(look)
            else:
                await self._passed(look, identity or "")
            return look.passed

    async def _passed(self, look: Look, asked_as: str) -> None:
        """It read right, whoever was to look (empty: anybody)."""
        standing = self.standing(look.identity)
        if standing.silent_since is not None:
            log.info(
                "license source shows videos whose license is known again: asking it again",
                extra={"identity": look.identity, "source": self.name},
            )
        self.look_first = False
        self.looks_passed += 1
        if asked_as != look.identity:
            self.standing(asked_as).passed(look.began)
        clean_until = standing.passed(look.began)
        await self._context.on_clean(f"{self.name}/{look.identity}", clean_until)

    async def _suspect(self, look: Look) -> None:
        """It read a known video as another license: look closer, and ask again what it answered."""
        if look.began <= self.doubted_until:
            return  # so did another request that was under way
        standing = self.standing(look.identity)
        since = look.began if standing.clean_until is None else standing.clean_until
        standing.looks.clear()
        again = False
        # Where the identity cannot ask now, it has yet to read right before more is believed.
        with suppress(Refused, NetworkFault, SourceUnusable):
            for number in range(SUSPECT_LOOKS):
                one = [look.misread[number % len(look.misread)]]
                closer = await self._known.read(self.source, one, look.identity or None)
                if again := bool(closer.misread):
                    break
            else:
                if closer.passed:
                    standing.passed(closer.began)
        why = f"it reads {look.wrong}, which is wrong"
        if again and self._context.leave_out(self.name, look.identity):
            what = "misreads videos whose license is known at one machine: it is left out for it"
        elif again:
            self.why, self.closed_until, self.doubted_until = why, math.inf, math.inf
            what = "misreads videos whose license is known: it is not asked any more"
        else:
            what = "misread a video whose license is known, though not a second time"
        log.log(
            logging.ERROR if again else logging.WARNING,
            f"license source {what}; what it answered since it last read one right is asked again",
            extra={"source": self.name, "identity": look.identity, "why": why},
        )
        if not again and self._others(self):
            self.pause(SourceUnusable(why, until=self._wall() + _ELSEWHERE))
        await self._doubt(since)

    async def _doubt(self, since: float) -> None:
        """What it answered since then, or is answering now, does not count."""
        self.doubted_until = max(self.doubted_until, self._wall())
        if since > -math.inf:
            await self._context.on_doubt(self.name, since)

    async def _wait_out(self, look: Look) -> None:
        """No known video is shown to this identity: is it blocked, or is it the source?"""
        identity, now = look.identity, self._wall()
        standing = self.standing(identity)
        since = standing.looked_at
        standing.looks.clear()
        # Words that end a video may have been the block's.
        await self._doubt(since)
        never_right = all(each.clean_until is None for each in self.standings.values())
        silent_for = 0.0 if standing.silent_since is None else now - standing.silent_since
        standing.silent_since = standing.silent_since or look.began
        for other in self._others(self):
            with suppress(Refused, NetworkFault, SourceUnusable):
                if (await self._known.look(other.source, identity, at_all=False)).passed:
                    until = now + min(_LONGEST_REST, max(_REST, silent_for))
                    why = "it shows no known video, and another source does"
                    self.pause(SourceUnusable(why, until=until))
                    return
        if look.gone and never_right:
            if self._context.leave_out(self.name, identity):
                log.warning(
                    "a license source is not asked at one machine any more",
                    extra={"source": self.name, "identity": identity, "why": GONE},
                )
            else:
                self.pause(SourceUnusable(GONE))
            return
        log.warning(
            "«%(identity)s» may be blocked: %(source)s shows it no video whose license is known; it"
            f" pauses, and the answers it got since it last saw one do not count. {BLOCKED}",
            {"identity": identity, "source": self.name},
        )
        refused = Refused("known videos are not shown", kind="other")
        self._context.rest_identity(self.source.kind, identity, refused, silent_for)
