"""How texts and numbers from outside are written: harmless in a spreadsheet, page or terminal.

Texts lose control characters, line breaks and characters that turn the direction of what follows;
nothing else is altered. A text that a spreadsheet would read as a formula gets an apostrophe in
front, and so does one that starts with an apostrophe: dropping one leading apostrophe restores it.
"""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from functools import lru_cache

LONGEST_TEXT = 1000  # characters; YouTube allows 100 for a title

_BREAKS = re.compile("[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]+")
# C0 and C1 controls, direction overrides and isolates, byte order mark, interlinear annotation
_HARMFUL = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb]")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
# Excel and LibreOffice also take the full-width forms of = + - @ for the start of a formula.
_FORMULA_STARTS = frozenset("=+-@＝＋－＠'")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|~^$>])")


def one_line(text: str) -> str:
    """One line of printable text: breaks become a space, harmful characters go."""
    if text.isprintable():  # nearly every text, and far quicker to see than to search
        return text
    text = _HARMFUL.sub("", _BREAKS.sub(" ", text))
    return _LONE_SURROGATE.sub("\ufffd", text)


def clean(text: str) -> str:
    """The same without spaces at its ends, and never longer than `LONGEST_TEXT`."""
    text = one_line(text).strip()
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


def field(text: str) -> str:
    """Text from outside as a CSV field that no spreadsheet takes for a formula."""
    return guarded(clean(text))


def guarded(text: str) -> str:
    """The same of a text that is clean."""
    return f"'{text}" if text and text[0] in _FORMULA_STARTS else text


def restored(field: str) -> str:
    """The cleaned text that `field` was given."""
    return field[1:] if field.startswith("'") else field


def markdown(text: str) -> str:
    """Text from outside inside Markdown: shown as it is, never markup, link or HTML."""
    escaped = html.escape(_MARKDOWN.sub(r"\\\1", clean(text)), quote=False)
    # Hugging Face and GitHub make links of bare addresses and of @names, escaped or not.
    return escaped.replace("://", ":&#47;&#47;").replace("@", "&#64;").replace("www\\.", "www&#46;")


@lru_cache(maxsize=4096)  # two million rows share a few hundred starts and ends
def seconds(milliseconds: int) -> str:
    """Whole milliseconds as seconds, with no digit that is not needed: `30`, `30.5`."""
    return decimal(milliseconds / 1000, 3)


def decimal(value: float, digits: int = 6) -> str:
    """A number to so many digits after the point, without trailing zeros; never an exponent."""
    text = f"{value:.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def counted(number: int, noun: str) -> str:
    """`1 clip`, `1,404 clips`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def iso_time(posix: float) -> str:
    """POSIX seconds as `2026-01-31T12:00:00Z`."""
    return datetime.fromtimestamp(int(posix), UTC).isoformat()[:19] + "Z"
