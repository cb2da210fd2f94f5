"""Reads the license, and who made the video, out of what YouTube answers.

Pure functions on parsed JSON. In a `next` answer or `ytInitialData` three answers are kept apart:
Creative Commons (a row links to it), standard (the container for rows is there, readable, and holds
no such row), unknown (all else). An item of the Data API names its license.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from ascc_async.model import CREATIVE_COMMONS_LINK, Evidence, License, LicenseAnswer
from ascc_async.youtube.evidence import evidence_in
from ascc_async.youtube.json_reading import inside, links_in, listed, string, text_of, walk
from ascc_async.youtube.messages import Verdict

_DATA_API_LICENSES = {"creativeCommon": License.CREATIVE_COMMONS, "youtube": License.STANDARD}

# The words of the row change with language and spelling, its link does not.
LICENSE_PATH = "/t/creative_commons"

# What a container may hold and still be understood. A part with another name may be the license
# under a new name: then the page does not tell.
_CONTAINER_KEYS = frozenset({"rows", "collapsedItemCount", "trackingParams"})
_ROW_KINDS = frozenset(
    {"metadataRowRenderer", "richMetadataRowRenderer", "metadataRowHeaderRenderer"}
)
# «License» in the languages most likely met: a row of that title without the known link is news.
# The whole title: older music pages have a row «Licensed to YouTube by».
_LICENSE_TITLE = re.compile(
    r"(l?li[cs]en\w*|lizenz\w*|лиценз\w*|ліценз\w*|ライセンス|라이선스|许可\w*|授權\w*) ?:?"
)
_SOUNDS_LIKE_IT = ("creative commons", "creativecommons", "クリエイティブ", "creative_commons")


@dataclass(slots=True)  # not frozen: that costs three times as much, two million times
class LicenseReading:
    """What an answer tells. `shows_video`: it describes one at all; `video_id` as it names it;
    `read_from`, with Creative Commons: the answer.
    """

    license: License
    shows_video: bool
    video_id: str = ""
    text: str = ""
    link: str = ""
    title: str = ""
    channel: str = ""
    channel_id: str = ""
    published: str = ""
    logged_out: bool | None = None
    read_from: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)

    def is_about(self, video_id: str) -> bool:
        """Whether this is the video's answer, as far as it names one."""
        return self.video_id in ("", video_id)

    def answer(
        self,
        video_id: str,
        source: str,
        checked_at: float,
        asked_by: str,
        *,
        detail: str = "",
        address: str = "",
        sent: str = "",
    ) -> LicenseAnswer:
        """The record of it. `detail`: why it is unknown; `address` and `sent`: as in `Evidence`."""
        if not self.is_about(video_id):
            return LicenseAnswer(
                video_id,
                License.UNKNOWN,
                source,
                checked_at,
                detail=f"the answer was about {self.video_id}",
                asked_by=asked_by,
            )
        kept = evidence_in(self.read_from) if self.read_from is not None and address else ""
        return LicenseAnswer(
            video_id=video_id,
            license=self.license,
            source=source,
            checked_at=checked_at,
            text=self.text,
            link=self.link,
            title=self.title,
            channel=self.channel,
            channel_id=self.channel_id,
            published=self.published,
            detail=detail if self.license is License.UNKNOWN else "",
            asked_by=asked_by,
            evidence=Evidence(video_id, source, checked_at, address, sent, kept) if kept else None,
        )

    def answer_without_video(
        self, video_id: str, source: str, checked_at: float, verdict: Verdict, identity: str
    ) -> LicenseAnswer:
        """The record where no video is shown: what the player said of it to `identity`."""
        answer = self.answer(
            video_id, source, checked_at, identity, detail=verdict.words or "the page did not tell"
        )
        if not self.is_about(video_id):
            return answer
        if verdict.reason is not None:
            return replace(answer, license=License.UNAVAILABLE, reason=verdict.reason)
        return replace(answer, bare_by=identity if verdict.unavailable else "", shown=False)


