"""One check of `doctor`, and how it is shown."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from enum import StrEnum

from rich.text import Text

from ascc_async.progress.console import Out
from ascc_async.progress.events import event_line
from ascc_async.progress.words import safe


class State(StrEnum):
    """`FAILED`: a run could not work like this."""

    PASSED = "passed"
    WARNING = "warning"
    FAILED = "failed"


_STYLES = {State.PASSED: "green", State.WARNING: "yellow", State.FAILED: "bold red"}
_LEVELS = {State.PASSED: "info", State.WARNING: "warning", State.FAILED: "error"}


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, how it is, what was found, and what to do about it ("": nothing)."""

    name: str
    state: State
    found: str
    remedy: str = ""


def passed(name: str, found: str) -> Check:
    """All is well."""
    return Check(name, State.PASSED, found)


def warning(name: str, found: str, remedy: str) -> Check:
    """A run works, but less well than it could."""
    return Check(name, State.WARNING, found, remedy)


def failed(name: str, found: str, remedy: str = "") -> Check:
    """A run could not work."""
    return Check(name, State.FAILED, found, remedy)


def show_check(check: Check, out: Out, *, as_json: bool) -> None:
    """One row of the table, or one object."""
    if as_json:
        out.tell(event_line(time.time(), _LEVELS[check.state], "check", asdict(check)))
        return
    row = Text(f"{check.state.value:<8}", style=_STYLES[check.state])
    row.append(f" {check.name:<20} {safe(check.found)}", style="not bold default")
    out.show(row, wrap=False)
    if check.remedy:
        out.tell(f"{'':<8} {'':<20} → {safe(check.remedy)}")
