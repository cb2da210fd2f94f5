"""What a run would do: how many segments, requests, hours, bytes. Asks nobody anything.

In a folder where a run has begun it counts what is left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from math import ceil, inf
from typing import Any

from ascc_async.audioset.catalog import Catalog
from ascc_async.audioset.sampling import RowState
from ascc_async.audioset.selection import Selection, select
from ascc_async.errors import SettingsError
from ascc_async.media.encoding import CLIP_FORMATS
from ascc_async.pipeline.journal_index import UNASKED
from ascc_async.pipeline.plan_outlook import (
    Assumptions,
    Seen,
    assumptions,
    clip_chances,
    outlook,
)
from ascc_async.pipeline.plan_requests import (
    CALLS_A_DAY,
    Outlook,
    StageRequests,
    requests_for,
)
from ascc_async.pipeline.plan_sampling import Chances, calls_needed, rows_needed
from ascc_async.pipeline.previous_run import ClipsAgain, clips_again
from ascc_async.settings import ClipsSettings, Settings, SourceName
from ascc_async.throttle.open_hours import OpenHours
from ascc_async.youtube.license_sources import PAGES, usable_sources

# Requests and videos that YouTube permits an hour, as yt-dlp's wiki has it: nothing is official.
_GUEST, _ACCOUNT = (1000, 300), (4000, 2000)
_BY_KEY: tuple[SourceName, ...] = ("data_api", *PAGES)
_SECOND_LOOK_AFTER = 2.0  # hours; then one identity may look again at what was said in bare words

_SHOWN_CLASSES = 5
_SMALLER_LIMITS = (20, 100)
_CLIP_SECONDS = 10
_PICTURE_BYTES_A_SECOND = 60_000  # at a height of 360


@dataclass(frozen=True, slots=True)
class ClassSize:
    """A chosen class and how many segments and, as assumed, clips it has."""

    mid: str
    name: str
    rows: int
    clips: float


@dataclass(frozen=True, slots=True)
class Duration:
    """How long the two stages take for one way of asking, in hours.

    Licenses asked without a key and clips share the limit; with a key the stages overlap.
    `license_hours_by_video`: if YouTube counts videos instead of requests (None: it cannot).
    `most_after_hours`: until the videos of `license.ask_first` are asked and their clips made.
    """

    way: str
    license_hours: float
    clip_hours: float
    license_hours_by_video: float | None = None
    most_after_hours: float | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A setting that would make the run smaller or quicker, and what would be left."""

    setting: str
    videos: int
    license_hours: float


@dataclass(frozen=True, slots=True)
class RunPlan:
    """All of it. `videos_to_ask` is below `videos` with `sampling.max_per_class`, and where
    `answered` were asked before; `clips` are those still to be made, beside `clips_made`.
    """

    splits: tuple[str, ...]
    segments: int
    videos: int
    videos_to_ask: int
    classes: int
    classes_of: int
    max_per_class: int | None
    smallest: tuple[ClassSize, ...]
    largest: tuple[ClassSize, ...]
    clips: int
    disk_bytes: int
    stages: tuple[StageRequests, ...]
    durations: tuple[Duration, ...]
    changes: tuple[Change, ...]
    assumptions: Assumptions
    warnings: tuple[str, ...]
    answered: int
    clips_made: int
    clips_again: ClipsAgain
    asked_first: int


