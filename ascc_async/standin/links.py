"""Media links: signed, with an end, bound to an address; and the two puzzles of the web player.

The `n` puzzle: `solve_n` reverses the challenge and adds a `Z`. The signature puzzle: `solve_sig`
reverses, drops two characters, and swaps the first with the sixth. `scripts.py` holds the same in
JavaScript, for yt-dlp to find and solve.
"""

from __future__ import annotations

import hmac
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, urlencode

Puzzle = Literal["none", "n", "cipher"]


class ForbiddenLink(Exception):
    """The link is not good (any more) for who asks; the server answers 403."""


@dataclass(frozen=True, slots=True)
class LinkFacts:
    """What a link says of the stream it leads to."""

    video_id: str
    itag: int
    mime: str
    size: int
    duration_ms: int
    client: str


class Links:
    """Makes and checks media links. `lifetime` in seconds."""

    def __init__(self, secret: bytes, *, lifetime: float, bound: bool) -> None:
        self._secret, self._lifetime, self._bound = secret, lifetime, bound
        self._rng = random.Random(secret)

    def make(self, facts: LinkFacts, address: str, puzzle: Puzzle) -> dict[str, str]:
        """`{"url": …}`, or `{"signatureCipher": …}` where the web player must solve it."""
        expire = int(time.time() + self._lifetime)
        fields = {
            "expire": str(expire),
            "ei": f"{self._rng.getrandbits(60):015x}",
            "ip": address,
            "id": f"o-A{facts.video_id}",
            "itag": str(facts.itag),
            "source": "youtube",
            "requiressl": "yes",
            "xpc": "EgVo2aDSNQ==",
            "spc": "SQ-umi1vk6qMffbNBzSFWejxBNwFJj",
            "vprv": "1",
            "mime": facts.mime,
            "rqh": "1",
            "gir": "yes",
            "clen": str(facts.size),
            "dur": f"{facts.duration_ms / 1000:.3f}",
            "lmt": "1724100171542570",
            "c": facts.client,
            "sparams": "expire,ei,ip,id,itag,source,requiressl,xpc,spc,vprv,mime,rqh,gir,clen,dur",
        }
        if puzzle != "none":
            fields["n"] = self._challenge()
        host = f"rr{1 + facts.itag % 5}---sn-standin{facts.size % 7}.googlevideo.com"
        url = f"https://{host}/videoplayback?{urlencode(fields)}"
        sig = self._signature(fields)
        if puzzle == "cipher":
            return {"signatureCipher": f"s={quote(scramble(sig))}&sp=sig&url={quote(url, safe='')}"}
        return {"url": f"{url}&sig={sig}"}

    def check(self, query: Mapping[str, str], address: str) -> tuple[str, int]:
        """The video id and itag that a link leads to. Raises `ForbiddenLink`."""
        if not hmac.compare_digest(query.get("sig", ""), self._signature(query)):
            raise ForbiddenLink("signature")
        if time.time() > int(query["expire"]):
            raise ForbiddenLink("expired")
        if self._bound and query["ip"] != address:
            raise ForbiddenLink("address")
        if "n" in query and not self._is_solved(query["n"]):
            raise ForbiddenLink("n")
        return query["id"].removeprefix("o-A"), int(query["itag"])

    def _signature(self, fields: Mapping[str, str]) -> str:
        signed = "|".join(fields.get(key, "") for key in ("expire", "ip", "id", "itag", "clen"))
        return hmac.new(self._secret, signed.encode(), "sha1").hexdigest()

    def _challenge(self) -> str:
        drawn = f"{self._rng.getrandbits(40):010x}"
        return drawn + self._short(drawn)

    def _is_solved(self, answer: str) -> bool:
        if not answer.endswith("Z"):
            return False
        challenge = answer[:-1][::-1]
        return self._short(challenge[:10]) == challenge[10:]

    def _short(self, drawn: str) -> str:
        return hmac.new(self._secret, drawn.encode(), "sha1").hexdigest()[:6]


def scramble(sig: str) -> str:
    """The inverse of the player's signature puzzle."""
    letters = list(sig)
    letters[0], letters[5] = letters[5], letters[0]
    return "".join(reversed(["q", "x", *letters]))
