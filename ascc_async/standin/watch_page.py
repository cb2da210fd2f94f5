"""The watch page: `ytcfg.set`, `ytInitialPlayerResponse` and `ytInitialData` in 300 KB of HTML."""

from __future__ import annotations

import html
import json
from typing import Any

from ascc_async.standin.next_answer import VISITOR
from ascc_async.standin.replies import dumps
from ascc_async.standin.scripts import WEB_VERSION, ytcfg
from ascc_async.standin.templates import script_safe
from ascc_async.standin.world import Video

_STYLE = '<style nonce="x">' + ".ytd-app{display:block;position:relative}" * 300 + "</style>"


def render(
    video: Video, initial_data: bytes, player: dict[str, Any], *, hl: str, signed_in: bool
) -> bytes:
    """The page of one video. `initial_data` is JSON text."""
    settings = ytcfg("WEB", 1, WEB_VERSION, visitor=VISITOR, hl=hl, signed_in=signed_in)
    details = player.get("videoDetails")
    head = _meta(video) if details else ""
    return b"".join(
        (
            b'<!DOCTYPE html><html lang="' + hl.encode() + b'"><head><meta charset="utf-8">',
            b"<script>window['ytcsi'] = {};</script><script nonce=\"x\">ytcfg.set(",
            json.dumps(settings).encode(),
            b");</script>",
            _STYLE.encode(),
            head.encode("utf-8", "surrogatepass"),
            b'</head><body><script nonce="x">var ytInitialPlayerResponse = ',
            script_safe(dumps(player)),
            b";var meta = document.createElement('meta');</script><div id=\"player\"></div>",
            b'<script nonce="x">var ytInitialData = ',
            script_safe(initial_data),
            b";</script></body></html>",
        )
    )


def _meta(video: Video) -> str:
    title = html.escape(video.title, quote=True)
    return (
        f'<title>{title} - YouTube</title><meta name="title" content="{title}">'
        f'<meta property="og:title" content="{title}">'
        f'<link rel="canonical" href="https://www.youtube.com/watch?v={video.video_id}">'
    )
