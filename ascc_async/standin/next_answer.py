"""`youtubei/v1/next` and the page's `ytInitialData`: a template per shape, holes for the rest.

Only results, owner and license row mean anything; the rest is there because YouTube's answers
have it, and because a parser must find its way through 300 KB of it.
"""

from __future__ import annotations

import json
import random
from base64 import urlsafe_b64encode
from functools import cache
from typing import Any, Literal

from ascc_async.model import CREATIVE_COMMONS_LINK, License, Reason
from ascc_async.standin.playability import CREATIVE_COMMONS
from ascc_async.standin.templates import hole, quoted
from ascc_async.standin.world import Video
from ascc_async.standin.world_settings import PageSettings

Shape = Literal["cc", "standard", "no_container", "no_results", "gone", "gone_bare"]
VISITOR = "CgtYT3BlbkFzY2NTdCjIw5fRBjIKCgJDSBIEGgAgHQ%3D%3D"
TRACKING = "CMEBELovIhMI6OmAw4j2lAMVQScGAB0o-TBH"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def shape_of(video: Video) -> Shape:
    """Which of the shapes tells this video's truth."""
    match video.license:
        case License.CREATIVE_COMMONS:
            return "cc"
        case License.STANDARD:
            return "standard"
        case License.UNAVAILABLE:
            return ("gone", "gone_bare")[video.number % 2]
    # What an honest parser must take for «unknown», never for «no».
    return ("no_container", "no_results")[video.number % 2]


def values(video: Video) -> dict[str, bytes]:
    """What fills the holes."""
    year, month, day = video.published.split("-")
    return {
        "id": video.video_id.encode(),
        "title": quoted(video.title),
        "channel": quoted(video.channel),
        "channel_id": video.channel_id.encode(),
        "handle": video.handle.encode(),
        "date": f"{_MONTHS[int(month) - 1]} {int(day)}, {year}".encode(),
        "views": str(video.views).encode(),
    }


def build(shape: Shape, pages: PageSettings, *, members: bool, signed_in: bool) -> Any:
    """The answer of this shape, with holes. `members`: with the members-only badge."""
    answer: dict[str, Any] = {
        "responseContext": {
            "visitorData": VISITOR,
            # Clients read here whether their cookies still count.
            "mainAppWebResponseContext": {"loggedOut": not signed_in},
        },
        "contents": {"twoColumnWatchNextResults": _columns(shape, pages, members)},
        "currentVideoEndpoint": _command(
            "/watch?v=" + hole("id"), "WEB_PAGE_TYPE_WATCH", watchEndpoint={"videoId": hole("id")}
        ),
        "trackingParams": TRACKING,
    }
    # YouTube answers for a video that is gone in two ways, one of them nearly empty.
    if shape != "gone_bare":
        answer["playerOverlays"] = {"playerOverlayRenderer": _overlay(shape, pages)}
    if not shape.startswith("gone"):
        answer["engagementPanels"] = [
            {"engagementPanelSectionListRenderer": _description_panel(shape, pages)}
        ]
    logo = {
        "iconImage": {"iconType": "YOUTUBE_LOGO"},
        "tooltipText": {"runs": [{"text": "YouTube Home"}]},
    }
    answer["topbar"] = {"desktopTopbarRenderer": {"logo": {"topbarLogoRenderer": logo}}}
    return answer


def is_members_only(video: Video) -> bool:
    """Whether the page carries the members-only badge."""
    return video.reason is Reason.MEMBERS_ONLY


