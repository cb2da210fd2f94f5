"""Reads the license, and who made the video, out of a `next` answer or of `ytInitialData`.

Pure functions on parsed JSON. Three answers are kept apart: Creative Commons (a row links to it),
standard (the place for the row is there, readable, and holds no such row), unknown (all else).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ascc_async.model import License
from ascc_async.youtube.reasons import text_of

LICENSE_PATH = "/t/creative_commons"

# What a container may hold and still be understood. A part with another name may be the license
# under a new name: then the page does not tell.
_CONTAINER_KEYS = frozenset({"rows", "collapsedItemCount", "trackingParams"})
_ROW_KINDS = frozenset(
    {"metadataRowRenderer", "richMetadataRowRenderer", "metadataRowHeaderRenderer"}
)
# «License» in the languages most likely met: a row of that title without the known link is news.
_LICENSE_TITLE = re.compile(
    r"li[cs]en|lizenz|licença|licenza|licenc|лиценз|ліценз|ライセンス|라이선스|许可|授權"
)
_SOUNDS_LIKE_IT = ("creative commons", "creativecommons", "クリエイティブ", "creative_commons")


@dataclass(slots=True)  # not frozen: that costs three times as much, two million times
class Reading:
    """What an answer tells. `there`: it describes a video at all; `video_id` as it names it."""

    license: License
    there: bool
    video_id: str = ""
    text: str = ""
    link: str = ""
    title: str = ""
    channel: str = ""
    channel_id: str = ""
    published: str = ""
    logged_out: bool | None = None


def read_watch_answer(answer: Mapping[str, Any]) -> Reading:
    """Read a `next` answer or `ytInitialData`, masked or in full."""
    primary: Mapping[str, Any] = {}
    secondary: Mapping[str, Any] = {}
    for entry in _results(answer):
        primary = _inside(entry, "videoPrimaryInfoRenderer") or primary
        secondary = _inside(entry, "videoSecondaryInfoRenderer") or secondary
    try:
        license_, text, link = _license(secondary.get("metadataRowContainer"))
    except RecursionError:  # nested deeper than any page: nobody's answer
        license_, text, link = License.UNKNOWN, "", ""
    channel, channel_id = _owner(_inside(secondary, "owner", "videoOwnerRenderer"))
    return Reading(
        license=license_,
        there=bool(primary or secondary),
        video_id=_video_id(answer),
        text=text,
        link=link,
        title=text_of(primary.get("title")),
        channel=channel,
        channel_id=channel_id,
        published=text_of(primary.get("dateText")),
        logged_out=logged_out_in(answer),
    )


def logged_out_in(answer: Mapping[str, Any]) -> bool | None:
    """Whether YouTube took the request as a guest's; None when the answer does not say."""
    context = _inside(answer, "responseContext", "mainAppWebResponseContext")
    value = context.get("loggedOut")
    return value if isinstance(value, bool) else None


def _results(answer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    columns = _inside(answer, "contents", "twoColumnWatchNextResults", "results", "results")
    entries = columns.get("contents")
    for entry in entries if isinstance(entries, list) else ():
        if entry and isinstance(entry, dict):  # of most, a mask leaves nothing
            yield entry


def _license(container: Any) -> tuple[License, str, str]:
    if not isinstance(container, dict) or set(container) != {"metadataRowContainerRenderer"}:
        return License.UNKNOWN, "", ""
    renderer = container["metadataRowContainerRenderer"]
    if not isinstance(renderer, dict):
        return License.UNKNOWN, "", ""
    rows = renderer.get("rows", [])
    link = next((url for url in _urls(rows) if _is_license(url)), "")
    if link:
        return License.CREATIVE_COMMONS, _words_linked(rows, link), link
    if _understood(renderer, rows):
        return License.STANDARD, "", ""
    return License.UNKNOWN, "", ""


def _understood(renderer: Mapping[str, Any], rows: Any) -> bool:
    """Whether the container can be read well enough to say that no license row is in it."""
    if not isinstance(rows, list) or not _CONTAINER_KEYS.issuperset(renderer):
        return False
    if renderer.get("collapsedItemCount", 0) and not rows:
        return False
    if not all(_is_other_row(row) for row in rows):
        return False
    # Words without the link: the page changed, it does not tell.
    return not any(sound in text.lower() for text in _strings(rows) for sound in _SOUNDS_LIKE_IT)


def _is_other_row(row: Any) -> bool:
    """Whether a row can be read in full, and is about something else than the license."""
    if not isinstance(row, dict) or not row or not _ROW_KINDS.issuperset(row):
        return False
    plain = _inside(row, "metadataRowRenderer")
    if not plain:
        return "metadataRowRenderer" not in row
    contents = plain.get("contents")
    if not isinstance(contents, list) or not all(text_of(part) for part in contents):
        return False
    return bool(contents) and not _LICENSE_TITLE.search(text_of(plain.get("title")).lower())


def _is_license(url: str) -> bool:
    try:
        return urlsplit(url).path.rstrip("/").lower() == LICENSE_PATH
    except ValueError:  # «http://[»: no address, whoever wrote it
        return False


def _urls(node: Any) -> Iterator[str]:
    """Every link beneath a node, whatever the renderers around it are called."""
    if isinstance(node, list):
        for inner in node:
            yield from _urls(inner)
    elif isinstance(node, dict):
        for name, inner in node.items():
            if name == "url" and isinstance(inner, str):
                yield inner
            else:
                yield from _urls(inner)


def _words_linked(node: Any, link: str) -> str:
    """The text of the smallest part that holds both words and the link."""
    if link not in _urls(node):
        return ""
    inner = node if isinstance(node, list) else node.values() if isinstance(node, dict) else ()
    deeper = (words for part in inner if (words := _words_linked(part, link)))
    own = text_of(node.get("text")) or text_of(node) if isinstance(node, dict) else ""
    return next(deeper, "") or own


def _strings(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, list | dict):
        for inner in node if isinstance(node, list) else node.values():
            yield from _strings(inner)


def _owner(owner: Mapping[str, Any]) -> tuple[str, str]:
    name = text_of(owner.get("title")) or text_of(owner.get("attributedTitle"))
    for endpoint in _endpoints(owner):
        channel_id = _inside(endpoint, "browseEndpoint").get("browseId")
        if isinstance(channel_id, str) and channel_id:
            return name, channel_id
    return name, ""


def _endpoints(owner: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield _inside(owner, "navigationEndpoint")
    runs = _inside(owner, "title").get("runs")
    for run in runs if isinstance(runs, list) else ():
        yield _inside(run, "navigationEndpoint")


def _video_id(answer: Mapping[str, Any]) -> str:
    value = _inside(answer, "currentVideoEndpoint", "watchEndpoint").get("videoId")
    return value if isinstance(value, str) else ""


def _inside(node: Any, *names: str) -> Mapping[str, Any]:
    """The object at the end of a path of names; empty where there is none."""
    for name in names:
        node = node.get(name) if isinstance(node, dict) else None
    return node if isinstance(node, dict) else {}
