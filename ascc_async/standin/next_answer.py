"""`youtubei/v1/next` and the page's `ytInitialData`: one answer, and what is missing in others.

Only results, owner and license row mean anything; the rest is there because YouTube's answers
have it, and because a parser must find its way through 300 KB of it.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Any

from ascc_async.model import CREATIVE_COMMONS_LINK, License, Reason
from ascc_async.standin.replies import dumps
from ascc_async.standin.world import Video
from ascc_async.standin.world_settings import PageSettings

CREATIVE_COMMONS = "Creative Commons Attribution license (reuse allowed)"
VISITOR = "CgtYT3BlbkFzY2NTdCjIw5fRBjIKCgJDSBIEGgAgHQ%3D%3D"
TRACKING = "CMEBELovIhMI6OmAw4j2lAMVQScGAB0o-TBH"
_COLUMNS = "contents.twoColumnWatchNextResults"
_RESULTS = f"{_COLUMNS}.results"
_CONTENTS = f"{_RESULTS}.results.contents"
_OTHERS = f"{_COLUMNS}.secondaryResults"
_CONTAINER = f"{_CONTENTS}.1.videoSecondaryInfoRenderer.metadataRowContainer"
_ROWS = f"{_CONTAINER}.metadataRowContainerRenderer.rows"
_OVERLAY = "playerOverlays.playerOverlayRenderer"
_PANELS = "engagementPanels"
_CARDS = "cards of other videos"  # stands for them until the answer is text
_PANEL_HEADER = (
    f"{_PANELS}.0.engagementPanelSectionListRenderer.content"
    ".structuredDescriptionContentRenderer.items.0"
)
# By license, in one or two ways: what is not there. YouTube names Creative Commons alone; what does
# not tell an honest parser must take for «unknown», never for «no»; of a video that is gone YouTube
# answers with next to nothing.
_MISSING: dict[License, tuple[tuple[str, ...], ...]] = {
    License.CREATIVE_COMMONS: ((),),
    License.STANDARD: ((_ROWS,),),
    License.UNKNOWN: ((_CONTAINER,), (_RESULTS, f"{_OVERLAY}.videoDetails", _PANEL_HEADER)),
    License.UNAVAILABLE: (
        (_CONTENTS, _OTHERS, f"{_OVERLAY}.endScreen", f"{_OVERLAY}.videoDetails", _PANELS),
        (_RESULTS, _OTHERS, "playerOverlays", _PANELS),
    ),
}
# By the name of the setting: what is taken out when it is gone, what gets another name, and which.
# Renderers become view models, one after another, at YouTube's own pace.
_CHANGES = {
    "license_row": (_ROWS, f"{_ROWS}.0.metadataRowRenderer", "metadataRowViewModel"),
    "container": (_CONTAINER, _CONTAINER, "metadataRowContainerV2"),
    "results": (_RESULTS, _RESULTS, "primaryResults"),
}


def next_answer(video: Video, pages: PageSettings, *, signed_in: bool, refused: bool) -> Any:
    """The answer, without the cards of other videos (see `written`). `refused`: to a client that
    YouTube turns away: it shows a page without the video, not an error.
    """
    answer: Any = _whole_answer(video, pages, signed_in)
    ways = _MISSING[License.UNAVAILABLE][:1] if refused else _MISSING[video.license]
    for path in ways[video.number % len(ways)]:
        take_out(answer, path)
    for setting, (part, renamed_part, other_name) in _CHANGES.items():
        state = getattr(pages, setting)
        if state == "gone":
            take_out(answer, part)
        elif state == "renamed":
            take_out(answer, renamed_part, put_back_as=other_name)
    return _reordered(answer) if pages.reordered else answer


def written(answer: Any, pages: PageSettings) -> bytes:
    """The answer, or a part of it, as JSON text with the cards of other videos."""
    # As text at once: dumping 300 KB each time would take milliseconds.
    return dumps(answer).replace(dumps(_CARDS), _cards(pages.kilobytes // 3))


def take_out(answer: Any, path: str, *, put_back_as: str = "") -> None:
    """Take out what stands at the path (keys and list indices); put it back by another name.

    Where the way to it was taken out before, nothing happens.
    """
    *way, last = path.split(".")
    for step in way:
        answer = answer[int(step)] if isinstance(answer, list) else answer.get(step)
        if answer is None:
            return
    if isinstance(answer, list):
        del answer[int(last)]
    elif last in answer:
        part = answer.pop(last)
        if put_back_as:
            answer[put_back_as] = part


def _reordered(value: Any) -> Any:
    """The same with the keys of every object in reverse order."""
    if isinstance(value, dict):
        return {key: _reordered(value[key]) for key in reversed(value)}
    if isinstance(value, list):
        return [_reordered(entry) for entry in value]
    return value


def _whole_answer(video: Video, pages: PageSettings, signed_in: bool) -> dict[str, Any]:
    """The answer about a video as if it were Creative Commons, with everything there is."""
    title, channel, day = video.title, video.channel, date.fromisoformat(video.published)
    when, views = _simple(f"{day:%b} {day.day}, {day.year}"), _simple(f"{video.views} views")
    primary: dict[str, Any] = {
        "title": _runs(title),
        "viewCount": {"videoViewCountRenderer": {"viewCount": views}},
        "dateText": when,
    }
    if video.reason is Reason.MEMBERS_ONLY:
        badge = {"style": "BADGE_STYLE_TYPE_MEMBERS_ONLY", "label": "Members only"}
        primary["badges"] = [{"metadataBadgeRenderer": badge}]
    handle, link = f"/{video.handle}", CREATIVE_COMMONS_LINK
    browse = {"browseId": video.channel_id, "canonicalBaseUrl": handle}
    to_channel = _command(handle, "WEB_PAGE_TYPE_CHANNEL", browseEndpoint=browse)
    owner = {
        "title": _runs(channel, navigationEndpoint=to_channel),
        "navigationEndpoint": to_channel,
    }
    to_license = _command(link, "WEB_PAGE_TYPE_UNKNOWN", urlEndpoint={"url": link})
    # The words change with the language; the link is what counts.
    license_name = _runs(pages.license_text or CREATIVE_COMMONS, navigationEndpoint=to_license)
    license_row = {"title": _runs("License"), "contents": [license_name]}
    rows = {"rows": [{"metadataRowRenderer": license_row}], "collapsedItemCount": 0}
    secondary = {
        "owner": {"videoOwnerRenderer": owner},
        "subscribeButton": {"subscribeButtonRenderer": {"channelId": video.channel_id}},
        "metadataRowContainer": {"metadataRowContainerRenderer": rows},
    }
    contents = [{"videoPrimaryInfoRenderer": primary}, {"videoSecondaryInfoRenderer": secondary}]
    columns = {
        "results": {"results": {"contents": contents}},
        "secondaryResults": {"secondaryResults": {"results": _CARDS}},
        "autoplay": {"autoplay": {"sets": []}},
    }
    # Title and channel once more: a parser that takes the first it meets must meet the right one.
    details = {"title": _simple(title), "subtitle": _runs(channel)}
    overlay = {
        "endScreen": {"watchNextEndScreenRenderer": {"results": _CARDS}},
        "videoDetails": {"playerOverlayVideoDetailsRenderer": details},
    }
    header = {"title": _runs(title), "channel": _simple(channel), "publishDate": when}
    items = [
        {"videoDescriptionHeaderRenderer": header},
        {"horizontalCardListRenderer": {"cards": _CARDS}},
    ]
    panel = {"content": {"structuredDescriptionContentRenderer": {"items": items}}}
    watch, address = {"videoId": video.video_id}, f"/watch?v={video.video_id}"
    return {
        "responseContext": {
            "visitorData": VISITOR,
            # Clients read here whether their cookies still count.
            "mainAppWebResponseContext": {"loggedOut": not signed_in},
        },
        "contents": {"twoColumnWatchNextResults": columns},
        "currentVideoEndpoint": _command(address, "WEB_PAGE_TYPE_WATCH", watchEndpoint=watch),
        "playerOverlays": {"playerOverlayRenderer": overlay},
        "engagementPanels": [{"engagementPanelSectionListRenderer": panel}],
        "trackingParams": TRACKING,
    }


def _simple(text: str) -> dict[str, Any]:
    return {"simpleText": text}


def _runs(text: str, **more: Any) -> dict[str, Any]:
    return {"runs": [{"text": text, **more}]}


def _command(url: str, page: str, **endpoint: Any) -> dict[str, Any]:
    """A navigation endpoint as every link in an answer has one."""
    return {
        "clickTrackingParams": "CAAQg2ciEwjo6YDDiPaUAxVBJwYAHSj5MEfKAQSIv_z2",
        "commandMetadata": {
            "webCommandMetadata": {"url": url, "webPageType": page, "rootVe": 83769}
        },
        **endpoint,
    }


@cache
def _cards(kilobytes: int) -> bytes:
    """Cards of other videos, as many kilobytes as asked: what makes real answers large."""
    # Nested as deep as a real one: parsing it costs a client as much.
    address = "https://i.ytimg.com/vi/OtherVideo1/hqdefault.jpg?sqp=-oaymwEbCNIBEHZIVfKriqkDDggB"
    menu = [
        {
            "listItemViewModel": {
                "title": {"content": label},
                "onTap": {"innertubeCommand": _command("", "WEB_PAGE_TYPE_UNKNOWN")},
            }
        }
        for label in ("Add to queue", "Save to Watch later", "Save to playlist", "Share")
    ]
    metadata = {
        "title": {"content": "Another video"},
        "metadata": {"metadataParts": [{"text": {"content": "Some channel, 21k views"}}]},
        "menuButton": {"buttonViewModel": {"onTap": {"listItems": menu}}},
    }
    watch = {"videoId": "OtherVideo1", "nofollow": True}
    tap = _command("/watch?v=OtherVideo1", "WEB_PAGE_TYPE_WATCH", watchEndpoint=watch)
    lockup = {
        "contentImage": {"thumbnailViewModel": {"image": {"sources": [{"url": address}]}}},
        "metadata": {"lockupMetadataViewModel": metadata},
        "contentId": "OtherVideo1",
        "rendererContext": {"commandContext": {"onTap": {"innertubeCommand": tap}}},
    }
    card = dumps({"lockupViewModel": lockup})
    return b"[" + b",".join([card] * (kilobytes * 1000 // len(card))) + b"]"