def make_plan(catalog: Catalog, selection: Selection, settings: Settings, seen: Seen) -> RunPlan:
    """Count and estimate. Takes a second or two for all of AudioSet.

    Raises SettingsError when anything is to be asked and nobody who can be asked.
    """
    basis = assumptions(seen, selection, bytes_a_clip(settings.clips))
    planner = Planner(settings, seen, basis)
    chances, limit = clip_chances(selection, seen, basis), selection.max_per_class
    rows = rows_needed(selection, chances, limit)
    to_ask = seen.to_ask(rows)
    if to_ask.any() and not planner.sources:
        raise SettingsError(
            "license.sources: nobody could be asked, as only data_api is named and no key is given."
            " Give one (ASCC_LICENSE__API_KEYS), or add innertube"
        )
    calls = calls_needed(selection, chances, to_ask)
    expected = replace(planner.outlook(rows), calls=calls)
    again = clips_again(seen.index, settings, rows > 0.5)
    clips = round(expected.made) + again.from_lossless

    def size(position: int) -> ClassSize:
        chosen, order = selection.chosen[position], selection.order(position)
        number = float(chances[order].sum())
        number = number if limit is None else min(number, limit)
        return ClassSize(chosen.mid, chosen.name, len(order), round(number, 1))

    by_size = sorted(range(len(selection.chosen)), key=lambda n: len(selection.order(n)))
    listed = rows * seen.listed
    return RunPlan(
        splits=selection.segments.splits,
        segments=len(selection),
        videos=len(selection),
        videos_to_ask=round(to_ask.sum()),
        classes=len(selection.chosen),
        classes_of=len(catalog.classes),
        max_per_class=limit,
        smallest=tuple(map(size, by_size[:_SHOWN_CLASSES])),
        largest=tuple(map(size, by_size[: -_SHOWN_CLASSES - 1 : -1])),
        clips=clips,
        disk_bytes=clips * basis.bytes_a_clip,
        stages=requests_for(expected, settings, planner.sources),
        durations=tuple(planner.durations(expected, planner.outlook(listed))),
        changes=tuple(_changes(catalog, selection, planner, rows, expected)),
        assumptions=basis,
        warnings=catalog.warnings,
        answered=int((seen.index.licenses[selection.rows] != UNASKED).sum()),
        clips_made=int((seen.index.states[selection.rows] == RowState.CLIP).sum()),
        clips_again=again,
        asked_first=round(to_ask[seen.listed].sum()),
    )


class Planner:
    """Hours that the requests take, for any way of asking."""

    def __init__(self, settings: Settings, seen: Seen, basis: Assumptions) -> None:
        self.settings, self.seen, self.basis = settings, seen, basis
        self.sources = usable_sources(settings.license)
        throttle = settings.throttle
        rate = throttle.requests_per_second
        if throttle.delay_seconds:  # it may allow fewer videos than the rate does
            rate = min(rate, 1 / throttle.delay_seconds)
        cluster, self.identities = settings.cluster, len(settings.network.all_identities())
        if cluster.engine and seen.machines:
            self.identities = ceil(seen.machines / cluster.machines_per_address)
        self.rate = rate * self.identities
        # Of the Data API nobody knows a limit but its quota: the rate rises as far as it may.
        fastest = throttle.max_requests_per_second if throttle.adaptive else rate
        self._calls_an_hour = 3600 * fastest
        self._open_hours = 24 * OpenHours(throttle.hours).share  # of a day

    def outlook(self, rows: Chances) -> Outlook:
        """What the run will meet of these rows, as far as they are open."""
        expected, to_ask = outlook(self.seen, self.basis, rows), self.seen.to_ask(rows)
        hours = expected.videos / (3600 * self.rate)
        again = self.identities > 1 or hours > _SECOND_LOOK_AFTER
        # They come last of all: what is only the beginning has none.
        again = again and bool(to_ask[~self.seen.listed].any())
        return expected if again else replace(expected, bare=0)

    def hours(
        self,
        expected: Outlook,
        sources: tuple[SourceName, ...],
        pages_an_hour: float,
        keys: int = 1,
    ) -> tuple[float, float, float]:
        """By the clock: of licenses, of clips and of both."""
        sent = Counter[tuple[str, str]]()
        for each in requests_for(expected, self.settings, sources):
            sent[each.stage, each.limit] += each.requests
        by_key = self.key_hours(sent["licenses", "data_api"], keys)
        licenses, clips = (sent[stage, "pages"] / pages_an_hour for stage in ("licenses", "clips"))
        return (
            max(by_key, self._by_clock(licenses)),
            self._by_clock(clips),
            max(by_key, self._by_clock(licenses + clips)),
        )

    def _by_clock(self, hours: float) -> float:
        return _day_by_day(hours, self._open_hours, 1)

    def key_hours(self, calls: int, keys: int) -> float:
        """A day's quota goes at once: only what is beyond it waits for the next days."""
        return _day_by_day(calls, CALLS_A_DAY * keys, self._calls_an_hour)

    def durations(self, expected: Outlook, first: Outlook) -> Iterator[Duration]:
        """For each way of asking; `first`: what is met of those that are asked first."""
        keys = len(self.settings.license.api_keys)
        by_key = (
            f", {keys} Data API key{'s' if keys > 1 else ''}" if "data_api" in self.sources else ""
        )
        ways: tuple[tuple[str, tuple[SourceName, ...], tuple[float, float], int], ...] = (
            ("guest", PAGES, _GUEST, 1),
            ("account", PAGES, _ACCOUNT, 1),
            ("one Data API key", _BY_KEY, (_GUEST[0], inf), 1),
            (
                f"these settings ({self.rate:g} requests a second{by_key})",
                self.sources,
                (3600 * self.rate, inf),
                max(1, keys),
            ),
        )
        for name, sources, (pages_an_hour, videos_an_hour), number in ways:
            licenses, clips, _ = self.hours(expected, sources, pages_an_hour, number)
            by_video = most = None
            if videos_an_hour < inf:
                by_videos = self._by_clock(expected.videos / videos_an_hour)
                by_video = round(max(licenses, by_videos), 2)
            if first.videos:
                *_, both = self.hours(first, sources, pages_an_hour, number)
                most = round(both, 2)
            yield Duration(name, round(licenses, 2), round(clips, 2), by_video, most)


