"""The license sources in the order of the settings: which may be asked now."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable
from contextlib import suppress

from ascc_async import UPGRADE
from ascc_async.concurrency.stage import stop_unwrapped
from ascc_async.errors import Closed, NetworkFault, Refused, SourcesExhausted
from ascc_async.pipeline.snapshot import SourceSnapshot
from ascc_async.pipeline.standing import SUSPECT_LOOKS
from ascc_async.pipeline.watched_source import (
    BLOCKED,
    GONE,
    SourceContext,
    WatchedSource,
)
from ascc_async.throttle.bucket import RequestKind
from ascc_async.youtube.license_sources import PAGES, LicenseSource

CHANGED = (
    f"If you are not blocked, YouTube may have changed its pages: update with `{UPGRADE}`."
    " If a video's license was changed instead, name others in license.known_creative_commons or"
    " license.known_standard."
)


class SourceRouter:
    """The license sources in the order of the settings."""

    def __init__(self, sources: Iterable[LicenseSource], context: SourceContext) -> None:
        self.sources = [WatchedSource(each, context, self._usable_but) for each in sources]
        self._wall = context.known.wall

    def usable(self, first: int = 0) -> WatchedSource | None:
        """The first source, from this index on, that may be asked now."""
        return next((each for each in self.sources[first:] if each.usable), None)

    def _usable_but(self, one: WatchedSource) -> list[WatchedSource]:
        return [each for each in self.sources if each is not one and each.usable]

    def is_beside(self, source: WatchedSource | None) -> bool:
        """Whether the Data API comes before this source and is asked in this run: then this one,
        which shares no limit with it, must not hold it up.
        """
        return source is not None and any(
            each.closed_until < math.inf and each.source.kind is RequestKind.DATA_API
            for each in self.sources[: self.sources.index(source)]
        )

    def after(self, name: str) -> int:
        """The index of the source that comes after this one; 0 when it is not among them."""
        names = [each.name for each in self.sources]
        return names.index(name) + 1 if name in names else 0

    def named(self, name: str) -> WatchedSource | None:
        """The source of that name if it may be asked now."""
        return next((each for each in self.sources if each.name == name and each.usable), None)

    def wait_seconds(self) -> float:
        """Until the next source is ready. Raises SourcesExhausted when none will be."""
        until = min((each.closed_until for each in self.sources), default=math.inf)
        if until == math.inf:
            raise SourcesExhausted(self._explain_exhausted())
        return max(0.0, until - self._wall())

    async def look_anew(self, identities: Iterable[str]) -> None:
        """Let those that are new, whatever was known by their names, read known videos first."""
        for identity in identities:
            for source in self.sources:
                source.standing(identity).looks.clear()
            pages = (each for each in self.sources if each.source.kind is RequestKind.PAGES)
            if (first := next((each for each in pages if each.usable), None)) is not None:
                with suppress(Refused, NetworkFault):
                    await first.reads_right(identity)

    async def look_at_the_end(self) -> bool:
        """Let all look closely once more; True when answers are to be asked again."""
        doubted = [each.doubted_until for each in self.sources]
        closed: list[Closed] = []

        async def look(source: WatchedSource, identity: str) -> None:
            try:
                # In a small run there were few looks: ten find a change of every second answer for
                # sure.
                with suppress(Refused, NetworkFault):
                    await source.reads_right(identity or None, looks=SUSPECT_LOOKS)
            except Closed as error:
                closed.append(error)

        # Each identity at its own rate, side by side: with many machines it would take an hour.
        with stop_unwrapped():
            async with asyncio.TaskGroup() as tasks:
                for source in self.sources:
                    for identity, standing in source.standings.items():
                        if standing.doubtful:
                            tasks.create_task(look(source, identity))
        if closed:
            raise closed[0]
        return doubted != [each.doubted_until for each in self.sources]

    def snapshot(self) -> list[SourceSnapshot]:
        """Counts for progress."""
        return [_snapshot(each) for each in self.sources]

    def _explain_exhausted(self) -> str:
        names = {each.name for each in self.sources}
        why = "; ".join(f"{each.name}: {each.why}" for each in self.sources)
        remedies = []
        if any(each.trusted for each in self.sources) or not names:
            remedies.append("Give a Data API key that works (ASCC_LICENSE__API_KEYS).")
        if missing := [name for name in PAGES if name not in names]:
            more = f"{' or '.join(missing)} to license.sources."
            remedies.append(f"Or add {more}" if remedies else f"Add {more}")
        if any(each.why == GONE for each in self.sources):
            remedies.insert(0, BLOCKED)
        if any(not each.trusted for each in self.sources):
            remedies.append(CHANGED)
        return (
            "No license source is left"
            f" ({why or 'license.sources names none, or only data_api and no key is given'})."
            f" Everything learned so far is kept. {' '.join(remedies)}"
            " Then run the same command again to go on."
        )


def _snapshot(source: WatchedSource) -> SourceSnapshot:
    if source.usable:
        return SourceSnapshot(source.name, "ready", "", source.answered)
    if source.closed_until < math.inf:
        until = source.closed_until
        return SourceSnapshot(source.name, "resting", source.why, source.answered, until)
    state = "out" if source.trusted else "distrusted"
    return SourceSnapshot(source.name, state, source.why, source.answered)
