"""Makes one clip: finds where the media is, confirms the license, fetches and cuts."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from ascc_async.audioset.classes import read_class_names
from ascc_async.audioset.metadata_files import PACKAGED_CLASS_LIST
from ascc_async.dataset.credits import LICENSE_NAME, source_link
from ascc_async.dataset.eligibility import credits_of
from ascc_async.dataset.rebuild import Recipe
from ascc_async.dataset.removals import Removals
from ascc_async.errors import LinkExpired, Rejected
from ascc_async.journal.reader import Reader
from ascc_async.journal.records import AnswerRow, ClipRow
from ascc_async.media.cut import Cutter
from ascc_async.media.encoding import Tags, can_be_made_from
from ascc_async.model import (
    CREATIVE_COMMONS_DEED,
    ClipFile,
    Evidence,
    License,
    LicenseAnswer,
    Outcome,
    Reason,
    Resolved,
    Segment,
)
from ascc_async.pipeline.source_router import SourceRouter
from ascc_async.pipeline.standing import SUSPECT_LOOKS
from ascc_async.pipeline.youtube_access import YouTubeAccess

log = logging.getLogger(__name__)

_LINKS = 3  # links resolved for one clip before it is left for later
_WATCH_PAGE = "watch_page"

# Looks at the license a second time; None when there is no second way to look.
ConfirmLicense = Callable[[Resolved], Awaitable[LicenseAnswer | None]]


class LicenseConfirmation:
    """A second look at the license before a clip is made, in another way than the first.

    That decides what may lawfully be shared. Only one video in hundreds becomes a clip, so one
    more request for each of those costs next to nothing.
    """

    def __init__(
        self, router: SourceRouter, answer_of: Callable[[str], Awaitable[AnswerRow | None]]
    ) -> None:
        """`answer_of` reads the recorded answer of a video from the journal."""
        self._router, self._answer_of = router, answer_of
        self.asked = 0  # watch pages so far

    async def __call__(self, resolved: Resolved) -> LicenseAnswer | None:
        """What yt-dlp read, else the watch page; None when it would be the same look again, or
        cannot be had. Raises Refused, NetworkFault and Closed.
        """
        # yt-dlp may have seen the license on the page it read. In other languages than English
        # its words say nothing.
        text = resolved.license_text or ""
        letters = "".join(filter(str.isalpha, text.lower()))
        for phrase, license_ in (
            ("creativecommons", License.CREATIVE_COMMONS),
            ("standard", License.STANDARD),
        ):
            if phrase in letters:
                return LicenseAnswer(resolved.video_id, license_, "yt-dlp", time.time(), text=text)

        source = self._router.named(_WATCH_PAGE)
        if source is None:
            return None
        first = await self._answer_of(resolved.video_id)
        if first is not None and first.source == _WATCH_PAGE:
            return None
        # As the identity that resolved the video: another one may see another page.
        self.asked += 1
        answers = await source.ask([resolved.video_id], resolved.identity)
        if answers is None:
            return None
        # It contradicts the first answer. Before it costs a clip, it must prove itself.
        if answers[0].license is License.STANDARD and not await source.reads_right(
            resolved.identity, looks=SUSPECT_LOOKS
        ):
            return None
        return answers[0]


@dataclass(frozen=True, slots=True)
class ClipResult:
    """What became of a segment; `clip` when it became one. `credit` says whose the video is, where
    that was learned, `evidence` what the second look saw.
    """

    outcome: Outcome
    credit: Resolved | ClipRow | None = None
    clip: ClipFile | None = None
    reason: Reason | None = None
    detail: str = ""
    evidence: Evidence | None = None


class ClipTags:
    """What a clip's tags say: the words that the manifest will have of it. In a rebuild they are
    those of the manifest that it goes by, for equal bytes.
    """

    def __init__(self, reader: Reader, recipe: Recipe | None) -> None:
        self._reader = reader
        # The copy that comes with the program: a rebuild from a manifest alone has no other.
        self._names = read_class_names(PACKAGED_CLASS_LIST)
        self._words = recipe.credits() if recipe else {}

    async def of(self, segment: Segment, credit: Resolved | ClipRow) -> Tags:
        """`credit` says whose the video is where the license answer does not."""
        words = self._words.get(segment.segment_id)
        if words is None:
            # In a thread: a disk that is busy must not hold up the event loop.
            answer = await asyncio.to_thread(self._reader.answer, segment.video_id)
            words = credits_of(answer, credit)
        return Tags(
            words.title,
            words.channel,
            source_link(segment.video_id, segment.start_ms // 1000),
            LICENSE_NAME,
            CREATIVE_COMMONS_DEED,
            tuple(self._names.get(mid, mid) for mid in segment.labels),
        )


class ClipMaker:
    """Turns a segment of a Creative Commons video into a file."""

    def __init__(
        self,
        youtube: YouTubeAccess,
        cutter: Cutter,
        confirm_license: ConfirmLicense,
        removals: Removals,
        clips_of: Callable[[str], Awaitable[list[ClipRow]]],
        tags: ClipTags | None = None,
    ) -> None:
        """`clips_of` reads from the journal what became of a video's segments."""
        self._youtube, self._cutter = youtube, cutter
        self._confirm_license, self._removals = confirm_license, removals
        self._clips_of, self._tags = clips_of, tags

    async def make(self, segment: Segment, *, other_container: bool = False) -> ClipResult:
        """The clip, or why there is none. Raises what the extractor and the cutter raise.

        `other_container`: take the same sound from another container where there is one.
        """
        if (again := await self._from_lossless(segment)) is not None:
            return again
        resolved = await self._youtube.resolve(segment.video_id)
        if self._removals.cover(segment.segment_id, resolved.channel_id, resolved.channel):
            # Only now is the channel known. Kept as pending, should the list change again.
            detail = "removals.txt names this channel or video"
            return ClipResult(Outcome.PENDING, resolved, detail=detail)
        seen = await self._confirm_license(resolved)
        if seen is not None and seen.license is License.STANDARD:
            detail = f"{seen.source} shows the standard license"
            return ClipResult(
                Outcome.NOT_SHAREABLE, resolved, reason=Reason.LICENSE_CHANGED, detail=detail
            )
        evidence = seen.evidence if seen is not None else None
        tags = await self._tags.of(segment, resolved) if self._tags else None
        for attempt in range(1, _LINKS + 1):
            if other_container and resolved.other_audio is not None:
                log.info(
                    "the sound could not be read: trying the same sound in another file format",
                    extra={"video": segment.video_id, "format_id": resolved.other_audio.format_id},
                )
                resolved = replace(resolved, audio=resolved.other_audio, other_audio=None)
            anew = attempt > 1
            try:
                clip = await self._youtube.cut(self._cutter, resolved, segment, tags, again=anew)
                return ClipResult(Outcome.CLIP, resolved, clip, evidence=evidence)
            except LinkExpired:
                if attempt == _LINKS:
                    raise
            # A fresh link of the same client may be as dead as the first: then ask another.
            resolved = await self._youtube.resolve(segment.video_id, other_client=anew)
        raise AssertionError("the last link returns or raises")

    async def _from_lossless(self, segment: Segment) -> ClipResult | None:
        """The clip out of one that is here from before other settings; asks YouTube for nothing."""
        for row in await self._clips_of(segment.video_id):
            if row.segment_id != segment.segment_id or row.clip is None:
                continue
            removed = self._removals.cover(row.segment_id, row.channel_id, row.channel)
            if removed or not can_be_made_from(row.clip, self._cutter.encoding):
                continue
            tags = await self._tags.of(segment, row) if self._tags else None
            try:
                clip = await self._cutter.make_from(row.clip, segment, tags)
            except Rejected as error:
                log.warning(
                    "a clip cannot be made from the lossless one here: it is fetched again",
                    extra={"segment": segment.segment_id, "why": str(error)},
                )
                continue
            return ClipResult(Outcome.CLIP, row, clip)
        return None
