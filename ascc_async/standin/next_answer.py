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
from ascc_async.standin.templates import hole, take_out
from ascc_async.standin.world import Video
from ascc_async.standin.world_settings import PageSettings

Shape = Literal["cc", "standard", "no_container", "no_results", "gone", "gone_bare"]
CREATIVE_COMMONS = "Creative Commons Attribution license (reuse allowed)"
VISITOR = "CgtYT3BlbkFzY2NTdCjIw5fRBjIKCgJDSBIEGgAgHQ%3D%3D"
TRACKING = "CMEBELovIhMI6OmAw4j2lAMVQScGAB0o-TBH"
_COLUMNS = "contents.twoColumnWatchNextResults"
_RESULTS = f"{_COLUMNS}.results"
_CONTENTS = f"{_RESULTS}.results.contents"
_OTHERS = f"{_COLUMNS}.secondaryResults"
_BADGES = f"{_CONTENTS}.0.videoPrimaryInfoRenderer.badges"
_CONTAINER = f"{_CONTENTS}.1.videoSecondaryInfoRenderer.metadataRowContainer"
_ROWS = f"{_CONTAINER}.metadataRowContainerRenderer.rows"
_OVERLAY = "playerOverlays.playerOverlayRenderer"
_PANELS = "engagementPanels"
_PANEL_HEADER = (
    f"{_PANELS}.0.engagementPanelSectionListRenderer.content"
    ".structuredDescriptionContentRenderer.items.0"
)
_MISSING: dict[Shape, tuple[str, ...]] = {
    "cc": (),
    # A standard license has no row: YouTube names Creative Commons alone.
    "standard": (_ROWS,),
    # What an honest parser must take for «unknown», never for «no».
    "no_container": (_CONTAINER,),
    "no_results": (_RESULTS, f"{_OVERLAY}.videoDetails", _PANEL_HEADER),
    # YouTube answers for a video that is gone in two ways, one of them nearly empty.
    "gone": (_CONTENTS, _OTHERS, f"{_OVERLAY}.endScreen", f"{_OVERLAY}.videoDetails", _PANELS),
    "gone_bare": (_RESULTS, _OTHERS, "playerOverlays", _PANELS),
}
# By the name of the setting: what is taken out when it is gone, what gets another name, and which.
# Renderers become view models, one after another, at YouTube's own pace.
_CHANGES = {
    "license_row": (_ROWS, f"{_ROWS}.0.metadataRowRenderer", "metadataRowViewModel"),
    "container": (_CONTAINER, _CONTAINER, "metadataRowContainerV2"),
    "results": (_RESULTS, _RESULTS, "primaryResults"),
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
    title, channel, date = hole("title"), hole("channel"), hole("date")
    tracking = {"trackingParams": TRACKING}
    views = _simple(f"{hole('views')} views")
    badge = {"style": "BADGE_STYLE_TYPE_MEMBERS_ONLY", "label": "Members only"}
    primary = {
        "title": _runs(title),
        "viewCount": {"videoViewCountRenderer": {"viewCount": views}},
        "dateText": _simple(date),
        "badges": [{"metadataBadgeRenderer": badge}],
        **tracking,
    }
    handle, link = "/" + hole("handle"), CREATIVE_COMMONS_LINK
    browse = {"browseId": hole("channel_id"), "canonicalBaseUrl": handle}
    to_channel = _command(handle, "WEB_PAGE_TYPE_CHANNEL", browseEndpoint=browse)
    owner = {
        "title": _runs(channel, navigationEndpoint=to_channel),
        "navigationEndpoint": to_channel,
        **tracking,
    }
    to_license = _command(link, "WEB_PAGE_TYPE_UNKNOWN", urlEndpoint={"url": link})
    # The words change with the language; the link is what counts.
    license_name = _runs(pages.license_text or CREATIVE_COMMONS, navigationEndpoint=to_license)
    license_row = {"title": _runs("License"), "contents": [license_name], **tracking}
    rows = {"rows": [{"metadataRowRenderer": license_row}], "collapsedItemCount": 0, **tracking}
    secondary = {
        "owner": {"videoOwnerRenderer": owner},
        "subscribeButton": {"subscribeButtonRenderer": {"channelId": hole("channel_id")}},
        "metadataRowContainer": {"metadataRowContainerRenderer": rows},
        "attributedDescription": {"content": "A description.\n\nWith two paragraphs."},
        **tracking,
    }
    contents = [
        {"videoPrimaryInfoRenderer": primary},
        {"videoSecondaryInfoRenderer": secondary},
        {"itemSectionRenderer": {"sectionIdentifier": "comment-item-section"}},
    ]
    others = {"results": _other_videos(pages.kilobytes * 6 // 10), **tracking}
    columns = {
        "results": {"results": {"contents": contents, **tracking}},
        "secondaryResults": {"secondaryResults": others},
        "autoplay": {"autoplay": {"sets": [], "countDownSecs": 5, **tracking}},
    }
    ending = {"results": _other_videos(pages.kilobytes * 15 // 100)}
    # Title and channel once more: a parser that takes the first it meets must meet the right one.
    details = {"title": _simple(title), "subtitle": _runs(channel)}
    overlay = {
        "decoratedPlayerBarRenderer": {},
        "endScreen": {"watchNextEndScreenRenderer": ending},
        "videoDetails": {"playerOverlayVideoDetailsRenderer": details},
    }
    header = {"title": _runs(title), "channel": _simple(channel), "publishDate": _simple(date)}
    items = [
        {"videoDescriptionHeaderRenderer": header},
        {"horizontalCardListRenderer": {"cards": _other_videos(pages.kilobytes // 5)}},
    ]
    panel = {"content": {"structuredDescriptionContentRenderer": {"items": items}}}
    watch = {"videoId": hole("id")}
    return {
        "responseContext": {
            "visitorData": VISITOR,
            # Clients read here whether their cookies still count.
            "mainAppWebResponseContext": {"loggedOut": not signed_in},
        },
        "contents": {"twoColumnWatchNextResults": columns},
        "currentVideoEndpoint": _command(
            "/watch?v=" + hole("id"), "WEB_PAGE_TYPE_WATCH", watchEndpoint=watch
        ),
        "playerOverlays": {"playerOverlayRenderer": overlay},
        "engagementPanels": [{"engagementPanelSectionListRenderer": panel}],
        **tracking,
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
