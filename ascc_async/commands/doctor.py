"""`doctor`: is everything there that a run needs, and with `--online`: which joint is broken."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterable, Iterator

from ascc_async.progress.check import Check, State, passed, show_check
from ascc_async.progress.console import Out
from ascc_async.settings import Settings
from ascc_async.settings_loader import load

FAILED = 1


def main(options: argparse.Namespace) -> int:
    """Show each check as it is done; exit code 1 when a run could not work."""
    # What others would log in passing, the checks tell themselves.
    logging.getLogger("ascc_async").setLevel(logging.CRITICAL)
    settings = load(options.config, options.options)
    out, as_json = Out(), options.log_format == "json"
    states = []
    for check in _checks(settings, online=options.online):
        show_check(check, out, as_json=as_json)
        states.append(check.state)
    if not as_json:
        out.tell(_verdict(states, online=options.online))
    return FAILED if State.FAILED in states else 0


def _checks(settings: Settings, *, online: bool) -> Iterator[Check]:
    from ascc_async.commands.checks import local_checks
    from ascc_async.commands.checks_network import network_checks

    yield passed("settings", "read, and all are allowed")
    yield from local_checks(settings)
    yield from network_checks(settings)
    if online:
        from ascc_async.commands.checks_online import online_checks

        yield from online_checks(settings)


def _verdict(states: Iterable[State], *, online: bool) -> str:
    told = list(states)
    failures, warnings = told.count(State.FAILED), told.count(State.WARNING)
    if failures:
        return f"\n{failures} failed: a run could not work. What to do stands beside each."
    noted = f", {warnings} with a warning" if warnings else ""
    more = "" if online else " `doctor --online` also asks YouTube."
    return f"\nA run can work{noted}.{more}"