def read_watch_answer(answer: Mapping[str, Any]) -> LicenseReading:
    """Read a `next` answer or `ytInitialData`, masked or in full."""
    results = inside(answer, "contents", "twoColumnWatchNextResults", "results", "results")
    primary: Mapping[str, Any] = {}
    secondary: Mapping[str, Any] = {}
    for entry in listed(results.get("contents")):
        if entry:  # of most, a mask leaves nothing
            primary = inside(entry, "videoPrimaryInfoRenderer") or primary
            secondary = inside(entry, "videoSecondaryInfoRenderer") or secondary
    license_, text, link = _license_in(secondary.get("metadataRowContainer"))
    owner = inside(secondary, "owner", "videoOwnerRenderer")
    # The link to the channel is at the renderer, or at the name's words.
    channel_id = ""
    for name in (owner, *listed(inside(owner, "title").get("runs"))):
        endpoint = inside(name, "navigationEndpoint", "browseEndpoint")
        channel_id = channel_id or string(endpoint.get("browseId"))
    login = inside(answer, "responseContext", "mainAppWebResponseContext").get("loggedOut")
    # In a page the player names it, too, and for certain.
    named = string(inside(answer, "videoDetails").get("videoId"))
    named = named or string(inside(answer, "currentVideoEndpoint", "watchEndpoint").get("videoId"))
    return LicenseReading(
        license=license_,
        shows_video=bool(primary or secondary),
        video_id=named,
        text=text,
        link=link,
        title=text_of(primary.get("title")),
        # Of several channels' common video there is one text, with another name.
        channel=text_of(owner.get("title")) or text_of(owner.get("attributedTitle")),
        channel_id=channel_id,
        published=text_of(primary.get("dateText")),
        logged_out=login if isinstance(login, bool) else None,
        read_from=answer if license_ is License.CREATIVE_COMMONS else None,
    )


def read_item(item: Any) -> LicenseReading:
    """Read an item of the Data API's list of videos."""
    words = string(inside(item, "status").get("license"))
    license_ = _DATA_API_LICENSES.get(words, License.UNKNOWN)
    is_shareable = license_ is License.CREATIVE_COMMONS
    snippet = inside(item, "snippet")
    return LicenseReading(
        license=license_,
        shows_video=True,
        video_id=string(inside(item).get("id")),
        text=words,
        link=CREATIVE_COMMONS_LINK if is_shareable else "",
        title=string(snippet.get("title")),
        channel=string(snippet.get("channelTitle")),
        channel_id=string(snippet.get("channelId")),
        published=string(snippet.get("publishedAt")),
        read_from={"items": [item]} if is_shareable else None,
    )


def read_again(received: str) -> LicenseReading:
    """What today's parser makes of `Evidence.received`. Raises ValueError for what is no JSON."""
    answer = inside(json.loads(received))
    items = listed(answer.get("items"))
    return read_item(items[0]) if items else read_watch_answer(answer)


def _license_in(container: Any) -> tuple[License, str, str]:
    """The license, the row's words and its link."""
    if not isinstance(container, dict) or set(container) != {"metadataRowContainerRenderer"}:
        return License.UNKNOWN, "", ""
    renderer = container["metadataRowContainerRenderer"]
    if not isinstance(renderer, dict):
        return License.UNKNOWN, "", ""
    rows = renderer.get("rows", [])
    link = next(filter(_is_license, links_in(rows)), "")
    if link:
        # The row's words: the text of the smallest part that holds both words and the link.
        texts = [
            text_of(part.get("text")) or text_of(part)
            for _, part in walk(rows)
            if isinstance(part, dict) and link in links_in(part)
        ]
        deepest = next(filter(None, reversed(texts)), "")  # what lies deeper comes later
        return License.CREATIVE_COMMONS, deepest, link
    if _holds_no_license(renderer, rows):
        return License.STANDARD, "", ""
    return License.UNKNOWN, "", ""


def _holds_no_license(renderer: Mapping[str, Any], rows: Any) -> bool:
    """Whether the container can be read well enough to say that no license row is in it."""
    if not isinstance(rows, list) or not _CONTAINER_KEYS.issuperset(renderer):
        return False
    # Some answers count rows and leave them out.
    if renderer.get("collapsedItemCount", 0) and not rows:
        return False
    for row in rows:
        # Each row must be readable in full, and about something else than the license.
        if not isinstance(row, dict) or not row or not _ROW_KINDS.issuperset(row):
            return False
        if "metadataRowRenderer" in row:
            plain = inside(row, "metadataRowRenderer")
            contents = listed(plain.get("contents"))
            if not contents or not all(text_of(part) for part in contents):
                return False
            if _LICENSE_TITLE.fullmatch(text_of(plain.get("title")).strip().lower()):
                return False
    # Words without the link: the page changed, it does not tell.
    texts = [value.lower() for _, value in walk(rows) if isinstance(value, str)]
    return not any(sound in text for text in texts for sound in _SOUNDS_LIKE_IT)


def _is_license(url: str) -> bool:
    try:
        return urlsplit(url).path.rstrip("/").lower() == LICENSE_PATH
    except ValueError:  # `http://[` is no address, whoever wrote it
        return False
