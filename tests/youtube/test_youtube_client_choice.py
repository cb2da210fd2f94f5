"""Which client is asked first."""

from __future__ import annotations

import logging

import pytest

from ascc_async.errors import (
    AsccError,
    ItemError,
    NetworkFault,
    Refused,
    Rejected,
    ServerFault,
    Unavailable,
    Unexplained,
)
from ascc_async.model import Reason
from ascc_async.youtube.client_choice import ClientChoice, another_client_may_help
from ascc_async.youtube.extraction import PlayerClient

BOT = Refused("bot check", kind="bot_check")
NOTHING = ItemError(Reason.TOOL_FAILED, "no formats")


def test_where_only_the_defaults_pass_the_bot_check_they_come_first_for_an_hour(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Three times in a row, as a pause may end between two asks; that identity only; said once."""
    choice = ClientChoice()
    assert choice.first("main", 0.0) is PlayerClient.GUEST, "one request instead of three"
    with caplog.at_level(logging.WARNING):
        for now in (0.0, 1.0):
            choice.note_fallback("main", BOT, None, now)
        assert choice.first("main", 2.0) is PlayerClient.GUEST
        for now in (2.0, 2.0, 2.0, 2.0):
            choice.note_fallback("main", BOT, None, now)
    assert len(caplog.records) == 1
    assert choice.first("main", 3601.0) is PlayerClient.DEFAULT
    assert choice.first("other", 10.0) is PlayerClient.GUEST
    assert choice.first("main", 3603.0) is PlayerClient.GUEST


def test_where_the_defaults_are_refused_too_there_is_no_fallback_for_ten_minutes() -> None:
    """It would only bring more refusals. Other failures are still worth one."""
    choice = ClientChoice()
    assert choice.may_fall_back("main", BOT, False, 0.0)
    choice.note_fallback("main", BOT, BOT, 0.0)
    assert not choice.may_fall_back("main", BOT, False, 599.0)
    assert choice.may_fall_back("main", NOTHING, False, 1.0)
    assert choice.may_fall_back("other", BOT, False, 1.0)
    assert choice.may_fall_back("main", BOT, False, 601.0)
    assert choice.first("main", 1.0) is PlayerClient.GUEST


def test_a_guest_client_that_brings_nothing_thrice_in_a_row_is_left_alone() -> None:
    """One odd video proves nothing; nor do three with successes between."""
    choice = ClientChoice()
    for _ in range(3):
        choice.note_fallback("main", NOTHING, None, 0.0)
        choice.note_guest_success("main")
    assert choice.first("main", 1.0) is PlayerClient.GUEST
    for _ in range(3):
        choice.note_fallback("main", NOTHING, None, 0.0)
    assert choice.first("main", 1.0) is PlayerClient.DEFAULT


def test_videos_that_nobody_gets_say_nothing_about_the_client() -> None:
    """Where the defaults failed as well, the guest client is not to blame."""
    choice = ClientChoice()
    for _ in range(10):
        choice.note_fallback("main", NOTHING, NOTHING, 0.0)
    assert choice.first("main", 1.0) is PlayerClient.GUEST


HELPS: list[tuple[AsccError, bool, bool]] = [
    (Refused("bot", kind="bot_check"), True, True),
    (Refused("rate", kind="rate"), False, False),
    (Refused("later", kind="try_later"), False, False),
    (NetworkFault("gone", kind="reset"), False, False),
    (ServerFault("503"), False, False),
    (Unavailable(Reason.AGE_RESTRICTED, "Sign in to confirm your age"), True, True),
    (Unavailable(Reason.SIGN_IN_REQUIRED, "Sign in"), True, True),
    (Unexplained("Video unavailable"), True, True),
    (Unavailable(Reason.REMOVED, "This video has been removed by the uploader"), False, False),
    (Unavailable(Reason.PRIVATE, "Private video"), False, True),
    (Unavailable(Reason.MEMBERS_ONLY, "Join this channel"), False, True),
    (Unavailable(Reason.COUNTRY_RESTRICTED, "in your country"), False, False),
    (Unavailable(Reason.LIVE, "Premieres in 2 days"), False, False),
    (Rejected(Reason.NO_AUDIO, "no sound"), True, True),
    (ItemError(Reason.TOOL_FAILED, "odd"), True, True),
]


@pytest.mark.parametrize(("error", "as_guest", "signed_in"), HELPS)
def test_another_client_is_tried_only_where_it_may_help(
    error: AsccError, as_guest: bool, signed_in: bool
) -> None:
    """A detour costs requests, and against a refusal it costs more refusals."""
    assert another_client_may_help(error, signed_in=False) is as_guest
    assert another_client_may_help(error, signed_in=True) is signed_in
