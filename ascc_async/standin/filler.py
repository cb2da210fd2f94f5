"""What makes real answers large and says nothing of the video: other videos, menus, tracking."""

from __future__ import annotations

import json
import random
from base64 import urlsafe_b64encode
from functools import cache
from typing import Any

_CLICK = "CAAQg2ciEwjo6YDDiPaUAxVBJwYAHSj5MEfKAQSIv_z2"
_TRACK = "CMEBELovIhMI6OmAw4j2lAMVQScGAB0o-TBH"


def command(url: str, page: str, **endpoint: Any) -> dict[str, Any]:
    """A navigation endpoint as every link in an answer has one."""
    return {
        "clickTrackingParams": _CLICK,
        "commandMetadata": {
            "webCommandMetadata": {"url": url, "webPageType": page, "rootVe": 83769}
        },
        **endpoint,
    }


def tracking() -> str:
    """A value for `trackingParams`."""
    return _TRACK


@cache
def related(kilobytes: int) -> tuple[dict[str, Any], ...]:
    """Other videos' cards, about as many kilobytes of them as asked."""
    rng, cards, size = random.Random(kilobytes), [], 0
    while size < kilobytes * 1000:
        cards.append(_card(rng))
        size += len(json.dumps(cards[-1], separators=(",", ":")))
    return tuple(cards)


def _card(rng: random.Random) -> dict[str, Any]:
    video_id = urlsafe_b64encode(rng.randbytes(9)).decode()[:11]
    return {
        "lockupViewModel": {
            "contentImage": {
                "thumbnailViewModel": {"image": {"sources": _pictures(rng, video_id)}}
            },
            "metadata": {
                "lockupMetadataViewModel": {
                    "title": {"content": f"Another video, number {rng.randrange(10**6)}"},
                    "metadata": {
                        "contentMetadataViewModel": {
                            "metadataRows": [
                                {"metadataParts": [{"text": {"content": "Some other channel"}}]},
                                {"metadataParts": [{"text": {"content": "21k views"}}]},
                            ],
                            "delimiter": " • ",
                        }
                    },
                    "menuButton": {
                        "buttonViewModel": {"iconName": "MORE_VERT", "onTap": _menu(rng)}
                    },
                }
            },
            "contentId": video_id,
            "contentType": "LOCKUP_CONTENT_TYPE_VIDEO",
            "rendererContext": {
                "commandContext": {
                    "onTap": {
                        "innertubeCommand": command(
                            f"/watch?v={video_id}",
                            "WEB_PAGE_TYPE_WATCH",
                            watchEndpoint={"videoId": video_id, "nofollow": True},
                        )
                    }
                }
            },
        }
    }


def _pictures(rng: random.Random, video_id: str) -> list[dict[str, Any]]:
    return [
        {
            "url": f"https://i.ytimg.com/vi/{video_id}/hqdefault.jpg?sqp="
            f"{urlsafe_b64encode(rng.randbytes(40)).decode()}&rs=AOn4CL",
            "width": width,
            "height": height,
        }
        for width, height in ((168, 94), (336, 188))
    ]


def _menu(rng: random.Random) -> dict[str, Any]:
    entries = [
        {
            "listItemViewModel": {
                "title": {"content": label},
                "rendererContext": {
                    "loggingContext": {
                        "loggingDirectives": {
                            "trackingParams": urlsafe_b64encode(rng.randbytes(30)).decode(),
                            "visibility": {"types": "12"},
                        }
                    },
                    "commandContext": {
                        "onTap": {
                            "innertubeCommand": command(
                                "", "WEB_PAGE_TYPE_UNKNOWN", signal="CLIENT"
                            )
                        }
                    },
                },
            }
        }
        for label in ("Add to queue", "Save to Watch later", "Save to playlist", "Share")
    ]
    return {"innertubeCommand": {"showSheetCommand": {"listItems": entries}}}
