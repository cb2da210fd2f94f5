"""The pages and scripts of the web clients: watch page, configurations, links to the player."""

from __future__ import annotations

import html
import json
from typing import Any

from ascc_async.standin.links import PLAYER_ID, PLAYER_PATH
from ascc_async.standin.next_answer import VISITOR
from ascc_async.standin.replies import SiteReply, dumps, page
from ascc_async.standin.world import Video

# yt-dlp reads the player's address in these pages, one for each kind of client.
_CLIENTS = {
    "/watch": ("WEB", 1, "2.20260708.00.00"),
    "/embed": ("WEB_EMBEDDED_PLAYER", 56, "2.20260708.00.00"),
    "/tv": ("TVHTML5", 7, "7.20260707.07.00"),
}
# As much as real pages have before the data: readers that stop early find nothing.
_STYLE = '<style nonce="x">' + ".ytd-app{display:block;position:relative}" * 300 + "</style>"

IFRAME_API = (
    f"var scriptUrl = 'https:\\/\\/www.youtube.com\\/s\\/player\\/{PLAYER_ID}\\/"
    "www-widgetapi.vflset\\/www-widgetapi.js';"
    "window['yt_embedsEnableIframeApiSendFullEmbedUrl'] = true;\n"
)


def watch_page(
    video: Video, initial_data: bytes, player: dict[str, Any], *, signed_in: bool
) -> bytes:
    """The page of one video: `ytcfg.set`, `ytInitialPlayerResponse` and `ytInitialData`.

    `initial_data` is JSON text.
    """
    # Without details YouTube names no title either, neither in the page nor in its head.
    head = ""
    if "videoDetails" in player:
        title = html.escape(video.title, quote=True)
        head = (
            f'<title>{title} - YouTube</title><meta name="title" content="{title}">'
            f'<meta property="og:title" content="{title}">'
            f'<link rel="canonical" href="https://www.youtube.com/watch?v={video.video_id}">'
        )
    return b"".join(
        (
            b'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">',
            b"<script>window['ytcsi'] = {};</script><script nonce=\"x\">ytcfg.set(",
            json.dumps(_ytcfg("/watch", signed_in)).encode(),
            b");</script>",
            _STYLE.encode(),
            head.encode("utf-8", "surrogatepass"),
            b'</head><body><script nonce="x">var ytInitialPlayerResponse = ',
            _script_safe(dumps(player)),
            b";var meta = document.createElement('meta');</script><div id=\"player\"></div>",
            b'<script nonce="x">var ytInitialData = ',
            _script_safe(initial_data),
            b";</script></body></html>",
        )
    )


def config_page(path: str, *, signed_in: bool) -> SiteReply:
    """The page of a client from which yt-dlp takes the configuration."""
    kind = "/embed" if path.startswith("/embed/") else path if path in _CLIENTS else "/watch"
    return page("YouTube", f"<script>ytcfg.set({json.dumps(_ytcfg(kind, signed_in))});</script>")


def _script_safe(json_text: bytes) -> bytes:
    """JSON text as it may stand inside `<script>`: titles hold tags."""
    # Escaped, not entities: inside a script a browser would leave those as they are.
    for character, escape in ((b"<", b"\\u003c"), (b">", b"\\u003e"), (b"&", b"\\u0026")):
        json_text = json_text.replace(character, escape)
    return json_text


def _ytcfg(kind: str, signed_in: bool) -> dict[str, Any]:
    """What the page of this kind of client hands to `ytcfg.set`."""
    name, number, version = _CLIENTS[kind]
    client = {"hl": "en", "visitorData": VISITOR, "clientName": name, "clientVersion": version}
    which = "EMBEDDED_PLAYER" if kind == "/embed" else "KEVLAR_WATCH"
    player = {"jsUrl": PLAYER_PATH, "encryptedHostFlags": "AD5ZzFQ"}
    settings: dict[str, Any] = {
        "INNERTUBE_API_KEY": "AIzaSyAO_FJ2SlqU8Q4STEHLGCilw_Y9_11qcW8",
        "INNERTUBE_CLIENT_NAME": name,
        "INNERTUBE_CLIENT_VERSION": version,
        "INNERTUBE_CONTEXT": {"client": client},
        "INNERTUBE_CONTEXT_CLIENT_NAME": number,
        "LOGGED_IN": signed_in,
        "PLAYER_JS_URL": PLAYER_PATH,
        "STS": 20642,
        "VISITOR_DATA": VISITOR,
        "WEB_PLAYER_CONTEXT_CONFIGS": {f"WEB_PLAYER_CONTEXT_CONFIG_ID_{which}": player},
    }
    if signed_in:
        # Without these yt-dlp takes the cookies for no longer valid.
        settings |= {
            "DATASYNC_ID": "117700000000000000001||",
            "USER_SESSION_ID": "117700000000000000001",
            "SESSION_INDEX": "0",
        }
    return settings
