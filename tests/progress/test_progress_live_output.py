"""The screen: events, repeats, JSON, the log file, a reader that leaves."""

from __future__ import annotations

import asyncio
import errno
import io
import json
import logging
import os
import re
import stat
import time
from pathlib import Path
from typing import Any

import pytest
from snapshots import snapshot

from ascc_async.errors import StopRun
from ascc_async.progress import dashboard, live_output
from ascc_async.progress.live_output import Display, LogFormat, PlainConsole, Screen
from ascc_async.progress.logs import EventHandler, JsonFormat, TextFormat, event_line, file_handler

log = logging.getLogger("ascc_async.tested")


class Clock:
    """A clock that is moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def shown_on(lines: list[str], clock: Clock) -> EventHandler:
    handler = EventHandler(lambda line: lines.append(line.split(" ", 2)[2]), clock)
    handler.setFormatter(TextFormat())
    return handler


def record(event: str = "it rains", **fields: Any) -> logging.LogRecord:
    made = logging.makeLogRecord(
        {"name": "ascc_async.x", "levelno": 30, "levelname": "WARNING", "msg": event}
    )
    vars(made).update(fields)
    return made


def test_a_pause_is_told_as_a_time_of_day() -> None:
    """Not as seconds since 1970; and what is not known is left out."""
    line = TextFormat().format(record(until=time.time() + 1, source="data_api"))
    assert re.fullmatch(
        r"\S+ \S+ warning: it rains \(until: (\S+ )?\d\d:\d\d, source: data_api\)", line
    )
    assert "until" not in TextFormat().format(record(until=None))


def test_a_thousand_equal_warnings_are_one_line_and_a_count() -> None:
    """The first is shown at once, the rest a minute later as a number."""
    lines: list[str] = []
    handler = shown_on(lines, clock := Clock())
    for number in range(1000):
        handler.handle(record(video_id=f"v{number}"))
    assert lines == ["warning: it rains (video_id: v0)"]
    clock.now = 61.0
    handler.show_repeated()
    assert lines[1:] == ["warning: it rains: 999 more like it; all are in logs/"]
    handler.show_repeated(all_of_them=True)
    assert len(lines) == 2


def test_the_same_event_of_another_identity_is_another_event() -> None:
    """What one identity suffers does not hide what happens to another."""
    lines: list[str] = []
    handler = shown_on(lines, Clock())
    handler.handle(record(identity="one"))
    handler.handle(record(identity="two"))
    assert len(lines) == 2


def test_counts_that_still_wait_are_shown_at_the_end() -> None:
    """Closing shows them."""
    lines: list[str] = []
    handler = shown_on(lines, Clock())
    for _ in range(3):
        handler.handle(record())
    handler.close()
    assert lines == [
        "warning: it rains",
        "warning: it rains: 2 more like it; all are in logs/",
    ]


def test_titles_with_control_characters_reach_neither_terminal_nor_program_raw() -> None:
    """Escapes, line breaks and direction overrides are gone from text and escaped in JSON."""
    nasty = record(title="a\x1b[31mb\nc\u202ed\x9be")
    text, data = TextFormat().format(nasty), JsonFormat().format(nasty)
    assert text.endswith("(title: a[31mb cde)")
    assert data.isascii()
    assert data.isprintable()
    assert json.loads(data)["title"] == "a\x1b[31mb\nc\u202ed\x9be"


def test_a_very_long_event_is_cut_on_the_screen_and_whole_in_the_log() -> None:
    """Nobody reads ten thousand characters on a terminal."""
    long = record(words="x" * 10_000)
    assert len(TextFormat().format(long)) < 700
    assert len(JsonFormat().format(long)) > 10_000


def test_an_event_cannot_take_the_place_of_the_stable_names() -> None:
    """A field called `event` or `time` does not shadow the event's own."""
    event = json.loads(event_line(0.0, "info", "rain", {"event": "sun", "time": 5, "drops": 7}))
    assert event == {
        "time": "1970-01-01T00:00:00.000Z", "level": "info", "event": "rain", "drops": 7,
    }  # fmt: skip


