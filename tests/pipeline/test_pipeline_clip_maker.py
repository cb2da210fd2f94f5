"""Confirming a license before a clip: it may stop a clip only when it has proved itself."""

from __future__ import annotations

from typing import Any, cast

import pytest
from fakeclock import run
from sweep_world import CC, KNOWN_CC, STANDARD, UNKNOWN, Page, Watch

from ascc_async.dataset.removals import Removals
from ascc_async.errors import Refused, ServerFault, SourceUnusable
from ascc_async.journal.records import AnswerRow, ClipRow
from ascc_async.model import (
    ClipFile,
    License,
    LicenseAnswer,
    Outcome,
    Reason,
    Resolved,
    Segment,
    Track,
)
from ascc_async.pipeline.clip_maker import ClipMaker, LicenseConfirmation

VIDEO = "00000000001"


def resolved(license_text: str | None = None) -> Resolved:
    """A video as yt-dlp resolved it."""
    track = Track("audio", "https://example.org", {}, "140", "mp4", "mp4a.40.2")
    return Resolved(VIDEO, "main", track, None, "t", "c", "UC", license_text)


def confirmation(watch: Watch, source: str = "innertube") -> LicenseConfirmation:
    """A confirmation after a first answer by `source`."""
    first = AnswerRow(VIDEO, License.CREATIVE_COMMONS, source, 0.0)

    async def answer_of(video_id: str) -> AnswerRow:
        return first

    return LicenseConfirmation(watch.router, answer_of)


@pytest.mark.parametrize("seen", [CC, STANDARD, UNKNOWN])
def test_it_says_what_the_watch_page_says(seen: License) -> None:
    """Also a license that has changed since the sweep."""

    async def main() -> None:
        watch = Watch(Page("innertube"), Page("watch_page", {VIDEO: seen}))
        answer = await confirmation(watch)(resolved())
        assert answer is not None
        assert answer.license is seen

    run(main())


def test_a_page_that_lost_its_row_costs_no_clip() -> None:
    """Contradicting the sweep, it must read the known videos first: misread, it counts nothing."""

    async def main() -> None:
        page = Page("watch_page", {VIDEO: CC})
        watch = Watch(page)
        confirm = confirmation(watch)
        assert await confirm(resolved()) is not None
        page.known = dict.fromkeys(KNOWN_CC, STANDARD) | {VIDEO: STANDARD}
        assert await confirm(resolved()) is None
        assert watch.bad
        assert await confirm(resolved()) is None

    run(main())


def test_nobody_is_asked_twice_in_the_same_way() -> None:
    """Where the watch page was the first to answer, or is no source, nothing is confirmed."""

    async def main() -> None:
        page = Page("watch_page")
        assert await confirmation(Watch(page), "watch_page")(resolved()) is None
        assert page.asked == []
        assert await confirmation(Watch(Page("innertube")))(resolved()) is None

    run(main())


@pytest.mark.parametrize(
    ("text", "license_"),
    [
        ("Creative Commons Attribution licence (reuse allowed)", CC),
        ("Creative-Commons-Lizenz mit Quellenangabe (Wiederverwendung erlaubt)", CC),
        ("Standard YouTube License", STANDARD),
    ],
)
def test_a_license_text_that_yt_dlp_saw_is_enough(text: str, license_: License) -> None:
    """No request where the text is known."""

    async def main() -> None:
        page = Page("watch_page")
        answer = await confirmation(Watch(page))(resolved(text))
        assert answer is not None
        assert (answer.license, answer.source, answer.text) == (license_, "yt-dlp", text)
        assert page.asked == []

    run(main())


def test_a_license_text_in_an_unknown_language_is_not_judged() -> None:
    """A language without the Latin words: the page is asked."""

    async def main() -> None:
        watch = Watch(Page("watch_page", {VIDEO: CC}))
        answer = await confirmation(watch)(resolved("クリエイティブ・コモンズ"))
        assert answer is not None
        assert answer.license is CC

    run(main())


def test_trouble_with_the_page_is_no_verdict() -> None:
    """A server error or a source set aside: the first answer stands; a refusal slows down."""

    async def main() -> None:
        page = Page("watch_page")
        watch = Watch(page)
        await watch.source("watch_page").reads_right(None)
        page.errors_of[VIDEO] = ServerFault("503")
        answer = await confirmation(watch)(resolved())
        assert answer is not None
        assert answer.license is UNKNOWN
        page.errors_of[VIDEO] = Refused("429")
        with pytest.raises(Refused):
            await confirmation(watch)(resolved())
        page.errors_of[VIDEO] = SourceUnusable("later", until=watch.clock.time() + 9)
        assert await confirmation(watch)(resolved()) is None
        assert watch.router.named("watch_page") is None

    run(main())


class Tools:
    """Resolves every video, and notes what is cut."""

    def __init__(self) -> None:
        self.clips: list[str] = []

    async def resolve(self, video_id: str, *, other_client: bool = False) -> Resolved:
        return resolved()

    async def cut(
        self, cutter: None, video: Resolved, segment: Segment, *_: None, again: bool
    ) -> ClipFile:
        self.clips.append(segment.segment_id)
        return cast(ClipFile, "a clip")


@pytest.mark.parametrize(
    ("seen", "removed", "outcome", "reason"),
    [
        (CC, Removals(), Outcome.CLIP, None),
        (UNKNOWN, Removals(), Outcome.CLIP, None),
        (None, Removals(), Outcome.CLIP, None),
        (STANDARD, Removals(), Outcome.NOT_SHAREABLE, Reason.LICENSE_CHANGED),
        (CC, Removals(channel_ids=frozenset({"UC"})), Outcome.PENDING, None),
    ],
)
def test_nothing_is_cut_of_what_may_not_be_shared(
    seen: License | None, removed: Removals, outcome: Outcome, reason: Reason | None
) -> None:
    """A second look that shows the standard license, and a channel that asked to be left out."""

    async def confirm(video: Resolved) -> LicenseAnswer | None:
        return LicenseAnswer(VIDEO, seen, "watch_page", 0.0) if seen else None

    async def clips_of(video_id: str) -> list[ClipRow]:
        return []

    async def main() -> None:
        tools: Any = Tools()
        maker = ClipMaker(tools, tools, confirm, removed, clips_of)
        made = await maker.make(Segment(VIDEO, 0, 10_000, "eval", ()))
        assert (made.outcome, made.reason) == (outcome, reason)
        assert bool(tools.clips) is (outcome is Outcome.CLIP)

    run(main())
