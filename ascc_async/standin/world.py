"""The truth about every video: seeded, the same in every process, nothing kept per id."""

from __future__ import annotations

import random
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from math import exp, log
from typing import NamedTuple

from ascc_async.model import License, Outcome, Reason
from ascc_async.standin import names
from ascc_async.standin.world_settings import WorldSettings

GONE = frozenset(
    {Reason.REMOVED, Reason.PRIVATE, Reason.ACCOUNT_TERMINATED, Reason.COPYRIGHT_CLAIM}
)
BARRED = frozenset(
    {
        Reason.COUNTRY_RESTRICTED,
        Reason.SIGN_IN_REQUIRED,
        Reason.AGE_RESTRICTED,
        Reason.MEMBERS_ONLY,
        Reason.LIVE,
    }
)
SIGNING_IN_HELPS = frozenset({Reason.SIGN_IN_REQUIRED, Reason.AGE_RESTRICTED})
SPOILT = frozenset({Reason.NO_AUDIO, Reason.TOO_SHORT, Reason.SILENT, Reason.CORRUPT})
CHANNELS = 397
_SPECIAL = (
    ("removed", 0.04), ("private", 0.035), ("account_terminated", 0.027), ("copyright_claim", 0.02),
    ("country_restricted", 0.02), ("sign_in_required", 0.014), ("age_restricted", 0.02),
    ("members_only", 0.02), ("live", 0.027), ("no_audio", 0.014), ("too_short", 0.027),
    ("silent", 0.02), ("corrupt", 0.014), ("license_unknown", 0.02), ("license_changed", 0.02),
)  # fmt: skip


class Video(NamedTuple):
    """What is true of one video.

    `kind` is "creative_commons", "standard", or a reason's value. `license` is what an honest
    page tells; `reason` what keeps its clip from being made. `segment_…_ms`: the segment that the
    world's own metadata names. `number` is the seed of everything else about it.
    """

    video_id: str
    kind: str
    license: License
    reason: Reason | None
    number: int
    title: str
    channel: str
    channel_id: str
    handle: str
    length_ms: int
    published: str
    views: int
    sample_rate: int
    channels: int
    itags: tuple[int, ...]
    segment_start_ms: int
    segment_end_ms: int

    @property
    def silent(self) -> bool:
        """Digital silence from beginning to end."""
        return self.reason is Reason.SILENT

    @property
    def no_audio(self) -> bool:
        """Only pictures."""
        return self.reason is Reason.NO_AUDIO

    @property
    def corrupt(self) -> bool:
        """Its media fragments are damaged beyond decoding."""
        return self.reason is Reason.CORRUPT

    @property
    def upcoming(self) -> bool:
        """A live event that has not begun (the other half is on air)."""
        return self.reason is Reason.LIVE and self.number % 2 == 1


@dataclass(frozen=True, slots=True)
class Expected:
    """What an honest run must find for a segment."""

    license: License
    outcome: Outcome
    reason: Reason | None


