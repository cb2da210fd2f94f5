"""A terminal whose size changes, Ctrl-Z, `bg` and `fg`: always one whole picture, none behind."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from random import Random

import pytest
from emulator import Emulator
from terminal import Place

from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import Fault

SIZES = (40, 60, 200, 80)
ANY_SIZES = (*SIZES, *(Random(20).randint(24, 220) for _ in range(20)))
OF_A_RUN = ("ascc_async ", "licenses ", "clips ", "clips:", "Creative ", "identity ", "disk ")
OF_A_LOOK = ("A run is going on ", *OF_A_RUN[1:])
# Reads numbers from a pipe and shows them: when, is in the hands of the test.
BAR = """
import sys
from ascc_async.progress.bar import counted_bar
with open(sys.argv[1]) as steps, counted_bar("counting") as show:
    for step in steps:
        show(int(step), 1000)
"""


def begun(lines: list[str]) -> list[str]:
    """Which of the lines that a picture must have are there."""
    return [word for line in lines for word in (*OF_A_RUN, OF_A_LOOK[0]) if line.startswith(word)]


def whole(lines: list[str], columns: int, *beginnings: str) -> bool:
    """Whether each of these is there once, in this order; none is wider."""
    return begun(lines) == list(beginnings) and max(map(len, lines)) <= columns


def prompt(lines: list[str]) -> bool:
    return lines[-1].startswith("READY>")


@pytest.mark.parametrize("sizes", [SIZES, pytest.param(ANY_SIZES, marks=pytest.mark.slow)])
def test_a_run_and_the_looks_at_it_are_whole_at_any_size(
    youtube: StandinProcess, place: Place, sizes: tuple[int, ...]
) -> None:
    """One picture after each resize; none when it was stopped, in the background or at the end.
    `status --watch` beside it likewise; what it showed last stays.
    """
    slow = Fault(name="slow_body", times=0, endpoints=("media",), bytes_per_second=4_000)
    youtube.set_faults(slow)
    with Emulator() as shown:
        try:
            shown.type(shlex.join(place.arguments("run")) + "\n")
            shown.until(lambda lines: any(line.startswith("main      media") for line in lines))
            for columns in sizes:
                shown.resize(columns)
                shown.drawn_until(lambda lines, most=columns: whole(lines, most, *OF_A_RUN))
            shown.type("\x1a")
            assert not begun(shown.until(prompt))
            shown.type("bg\n")
            shown.until(lambda lines: prompt(lines) and lines[-2].endswith(" &"))

            watch = shlex.join(place.arguments("status", "--watch"))
            shown.type(f"clear; {watch}\n")
            shown.until(lambda lines: whole(lines, sizes[-1], *OF_A_LOOK))
            for columns in sizes:
                shown.resize(columns)
                shown.drawn_until(lambda lines, most=columns: whole(lines, most, *OF_A_LOOK))
            shown.type("\x03")
            assert whole(shown.until(prompt), 300, *OF_A_LOOK)

            shown.type("clear; fg\n")
            shown.until(lambda lines: whole(lines, sizes[-1], *OF_A_RUN))
            shown.type("\x03")
            shown.until(lambda lines: "Ctrl-C now aborts" in lines[0])
            shown.type("\x03")
            assert not begun(shown.until(prompt))
        finally:
            youtube.set_faults()


def test_a_bar_is_one_line_at_any_size(tmp_path: Path) -> None:
    """After each resize, Ctrl-Z and `fg` there is one bar; at the end none."""
    os.mkfifo(tmp_path / "steps")
    (tmp_path / "bar.py").write_text(BAR)
    command = [sys.executable, str(tmp_path / "bar.py"), str(tmp_path / "steps")]
    with Emulator() as shown:
        shown.type(shlex.join(command) + "\n")
        with (tmp_path / "steps").open("w", buffering=1) as steps:
            for done, columns in enumerate(ANY_SIZES, 1):
                shown.resize(columns)
                steps.write(f"{done}\n")
                shown.drawn_until(lambda lines: sum("counting" in line for line in lines) == 1)
            shown.type("\x1a")
            assert "counting" not in "".join(shown.until(prompt))
            shown.type("fg\n")
            shown.until(lambda lines: "counting" in lines[-1])
        assert "counting" not in "".join(shown.until(prompt))
