"""Long lines on a terminal."""

from __future__ import annotations

import io

import pytest

from ascc_async.progress.formatting import folded, say

PATH = "/a/folder/with/a/name/that/is/longer/than/a/line"
TEXT = f"""\
passed    output folder        {PATH} (made by the first run)
          {"":<20} → choose another folder
- too_short (4): where the sound ends before the segment nothing helps
a word-with-hyphens stays whole, as it may be an option such as --min-clips
"""


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_word_is_broken_and_none_is_lost(width: int) -> None:
    """Only what is longer than a line goes beyond it."""
    lines = folded(TEXT, width).split("\n")
    assert " ".join(lines).split() == TEXT.split()
    assert all(len(line) <= width or PATH in line for line in lines)


def test_a_terminal_of_one_column_stops_nothing() -> None:
    """Whoever drags its edge makes it wide again."""
    assert folded(f"  python -m ascc_async plan\n{TEXT}", 1)


def test_what_goes_on_stands_below_its_column() -> None:
    """As long as that leaves half of the line; else it stands further left."""
    row = "passed    Python               3.11.7 on Linux"
    assert folded(row, 45) == f"passed    Python               3.11.7 on\n{'':10}Linux"
    assert folded(row, 40) == "passed  Python  3.11.7 on Linux"  # the table itself is too wide
    assert folded("- one two three", 10).split("\n") == ["- one two", "  three"]
    assert folded(" " * 30 + "→ remedy here", 20).split("\n") == ["  → remedy here"]


def test_a_command_can_be_copied() -> None:
    """The shell takes its lines for one."""
    command = "  python -m ascc_async few-shot --min-clips 2"
    shown = folded(command, 40)
    assert max(map(len, shown.split("\n"))) <= 40
    assert shown.replace("\\\n", "").split() == command.split()


def test_what_is_no_terminal_gets_the_text_as_it_is() -> None:
    """Pipes and files are read by programs."""
    file = io.StringIO()
    say(TEXT, file)
    assert file.getvalue() == TEXT + "\n"
