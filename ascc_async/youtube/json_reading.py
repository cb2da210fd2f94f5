"""Reads YouTube's JSON without trusting its shape: what is not as expected is simply not there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_DECODER = json.JSONDecoder()
# In a watch page, just before the player's answer.
PLAYER_IN_PAGE = re.compile(rb"ytInitialPlayerResponse(?:[\"']\s*\])?\s*=\s*(?=\{)")
# Where half of a character may be written: YouTube cuts titles in the middle of an emoji.
_HALF_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")


def parse_json(text: str, *, rest_allowed: bool = False) -> Any:
    """The value of a JSON text (`rest_allowed`: at its beginning). Raises ValueError."""
    try:
        value, end = _DECODER.raw_decode(text)
        if _HALF_CHARACTER.search(text, 0, end):
            # No file or database takes half a character: it becomes a question mark.
            whole = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
            value = json.loads(whole)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if not rest_allowed and text[end:].strip():
        raise ValueError(f"more text after character {end}")
    return value


def inside(node: Any, *names: str) -> Mapping[str, Any]:
    """The object at the end of a path of names; empty where there is none."""
    for name in names:
        if not isinstance(node, dict):
            return {}
        node = node.get(name)
    return node if isinstance(node, dict) else {}


def listed(value: Any) -> list[Any]:
    """A list; empty where there is none."""
    return value if isinstance(value, list) else []


def string(value: Any) -> str:
    """A string; empty where there is none."""
    return value if isinstance(value, str) else ""


def text_of(node: Any) -> str:
    """The text of YouTube's `{simpleText}`, `{runs: [{text}]}`, `{content}` or plain string."""
    if isinstance(node, str):
        return node
    if not isinstance(node, dict):
        return ""
    for name in ("simpleText", "content"):
        if isinstance(text := node.get(name), str):
            return text
    return "".join([string(inside(run).get("text")) for run in listed(node.get("runs"))])


def walk(node: Any) -> Iterator[tuple[str, Any]]:
    """A node and all beneath it, each with its name (empty in lists), in the order of the text."""
    # Not recursive: JSON can be nested deeper than Python can follow.
    waiting: list[tuple[str, Any]] = [("", node)]
    while waiting:
        name, value = waiting.pop()
        yield name, value
        if isinstance(value, dict):
            waiting.extend(reversed(value.items()))
        elif isinstance(value, list):
            waiting.extend(("", inner) for inner in reversed(value))


def links_in(node: Any) -> Iterator[str]:
    """Every link beneath a node, whatever the renderers around it are called."""
    return (value for name, value in walk(node) if name == "url" and isinstance(value, str))
