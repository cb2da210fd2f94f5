"""`youtubei/v1/next` and the page's `ytInitialData`: one answer, and what is missing in others.

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
from ascc_async.standin.templates import hole, quoted, take_out
from ascc_async.standin.world import Video
from ascc_async.standin.world_settings import PageSettings

Shape = Literal["cc", "standard", "no_container", "no_results", "gone", "gone_bare"]
CREATIVE_COMMONS = "Creative Commons Attribution license (reuse allowed)"
VISITOR = "CgtYT3BlbkFzY2NTdCjIw5fRBjIKCgJDSBIEGgAgHQ%3D%3D"
TRACKING = "CMEBELovIhMI6OmAw4j2lAMVQScGAB0o-TBH"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_COLUMNS = "contents.twoColumnWatchNextResults"
_CONTENTS = f"{_COLUMNS}.results.results.contents"
_BADGES = f"{_CONTENTS}.0.videoPrimaryInfoRenderer.badges"
_CONTAINER = f"{_CONTENTS}.1.videoSecondaryInfoRenderer.metadataRowContainer"
_ROWS = f"{_CONTAINER}.metadataRowContainerRenderer.rows"
_OVERLAY = "playerOverlays.playerOverlayRenderer"
_PANEL_HEADER = (
    "engagementPanels.0.engagementPanelSectionListRenderer.content"
    ".structuredDescriptionContentRenderer.items.0"
)
_MISSING: dict[Shape, tuple[str, ...]] = {
    "cc": (),
    # A standard license has no row: YouTube names Creative Commons alone.
    "standard": (_ROWS,),
    # What an honest parser must take for «unknown», never for «no».
    "no_container": (_CONTAINER,),
    "no_results": (f"{_COLUMNS}.results", f"{_OVERLAY}.videoDetails", _PANEL_HEADER),
    # YouTube answers for a video that is gone in two ways, one of them nearly empty.
    "gone": (
        _CONTENTS,
        f"{_COLUMNS}.secondaryResults",
        f"{_OVERLAY}.endScreen",
        f"{_OVERLAY}.videoDetails",
        "engagementPanels",
    ),
    "gone_bare": (
        f"{_COLUMNS}.results",
        f"{_COLUMNS}.secondaryResults",
        "playerOverlays",
        "engagementPanels",
    ),
}
# By the name of the setting: what is taken out when it is gone, what gets another name, and which.
# Renderers become view models, one after another, at YouTube's own pace.
_CHANGES = {
    "license_row": (_ROWS, f"{_ROWS}.0.metadataRowRenderer", "metadataRowViewModel"),
    "container": (_CONTAINER, _CONTAINER, "metadataRowContainerV2"),
    "results": (f"{_COLUMNS}.results", f"{_COLUMNS}.results", "primaryResults"),
}


def shape_of(video: Video) -> Shape:
    """Which of the shapes tells this video's truth."""
    match video.license:
        case License.CREATIVE_COMMONS:
            return "cc"
        case License.STANDARD:
            return "standard"
        case License.UNAVAILABLE:
            return ("gone", "gone_bare")[video.number % 2]
    return ("no_container", "no_results")[video.number % 2]


def is_members_only(video: Video) -> bool:
    """Whether the page carries the members-only badge."""
    return video.reason is Reason.MEMBERS_ONLY


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
    answer = _whole_answer(pages, signed_in)
    for path in (*_MISSING[shape], *(() if members else (_BADGES,))):
        take_out(answer, path)
    for setting, (part, renamed_part, other_name) in _CHANGES.items():
        state = getattr(pages, setting)
        if state == "gone":
            take_out(answer, part)
        elif state == "renamed":
            take_out(answer, renamed_part, put_back_as=other_name)
    return answer


