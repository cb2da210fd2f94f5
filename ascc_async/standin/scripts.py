"""Scripts and client configurations that yt-dlp asks for along the way."""

from __future__ import annotations

import json
from typing import Any

PLAYER_ID = "5ad1f00d"
PLAYER_PATH = f"/s/player/{PLAYER_ID}/player_ias.vflset/en_US/base.js"
API_KEY = "AIzaSyAO_FJ2SlqU8Q4STEHLGCilw_Y9_11qcW8"
WEB_VERSION = "2.20260708.00.00"

BASE_JS = """var _yt_player={};(function(g){var window=this;'use strict';
var Rx={rv:function(a){a.reverse()},sp:function(a,b){a.splice(0,b)},
sw:function(a,b){var c=a[0];a[0]=a[b%a.length];a[b%a.length]=c}};
var Qk=function(a){a=a.split("");Rx.rv(a);Rx.sp(a,2);Rx.sw(a,5);return a.join("")};
var Nf=function(a){return a.split("").reverse().join("")+"Z"};
var Ux=class{constructor(a){this.B=a;this.D={}}
set(a,b){this.D[a]=b}
get(a){return this.D[a]===undefined?null:this.D[a]}
clone(){return new Ux(this.B)}
yz(){var a=this.D.n;a&&(this.D.n=Nf(a))}};
var Wm=function(a,b,c){a=new Ux(a);a.set("alr","yes");
c&&(c=Qk(decodeURIComponent(c)),a.set(b,encodeURIComponent(c)));return a};
g.Cfg={signatureTimestamp:20642,jsUrl:"/s/player/"};
g.make=Wm;
})(_yt_player);
"""

IFRAME_API = (
    f"var scriptUrl = 'https:\\/\\/www.youtube.com\\/s\\/player\\/{PLAYER_ID}\\/"
    "www-widgetapi.vflset\\/www-widgetapi.js';"
    "window['yt_embedsEnableIframeApiSendFullEmbedUrl'] = true;\n"
)

_CLIENTS = {
    "m.youtube.com": ("MWEB", 2, "2.20260708.05.00"),
    "music.youtube.com": ("WEB_REMIX", 67, "1.20260707.12.00"),
    "studio.youtube.com": ("WEB_CREATOR", 62, "1.20260708.06.00"),
}


def ytcfg(
    client: str, number: int, version: str, *, visitor: str, hl: str, signed_in: bool
) -> dict[str, Any]:
    """What a page hands to `ytcfg.set`."""
    settings: dict[str, Any] = {
        "CLIENT_CANARY_STATE": "none",
        "INNERTUBE_API_KEY": API_KEY,
        "INNERTUBE_API_VERSION": "v1",
        "INNERTUBE_CLIENT_NAME": client,
        "INNERTUBE_CLIENT_VERSION": version,
        "INNERTUBE_CONTEXT": {
            "client": {
                "hl": hl,
                "gl": "US",
                "visitorData": visitor,
                "clientName": client,
                "clientVersion": version,
                "platform": "DESKTOP",
                "configInfo": {"appInstallData": "CMjDl9EGEL"},
            },
            "user": {"lockedSafetyMode": False},
            "request": {"useSsl": True},
        },
        "INNERTUBE_CONTEXT_CLIENT_NAME": number,
        "LOGGED_IN": signed_in,
        "PLAYER_JS_URL": PLAYER_PATH,
        "STS": 20642,
        "VISITOR_DATA": visitor,
        "WEB_PLAYER_CONTEXT_CONFIGS": {
            "WEB_PLAYER_CONTEXT_CONFIG_ID_KEVLAR_WATCH": {
                "jsUrl": PLAYER_PATH,
                "serializedExperimentFlags": "html5_enable_x=false",
            }
        },
    }
    if signed_in:
        settings |= {
            "DATASYNC_ID": "117700000000000000001||",
            "USER_SESSION_ID": "117700000000000000001",
            "SESSION_INDEX": "0",
        }
    return settings


def config_page(host: str, path: str, *, visitor: str, signed_in: bool) -> str:
    """The page of a client from which yt-dlp takes the configuration."""
    client, number, version = _CLIENTS.get(host, ("WEB", 1, WEB_VERSION))
    if path.startswith("/embed/"):
        client, number, version = "WEB_EMBEDDED_PLAYER", 56, WEB_VERSION
    elif path == "/tv":
        client, number, version = "TVHTML5", 7, "7.20260707.07.00"
    settings = ytcfg(client, number, version, visitor=visitor, hl="en", signed_in=signed_in)
    if client == "WEB_EMBEDDED_PLAYER":
        settings["WEB_PLAYER_CONTEXT_CONFIGS"] = {
            "WEB_PLAYER_CONTEXT_CONFIG_ID_EMBEDDED_PLAYER": {
                "jsUrl": PLAYER_PATH,
                "encryptedHostFlags": "AD5ZzFQ",
            }
        }
    return (
        "<!DOCTYPE html><html><head><title>YouTube</title></head><body><script>"
        f"ytcfg.set({json.dumps(settings)});</script>{'<div></div>' * 200}</body></html>"
    )


def sw_js_data(visitor: str) -> str:
    """`/sw.js_data`: the service worker's configuration, behind the usual prefix."""
    inner = [None, None, [None] * 13 + [visitor]]
    return ")]}'\n" + json.dumps([["yt.sw.adr", None, [[inner, API_KEY]]]])
