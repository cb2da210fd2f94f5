"""What a picture of a run says, worked out once for the terminal, plain lines and JSON."""

from __future__ import annotations

from dataclasses import dataclass

from ascc_async.model import License
from ascc_async.pipeline.snapshot import RunSnapshot
from ascc_async.throttle.limiter import BucketSnapshot, RequestKind

_BATCH = {RequestKind.PAGES: 1, RequestKind.DATA_API: 50}
# Requests that a clip takes as a rule: resolving it now and then takes a second page.
_PAGES_A_CLIP, _MEDIA_A_CLIP = 1.5, 3.0
_ENOUGH = 200  # answers before the pace reached says anything


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums and rates. `seconds_left` goes by the permitted rate, not by the last second's luck;
    None while nothing is permitted or nothing is left; `at_most` when `max_per_class` may end
    the asking sooner.
    """

    selected: int
    asked: int
    creative_commons: int
    answered: int
    unavailable: dict[str, int]
    unknown: int
    clips: int
    clips_open: int
    videos_per_second: float
    seconds_left: float | None
    at_most: bool
    buckets: tuple[BucketSnapshot, ...]


def figures(picture: RunSnapshot) -> Figures | None:
    """None until the journal was read."""
    work_queue = picture.work_queue
    if work_queue is None:
        return None
    licenses = work_queue.licenses
    asked = work_queue.asked
    answered = asked - licenses[License.UNKNOWN]
    shareable = licenses[License.CREATIVE_COMMONS]
    to_ask = work_queue.selected - asked
    clips = work_queue.clips_open + (to_ask * shareable / answered if answered else 0)
    elapsed = max(1.0, picture.at - picture.started_at)
    return Figures(
        selected=work_queue.selected,
        asked=asked,
        creative_commons=shareable,
        answered=answered,
        unavailable={reason.value: number for reason, number in work_queue.reasons.items()},
        unknown=licenses[License.UNKNOWN],
        clips=work_queue.clips,
        clips_open=work_queue.clips_open,
        videos_per_second=picture.answered / elapsed,
        seconds_left=_seconds_left(picture, to_ask, clips),
        at_most=picture.sampled and to_ask > 0,
        buckets=tuple(bucket for bucket in picture.limiter.buckets if bucket.used)
        if picture.limiter
        else (),
    )


def _seconds_left(picture: RunSnapshot, videos: int, clips: float) -> float | None:
    """The slowest kind of request decides: what is still to be sent, at the permitted rates."""
    if picture.limiter is None or (videos <= 0 and clips <= 0):
        return None
    asking = _asking(picture)
    needed = {RequestKind.PAGES: clips * _PAGES_A_CLIP, RequestKind.MEDIA: clips * _MEDIA_A_CLIP}
    needed[asking] = needed.get(asking, 0.0) + videos / _BATCH[asking]
    left = [_seconds_for(picture, kind, number) for kind, number in needed.items() if number > 0]
    told = [seconds for seconds in left if seconds is not None]
    return max(*told, _at_this_pace(picture, asking, videos)) if told else None


def _seconds_for(picture: RunSnapshot, kind: RequestKind, requests: float) -> float | None:
    buckets = (
        [bucket for bucket in picture.limiter.buckets if bucket.kind is kind]
        if picture.limiter
        else []
    )
    permitted = sum(bucket.rate for bucket in buckets)
    if not permitted:
        return None
    rests = [(bucket.resting_until or picture.at) - picture.at for bucket in buckets]
    return requests / permitted + max(0.0, min(rests))


def _at_this_pace(picture: RunSnapshot, asking: RequestKind, videos: int) -> float:
    """Where nobody waits for permission something else is slower: then go by what was reached."""
    assert picture.limiter is not None
    held = any(bucket.waiting or bucket.resting_until for bucket in picture.limiter.buckets
               if bucket.kind is asking)  # fmt: skip
    if held or picture.answered < _ENOUGH:
        return 0.0
    return videos * (picture.at - picture.started_at) / picture.answered


def _asking(picture: RunSnapshot) -> RequestKind:
    """The kind of request that the source in use makes."""
    ready = next((one.name for one in picture.sources if one.state == "ready"), "")
    return RequestKind.DATA_API if ready == "data_api" else RequestKind.PAGES
