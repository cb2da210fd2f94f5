"""`youtubei/v1/next` and the page's `ytInitialData`: one builder per shape, holes for the rest."""

from __future__ import annotations

from typing import Any

from ascc_async.model import License, Reason
from ascc_async.standin.filler import command, related, tracking
from ascc_async.standin.next_results import Shape, contents
from ascc_async.standin.templates import hole, quoted
from ascc_async.standin.wording import Words
from ascc_async.standin.world import Video
from ascc_async.standin.world_settings import Pages

VISITOR = "CgtYT3BlbkFzY2NTdCjIw5fRBjIKCgJDSBIEGgAgHQ%3D%3D"


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


def values(video: Video, words: Words) -> dict[str, bytes]:
    """What fills the holes."""
    return {
        "id": video.video_id.encode(),
        "title": quoted(video.title),
        "channel": quoted(video.channel),
        "channel_id": video.channel_id.encode(),
        "handle": video.handle.encode(),
        "date": quoted(words.date(video.published)),
        "views": str(video.views).encode(),
    }


def build(shape: Shape, words: Words, pages: Pages, *, members: bool, signed_in: bool) -> Any:
    """The answer of this shape, with holes."""
    answer: dict[str, Any] = {
        "responseContext": _context(signed_in),
        "contents": {"twoColumnWatchNextResults": _columns(shape, words, pages, members)},
        "currentVideoEndpoint": command(
            "/watch?v=" + hole("id"), "WEB_PAGE_TYPE_WATCH", watchEndpoint={"videoId": hole("id")}
        ),
        "trackingParams": tracking(),
    }
    if shape != "gone_bare":
        answer["playerOverlays"] = _overlays(shape, pages)
    if not shape.startswith("gone"):
        answer["engagementPanels"] = _panels(shape, pages)
    answer["topbar"] = _topbar(pages, signed_in)
    return answer


def _context(signed_in: bool) -> dict[str, Any]:
    flag = "1" if signed_in else "0"
    return {
        "visitorData": VISITOR,
        "serviceTrackingParams": [
            {
                "service": "CSI",
                "params": [{"key": "c", "value": "WEB"}, {"key": "yt_li", "value": flag}],
            },
            {
                "service": "GFEEDBACK",
                "params": [
                    {"key": "logged_in", "value": flag},
                    {"key": "visitor_data", "value": VISITOR},
                ],
            },
        ],
        "mainAppWebResponseContext": {"loggedOut": not signed_in, "trackingParam": "k5_fmPxho"}
        | ({"datasyncId": "117700000000000000001||"} if signed_in else {}),
        "responseId": "IhMI6OmAw4j2lAMVQScGAB0o-TBH",
    }


def _columns(shape: Shape, words: Words, pages: Pages, members: bool) -> dict[str, Any]:
    autoplay = {"autoplay": {"sets": [], "countDownSecs": 5, "trackingParams": tracking()}}
    if shape == "gone":
        return {"results": {"results": {"trackingParams": tracking()}}, "autoplay": autoplay}
    if shape == "gone_bare":
        return {"autoplay": autoplay}
    columns: dict[str, Any] = {}
    if shape != "no_results" and pages.results != "gone":
        name = "results" if pages.results == "there" else "primaryResults"
        columns[name] = {name: {"contents": contents(shape, words, pages, members)}}
    columns["secondaryResults"] = {
        "secondaryResults": {
            "results": list(related(pages.kilobytes * 6 // 10)),
            "trackingParams": tracking(),
            "targetId": "watch-next-feed",
        }
    }
    return columns | {"autoplay": autoplay}


def _overlays(shape: Shape, pages: Pages) -> dict[str, Any]:
    overlay: dict[str, Any] = {
        "endScreen": {
            "watchNextEndScreenRenderer": {"results": list(related(pages.kilobytes * 15 // 100))}
        },
        "speedmasterUserEdu": {"speedmasterEduViewModel": {"bodyText": {"content": "2x speed"}}},
    }
    if shape == "gone":
        overlay = {"decoratedPlayerBarRenderer": {}}
    elif shape != "no_results":
        overlay["videoDetails"] = {
            "playerOverlayVideoDetailsRenderer": {
                "title": {"simpleText": hole("title")},
                "subtitle": {"runs": [{"text": hole("channel")}]},
            }
        }
    return {"playerOverlayRenderer": overlay}


def _panels(shape: Shape, pages: Pages) -> list[dict[str, Any]]:
    """Side panels; the description panel repeats title, channel and date."""
    cards = {"horizontalCardListRenderer": {"cards": list(related(pages.kilobytes // 5))}}
    if shape == "no_results":
        return [{"engagementPanelSectionListRenderer": {"content": cards}}]
    header = {
        "videoDescriptionHeaderRenderer": {
            "title": {"runs": [{"text": hole("title")}]},
            "channel": {"simpleText": hole("channel")},
            "publishDate": {"simpleText": hole("date")},
        }
    }
    return [
        {
            "engagementPanelSectionListRenderer": {
                "panelIdentifier": "engagement-panel-structured-description",
                "content": {"structuredDescriptionContentRenderer": {"items": [header, cards]}},
                "targetId": "engagement-panel-structured-description",
            }
        }
    ]


def _topbar(pages: Pages, signed_in: bool) -> dict[str, Any]:
    premium = signed_in and pages.premium
    return {
        "desktopTopbarRenderer": {
            "logo": {
                "topbarLogoRenderer": {
                    "iconImage": {
                        "iconType": "YOUTUBE_PREMIUM_LOGO" if premium else "YOUTUBE_LOGO"
                    },
                    "tooltipText": {"runs": [{"text": "YouTube Home"}]},
                }
            }
        }
    }


def is_members_only(video: Video) -> bool:
    """Whether the page carries the members-only badge."""
    return video.reason is Reason.MEMBERS_ONLY
