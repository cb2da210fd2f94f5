"""What an honest run must find in the stand-in's world."""

from __future__ import annotations

from typing import NamedTuple

from ascc_async.model import License, Outcome, Reason
from ascc_async.standin.playability import wording
from ascc_async.standin.world import SIGNING_IN_HELPS, World

BARRED = {
    Reason.COUNTRY_RESTRICTED, Reason.SIGN_IN_REQUIRED, Reason.AGE_RESTRICTED,
    Reason.MEMBERS_ONLY, Reason.LIVE,
}  # fmt: skip


class Expected(NamedTuple):
    """What it must write for a segment."""

    license: License
    outcome: Outcome
    reason: Reason | None


def expected(
    world: World,
    video_id: str,
    start_ms: int,
    *,
    signed_in: bool = False,
    second_look: bool = False,
) -> Expected:
    """Of the segment that begins at `start_ms`.

    `second_look`: bare words were seen twice, hours or identities apart. Once says nothing.
    """
    video = world.video(video_id)
    license_, reason = video.license, video.reason
    said = wording(reason, video.number)
    bare = said is not None and said.bare
    if license_ is License.UNAVAILABLE and bare and not second_look:
        license_ = License.UNKNOWN
    if license_ is License.UNAVAILABLE:
        return Expected(license_, Outcome.UNAVAILABLE, reason)
    if license_ is License.UNKNOWN:
        return Expected(license_, Outcome.NOT_SHAREABLE, Reason.LICENSE_UNKNOWN)
    if license_ is License.STANDARD:
        return Expected(license_, Outcome.NOT_SHAREABLE, None)
    if reason in BARRED and not (signed_in and reason in SIGNING_IN_HELPS):
        # Of a video known to be there, no bare words make an end.
        if bare:
            return Expected(license_, Outcome.PENDING, None)
        return Expected(license_, Outcome.UNAVAILABLE, reason)
    if reason is Reason.NO_AUDIO:
        return Expected(license_, Outcome.REJECTED, reason)
    if start_ms >= video.length_ms:
        return Expected(license_, Outcome.REJECTED, Reason.TOO_SHORT)
    if reason in (Reason.SILENT, Reason.CORRUPT):
        return Expected(license_, Outcome.REJECTED, reason)
    return Expected(license_, Outcome.CLIP, None)
