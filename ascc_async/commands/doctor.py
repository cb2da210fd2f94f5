"""`doctor`: is everything there that a run needs, and with `--online`: which step fails."""

from __future__ import annotations

import argparse
import logging
import time
from dataclasses import asdict
from itertools import chain

from ascc_async.commands.doctor_checks import Check, State, local_checks, network_checks
from ascc_async.commands.doctor_extras import machine_checks, notify_checks
from ascc_async.errors import SettingsError
from ascc_async.progress.formatting import safe
from ascc_async.progress.live_output import PlainConsole
from ascc_async.progress.logs import event_line, logging_from
from ascc_async.settings import Settings
from ascc_async.settings_loader import load
from ascc_async.youtube.browser_cookies import with_browser_cookies

FAILED = 1
_STYLES = {
    State.PASSED: "green",
    State.LATER: "cyan",
    State.UNCHECKED: "cyan",
    State.WARNING: "yellow",
    State.FAILED: "bold red",
}
_LEVELS = {State.WARNING: "warning", State.FAILED: "error"}
_NOT_ASKED = Check(
    "network",
    State.UNCHECKED,
    "whether YouTube and Google answer, take the cookies and keys, and give a clip",
    "`python -m ascc_async doctor --online` tries each",
)


def main(options: argparse.Namespace) -> int:
    """Show each check as it is done; exit code 1 when a run could not work."""
    settings = load(options.config, options.options)
    if options.notify and not options.online:
        raise SettingsError("--notify sends a message: give --online, too")
    with (
        with_browser_cookies(settings, options.cookies_from_browser) as with_cookies,
        logging_from(logging.CRITICAL),  # what others log in passing, the checks show themselves
    ):
        return _show(with_cookies, options)


def _show(settings: Settings, options: argparse.Namespace) -> int:
    console, as_json = PlainConsole(), options.log_format == "json"
    checks = chain(
        local_checks(settings),
        network_checks(settings),
        machine_checks(settings),
        notify_checks(settings, test=options.notify),
    )
    if options.online:
        # It imports the whole pipeline, which takes a second.
        from ascc_async.commands.doctor_online import online_checks

        checks = chain(checks, online_checks(settings))
    else:
        checks = chain(checks, [_NOT_ASKED])
    states = []
    for check in checks:
        states.append(check.state)
        if as_json:
            level = _LEVELS.get(check.state, "info")
            print(event_line(time.time(), level, "check", asdict(check)), flush=True)
            continue
        row = console.fold(f"{check.state.value:<9}  {check.name:<20} {safe(check.found)}")
        row.stylize(_STYLES[check.state], 0, len(check.state.value))
        console.show(row)
        if check.remedy:
            console.show(f"{'':<9}  {'':<20} → {safe(check.remedy)}")
    failures, warnings = states.count(State.FAILED), states.count(State.WARNING)
    if not as_json and failures:
        console.show(f"\n{failures} failed: a run could not work. Below each is what to do.")
    elif not as_json:
        noted = f" ({warnings} with a warning)" if warnings else ""
        if options.online:
            console.show(f"\nA run can work{noted}.")
        else:
            console.show(f"\nNothing failed{noted}, but the network was not looked at.")
    return FAILED if failures else 0
