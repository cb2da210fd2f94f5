"""How long a run will still take: from what it observes of itself, not from what it hopes for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, inf, sqrt

from ascc_async.model import License
from ascc_async.pipeline.pace import Done
from ascc_async.pipeline.plan_requests import CALLS_A_DAY, VIDEOS_A_CALL
from ascc_async.pipeline.snapshot import RunSnapshot
from ascc_async.pipeline.work_queue import WorkQueueSnapshot
from ascc_async.throttle.adaptive_rate import CLIMB_ANSWERS, CLIMB_PAUSES, GENTLE_CUT
from ascc_async.throttle.bucket import RequestKind
from ascc_async.throttle.circuit_breaker import RefusalBreaker
from ascc_async.throttle.identity import BucketSnapshot
from ascc_async.throttle.open_hours import OpenHours

_ENOUGH_VIDEOS, _ENOUGH_CLIPS = 20, 5
_USED = 0.98  # share of a permitted rate that goes out
# Refusals come so near to where they are expected, as a share of the time between two.
_NEAR = 0.25
# Until enough clips were made to tell: the player, and the watch page for a second look.
_PAGES_PER_CLIP = 2.0
_DAY = 86_400.0
# Creative Commons among AudioSet's videos, and in an earlier list: until enough were asked.
_SHARE, _FIRST_SHARE = 0.0056, 0.8
# The last clip is cut and checked, the known videos are read once more, the dataset is written.
_LAST_PAGES, _LAST_SECONDS = 4, 2.5
_SHORT_PAUSE = 60.0
_FIRST_PAUSE = 1.5 * RefusalBreaker.FIRST
_FIRST_SECONDS = 30.0  # before the first clips are through these, what one takes is a wild guess


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """Seconds from the snapshot on; None where nothing is left, or nothing is known yet. Infinite
    where nobody can know: all identities pause, and the pause may last as long as all the rest.
    """

    licenses: float | None = None
    clips: float | None = None

    @property
    def whole(self) -> float | None:
        """Until the run's end."""
        return max((left for left in (self.licenses, self.clips) if left is not None), default=None)


def time_left(snapshot: RunSnapshot) -> TimeLeft:
    """Requests still to be sent, as many a video and a clip as so far, at the speed observed."""
    queue, done, half = snapshot.work_queue, snapshot.done, snapshot.half_ago
    if queue is None or done is None or half is None:
        return TimeLeft()
    if not snapshot.goes_on or done.at <= half.at:
        return TimeLeft()
    asked = queue.asked + snapshot.put_off
    to_ask = queue.to_ask - snapshot.put_off
    clips = queue.clips_open + _clips_to_come(queue, asked, to_ask)
    to_ask += snapshot.second_looks
    if not (clips or to_ask) or (to_ask and done.videos < _ENOUGH_VIDEOS):
        return TimeLeft()
    began = 2 * half.at - done.at
    if clips and done.clips < _ENOUGH_CLIPS and done.at - began < _FIRST_SECONDS:
        return TimeLeft()
    hours = OpenHours(snapshot.hours)
    speeds = {kind: _Speed.of(snapshot, kind, done, half) for kind in RequestKind}
    pages, player, media = (
        speeds[kind] for kind in (RequestKind.PAGES, RequestKind.PLAYER, RequestKind.MEDIA)
    )

    per_clip = _PAGES_PER_CLIP
    if done.clips >= _ENOUGH_CLIPS:
        per_clip = done.clip_pages / max(1, done.extractions)
    # A clip under way has sent about half of its requests.
    clip_pages = per_clip * (clips - min(queue.clips_open, done.extractions - done.clips) / 2)
    rounds = to_ask / max(1, done.videos)  # of all that was asked in this run
    license_pages = rounds * (done.sent(RequestKind.PAGES) - done.clip_pages)
    licenses = speeds[RequestKind.DATA_API].seconds(rounds * done.sent(RequestKind.DATA_API))
    quota = _wait_for_quota(snapshot, to_ask, done)
    if quota:
        licenses = license_pages = 0.0
    all_pages = license_pages + clip_pages + _LAST_PAGES
    by_pages = pages.seconds(all_pages)
    if license_pages:
        # Pages for clips go out beside them.
        beside = (done.clip_pages - half.clip_pages) / max(1.0, pages.sent)
        with_these = min(all_pages, license_pages / max(0.1, 1 - beside))
        licenses = max(licenses, pages.seconds(with_these))
    ends = [by_pages]
    if not any(speed.limited for speed in speeds.values()):
        # Something else than a permission is slow: then the pace itself says how long it takes.
        seconds = _seconds(half, done, RequestKind.PAGES)
        licenses = max(licenses, to_ask * seconds / max(1, done.videos - half.videos))
        # How often the few that are under way come says nothing of how long one takes.
        waiting = max(0, queue.clips_open - _ENOUGH_CLIPS)
        ends.append(waiting * seconds / max(1, done.clips - half.clips))
    if (player.learned or player.pause) and not pages.paused:
        # It is refused alone, though its requests count as pages, too.
        share = done.sent(RequestKind.PLAYER) / max(1, done.sent(RequestKind.PAGES))
        ends.append(player.seconds(max(1.0, all_pages * share)))
    if media.learned and done.clips:
        ends.append(media.seconds(clips * done.sent(RequestKind.MEDIA) / done.clips))
    by_clock = [hours.end_of(done.at, seconds) - done.at for seconds in (licenses, max(ends))]
    licenses = max(quota, by_clock[0])
    return TimeLeft(
        licenses if to_ask else None, max(licenses, by_clock[1]) + _LAST_SECONDS if clips else None
    )


