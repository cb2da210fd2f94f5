"""What a run would do: how many segments, requests, hours, bytes. Asks nobody anything."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from math import ceil, inf
from typing import Any

import numpy as np

from ascc_async.audioset.catalog import Catalog
from ascc_async.audioset.selection import ChosenClass, Selection, select
from ascc_async.errors import SettingsError
from ascc_async.media.encoding import CLIP_FORMATS
from ascc_async.settings import ClipsSettings, Settings

_VIDEOS_A_CALL = 50  # videos in one Data API call
_CALLS_A_DAY = 10_000  # Data API calls a day for one key, as Google gives them by default
_EXTRACTION_REQUESTS_A_CLIP = 3.0  # the watch page, one player call, a small script
_MEDIA_REQUESTS_A_CLIP = 2.0  # the stream's index, then the fragments
# Requests and videos that YouTube permits an hour, as yt-dlp's wiki has it: nothing is official.
_GUEST, _ACCOUNT = (1000, 300), (4000, 2000)

_SHOWN_CLASSES = 5
_SMALLER_LIMITS = (20, 100)
_CLIP_SECONDS = 10
_PICTURE_BYTES_A_SECOND = 60_000  # at a height of 360


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What a plan assumes, stated with it: shares of the 2021 scan and of what has gone since."""

    bytes_a_clip: int
    answered_share: float = 0.80
    creative_commons_share: float = 0.0070
    source: str = (
        "2021's scan of 1.99 M videos: 86 % answered, 0.70 % of those Creative Commons; 15 to 20 %"
        " of the videos have gone since"
    )


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
class RunPlan:
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


def make_plan(catalog: Catalog, selection: Selection, settings: Settings) -> RunPlan:
    """Count and estimate. Takes a second or two for all of AudioSet."""
    basis = Assumptions(bytes_a_clip(settings.clips))
    clip_share = basis.answered_share * basis.creative_commons_share
    asked = videos_to_ask(selection, clip_share, selection.max_per_class)
    clips = round(asked * clip_share)
    extraction = ceil(clips * _EXTRACTION_REQUESTS_A_CLIP)
    calls, media = ceil(asked / _VIDEOS_A_CALL), ceil(clips * _MEDIA_REQUESTS_A_CLIP)

    def size(chosen: ChosenClass) -> ClassSize:
        expected = chosen.rows * clip_share
        if selection.max_per_class is not None:
            expected = min(expected, selection.max_per_class)
        return ClassSize(chosen.mid, chosen.name, chosen.rows, round(expected, 1))

    by_size = sorted(selection.chosen, key=lambda chosen: chosen.rows)
    return RunPlan(
        splits=selection.segments.splits,
        segments=len(selection),
        videos=len(selection),
        videos_to_ask=asked,
        classes=len(selection.chosen),
        classes_of=len(catalog.classes),
        max_per_class=selection.max_per_class,
        smallest=tuple(map(size, by_size[:_SHOWN_CLASSES])),
        largest=tuple(map(size, by_size[: -_SHOWN_CLASSES - 1 : -1])),
        clips=clips,
        disk_bytes=clips * basis.bytes_a_clip,
        stages=(
            StageRequests("licenses", "Data API calls (50 videos each), with a key", calls),
            StageRequests("licenses", "requests for a page's data, without a key", asked),
            StageRequests("clips", "page and player requests", extraction),
            StageRequests("clips", "requests for parts of the media", media),
        ),
        durations=tuple(_durations(asked, clips, extraction, settings)),
        changes=tuple(_changes(catalog, selection, settings, asked, clip_share)),
        assumptions=basis,
        warnings=catalog.warnings,
    )


def videos_to_ask(selection: Selection, clip_share: float, limit: int | None) -> int:
    """How many videos will have to be asked: all, or with at most `limit` a class about so many."""
    if limit is None:
        return len(selection)
    begins, ends = selection.class_offsets[:-1], selection.class_offsets[1:]
    reached = np.minimum(ends, begins + ceil(limit / clip_share))
    # A video of several classes is asked once: the sum of the classes would be too many.
    asked = np.zeros(len(selection.segments), bool)
    for begin, end in zip(begins.tolist(), reached.tolist(), strict=True):
        asked[selection.class_rows[begin:end]] = True
    return int(asked.sum())


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