def _whole_answer(pages: PageSettings, signed_in: bool) -> dict[str, Any]:
    """The answer about a Creative Commons video for members, with everything there is."""
    channel = _command(
        "/" + hole("handle"),
        "WEB_PAGE_TYPE_CHANNEL",
        browseEndpoint={"browseId": hole("channel_id"), "canonicalBaseUrl": "/" + hole("handle")},
    )
    primary = {
        "title": {"runs": [{"text": hole("title")}]},
        "viewCount": {
            "videoViewCountRenderer": {"viewCount": {"simpleText": f"{hole('views')} views"}}
        },
        "dateText": {"simpleText": hole("date")},
        "badges": [
            {
                "metadataBadgeRenderer": {
                    "style": "BADGE_STYLE_TYPE_MEMBERS_ONLY", "label": "Members only"
                }
            }
        ],
        "trackingParams": TRACKING,
    }  # fmt: skip
    # The words change with the language; the link is what counts.
    license_name = {
        "text": pages.license_text or CREATIVE_COMMONS,
        "navigationEndpoint": _command(
            CREATIVE_COMMONS_LINK,
            "WEB_PAGE_TYPE_UNKNOWN",
            urlEndpoint={"url": CREATIVE_COMMONS_LINK},
        ),
    }
    license_row = {
        "title": {"runs": [{"text": "License"}]},
        "contents": [{"runs": [license_name]}],
        "trackingParams": TRACKING,
    }
    secondary = {
        "owner": {
            "videoOwnerRenderer": {
                "title": {"runs": [{"text": hole("channel"), "navigationEndpoint": channel}]},
                "navigationEndpoint": channel,
                "subscriberCountText": {"simpleText": "23.2k subscribers"},
                "trackingParams": TRACKING,
            }
        },
        "subscribeButton": {"subscribeButtonRenderer": {"channelId": hole("channel_id")}},
        "metadataRowContainer": {
            "metadataRowContainerRenderer": {
                "rows": [{"metadataRowRenderer": license_row}],
                "collapsedItemCount": 0,
                "trackingParams": TRACKING,
            }
        },
        "trackingParams": TRACKING,
        "attributedDescription": {"content": "A description.\n\nWith two paragraphs."},
    }
    overlay = {
        "decoratedPlayerBarRenderer": {},
        "endScreen": {
            "watchNextEndScreenRenderer": {"results": _other_videos(pages.kilobytes * 15 // 100)}
        },
        "videoDetails": {
            "playerOverlayVideoDetailsRenderer": {
                "title": {"simpleText": hole("title")},
                "subtitle": {"runs": [{"text": hole("channel")}]},
            }
        },
    }
    # Title and channel once more: a parser that takes the first it meets must meet the right one.
    panel_header = {
        "title": {"runs": [{"text": hole("title")}]},
        "channel": {"simpleText": hole("channel")},
        "publishDate": {"simpleText": hole("date")},
    }
    panel_items = [
        {"videoDescriptionHeaderRenderer": panel_header},
        {"horizontalCardListRenderer": {"cards": _other_videos(pages.kilobytes // 5)}},
    ]
    columns = {
        "results": {
            "results": {
                "contents": [
                    {"videoPrimaryInfoRenderer": primary},
                    {"videoSecondaryInfoRenderer": secondary},
                    {"itemSectionRenderer": {"sectionIdentifier": "comment-item-section"}},
                ],
                "trackingParams": TRACKING,
            }
        },
        "secondaryResults": {
            "secondaryResults": {
                "results": _other_videos(pages.kilobytes * 6 // 10),
                "trackingParams": TRACKING,
                "targetId": "watch-next-feed",
            }
        },
        "autoplay": {"autoplay": {"sets": [], "countDownSecs": 5, "trackingParams": TRACKING}},
    }
    logo = {
        "iconImage": {"iconType": "YOUTUBE_LOGO"},
        "tooltipText": {"runs": [{"text": "YouTube Home"}]},
    }
    return {
        "responseContext": {
            "visitorData": VISITOR,
            # Clients read here whether their cookies still count.
            "mainAppWebResponseContext": {"loggedOut": not signed_in},
        },
        "contents": {"twoColumnWatchNextResults": columns},
        "currentVideoEndpoint": _command(
            "/watch?v=" + hole("id"), "WEB_PAGE_TYPE_WATCH", watchEndpoint={"videoId": hole("id")}
        ),
        "trackingParams": TRACKING,
        "playerOverlays": {"playerOverlayRenderer": overlay},
        "engagementPanels": [
            {
                "engagementPanelSectionListRenderer": {
                    "content": {"structuredDescriptionContentRenderer": {"items": panel_items}}
                }
            }
        ],
        "topbar": {"desktopTopbarRenderer": {"logo": {"topbarLogoRenderer": logo}}},
    }


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

    def noise(length: int) -> str:
        return urlsafe_b64encode(rng.randbytes(length)).decode()

    while size < kilobytes * 1000:
        # Nested as deep as a real one: parsing it costs a client as much.
        video_id = noise(9)[:11]
        address = f"https://i.ytimg.com/vi/{video_id}/hqdefault.jpg?sqp={noise(40)}&rs=AOn4CL"
        sources = [{"url": address, "width": width} for width in (168, 336)]
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
            "metadata": {"metadataParts": [{"text": {"content": "Some channel, 21k views"}}]},
            "menuButton": {"buttonViewModel": {"onTap": {"listItems": menu}}},
        }
        watch = {"videoId": video_id, "nofollow": True}
        tap = _command(f"/watch?v={video_id}", "WEB_PAGE_TYPE_WATCH", watchEndpoint=watch)
        lockup = {
            "contentImage": {"thumbnailViewModel": {"image": {"sources": sources}}},
            "metadata": {"lockupMetadataViewModel": metadata},
            "contentId": video_id,
            "contentType": "LOCKUP_CONTENT_TYPE_VIDEO",
            "rendererContext": {"commandContext": {"onTap": {"innertubeCommand": tap}}},
        }
        cards.append({"lockupViewModel": lockup})
        size += len(json.dumps(lockup, separators=(",", ":")))
    return cards
