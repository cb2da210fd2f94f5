"""Media links: signed, with an end, bound to who asks; and the two puzzles of the web player.

yt-dlp finds both puzzles in `PLAYER_SCRIPT` and solves them with a JavaScript runtime: the `n`
challenge reversed and a `Z` added; the signature reversed, without its first two characters, and
the first swapped with the sixth.
"""

from __future__ import annotations

import hmac
import random
import time
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from ascc_async.standin.incoming import Incoming
from ascc_async.standin.media import Stream

# Whose links must be solved with JavaScript before they work: `n`, the last one's signature, too.
_PUZZLED = ("WEB_EMBEDDED_PLAYER", "TVHTML5")
LINK_SECONDS = 21_540  # six hours less a minute, as YouTube has it
PLAYER_ID = "5ad1f00d"
PLAYER_PATH = f"/s/player/{PLAYER_ID}/player_ias.vflset/en_US/base.js"
PLAYER_SCRIPT = """var _yt_player={};(function(g){var window=this;'use strict';
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


class Links:
    """Makes and checks media links."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._rng = random.Random(secret)  # for `ei` and challenges: unlike in every link

    def make(self, video_id: str, stream: Stream, incoming: Incoming) -> dict[str, str]:
        """`{"url": …}`, or `{"signatureCipher": …}` where the web player must solve it."""
        client = incoming.client
        fields = {
            "expire": str(int(time.time() + LINK_SECONDS)),
            "ei": f"{self._rng.getrandbits(60):015x}",
            "ip": incoming.listener,
            "id": f"o-A{video_id}",
            "itag": str(stream.itag),
            "source": "youtube",
            "mime": stream.mime.split(";")[0],
            "clen": str(stream.size),
            "dur": f"{stream.duration_ms / 1000:.3f}",
            "lmt": "1724100171542570",
            "c": client,
        }
        if client in _PUZZLED:
            drawn = f"{self._rng.getrandbits(40):010x}"
            fields["n"] = drawn + self._check_digits(drawn)
        # Several hosts, as YouTube spreads its streams: connections are kept per host.
        host = f"rr{1 + stream.itag % 5}---sn-standin{stream.size % 7}.googlevideo.com"
        url = f"https://{host}/videoplayback?{urlencode(fields)}"
        signature = self._signature(fields)
        if client == "TVHTML5":
            # The inverse of what the player's script does.
            letters = list(signature)
            letters[0], letters[5] = letters[5], letters[0]
            scrambled = quote("".join(reversed(["q", "x", *letters])))
            return {"signatureCipher": f"s={scrambled}&sp=sig&url={quote(url, safe='')}"}
        return {"url": f"{url}&sig={signature}"}

    def check(self, incoming: Incoming) -> tuple[str, int] | None:
        """The video id and itag that a link leads to; None where it is not good for who asks."""
        query = incoming.query
        good = (
            hmac.compare_digest(query.get("sig", ""), self._signature(query))
            and time.time() <= int(query["expire"])
            and query["ip"] == incoming.listener
        )
        if good and "n" in query:
            challenge = query["n"][-2::-1]  # without the Z, reversed
            solved = self._check_digits(challenge[:10]) == challenge[10:]
            good = solved and query["n"].endswith("Z")
        return (query["id"].removeprefix("o-A"), int(query["itag"])) if good else None

    def _signature(self, fields: Mapping[str, str]) -> str:
        # What a client could gain by changing; it may drop or add other fields, as YouTube lets it.
        signed = "|".join(fields.get(key, "") for key in ("expire", "ip", "id", "itag", "clen"))
        return hmac.new(self._secret, signed.encode(), "sha1").hexdigest()

    def _check_digits(self, drawn: str) -> str:
        return hmac.new(self._secret, drawn.encode(), "sha1").hexdigest()[:6]
