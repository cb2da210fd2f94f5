"""The removal list."""

from __future__ import annotations

from pathlib import Path

import pytest
from dataset_samples import removals

from ascc_async.dataset.removals import Removals, read_removals
from ascc_async.errors import MetadataError

CHANNEL = "UC" + "a-_1" * 5 + "zz"


def test_all_kinds_of_entries_are_read() -> None:
    """Ids, links and names, with comments and blank lines between them."""
    listed = removals(
        "# asked by mail\n\n-bcdefghijk # the first\n"
        "abcdefghijk_30000\n"
        f"{CHANNEL}\nhttps://www.youtube.com/channel/{CHANNEL}/videos\n"
        "https://www.youtube.com/watch?list=x&v=A1234567890&t=3s\nyoutu.be/B1234567890?t=1\n"
        "https://m.youtube.com/shorts/C1234567890\n"
        "channel: Dogs #1 & Cats\nSome Channel # by mail\n"
    )
    assert listed == Removals(
        frozenset({"-bcdefghijk", "A1234567890", "B1234567890", "C1234567890"}),
        frozenset({"abcdefghijk_30000"}),
        frozenset({CHANNEL}),
        frozenset({"dogs #1 & cats", "some channel"}),
    )


@pytest.mark.parametrize(
    "line",
    ["abcdefghij", "UCtooShort1234567890", "@handle", "https://example.org/watch?v=abcdefghijk",
     "https://www.youtube.com/", "channel:"],
)  # fmt: skip
def test_what_cannot_be_honoured_is_an_error_with_its_line(line: str) -> None:
    """A request must never be passed over because of a slip of the pen."""
    with pytest.raises(MetadataError, match=r"removals\.txt:2: .*expected a video id") as error:
        removals(f"# list\n{line}\n")
    assert error.value.line == 2


def test_a_list_that_is_not_utf8_names_the_line(tmp_path: Path) -> None:
    """Old encodings are reported, not guessed."""
    (tmp_path / "removals.txt").write_bytes(b"abcdefghijk\nchannel: caf\xe9\n")
    with pytest.raises(MetadataError, match=r":2: not UTF-8"):
        read_removals(tmp_path)


def test_names_match_without_regard_to_case_and_marks() -> None:
    """A name is compared as it is shown, folded."""
    listed = removals("channel: The STRASSE")
    assert listed.cover("x", channel="The Straße\u202e")
    assert not listed.cover("x", channel="The Strasse 2")
    assert not listed.cover("x", channel="")


def test_no_list_removes_nothing(tmp_path: Path) -> None:
    """Without the file the list is empty and false."""
    assert not read_removals(tmp_path)
    (tmp_path / "removals.txt").write_text("\ufeffabcdefghijk\n", "utf-8")
    assert read_removals(tmp_path).cover("abcdefghijk")