def test_the_log_file_is_for_the_user_alone_and_rotated(tmp_path: Path) -> None:
    """Mode 0600 in a folder 0700, also for the file after a rotation."""
    handler = file_handler(tmp_path)
    handler.handle(record(video_id="v"))
    handler.doRollover()  # type: ignore[attr-defined]
    handler.handle(record())
    handler.close()
    logs = tmp_path / "logs"
    assert stat.S_IMODE(logs.stat().st_mode) == 0o700
    assert {path.name for path in logs.iterdir()} == {"ascc_async.log", "ascc_async.log.1"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in logs.iterdir()} == {0o600}
    assert json.loads((logs / "ascc_async.log.1").read_text())["video_id"] == "v"


class Terminal(io.StringIO):
    """Says it is one, and is one where it must be."""

    def __init__(self) -> None:
        super().__init__()
        self._ends = os.openpty()

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._ends[1]


def screen(out: PlainConsole, folder: Path, log_format: LogFormat, gone: list[str]) -> Screen:
    display = Display(log_format)
    return Screen(snapshot, folder, display, on_gone=lambda: gone.append("gone"), console=out)


async def test_without_a_terminal_events_are_lines_shown_once(tmp_path: Path) -> None:
    """An event is once on the screen and once in the log file; markup is not interpreted."""
    out = PlainConsole(io.StringIO(), width=80)
    async with screen(out, tmp_path, "text", []).showing():
        log.info("saw [red]it[/red] :dog:", extra={"n": 1})
        logging.getLogger("someone.else").warning("other")
    assert isinstance(out.file, io.StringIO)
    lines = out.file.getvalue().splitlines()
    assert [line.split(" ", 2)[2] for line in lines] == [
        "saw [red]it[/red] :dog: (n: 1)", "warning: other",
    ]  # fmt: skip
    assert len((tmp_path / "logs/ascc_async.log").read_text().splitlines()) == 2


async def test_the_log_file_has_every_event(tmp_path: Path) -> None:
    """What the screen sums up as a number is there with each video's id."""
    async with screen(PlainConsole(io.StringIO()), tmp_path, "text", []).showing():
        for number in range(3):
            log.warning("it rains", extra={"video_id": f"v{number}"})
    lines = (tmp_path / "logs/ascc_async.log").read_text().splitlines()
    assert [json.loads(line)["video_id"] for line in lines] == ["v0", "v1", "v2"]


async def test_json_output_is_one_object_a_line_with_stable_names(tmp_path: Path) -> None:
    """Events and the summary have `time`, `level` and `event`."""
    out = PlainConsole(io.StringIO(), width=20)
    shown = screen(out, tmp_path, "json", [])
    async with shown.showing():
        log.warning("it rains", extra={"identity": "main", "much": "x" * 100})
    shown.say("words for people", "summary", {"clips": 3})
    assert isinstance(out.file, io.StringIO)
    first, last = map(json.loads, out.file.getvalue().splitlines())
    assert (first["level"], first["event"], first["identity"]) == ("warning", "it rains", "main")
    assert (last["level"], last["event"], last["clips"]) == ("info", "summary", 3)
    assert "time" in first
    assert "time" in last


