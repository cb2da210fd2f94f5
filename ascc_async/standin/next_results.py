"""The results of a `next` answer: title and date, owner, and the row that tells the license."""

from __future__ import annotations

from typing import Any, Literal

from ascc_async.model import CREATIVE_COMMONS_LINK
from ascc_async.standin.filler import command, tracking
from ascc_async.standin.templates import hole
from ascc_async.standin.wording import Words
from ascc_async.standin.world_settings import Pages

Shape = Literal["cc", "standard", "no_container", "no_results", "gone", "gone_bare"]


def contents(shape: Shape, words: Words, pages: Pages, members: bool) -> list[dict[str, Any]]:
    """What stands beneath the player: title, date, owner, and the place of the license."""
    primary: dict[str, Any] = {
        "title": {"runs": [{"text": hole("title")}]},
        "viewCount": {
            "videoViewCountRenderer": {
                "viewCount": {"simpleText": f"{hole('views')} {words.views}"},
                "originalViewCount": "0",
            }
        },
        "videoActions": {"menuRenderer": {"items": [], "trackingParams": tracking()}},
        "trackingParams": tracking(),
        "dateText": {"simpleText": hole("date")},
    }
    if members:
        primary["badges"] = [
            {
                "metadataBadgeRenderer": {
                    "style": "BADGE_STYLE_TYPE_MEMBERS_ONLY",
                    "label": "Members only",
                    "trackingParams": tracking(),
                }
            }
        ]
    return [
        {"videoPrimaryInfoRenderer": primary},
        {"videoSecondaryInfoRenderer": _secondary(shape, words, pages)},
        {"compositeVideoPrimaryInfoRenderer": {}},
        {"itemSectionRenderer": {"contents": [], "sectionIdentifier": "comment-item-section"}},
    ]


def _secondary(shape: Shape, words: Words, pages: Pages) -> dict[str, Any]:
    secondary: dict[str, Any] = {
        "owner": {"videoOwnerRenderer": _owner()},
        "subscribeButton": {
            "subscribeButtonRenderer": {
                "buttonText": {"runs": [{"text": words.subscribe}]},
                "subscribed": False,
                "enabled": True,
                "type": "FREE",
                "channelId": hole("channel_id"),
            }
        },
    }
    if shape != "no_container" and pages.container != "gone":
        name = "metadataRowContainer" + ("V2" if pages.container == "renamed" else "")
        secondary[name] = {"metadataRowContainerRenderer": _rows(shape, words, pages)}
    return secondary | {
        "showMoreText": {"simpleText": "...more"},
        "trackingParams": tracking(),
        "defaultExpanded": False,
        "descriptionCollapsedLines": 3,
        "attributedDescription": {"content": "A description.\n\nWith two paragraphs."},
    }


def _owner() -> dict[str, Any]:
    browse = command(
        "/" + hole("handle"),
        "WEB_PAGE_TYPE_CHANNEL",
        browseEndpoint={
            "browseId": hole("channel_id"),
            "canonicalBaseUrl": "/" + hole("handle"),
        },
    )
    return {
        "thumbnail": {
            "thumbnails": [{"url": "https://yt3.ggpht.com/a=s48", "width": 48, "height": 48}]
        },
        "title": {"runs": [{"text": hole("channel"), "navigationEndpoint": browse}]},
        "subscriptionButton": {"type": "FREE"},
        "navigationEndpoint": browse,
        "subscriberCountText": {"simpleText": "23.2k subscribers"},
        "trackingParams": tracking(),
    }


def _rows(shape: Shape, words: Words, pages: Pages) -> dict[str, Any]:
    rest = {"collapsedItemCount": 0, "trackingParams": tracking()}
    if shape != "cc" or pages.license_row == "gone":
        return rest
    text = pages.license_text or words.creative_commons
    link = command(
        CREATIVE_COMMONS_LINK, "WEB_PAGE_TYPE_UNKNOWN", urlEndpoint={"url": CREATIVE_COMMONS_LINK}
    )
    row = {
        "title": {"runs": [{"text": words.license_title}]},
        "contents": [{"runs": [{"text": text, "navigationEndpoint": link}]}],
        "trackingParams": tracking(),
    }
    name = "metadataRowRenderer" if pages.license_row == "there" else "metadataRowViewModel"
    return {"rows": [{name: row}]} | rest
