"""Answers as bytes with holes: built, masked and dumped once per shape, then only filled in.

A builder makes an ordinary JSON value in which `hole("title")` stands for a string to come and
`bare("channels")` for a number to come.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from json.encoder import encode_basestring
from typing import Any

_HOLE = re.compile('"\ue000#(\\w+)\ue001"|\ue000(\\w+)\ue001')


def hole(name: str) -> str:
    """Stands for a string, or a part of one."""
    return f"\ue000{name}\ue001"


def bare(name: str) -> str:
    """Stands for a whole value that is not quoted, such as a number."""
    return f"\ue000#{name}\ue001"


def quoted(text: str) -> bytes:
    """Text as it stands inside a JSON string."""
    return encode_basestring(text)[1:-1].encode("utf-8", "surrogatepass")


def script_safe(text: bytes) -> bytes:
    """JSON text as it may stand inside `<script>`."""
    return text.replace(b"<", b"\\u003c").replace(b">", b"\\u003e").replace(b"&", b"\\u0026")


class Template:
    """Fixed bytes and holes in turn."""

    def __init__(self, text: str) -> None:
        self._fixed: list[bytes] = []
        self._names: list[str] = []
        end = 0
        for match in _HOLE.finditer(text):
            self._fixed.append(text[end : match.start()].encode())
            self._names.append(match[1] or match[2])
            end = match.end()
        self._last = text[end:].encode()

    def fill(self, values: Mapping[str, bytes]) -> bytes:
        """The answer with its holes filled."""
        parts: list[bytes] = []
        for fixed, name in zip(self._fixed, self._names, strict=True):
            parts += (fixed, values[name])
        parts.append(self._last)
        return b"".join(parts)


def compile_json(value: Any, *, reordered: bool = False) -> Template:
    """A template of a JSON value with holes."""
    if reordered:
        value = _reordered(value)
    return Template(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _reordered(value: Any) -> Any:
    """The same value with the keys of every object in reverse order."""
    if isinstance(value, dict):
        return {key: _reordered(value[key]) for key in reversed(value)}
    if isinstance(value, list):
        return [_reordered(entry) for entry in value]
    return value