def _durations(asked: int, clips: int, extraction: int, settings: Settings) -> Iterator[Duration]:
    for name, limit in (("guest", _GUEST), ("account", _ACCOUNT)):
        clip_hours = _hours(extraction, clips, limit)
        yield Duration(name, _hours(asked, 0, limit), clip_hours, _hours(asked, asked, limit))
    yield Duration("one Data API key", _key_hours(asked, 1), _hours(extraction, clips, _GUEST))

    throttle = settings.throttle
    rate = throttle.requests_per_second
    if throttle.delay_seconds:  # it may allow fewer videos than the rate does
        rate = min(rate, 1 / throttle.delay_seconds)
    rate *= len(settings.network.all_identities())
    configured = (rate * 3600, inf)
    keys = len(settings.license.api_keys) if "data_api" in settings.license.sources else 0
    by_key = f", {keys} Data API key{'s' if keys > 1 else ''}" if keys else ""
    yield Duration(
        f"these settings ({rate:g} requests a second{by_key})",
        _key_hours(asked, keys) if keys else _hours(asked, 0, configured),
        _hours(extraction, clips, configured),
    )


def _hours(requests: int, videos: int, limit: tuple[float, float]) -> float:
    """By the limit that bites first."""
    requests_an_hour, videos_an_hour = limit
    return round(max(requests / requests_an_hour, videos / videos_an_hour), 2)


def _key_hours(asked: int, keys: int) -> float:
    return round(ceil(asked / _VIDEOS_A_CALL) / (_CALLS_A_DAY * keys) * 24, 2)


def _changes(
    catalog: Catalog, selection: Selection, settings: Settings, asked: int, clip_share: float
) -> Iterator[Change]:
    """Settings that would make it less."""
    if not settings.license.api_keys:
        yield Change("license.api_keys with one key", asked, _key_hours(asked, 1))
    left: dict[str, int] = {
        f"sampling.max_per_class: {limit}": videos_to_ask(selection, clip_share, limit)
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
            left[setting] = videos_to_ask(smaller, clip_share, smaller.max_per_class)
    splits = selection.segments.splits
    if "unbalanced_train" in splits:
        in_others = selection.segments.split[selection.rows] != splits.index("unbalanced_train")
        left["audioset.splits without unbalanced_train"] = int(in_others.sum())
    for setting, videos in left.items():
        if 0 < videos < asked:
            yield Change(setting, videos, _hours(videos, 0, _GUEST))


def render_plan(plan: RunPlan) -> str:
    """The plan as text, ready to be printed; its warnings are for the caller to print."""
    limit = f", at most {plan.max_per_class} clips each" if plan.max_per_class else ""
    size = plan.disk_bytes
    disk = f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.0f} MB"
    lines = [
        f"Splits      {', '.join(plan.splits)}",
        f"Classes     {plan.classes:,} of {plan.classes_of:,}{limit}",
        f"Segments    {plan.segments:,} in {plan.videos:,} videos",
    ]
    if plan.videos_to_ask < plan.videos:
        lines.append(f"To ask      about {plan.videos_to_ask:,} videos")
    lines.append(f"Clips       about {plan.clips:,}, {disk} on disk")

    for title, sizes in (("Smallest", plan.smallest), ("Largest", plan.largest)):
        lines.append(f"{title} classes                      segments   clips")
        lines += [f"  {item.name[:32]:<32} {item.rows:>9,} {item.clips:>9,.1f}" for item in sizes]

    lines.append("Requests")
    lines += [f"  {item.stage:<9} {item.requests:>12,}  {item.of}" for item in plan.stages]
    lines.append(f"{'Time at the permitted rate':<46} {'licenses':>10} {'clips':>10}")
    for item in plan.durations:
        licenses, clips = _duration(item.license_hours), _duration(item.clip_hours)
        # Nobody outside knows whether YouTube's limit counts requests or videos: both are shown.
        by_video = item.license_hours_by_video
        slower = f"   ({_duration(by_video)} if YouTube counts videos)" if by_video else ""
        lines.append(f"  {item.way:<44} {licenses:>10} {clips:>10}{slower}")
    if plan.changes:
        lines.append("What would change that")
    for change in plan.changes:
        time = _duration(change.license_hours)
        lines.append(f"  {change.setting:<44} {change.videos:>10,} videos, licenses {time}")

    basis = plan.assumptions
    lines.append(
        f"Assumed: {basis.answered_share:.0%} of the videos answer,"
        f" {basis.creative_commons_share:.2%} of those are Creative Commons,"
        f" {basis.bytes_a_clip / 1e6:.2f} MB a clip"
    )
    return "\n".join([*lines, f"  ({basis.source})"])


def _duration(hours: float) -> str:
    if hours < 1:
        return f"{hours * 60:,.0f} min"
    # Beyond three days nobody divides by 24 in the head.
    return f"{hours:,.1f} h" if hours < 72 else f"{hours / 24:,.1f} days"