def _wait_for_quota(snapshot: RunSnapshot, to_ask: int, done: Done) -> float:
    """Seconds that the licenses take where today's quota is not enough for them; else 0.

    While it is used up other sources answer: if they are done sooner, that counts.
    """
    source = next((each for each in snapshot.sources if each.name == "data_api"), None)
    if source is None or source.state not in ("ready", "resting"):
        return 0.0
    quota, used = CALLS_A_DAY * max(1, snapshot.api_keys), done.sent(RequestKind.DATA_API)
    left = 0 if source.until else quota - used % quota
    nights = ceil((to_ask / VIDEOS_A_CALL - left) / quota)
    if nights <= 0:
        return 0.0
    first = source.until - snapshot.at if source.until else _DAY
    before = snapshot.minute_ago
    if source.until and before and done.videos > before.videos:
        by_others = to_ask * (done.at - before.at) / (done.videos - before.videos)
        return min(by_others, first + (nights - 1) * _DAY)
    return first + (nights - 1) * _DAY


def _clips_to_come(queue: WorkQueueSnapshot, asked: int, to_ask: int) -> float:
    """By the share of Creative Commons among those asked; of the listed ones by their own."""
    first, first_asked, first_found = queue.first
    found = queue.licenses[License.CREATIVE_COMMONS] - first_found
    listed = min(to_ask, first - first_asked)
    others = asked - first_asked
    share = found / others if others >= _ENOUGH_VIDEOS else _SHARE
    first_share = first_found / first_asked if first_asked >= _ENOUGH_VIDEOS else _FIRST_SHARE
    return listed * first_share + (to_ask - listed) * share


