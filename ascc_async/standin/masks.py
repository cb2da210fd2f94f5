"""Field masks as Google's APIs take them: `a.b,c(d,e/f),g/*/h`; dots and slashes mean the same.

Lists are looked through. An object on a chosen path stays, even when nothing in it was chosen.
"""

from __future__ import annotations

import re
from typing import Any

Mask = dict[str, "Mask"]
"""Chosen keys at each level; an empty mask chooses everything beneath."""

_TOKEN = re.compile(r"[A-Za-z0-9_@$-]+|\*|[.,/()]")


class BadMask(ValueError):
    """The mask cannot be read; the server answers 400."""


def parse(text: str) -> Mask:
    """Read a mask. Raises `BadMask`."""
    tokens = _TOKEN.findall(text)
    if not tokens or "".join(tokens) != text.replace(" ", ""):
        raise BadMask(f"Invalid field selection {text[:80]}")
    mask: Mask = {}
    position = _read_list(tokens, 0, mask)
    if position != len(tokens):
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
    every = mask.get("*")
    return {
        key: apply(inner, chosen)
        for key, inner in value.items()
        if (chosen := mask.get(key, every)) is not None
    }


def _read_list(tokens: list[str], position: int, into: Mask) -> int:
    while True:
        position = _read_path(tokens, position, into)
        if position >= len(tokens) or tokens[position] != ",":
            return position
        position += 1


def _read_path(tokens: list[str], position: int, into: Mask) -> int:
    node = into
    while True:
        name = tokens[position] if position < len(tokens) else ","
        if name in ".,/()":
            raise BadMask(f"Invalid field selection near {name}")
        node, ended = _step(node, name, tokens, position)
        position += 1
        if ended:
            return position
        if tokens[position] == "(":
            position = _read_list(tokens, position + 1, node)
            if position >= len(tokens) or tokens[position] != ")":
                raise BadMask("Invalid field selection: ) is missing")
            return position + 1
        position += 1


def _step(node: Mask, name: str, tokens: list[str], position: int) -> tuple[Mask, bool]:
    """Go one level down; a path that ends here chooses the whole of it."""
    following = tokens[position + 1] if position + 1 < len(tokens) else ","
    ended = following in ",)"
    if ended:
        node[name] = {}
        return node, True
    whole = name in node and not node[name]
    return ({} if whole else node.setdefault(name, {})), False