def _columns(shape: Shape, pages: PageSettings, members: bool) -> dict[str, Any]:
    autoplay = {"autoplay": {"sets": [], "countDownSecs": 5, "trackingParams": TRACKING}}
    if shape == "gone":
        return {"results": {"results": {"trackingParams": TRACKING}}, "autoplay": autoplay}
    if shape == "gone_bare":
        return {"autoplay": autoplay}
    columns: dict[str, Any] = {}
    # A parser that finds no results must say «unknown», whatever else the answer holds.
    if shape != "no_results" and pages.results != "gone":
        name = "results" if pages.results == "there" else "primaryResults"
        results = [
            {"videoPrimaryInfoRenderer": _primary(members)},
            {"videoSecondaryInfoRenderer": _secondary(shape, pages)},
            {"itemSectionRenderer": {"contents": [], "sectionIdentifier": "comment-item-section"}},
        ]
        columns[name] = {name: {"contents": results}}
    columns["secondaryResults"] = {
        "secondaryResults": {
            "results": _other_videos(pages.kilobytes * 6 // 10),
            "trackingParams": TRACKING,
            "targetId": "watch-next-feed",
        }
    }
    return columns | {"autoplay": autoplay}


def _primary(members: bool) -> dict[str, Any]:
    """What a page shows below the player: title, views and date."""
    views = {"viewCount": {"simpleText": f"{hole('views')} views"}}
    primary: dict[str, Any] = {
        "title": {"runs": [{"text": hole("title")}]},
        "viewCount": {"videoViewCountRenderer": views},
        "dateText": {"simpleText": hole("date")},
        "trackingParams": TRACKING,
    }
    if members:
        badge = {"style": "BADGE_STYLE_TYPE_MEMBERS_ONLY", "label": "Members only"}
        primary["badges"] = [{"metadataBadgeRenderer": badge}]
    return primary


def _secondary(shape: Shape, pages: PageSettings) -> dict[str, Any]:
    """The owner, and the container whose only row tells the license."""
    handle = "/" + hole("handle")
    endpoint = {"browseId": hole("channel_id"), "canonicalBaseUrl": handle}
    browse = _command(handle, "WEB_PAGE_TYPE_CHANNEL", browseEndpoint=endpoint)
    owner = {
        "title": {"runs": [{"text": hole("channel"), "navigationEndpoint": browse}]},
        "navigationEndpoint": browse,
        "subscriberCountText": {"simpleText": "23.2k subscribers"},
        "trackingParams": TRACKING,
    }
    secondary: dict[str, Any] = {
        "owner": {"videoOwnerRenderer": owner},
        "subscribeButton": {"subscribeButtonRenderer": {"channelId": hole("channel_id")}},
    }
    if shape != "no_container" and pages.container != "gone":
        # A standard license has no row: YouTube names Creative Commons alone.
        has_row = shape == "cc" and pages.license_row != "gone"
        rows = {"rows": [_license_row(pages)]} if has_row else {}
        name = "metadataRowContainer" + ("V2" if pages.container == "renamed" else "")
        secondary[name] = {
            "metadataRowContainerRenderer": {
                **rows, "collapsedItemCount": 0, "trackingParams": TRACKING
            }
        }  # fmt: skip
    description = {"content": "A description.\n\nWith two paragraphs."}
    return secondary | {"trackingParams": TRACKING, "attributedDescription": description}


def _license_row(pages: PageSettings) -> dict[str, Any]:
    # The words change with the language; the link is what counts.
    text = pages.license_text or CREATIVE_COMMONS
    link = _command(
        CREATIVE_COMMONS_LINK, "WEB_PAGE_TYPE_UNKNOWN", urlEndpoint={"url": CREATIVE_COMMONS_LINK}
    )
    # Renderers become view models, one after another, at YouTube's own pace.
    name = "metadataRowRenderer" if pages.license_row == "there" else "metadataRowViewModel"
    return {
        name: {
            "title": {"runs": [{"text": "License"}]},
            "contents": [{"runs": [{"text": text, "navigationEndpoint": link}]}],
            "trackingParams": TRACKING,
        }
    }


def _overlay(shape: Shape, pages: PageSettings) -> dict[str, Any]:
    if shape == "gone":
        return {"decoratedPlayerBarRenderer": {}}
    ending = {"results": _other_videos(pages.kilobytes * 15 // 100)}
    overlay: dict[str, Any] = {"endScreen": {"watchNextEndScreenRenderer": ending}}
    if shape != "no_results":
        details = {
            "title": {"simpleText": hole("title")},
            "subtitle": {"runs": [{"text": hole("channel")}]},
        }
        overlay["videoDetails"] = {"playerOverlayVideoDetailsRenderer": details}
    return overlay


def _description_panel(shape: Shape, pages: PageSettings) -> dict[str, Any]:
    """The side panel that repeats title, channel and date."""
    cards = {"horizontalCardListRenderer": {"cards": _other_videos(pages.kilobytes // 5)}}
    if shape == "no_results":
        return {"content": cards}
    header = {
        "title": {"runs": [{"text": hole("title")}]},
        "channel": {"simpleText": hole("channel")},
        "publishDate": {"simpleText": hole("date")},
    }
    # Title and channel once more: a parser that takes the first it meets must meet the right one.
    items = [{"videoDescriptionHeaderRenderer": header}, cards]
    return {"content": {"structuredDescriptionContentRenderer": {"items": items}}}


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
def _other_videos(kilobytes: int) -> list[dict[str, Any]]:
    """Cards of other videos, as many kilobytes as asked: what makes real answers large."""
    # Seeded: two answers of the same size are the same, so that a diff shows what differs.
    rng, cards, size = random.Random(kilobytes), [], 0
    while size < kilobytes * 1000:
        cards.append(_card(rng))
        size += len(json.dumps(cards[-1], separators=(",", ":")))
    return cards


def _card(rng: random.Random) -> dict[str, Any]:
    """Nested as deep as a real one: parsing it costs a client as much."""

    def noise(length: int) -> str:
        return urlsafe_b64encode(rng.randbytes(length)).decode()

    video_id = noise(9)[:11]
    watch = {"videoId": video_id, "nofollow": True}
    tap = _command(f"/watch?v={video_id}", "WEB_PAGE_TYPE_WATCH", watchEndpoint=watch)
    address = f"https://i.ytimg.com/vi/{video_id}/hqdefault.jpg?sqp={noise(40)}&rs=AOn4CL"
    pictures = [{"url": address, "width": width} for width in (168, 336)]
    menu = [
        {
            "listItemViewModel": {
                "title": {"content": label},
                "loggingDirectives": {"trackingParams": noise(30)},
                "onTap": {"innertubeCommand": _command("", "WEB_PAGE_TYPE_UNKNOWN")},
            }
        }
        for label in ("Add to queue", "Save to Watch later", "Save to playlist", "Share")
    ]
    metadata = {
        "title": {"content": f"Another video, number {rng.randrange(10**6)}"},
        "metadata": {"metadataParts": [{"text": {"content": "Some other channel, 21k views"}}]},
        "menuButton": {"buttonViewModel": {"onTap": {"listItems": menu}}},
    }
    return {
        "lockupViewModel": {
            "contentImage": {"thumbnailViewModel": {"image": {"sources": pictures}}},
            "metadata": {"lockupMetadataViewModel": metadata},
            "contentId": video_id,
            "contentType": "LOCKUP_CONTENT_TYPE_VIDEO",
            "rendererContext": {"commandContext": {"onTap": {"innertubeCommand": tap}}},
        }
    }
