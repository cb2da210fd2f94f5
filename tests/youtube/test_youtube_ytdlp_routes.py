"""Which client is asked first."""

from __future__ import annotations

import logging

import pytest

from ascc_async.errors import ItemError, Refused
from ascc_async.model import Reason
from ascc_async.youtube.ytdlp_records import Strategy
from ascc_async.youtube.ytdlp_routes import Routes

BOT = Refused("bot check", kind="bot_check")
NOTHING = ItemError(Reason.TOOL_FAILED, "no formats")


def test_the_cheap_client_comes_first() -> None:
    """One request instead of three."""
    routes = Routes()
    assert routes.first("main", 0.0) is Strategy.CHEAP
    assert (routes.cost(Strategy.CHEAP), routes.cost(Strategy.DEFAULTS)) == (1, 3)


def test_where_only_the_defaults_pass_the_bot_check_they_come_first_for_an_hour(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Three times in a row, as a pause may end between two asks; that identity only; said once."""
    routes = Routes()
    with caplog.at_level(logging.WARNING):
        for now in (0.0, 1.0):
            routes.note_detour("main", BOT, None, now)
        assert routes.first("main", 2.0) is Strategy.CHEAP
        for now in (2.0, 2.0, 2.0, 2.0):
            routes.note_detour("main", BOT, None, now)
    assert len(caplog.records) == 1
    assert routes.first("main", 3601.0) is Strategy.DEFAULTS
    assert routes.first("other", 10.0) is Strategy.CHEAP
    assert routes.first("main", 3603.0) is Strategy.CHEAP


def test_where_the_defaults_are_refused_too_no_detour_is_made_for_ten_minutes() -> None:
    """It would only bring more refusals. Other failures are still worth one."""
    routes = Routes()
    assert routes.may_detour("main", BOT, 0.0)
    routes.note_detour("main", BOT, BOT, 0.0)
    assert not routes.may_detour("main", BOT, 599.0)
    assert routes.may_detour("main", NOTHING, 1.0)
    assert routes.may_detour("other", BOT, 1.0)
    assert routes.may_detour("main", BOT, 601.0)
    assert routes.first("main", 1.0) is Strategy.CHEAP


def test_a_cheap_client_that_brings_nothing_thrice_in_a_row_is_left_alone() -> None:
    """One odd video proves nothing; nor do three with successes between."""
    routes = Routes()
    for _ in range(3):
        routes.note_detour("main", NOTHING, None, 0.0)
        routes.note_cheap_success("main")
    assert routes.first("main", 1.0) is Strategy.CHEAP
    for _ in range(3):
        routes.note_detour("main", NOTHING, None, 0.0)
    assert routes.first("main", 1.0) is Strategy.DEFAULTS


def test_videos_that_nobody_gets_say_nothing_about_the_client() -> None:
    """Where the defaults failed as well, the cheap client is not to blame."""
    routes = Routes()
    for _ in range(10):
        routes.note_detour("main", NOTHING, NOTHING, 0.0)
    assert routes.first("main", 1.0) is Strategy.CHEAP


def test_reservations_follow_what_is_really_sent() -> None:
    """Config and script cost more at first; later ones less. Nothing sent teaches nothing."""
    routes = Routes()
    for _ in range(30):
        routes.note_cost(Strategy.DEFAULTS, 2)
        routes.note_cost(Strategy.DEFAULTS, 0)
    assert routes.cost(Strategy.DEFAULTS) == 2
    for _ in range(30):
        routes.note_cost(Strategy.DEFAULTS, 6)
    assert routes.cost(Strategy.DEFAULTS) == 6