class World:
    """Knows the truth of any 11-character id."""

    def __init__(self, settings: WorldSettings) -> None:
        self.settings = settings
        self._key = b"standin" + settings.seed.to_bytes(8, "big", signed=True)
        self._known = {
            **dict.fromkeys(settings.known_creative_commons, "creative_commons"),
            **dict.fromkeys(settings.known_standard, "standard"),
        }
        self._thresholds = _thresholds(settings)
        self._own = dict(self._own_kinds())
        self._channel_ids = tuple(self._channel_id(who) for who in range(CHANNELS))
        low, high = (max(bound, 1.0) for bound in settings.length_seconds)
        self._shortest = log(max(low, min(12.0, high)))
        self._longest = log(high)

    @cached_property
    def videos(self) -> tuple[Video, ...]:
        """The world's own list, in a stable order."""
        return tuple(self.video(video_id) for video_id in self._own)

    def number(self, video_id: str) -> int:
        """64 seeded bits for this id."""
        digest = blake2b(video_id.encode(), key=self._key, digest_size=8).digest()
        return int.from_bytes(digest, "big")

    def kind(self, video_id: str) -> str:
        """Its kind alone, quickly."""
        known = self._known.get(video_id)
        if known is not None:
            return known
        own = self._own.get(video_id)
        if own is not None:
            return own
        return self._drawn_kind(self.number(video_id))

    def _drawn_kind(self, number: int) -> str:
        drawn = (number & 0xFFFFFFFF) / 2**32
        for limit, kind in self._thresholds:
            if drawn < limit:
                return kind
        return "standard"

    def license(self, kind: str) -> License:
        """What an honest page tells of a video of this kind."""
        if kind in _FIXED_LICENSE:
            return _FIXED_LICENSE[kind]
        if kind == "license_changed" and self.settings.licenses_changed:
            return License.STANDARD
        return License.CREATIVE_COMMONS

    def video(self, video_id: str) -> Video:
        """The whole truth of one video."""
        number = self.number(video_id)
        kind = self._known.get(video_id) or self._own.get(video_id) or self._drawn_kind(number)
        length_ms = self._length_ms(number, kind)
        start_ms, end_ms = _segment(number, kind, length_ms)
        who = (number >> 16) % CHANNELS
        rare_rate = (number >> 5) % 4 == 0 and video_id not in self._own
        return Video(
            video_id=video_id,
            kind=kind,
            license=self.license(kind),
            reason=_REASONS.get(kind),
            number=number,
            title=names.title(number >> 20, video_id),
            channel=names.channel(who),
            channel_id=self._channel_ids[who],
            handle=f"@channel{who}",
            length_ms=length_ms,
            published=f"{2006 + (number >> 8) % 19}-{_TWO[1 + (number >> 13) % 12]}"
            f"-{_TWO[1 + (number >> 17) % 28]}",
            views=(number >> 24) % 5_000_000,
            sample_rate=48_000 if rare_rate else 44_100,
            channels=(2, 1)[(number >> 7) % 4 == 0],
            itags=_itags(number, kind),
            segment_start_ms=start_ms,
            segment_end_ms=end_ms,
        )

    def expected(self, video_id: str, start_ms: int, *, signed_in: bool = False) -> Expected:
        """What a run must write for the segment that begins at `start_ms`."""
        video = self.video(video_id)
        license_, reason = video.license, video.reason
        if license_ is License.UNAVAILABLE:
            return Expected(license_, Outcome.UNAVAILABLE, reason)
        if license_ is License.UNKNOWN:
            return Expected(license_, Outcome.NOT_SHAREABLE, Reason.LICENSE_UNKNOWN)
        if license_ is License.STANDARD:
            return Expected(license_, Outcome.NOT_SHAREABLE, None)
        if reason in BARRED and not (signed_in and reason in SIGNING_IN_HELPS):
            return Expected(license_, Outcome.UNAVAILABLE, reason)
        if reason is Reason.NO_AUDIO:
            return Expected(license_, Outcome.REJECTED, reason)
        if start_ms >= video.length_ms:
            return Expected(license_, Outcome.REJECTED, Reason.TOO_SHORT)
        if reason in (Reason.SILENT, Reason.CORRUPT):
            return Expected(license_, Outcome.REJECTED, reason)
        return Expected(license_, Outcome.CLIP, None)

    def _channel_id(self, who: int) -> str:
        digest = blake2b(b"channel%d" % who, key=self._key, digest_size=16).digest()
        return "UC" + urlsafe_b64encode(digest).decode()[:22]

    def _length_ms(self, number: int, kind: str) -> int:
        if kind in ("too_short", "no_audio"):
            return 3_000 + (number >> 32) % 5_000
        drawn = ((number >> 32) & 0xFFFFFF) / 2**24
        return int(1000 * exp(self._shortest + drawn * (self._longest - self._shortest)))

    def _own_kinds(self) -> list[tuple[str, str]]:
        count, rng = self.settings.videos, random.Random(f"own {self.settings.seed}")
        kinds = [kind for kind, share in _SPECIAL for _ in range(max(1, round(count * share)))]
        plain = round(count * self.settings.creative_commons_share)
        kinds = (kinds + ["creative_commons"] * plain + ["standard"] * count)[:count]
        rng.shuffle(kinds)
        return list(zip(_ids(rng, count), kinds, strict=True))


_REASONS = {reason.value: reason for reason in Reason}
_TWO = tuple(f"{number:02}" for number in range(32))
_FIXED_LICENSE = {
    **{reason.value: License.UNAVAILABLE for reason in GONE},
    "standard": License.STANDARD,
    "license_unknown": License.UNKNOWN,
}


def _thresholds(settings: WorldSettings) -> tuple[tuple[float, str], ...]:
    total, limits = 0.0, []
    for kind, share in settings.shares.model_dump().items():
        if share:
            total += share
            limits.append((total, kind))
    return tuple(limits)


def _ids(rng: random.Random, count: int) -> list[str]:
    """Ids of the world's own list; some begin with `-` and `_`, as real ones do."""
    found: dict[str, None] = {}
    while len(found) < count:
        drawn = urlsafe_b64encode(rng.randbytes(8)).decode()[:11]
        first = "-_"[len(found) % 2] if len(found) % 16 < 2 else drawn[0]
        found[first + drawn[1:]] = None
    return list(found)


def _itags(number: int, kind: str) -> tuple[int, ...]:
    if kind == "no_audio":
        return (160,)
    which = (number >> 9) % 8
    return ((140, 160), (251, 160))[which] if which < 2 else (140, 251, 134, 160)


def _segment(number: int, kind: str, length_ms: int) -> tuple[int, int]:
    """A ten-second segment; one in eight runs past the video's end, one in nine starts at .5 s."""
    if kind == "too_short":
        start = 30_000
    else:
        last = max(0, length_ms - (3_000 if (number >> 3) % 8 == 0 else 10_000))
        start = int(((number >> 40) & 0xFFFF) / 2**16 * (last + 1)) // 1000 * 1000
    half = 500 if (number >> 11) % 9 == 0 and start + 500 < length_ms else 0
    return start + half, start + half + 10_000
