"""What a plan assumes, stated with the plan: shares, limits, sizes."""

from __future__ import annotations

from dataclasses import dataclass

from ascc_async.settings import ClipsSettings

IDS_A_CALL = 50
MEDIA_REQUESTS_A_CLIP = 2.0
"""The index, then the fragments."""

EXTRACTION_REQUESTS_A_CLIP = 3.0
"""The watch page, one player call, a small script."""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """Shares of the 2021 scan and of what has gone since; sizes of ten seconds."""

    answered_share: float = 0.80
    creative_commons_share: float = 0.0070
    bytes_a_clip: int = 900_000
    source: str = (
        "2021's scan of 1.99 M videos: 86 % answered, 0.70 % of those Creative Commons; 15 to 20 %"
        " of the videos have gone since"
    )

    @property
    def clip_share(self) -> float:
        """Clips for each video asked."""
        return self.answered_share * self.creative_commons_share


@dataclass(frozen=True, slots=True)
class Limits:
    """What YouTube permits an hour. None: no such limit known."""

    name: str
    requests_an_hour: float
    videos_an_hour: float | None


GUEST = Limits("guest", 1000, 300)
ACCOUNT = Limits("account", 4000, 2000)
UNITS_A_DAY = 10_000
"""Data API calls a day for one key, as Google gives them by default."""

_COMPRESSED = {"opus": 16_000, "m4a": 16_000, "mp3": 24_000}
_SECONDS = 10
_FLAC_SHARE = 0.51
_PICTURE = 60_000


def bytes_a_clip(clips: ClipsSettings) -> int:
    """Size of a ten-second clip in bytes, roughly, in the form that is set."""
    if clips.media == "video":
        return _SECONDS * (16_000 + int(_PICTURE * (clips.max_height / 360) ** 2))
    if clips.format in _COMPRESSED:
        return _SECONDS * _COMPRESSED[clips.format]
    wave = _SECONDS * (clips.sample_rate or 44_100) * (clips.channels or 2) * 2
    return wave if clips.format == "wav" else int(wave * _FLAC_SHARE)
