"""Field masks as Google's APIs take them: `a.b,c(d,e/f),g/*/h`; dots and slashes mean the same.

Lists are looked through. An object on a chosen path stays, even when nothing in it was chosen.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

Mask = dict[str, "Mask"]
"""Chosen keys at each level; an empty mask chooses everything below."""

_TOKEN = re.compile(r"[A-Za-z0-9_@$-]+|\*|[.,/()]")


class BadMask(ValueError):
    """The mask cannot be read; the server answers 400."""


@lru_cache(200)  # a client of ours has two or three
def parse(text: str) -> Mask:
    """Read a mask; no text chooses everything. Raises `BadMask`."""
    tokens = _TOKEN.findall(text)
    mask: Mask = {}
    readable = "".join(tokens) == text.replace(" ", "")
    if text and (not readable or _read_paths(tokens, 0, mask) != len(tokens)):
        raise BadMask(f"Invalid field selection {text[:80]}")
    return mask


def apply(value: Any, mask: Mask) -> Any:
    """The part of `value` that the mask chooses."""
    if not mask:
        return value
    if isinstance(value, list):
        return [apply(entry, mask) for entry in value]
    if not isinstance(value, dict):
        return value
    every = mask.get("*")  # a named key comes before the star
    return {
        key: apply(inner, chosen)
        for key, inner in value.items()
        if (chosen := mask.get(key, every)) is not None
    }


def _read_paths(tokens: list[str], at: int, into: Mask) -> int:
    """Paths with commas between them, into the mask; the index of the first token after them."""
    node = into
    while True:
        name = tokens[at] if at < len(tokens) else ","
        follows = tokens[at + 1] if at + 1 < len(tokens) else ","
        if name in ".,/()" or follows not in ".,/()":
            raise BadMask(f"Invalid field selection near {name}")
        at += 1
        if follows in "./(":
            # What another path has chosen whole stays whole: deeper paths then choose in vain.
            whole = name in node and not node[name]
            node = {} if whole else node.setdefault(name, {})
            at += 1
            if follows != "(":
                continue
            at = _read_paths(tokens, at, node)
            if at >= len(tokens) or tokens[at] != ")":
                raise BadMask("Invalid field selection: ) is missing")
            at += 1
        else:
            node[name] = {}
        if at >= len(tokens) or tokens[at] != ",":
            return at
        at, node = at + 1, into
