"""What a run would do: how many segments, requests, hours, bytes. Asks nobody anything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

import numpy as np

from ascc_async.audioset.catalog import Catalog
from ascc_async.audioset.plan_basis import (
    ACCOUNT,
    EXTRACTION_REQUESTS_A_CLIP,
    GUEST,
    IDS_A_CALL,
    MEDIA_REQUESTS_A_CLIP,
    UNITS_A_DAY,
    Assumptions,
    Limits,
    bytes_a_clip,
)
from ascc_async.audioset.selection import ChosenClass, Selection, select
from ascc_async.errors import SettingsError
from ascc_async.settings import Settings, ThrottleSettings

_SHOWN_CLASSES = 5
_SMALLER_LIMITS = (20, 100)


@dataclass(frozen=True, slots=True)
class ClassSize:
    """A chosen class and how many segments and, as assumed, clips it has."""

    mid: str
    name: str
    rows: int
    clips: float


@dataclass(frozen=True, slots=True)
class StageRequests:
    """Requests of one stage; `of`: what kind of request."""

    stage: str
    of: str
    requests: int


@dataclass(frozen=True, slots=True)
class Duration:
    """How long the two stages take for one way of asking, in hours.

    Licenses asked without a key and clips share the limit; with a key the stages overlap.
    `license_hours_by_video`: if YouTube counts videos instead of requests (None: it cannot).
    """

    way: str
    license_hours: float
    clip_hours: float
    license_hours_by_video: float | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A setting that would make the run smaller or quicker, and what would be left."""

    setting: str
    videos: int
    license_hours: float


