"""The second look before a clip: it may stop a clip only when it has proved itself."""

from __future__ import annotations

import pytest
from fakeclock import run
from sweep_world import CC, KNOWN_CC, STANDARD, UNKNOWN, Page, Watch

from ascc_async.errors import Refused, ServerFault, SourceUnusable
from ascc_async.journal.records import AnswerRow
from ascc_async.model import License, Resolved, Track
from ascc_async.pipeline.clip_maker import LicenseConfirmation

VIDEO = "00000000001"


def resolved(license_text: str | None = None) -> Resolved:
    """A video as yt-dlp resolved it."""
    track = Track("audio", "https://example.org", {}, "140", "mp4", "mp4a.40.2")
    return Resolved(VIDEO, "main", track, None, 10.0, "t", "c", "UC", license_text, 1)


def look(watch: Watch, source: str = "innertube") -> LicenseConfirmation:
    """A look after a first answer by `source`."""
    first = AnswerRow(VIDEO, License.CREATIVE_COMMONS, source, 0.0)

    async def answer_of(video_id: str) -> AnswerRow:
        return first

    return LicenseConfirmation(watch.router, answer_of)


@pytest.mark.parametrize("seen", [CC, STANDARD, UNKNOWN])
def test_it_says_what_the_watch_page_says(seen: License) -> None:
    """Also a license that has changed since the sweep."""

    async def main() -> None:
        watch = Watch(Page("innertube"), Page("watch_page", {VIDEO: seen}))
        told = await look(watch)(resolved())
        assert told is not None
        assert told.license is seen

    run(main())


def test_a_page_that_lost_its_row_costs_no_clip() -> None:
    """Contradicting the sweep, it must read the known videos first: misread, it counts nothing."""

    async def main() -> None:
        page = Page("watch_page", {VIDEO: CC})
        watch = Watch(page)
        second = look(watch)
        assert await second(resolved()) is not None
        page.known = dict.fromkeys(KNOWN_CC, STANDARD) | {VIDEO: STANDARD}
        assert await second(resolved()) is None
        assert watch.bad
        assert await second(resolved()) is None

    run(main())


def test_nobody_is_asked_twice_in_the_same_way() -> None:
    """Where the watch page was the first to tell, or is no source, there is no second look."""

    async def main() -> None:
        page = Page("watch_page")
        assert await look(Watch(page), "watch_page")(resolved()) is None
        assert page.asked == []
        assert await look(Watch(Page("innertube")))(resolved()) is None

    run(main())


@pytest.mark.parametrize(
    ("words", "license_"),
    [
        ("Creative Commons Attribution licence (reuse allowed)", CC),
        ("Creative-Commons-Lizenz mit Quellenangabe (Wiederverwendung erlaubt)", CC),
        ("Standard YouTube License", STANDARD),
    ],
)
def test_words_that_yt_dlp_saw_are_enough(words: str, license_: License) -> None:
    """No request where the words are known."""

    async def main() -> None:
        page = Page("watch_page")
        told = await look(Watch(page))(resolved(words))
        assert told is not None
        assert (told.license, told.source, told.text) == (license_, "yt-dlp", words)
        assert page.asked == []

    run(main())


def test_words_nobody_knows_are_not_judged() -> None:
    """A language without the Latin words: the page is asked."""

    async def main() -> None:
        watch = Watch(Page("watch_page", {VIDEO: CC}))
        told = await look(watch)(resolved("クリエイティブ・コモンズ"))
        assert told is not None
        assert told.license is CC

    run(main())


def test_trouble_with_the_page_is_no_verdict() -> None:
    """A server error or a source set aside: the first answer stands; a refusal slows down."""

    async def main() -> None:
        page = Page("watch_page")
        watch = Watch(page)
        await watch.router.ready(watch.source_health("watch_page"))
        page.errors_of[VIDEO] = ServerFault("503")
        assert await look(watch)(resolved()) is None
        page.errors_of[VIDEO] = Refused("429")
        with pytest.raises(Refused):
            await look(watch)(resolved())
        page.errors_of[VIDEO] = SourceUnusable("later", until=watch.clock.time() + 9)
        assert await look(watch)(resolved()) is None
        assert watch.router.named("watch_page") is None

    run(main())
