"""Texts and numbers in the dataset's files."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ascc_async.dataset.text import (
    clean,
    decimal,
    field,
    iso_time,
    markdown,
    restored,
    seconds,
)


@given(st.text())
def test_every_text_comes_back_from_its_neutral_form(text: str) -> None:
    """Dropping one leading apostrophe restores any text, cleaned."""
    assert restored(field(text)) == clean(text)


@given(st.text(st.characters()))
def test_no_field_starts_like_a_formula_or_holds_control_characters(text: str) -> None:
    """Whatever a title holds, its field is one line, harmless to a spreadsheet, and UTF-8."""
    written = field(text)
    assert not written.startswith(("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"))
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in written)
    assert not set(written) & set(
        "\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    )
    written.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("plain title", "plain title"),
        ("two\r\nlines\tand a tab", "two lines and a tab"),
        ("\x1b[31mred\x07", "[31mred"),
        ("abc\u202egpj.exe", "abcgpj.exe"),
        ("ملف‏ עברית", "ملف‏ עברית"),
        ("👩‍👩‍👧 family", "👩‍👩‍👧 family"),
        ("lone \ud800 half", "lone \ufffd half"),
        ("x" * 2000, "x" * 999 + "…"),
    ],
)
def test_cleaning_takes_out_only_what_harms(text: str, cleaned: str) -> None:
    """Breaks become spaces, controls and direction overrides go, emoji and scripts stay."""
    assert clean(text) == cleaned


@pytest.mark.parametrize(
    ("milliseconds", "written"), [(0, "0"), (30_000, "30"), (30_500, "30.5"), (1_001, "1.001")]
)
def test_times_of_segments_are_exact_and_short(milliseconds: int, written: str) -> None:
    """Milliseconds become seconds without a digit too many."""
    assert seconds(milliseconds) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [(10.0, "10"), (9.9999773, "9.999977"), (-0.0, "0"), (1e-9, "0"), (float("-inf"), "-inf")],
)
def test_decimals_are_short_and_without_exponent(value: float, written: str) -> None:
    """Six digits at most, no trailing zeros."""
    assert decimal(value) == written


@given(st.integers(min_value=0, max_value=4_000_000_000))
def test_times_are_iso_in_utc(posix: int) -> None:
    """Times read as the standard library writes them."""
    written = iso_time(posix + 0.75)
    assert written == datetime.fromtimestamp(posix, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(
    "title",
    ["<script>alert(1)</script>", "[x](javascript:alert(1))", "a | b", "![i](http://e.vil/x.png)"],
)
def test_titles_cannot_become_markup(title: str) -> None:
    """No tag, link, image or table cell comes out of a title."""
    written = markdown(title)
    assert "<" not in written
    assert "](" not in written
    assert "://" not in written
    assert "|" not in written.replace("\\|", "")
