"""The license sources in the order of the settings: which may be asked now, and asking it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from ascc_async.errors import Refused, ServerFault, SourcesExhausted, SourceUnusable
from ascc_async.model import License, LicenseAnswer
from ascc_async.pipeline.source_health import LOOK_EVERY, SourceHealth, SourceSnapshot
from ascc_async.pipeline.source_trust import CHANGED, SourceTrust
from ascc_async.settings import LicenseSettings
from ascc_async.throttle.limiter import RequestKind
from ascc_async.youtube.license_sources import LicenseSource


class SourceRouter:
    """The license sources in the order of the settings."""

    def __init__(
        self,
        sources: Sequence[LicenseSource],
        settings: LicenseSettings,
        *,
        clean_until: Mapping[str, float],
        unreachable: Callable[[], bool],
        rest_identity: Callable[[RequestKind, str, Refused, float], None],
        on_clean: Callable[[str, float], Awaitable[None]],
        on_doubt: Callable[[str, float], Awaitable[None]],
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`clean_until`: what `on_clean` told in earlier runs. The others: see `SourceTrust`."""
        self._sources = [SourceHealth(source, clean_until) for source in sources]
        self._wall = wall
        self.trust = SourceTrust(
            self._sources,
            settings,
            unreachable=unreachable,
            rest_identity=rest_identity,
            on_clean=on_clean,
            on_doubt=on_doubt,
            wall=wall,
        )

    def usable(self, after: int = 0) -> tuple[int, SourceHealth] | None:
        """The first source, from index `after` on, that may be asked now; with its index."""
        now = self._wall()
        for index in range(after, len(self._sources)):
            if self._sources[index].usable(now):
                return index, self._sources[index]
        return None

    def is_beside(self, index: int) -> bool:
        """Whether the Data API comes before this source and is asked in this run: then this one,
        which shares no limit with it, must not hold it up.
        """
        earlier = self._sources[:index]
        return any(
            each.usable_in_run and each.source.kind is RequestKind.DATA_API for each in earlier
        )

    def after(self, name: str) -> int:
        """The index of the source that comes after this one; 0 when it is not among them."""
        names = [health.source.name for health in self._sources]
        return names.index(name) + 1 if name in names else 0

    def named(self, name: str) -> SourceHealth | None:
        """The source of that name if it may be asked now."""
        now = self._wall()
        usable = (health for health in self._sources if health.usable(now))
        return next((health for health in usable if health.source.name == name), None)

    def wait_seconds(self) -> float:
        """Until the next source is ready. Raises SourcesExhausted when none will be."""
        until = [health.paused_until or 0.0 for health in self._sources if health.usable_in_run]
        if not until:
            raise SourcesExhausted(self._explain_exhausted())
        return max(0.0, min(until) - self._wall())

    async def ask(
        self, health: SourceHealth, video_ids: Sequence[str], *, identity: str | None = None
    ) -> list[LicenseAnswer] | None:
        """An answer for every id, `License.UNKNOWN` where the server failed.

        None when this source cannot be asked or believed (any more): ask again, maybe another.
        Raises Refused, NetworkFault, Closed, and SetupError when nothing can be reached at all.
        """
        source = health.source
        if health.look_first and not await self.trust.reads_right(health, identity):
            return None
        began = self._wall()
        # Where one more video costs no request, each call holds a known one.
        known = self.trust.known_videos.one() if len(video_ids) < source.batch_size > 1 else []
        try:
            answers = await source.ask([*video_ids, *known], identity=identity)
        except SourceUnusable as error:
            health.pause(error, self._wall())
            return None
        except ServerFault as error:
            answers = [
                LicenseAnswer(video_id, License.UNKNOWN, source.name, began, detail=str(error))
                for video_id in (*video_ids, *known)
            ]
        answers, look = answers[: len(video_ids)], answers[len(video_ids) :]
        health.answered += len(answers)
        asked_by = answers[0].asked_by
        standing = health.standing(asked_by)
        standing.count(answers)
        seen = self.trust.known_videos.look_at(look, began) if look else None
        if seen and seen.passed:
            await self.trust.passed(health, asked_by, seen)
        elif seen:
            standing.answers = LOOK_EVERY
        # While one worker looks whether all is as it was, the others go on: what they are told
        # meanwhile is asked again with the rest.
        if not standing.due or (standing.reads_right and health.lock.locked()):
            return answers
        misread = seen if seen and seen.misread else None
        right = await self.trust.reads_right(health, asked_by or None, seen=misread)
        return answers if right else None

    def snapshot(self) -> list[SourceSnapshot]:
        """Counts for progress."""
        now = self._wall()
        return [health.snapshot(now) for health in self._sources]

    def _explain_exhausted(self) -> str:
        names = {health.source.name for health in self._sources}
        why = "; ".join(f"{health.source.name}: {health.why}" for health in self._sources)
        remedies = []
        if any(health.out for health in self._sources) or not names:
            remedies.append("Give a Data API key that works (ASCC_LICENSE__API_KEYS).")
        if missing := [name for name in ("innertube", "watch_page") if name not in names]:
            remedies.append(f"Or add {' or '.join(missing)} to license.sources.")
        if any(not health.trusted for health in self._sources):
            remedies.append(CHANGED)
        return (
            "No license source is left"
            f" ({why or 'license.sources names none, or only data_api and no key is given'})."
            f" Everything learned so far is kept. {' '.join(remedies)}"
            " Then run the same command again to go on."
        )