async def test_what_leaves_the_block_is_not_wrapped(tmp_path: Path) -> None:
    """An error of the run reaches the command line as it is, and handlers are taken down."""
    handlers = list(logging.getLogger().handlers)
    with pytest.raises(ValueError, match="as it is"):
        async with screen(PlainConsole(io.StringIO()), tmp_path, "text", []).showing():
            raise ValueError("as it is")
    assert logging.getLogger().handlers == handlers


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
async def test_a_bug_of_the_screen_leaves_its_traceback(
    kind: type[io.StringIO], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the log file, from the lines of a pipe as from the dashboard; the run is cancelled."""
    monkeypatch.setattr(live_output, "_DRAW_EVERY", 0)
    monkeypatch.setattr(live_output, "_FIRST_LINES_EVERY", 0)
    monkeypatch.setattr(live_output, "snapshot_line", None)
    monkeypatch.setattr(dashboard, "_headline", None)
    shown = screen(PlainConsole(kind(), width=80), tmp_path, "text", [])
    async with asyncio.timeout(5):
        with pytest.raises((TypeError, ExceptionGroup)):
            async with shown.showing():
                await asyncio.Event().wait()
    event = json.loads((tmp_path / "logs/ascc_async.log").read_text("utf-8"))
    assert "is a bug" in event["event"]
    assert "in _keep_showing" in event["traceback"]
    assert "'NoneType' object is not callable" in event["traceback"]


async def test_an_error_that_is_explained_leaves_no_traceback(tmp_path: Path) -> None:
    """The command line says all of it."""
    with pytest.raises(StopRun):
        async with screen(PlainConsole(io.StringIO()), tmp_path, "text", []).showing():
            raise StopRun("no room")
    assert (tmp_path / "logs/ascc_async.log").read_text("utf-8") == ""


async def test_cancelling_the_run_ends_the_screen(tmp_path: Path) -> None:
    """Nothing of the screen outlives an abort."""
    shown = screen(PlainConsole(io.StringIO()), tmp_path, "text", [])

    async def run() -> None:
        async with shown.showing():
            await asyncio.Event().wait()

    async with asyncio.timeout(5):
        task = asyncio.ensure_future(run())
        await asyncio.sleep(0)
        before = asyncio.all_tasks()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() <= before - {task}


class Closed(io.StringIO):
    """A pipe whose reader has left."""

    def write(self, text: str) -> int:
        raise BrokenPipeError

    def flush(self) -> None:
        raise BrokenPipeError


async def test_a_reader_that_left_is_reported_once(tmp_path: Path) -> None:
    """`… | head`: whoever owns the run learns it, and the screen falls silent."""
    gone: list[str] = []
    async with screen(PlainConsole(Closed()), tmp_path, "text", gone).showing():
        log.info("one")
        log.info("two")
    assert gone == ["gone"]


class Full(io.StringIO):
    """A file on a full disk."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


async def test_output_that_goes_to_a_full_disk_ends_no_run(tmp_path: Path) -> None:
    """`… > run.log`: its own log file has every event, as far as there is room."""
    gone: list[str] = []
    async with screen(PlainConsole(Full()), tmp_path, "text", gone).showing():
        log.info("one")
        log.info("two")
    assert gone == []
    assert len((tmp_path / "logs/ascc_async.log").read_text().splitlines()) == 2


async def test_a_folder_that_cannot_be_written_does_not_hinder_the_screen(tmp_path: Path) -> None:
    """Where logs cannot lie the run explains; the screen still shows."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    out = PlainConsole(io.StringIO(), width=80)
    async with screen(out, blocked / "below", "text", []).showing():
        log.info("seen")
    assert isinstance(out.file, io.StringIO)
    assert "seen" in out.file.getvalue()


async def test_a_dumb_terminal_gets_plain_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without colours and cursor moves."""
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(live_output, "_FIRST_LINES_EVERY", 0)
    terminal = Terminal()
    async with screen(PlainConsole(terminal), tmp_path, "text", []).showing():
        log.warning("it rains")
        for _ in range(3):  # the first line comes at once
            await asyncio.sleep(0)
    assert "it rains" in terminal.getvalue()
    assert "licenses " in terminal.getvalue()
    assert "\x1b" not in terminal.getvalue()


async def test_on_a_terminal_no_word_is_broken(tmp_path: Path) -> None:
    """Events wrap between words; a path that is longer than the line stays whole for copying."""
    path = f"/{'long' * 15}/ascc_async.log"
    terminal = Terminal()
    out = PlainConsole(terminal, width=40)
    event = f"«main» refused at 29 pages/s (YouTube answers 429: too many requests); see {path}"
    async with screen(out, tmp_path, "text", []).showing():
        logging.getLogger("ascc_async").warning(event)
    lines = terminal.getvalue().splitlines()
    for word in event.split():
        assert any(word in line for line in lines), word
