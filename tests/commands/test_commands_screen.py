"""What a run shows: on a terminal, through a pipe, as JSON, and at Ctrl-C."""

from __future__ import annotations

import json
import re

import pytest
from rich.cells import cell_len
from terminal import Place, in_terminal

from ascc_async.dataset.manifest_index import ManifestIndex
from ascc_async.model import License
from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import Fault

COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-7]m")


def lines_of(raw: str) -> list[str]:
    """What was written, without control sequences."""
    return re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", raw))


def test_a_terminal_gets_one_picture_that_fits_and_then_the_summary(place: Place) -> None:
    """At once something shows; no line of the picture is wider than the terminal, which is made
    use of; the picture is gone at the end, and the summary stands there once. NO_COLOR is honoured.
    """
    seen = in_terminal(place.arguments("run"), 200, environment={"NO_COLOR": "1"})
    assert seen.code == 0
    assert "ascc_async is starting" in seen.raw[:100]
    assert not COLOUR.search(seen.raw)
    drawn, _, ended = seen.raw.rpartition("\x1b[?1049l")
    lines = lines_of(drawn)
    assert any(line.startswith("licenses") for line in lines)
    assert max(map(cell_len, lines)) <= 200
    assert seen.plain.count("Where everything is:") == 1
    assert not any(line.startswith("licenses") for line in lines_of(ended))


@pytest.mark.parametrize("command", ["doctor", "plan"])
def test_no_command_breaks_a_word_on_a_narrow_terminal(finished: Place, command: str) -> None:
    """Only what is longer than a line, a path or an address, is left to the terminal."""
    seen = in_terminal(finished.arguments(command), 40)
    assert seen.code == 0
    assert [line for line in seen.plain.replace("\r", "").split("\n")
            if cell_len(line) > 40 and " " in line.strip()] == []  # fmt: skip


def test_through_a_pipe_there_are_only_plain_lines(finished: Place) -> None:
    """No escape, no picture; the summary's numbers are the manifest's."""
    counts = ManifestIndex(finished.output / "dataset" / "manifest.csv").counts
    assert "\x1b" not in finished.said
    assert f"{counts.segments}  segments" in finished.said
    assert re.search(rf"^ *{counts.clips}  clips ", finished.said, re.MULTILINE)


def test_json_is_one_object_a_line_and_ends_with_the_summary(finished: Place) -> None:
    """Every line has time, level and event; the last has the manifest's sums as fields."""
    done = finished.run("run", "--log-format", "json")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert all({"time", "level", "event"} <= event.keys() for event in events)
    counts = ManifestIndex(finished.output / "dataset" / "manifest.csv").counts
    assert events[-1]["event"] == "summary"
    assert events[-1]["outcomes"]["clip"] == counts.clips
    assert events[-1]["segments"] == counts.segments
    # Only videos whose license is not known yet are asked again.
    assert events[-1]["asked_now"] == counts.license(License.UNKNOWN)


def test_ctrl_c_says_at_once_what_happens_next(youtube: StandinProcess, place: Place) -> None:
    """The picture's first line changes, the run drains with exit code 3, and says what is left."""
    slow = Fault(name="slow_body", times=0, endpoints=("media",), bytes_per_second=150_000)
    youtube.set_faults(slow)
    try:
        seen = in_terminal(place.arguments("run"), 80, interrupt_when=lambda raw: " media " in raw)
    finally:
        youtube.set_faults()
    assert seen.code == 3
    assert "Ctrl-C now aborts" in seen.plain
    assert re.search(r"Stopped after .*: run the same command again to continue", seen.plain)