def _day_by_day(amount: float, a_day: float, an_hour: float) -> float:
    """Hours that it takes where only so much is permitted in a day, and so much in an hour."""
    days = max(0, ceil(amount / a_day) - 1)
    return 24 * days + (amount - days * a_day) / an_hour


def bytes_a_clip(clips: ClipsSettings) -> int:
    """Size of a ten-second clip in bytes, roughly, in the encoding that is set."""
    if clips.media == "video":
        picture = int(_PICTURE_BYTES_A_SECOND * (clips.max_height / 360) ** 2)
        return _CLIP_SECONDS * (16_000 + picture)
    clip_format = CLIP_FORMATS[clips.format]
    if clip_format.lossy:
        return int(_CLIP_SECONDS * clip_format.size)
    wave = _CLIP_SECONDS * (clips.sample_rate or 44_100) * (clips.channels or 2) * 2
    return int(wave * clip_format.size)


def _changes(
    catalog: Catalog, selection: Selection, planner: Planner, rows: Chances, expected: Outlook
) -> Iterator[Change]:
    """Settings that would make it less."""
    settings, seen = planner.settings, planner.seen
    asked, chances = expected.videos, clip_chances(selection, seen, planner.basis)
    if not settings.license.api_keys and asked:
        hours, *_ = planner.hours(expected, _BY_KEY, _GUEST[0])
        yield Change("license.api_keys with one key", round(asked), round(hours, 2))
    left = {
        f"sampling.max_per_class: {limit}": rows_needed(selection, chances, limit)
        for limit in _SMALLER_LIMITS
    }
    fewer_classes: dict[str, dict[str, Any]] = {
        "classes.leaf_only: true": {"leaf_only": True},
        "classes.min_quality: 0.8 and unrated: drop": {"min_quality": 0.8, "unrated": "drop"},
    }
    for setting, update in fewer_classes.items():
        with suppress(SettingsError):  # no class would be left: no advice
            classes = settings.classes.model_copy(update=update)
            smaller = select(catalog, classes, settings.sampling)
            # A clip that is none there is not wanted: so chances are of the smaller selection.
            fewer_chances = clip_chances(smaller, seen, planner.basis)
            left[setting] = rows_needed(smaller, fewer_chances, smaller.max_per_class)
    splits = selection.segments.splits
    if "unbalanced_train" in splits:
        others = selection.segments.split != splits.index("unbalanced_train")
        left["audioset.splits without unbalanced_train"] = rows * others
    for setting, fewer in left.items():
        if 0 < (videos := round(seen.to_ask(fewer).sum())) < round(asked):
            hours, *_ = planner.hours(planner.outlook(fewer), PAGES, _GUEST[0])
            yield Change(setting, videos, round(hours, 2))