@dataclass(frozen=True, slots=True)
class _Speed:
    """Requests of one kind: so many `sent` lately, and how long more will take.

    `limited`: requests wait for a permission. `learned`: some rate was refused, and adapts; else
    they go at `per_second`. `pause`: seconds until somebody may try again, `paused` in all;
    `usual`: pauses that long have ended before.
    """

    at: float
    buckets: Sequence[BucketSnapshot]
    sent: int
    per_second: float
    limited: bool
    learned: bool
    pause: float
    paused: float
    usual: float

    @classmethod
    def of(cls, snapshot: RunSnapshot, kind: RequestKind, done: Done, half: Done) -> _Speed:
        all_buckets = snapshot.limiter.buckets if snapshot.limiter else ()
        hours = OpenHours(snapshot.hours)
        if hours.closed_for(snapshot.at):  # all pause, but not because they were refused
            all_buckets = tuple(replace(bucket, resting_until=None) for bucket in all_buckets)
        buckets = [bucket for bucket in all_buckets if bucket.kind is kind]
        # Who waits for the player may wait for the limit of pages, and for its pause.
        waiting = any(each.waiting for each in all_buckets if kind in each.kind.limits)
        pauses = [each.last_pause for each in all_buckets if each.kind in kind.limits]
        limited = waiting or any(bucket.resting_until for bucket in buckets)
        until = min((bucket.resting_until or 0.0 for bucket in buckets), default=0.0)
        since = max((bucket.resting_since or 0.0 for bucket in buckets), default=0.0)
        speed = sum(bucket.rate for bucket in buckets)
        # What is later tells more, but for a long pause. In one nothing but trials is sent.
        for before in (half, max(half, snapshot.minute_ago or half, key=lambda each: each.at)):
            seconds, sent = _seconds(before, done, kind), done.sent(kind) - before.sent(kind)
            if limited and seconds >= 1 and sent:
                speed = sent / seconds
        # A rate that is not learned does not get out of the way of its pauses.
        open_seconds = max(1.0, hours.seconds_within(half.at, done.at))
        return cls(
            at=snapshot.at,
            buckets=buckets,
            sent=done.sent(kind) - half.sent(kind),
            per_second=speed * min(1.0, _seconds(half, done, kind) / open_seconds),
            limited=limited,
            learned=limited and any(bucket.ceiling for bucket in buckets),
            pause=max(0.0, until - snapshot.at) if until and since else 0.0,
            paused=until - since if until and since else 0.0,
            usual=max(pauses, default=0.0),
        )

    def seconds(self, requests: float) -> float:
        """How long so many will take."""
        if requests <= 0:
            return 0.0
        if self.learned:
            awake = [bucket for bucket in self.buckets if not bucket.resting_until]
            # Those that pause long are not waited for.
            shared = (self._shared(requests, those) for those in (awake, self.buckets) if those)
            seconds = min(shared)
        else:
            seconds = self.pause + (requests / self.per_second if self.per_second else inf)
        # A block lasts seconds or a day. Who pauses does so for twice the time when the next trial
        # is refused, too. So an end can be told only while it is the first trial, or no longer than
        # what has ended before, and where another such pause hardly matters.
        longest = min(max(_FIRST_PAUSE, 2 * self.usual), max(_SHORT_PAUSE, seconds / 5))
        return inf if self.paused > longest else seconds

    def _shared(self, requests: float, buckets: Sequence[BucketSnapshot]) -> float:
        """All of these at once, each as many as its rate is of the whole."""
        together = sum(bucket.rate for bucket in buckets)
        shares = ((bucket, bucket.rate / together) for bucket in buckets)
        return sum(share * _by_one(bucket, share * requests, self.at) for bucket, share in shares)


def _by_one(bucket: BucketSnapshot, requests: float, at: float) -> float:
    """Seconds for so many at a rate that climbs to its ceiling, is refused there, and climbs again
    (throttle/adaptive_rate.py).
    """
    rate, ceiling, requests = bucket.rate, bucket.ceiling, requests / _USED
    if ceiling is None:
        return _rest(bucket, at) + requests / rate
    until = max(0.0, ceiling - rate) / bucket.climb if bucket.climb else 0.0
    before = until * (rate + ceiling) / 2
    if requests < before:
        seconds = (sqrt(rate**2 + 2 * bucket.climb * requests) - rate) / bucket.climb
    else:
        seconds = until + (requests - before) / ((1 + GENTLE_CUT) / 2 * ceiling)
    climb = max(CLIMB_PAUSES * bucket.last_pause, CLIMB_ANSWERS / ceiling)
    refusals, part = divmod(max(0.0, (seconds - until) / climb + 0.5), 1)
    refusals += min(1.0, max(0.0, (part - 0.5) / _NEAR + 0.5))
    return _rest(bucket, at) + seconds + refusals * bucket.last_pause


def _rest(bucket: BucketSnapshot, at: float) -> float:
    """Seconds that its pause will still take, which is hardly shorter than the one before."""
    if not bucket.resting_until:
        return 0.0
    usual = (bucket.resting_since or at) + bucket.last_pause
    return max(0.0, bucket.resting_until - at, usual - at)


def _seconds(before: Done, done: Done, kind: RequestKind) -> float:
    """Between the two, without those in which nobody could ask."""
    return done.at - before.at - (done.paused.get(kind, 0.0) - before.paused.get(kind, 0.0))
