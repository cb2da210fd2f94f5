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
    tokens, mask = _TOKEN.findall(text), Mask()
    if text:
        if "".join(tokens) != text.replace(" ", ""):
            raise BadMask(f"Invalid field selection {text[:80]}")
        tokens.append(")")
        try:
            _read_paths(tokens, mask)
        except IndexError as error:
            raise BadMask("Invalid field selection: ) is missing") from error
        if tokens:
            raise BadMask(f"Invalid field selection near {tokens[0]}")
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


def _read_paths(tokens: list[str], into: Mask) -> None:
    """Take paths with commas between them, and the parenthesis after them, from the tokens."""
    node = into
    while True:
        name, follows = tokens.pop(0), tokens.pop(0)
        if name in ".,/()" or follows not in ".,/()":
            raise BadMask(f"Invalid field selection near {name}")
        if follows in "./(":
            # What another path has chosen whole stays whole: deeper paths then choose in vain.
            whole = name in node and not node[name]
            node = {} if whole else node.setdefault(name, {})
            if follows != "(":
                continue
            _read_paths(tokens, node)
            follows = tokens.pop(0)
        else:
            node[name] = {}
        if follows == ")":
            return
        if follows != ",":
            raise BadMask(f"Invalid field selection near {follows}")
        node = into