@dataclass(frozen=True, slots=True)
class Plan:
    """All of it. `videos_to_ask` is below `videos` only with `sampling.max_per_class`."""

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

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON-ready data."""
        return asdict(self)


def make_plan(catalog: Catalog, selection: Selection, settings: Settings) -> Plan:
    """Count and estimate. Takes a second or two for all of AudioSet."""
    basis = Assumptions(bytes_a_clip=bytes_a_clip(settings.clips))
    asked = videos_to_ask(selection, basis.clip_share, selection.max_per_class)
    clips = round(asked * basis.clip_share)
    by_size = sorted(selection.chosen, key=lambda one: one.rows)
    return Plan(
        splits=selection.segments.splits,
        segments=len(selection),
        videos=len(selection),
        videos_to_ask=asked,
        classes=len(selection.chosen),
        classes_of=len(catalog.classes),
        max_per_class=selection.max_per_class,
        smallest=tuple(_size(one, selection, basis) for one in by_size[:_SHOWN_CLASSES]),
        largest=tuple(_size(one, selection, basis) for one in by_size[: -_SHOWN_CLASSES - 1 : -1]),
        clips=clips,
        disk_bytes=clips * basis.bytes_a_clip,
        stages=_stages(asked, clips),
        durations=tuple(_durations(asked, clips, settings)),
        changes=tuple(_changes(catalog, selection, settings, asked, basis.clip_share)),
        assumptions=basis,
        warnings=catalog.warnings,
    )


def videos_to_ask(selection: Selection, clip_share: float, limit: int | None) -> int:
    """How many videos will have to be asked: all, or with at most `limit` a class about so many."""
    if limit is None:
        return len(selection)
    begins, ends = selection.class_offsets[:-1], selection.class_offsets[1:]
    reach = np.minimum(ends, begins + ceil(limit / clip_share))
    asked = np.zeros(len(selection.segments), bool)
    for begin, end in zip(begins.tolist(), reach.tolist(), strict=True):
        asked[selection.class_rows[begin:end]] = True
    return int(asked.sum())


def _size(one: ChosenClass, selection: Selection, basis: Assumptions) -> ClassSize:
    clips = one.rows * basis.clip_share
    if selection.max_per_class is not None:
        clips = min(clips, selection.max_per_class)
    return ClassSize(one.mid, one.name, one.rows, round(clips, 1))


def _stages(asked: int, clips: int) -> tuple[StageRequests, ...]:
    return (
        StageRequests("licenses", "Data API calls (50 videos each), with a key", _calls(asked)),
        StageRequests("licenses", "requests for a page's data, without a key", asked),
        StageRequests(
            "clips", "page and player requests", ceil(clips * EXTRACTION_REQUESTS_A_CLIP)
        ),
        StageRequests(
            "clips", "requests for parts of the media", ceil(clips * MEDIA_REQUESTS_A_CLIP)
        ),
    )


def _durations(asked: int, clips: int, settings: Settings) -> Iterator[Duration]:
    for limits in (GUEST, ACCOUNT):
        yield Duration(
            limits.name,
            _hours(asked, 0, limits),
            _clip_hours(clips, limits),
            _hours(asked, asked, limits),
        )
    yield Duration("one Data API key", _key_hours(asked, 1), _clip_hours(clips, GUEST))
    yield _as_configured(asked, clips, settings)


def _as_configured(asked: int, clips: int, settings: Settings) -> Duration:
    identities = len(settings.network.all_identities())
    rate = _rate(settings.throttle) * identities
    limits = Limits("as configured", rate * 3600, None)
    keys = len(settings.license.api_keys) if "data_api" in settings.license.sources else 0
    by_key = f", {keys} Data API key{'s' if keys > 1 else ''}" if keys else ""
    return Duration(
        f"these settings ({rate:g} requests a second{by_key})",
        _key_hours(asked, keys) if keys else _hours(asked, 0, limits),
        _clip_hours(clips, limits),
    )


def _rate(throttle: ThrottleSettings) -> float:
    """Requests a second of one identity; `delay_seconds` may allow fewer videos."""
    rate = throttle.requests_per_second
    return min(rate, 1 / throttle.delay_seconds) if throttle.delay_seconds else rate


def _clip_hours(clips: int, limits: Limits) -> float:
    return _hours(ceil(clips * EXTRACTION_REQUESTS_A_CLIP), clips, limits)


def _hours(requests: int, videos: int, limits: Limits) -> float:
    """By the limit that bites first."""
    hours = requests / limits.requests_an_hour
    if limits.videos_an_hour is not None:
        hours = max(hours, videos / limits.videos_an_hour)
    return round(hours, 2)


def _key_hours(asked: int, keys: int) -> float:
    """Whole days until the quota has been enough."""
    return round(_calls(asked) / (UNITS_A_DAY * keys) * 24, 2)


def _calls(asked: int) -> int:
    return ceil(asked / IDS_A_CALL)


def _changes(
    catalog: Catalog, selection: Selection, settings: Settings, asked: int, share: float
) -> Iterator[Change]:
    """Settings that would make it less."""
    if not settings.license.api_keys:
        yield Change("license.api_keys with one key", asked, _key_hours(asked, 1))
    for words, left in (
        *_fewer_clips(selection, share),
        *_fewer_classes(catalog, settings, share),
        *_fewer_splits(selection),
    ):
        if 0 < left < asked:
            yield Change(words, left, _hours(left, 0, GUEST))


def _fewer_clips(selection: Selection, share: float) -> Iterator[tuple[str, int]]:
    for limit in _SMALLER_LIMITS:
        yield f"sampling.max_per_class: {limit}", videos_to_ask(selection, share, limit)


def _fewer_classes(catalog: Catalog, settings: Settings, share: float) -> Iterator[tuple[str, int]]:
    changes: dict[str, dict[str, Any]] = {
        "classes.leaf_only: true": {"leaf_only": True},
        "classes.min_quality: 0.8 and unrated: drop": {"min_quality": 0.8, "unrated": "drop"},
    }
    for words, update in changes.items():
        with suppress(SettingsError):  # no class would be left: no advice
            classes = settings.classes.model_copy(update=update)
            selection = select(catalog, classes, settings.sampling)
            yield words, videos_to_ask(selection, share, selection.max_per_class)


def _fewer_splits(selection: Selection) -> Iterator[tuple[str, int]]:
    splits = selection.segments.splits
    if "unbalanced_train" in splits:
        place = splits.index("unbalanced_train")
        left = int((selection.segments.split[selection.rows] != place).sum())
        yield "audioset.splits without unbalanced_train", left
