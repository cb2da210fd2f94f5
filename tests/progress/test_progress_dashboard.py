"""The dashboard at several widths, and the time left that it shows."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from snapshots import DRAINING, START, bucket, snapshot, work_queue

from ascc_async.pipeline.snapshot import Download, Phase, RunSnapshot, snapshot_data, snapshot_from
from ascc_async.pipeline.source_health import SourceSnapshot
from ascc_async.progress.dashboard import Dashboard
from ascc_async.progress.figures import figures, snapshot_line
from ascc_async.progress.screen import PlainConsole
from ascc_async.throttle.limiter import RateLimiterSnapshot, RequestKind


def drawn(frame: RunSnapshot, width: int) -> list[str]:
    out = PlainConsole(io.StringIO(), width=width)
    out.show(Dashboard(frame))
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("stopping", [False, True])
def test_no_line_is_wider_than_the_terminal(width: int, stopping: bool) -> None:
    """At any width each line fits, and stages, share, identities and disk are there."""
    frame = snapshot(stopping=DRAINING) if stopping else snapshot()
    lines = drawn(frame, width)
    assert max(map(cell_len, lines)) <= width
    text = "\n".join(lines)
    for part in (
        "500 / 1,000",
        "40 / 50",
        "Creative Commons 10.20 %",
        "main",
        "disk 84.0 GB",
    ):
        assert part in text


def test_the_dashboard_keeps_its_height_while_numbers_change() -> None:
    """Growing counts do not make the dashboard jump."""
    later = work_queue(asked=999, clips=400)
    assert len(drawn(snapshot(), 80)) == len(drawn(snapshot(work_queue=later), 80))


def test_a_wide_terminal_shows_more_reasons_than_a_narrow_one() -> None:
    """What does not fit is summed up as other."""
    assert "live 5" in "\n".join(drawn(snapshot(), 80))
    assert "unavailable 40: private 25, other 15" in "\n".join(drawn(snapshot(), 40))


def test_stopping_says_at_every_width_what_ctrl_c_does_next() -> None:
    """The first line changes at once."""
    assert "Ctrl-C again aborts" in drawn(snapshot(stopping=DRAINING), 80)[0]
    assert "Ctrl-C: abort" in drawn(snapshot(stopping=DRAINING), 40)[0]


def test_something_is_shown_before_the_journal_is_read() -> None:
    """A starting run shows its phase, a download its bytes."""
    empty = RunSnapshot(START + 1, START, Phase.STARTING, snapshot().stopping)
    assert "starting" in drawn(empty, 80)[0]
    loading = RunSnapshot(
        START + 1, START, Phase.METADATA, empty.stopping, Download("ontology.json", 1500, 3000)
    )
    assert "ontology.json: 2 KB of 3 KB" in "\n".join(drawn(loading, 80))


def test_text_from_outside_cannot_steer_the_terminal() -> None:
    """Escapes and markup in what a source said are shown as plain text or not at all."""
    evil = SourceSnapshot("innertube", "distrusted", "a\x1b[2Jb[red]c\n\u202ed", 1)
    text = "\n".join(drawn(snapshot(sources=(evil,)), 80))
    assert "a[2Jb[red]c d" in text
    assert "\x1b[2J" not in text


def test_time_left_goes_by_the_permitted_rate_of_the_slowest_kind() -> None:
    """500 videos and their clips at 2 pages a second, however lucky the last seconds were."""
    result = figures(snapshot(answered=5000))
    assert result is not None
    # 500 to ask, of which 10.2 % make clips beside the 10 open ones; 1.5 pages for each.
    assert result.seconds_left == pytest.approx((500 + 1.5 * (10 + 500 * 50 / 490)) / 2.0)


def test_a_rest_of_all_identities_is_added_to_the_time_left() -> None:
    """Nobody may go for ten minutes: that counts."""
    resting = bucket(resting_until=START + 700, resting_why="rate")
    result, calm = figures(snapshot(limiter=RateLimiterSnapshot((resting,)))), figures(snapshot())
    assert result is not None
    assert calm is not None
    assert result.seconds_left == pytest.approx((calm.seconds_left or 0) + 600, abs=1)


def test_what_was_reached_counts_where_nobody_waits_for_permission() -> None:
    """With a permitted rate far above what the network gives, the pace so far decides."""
    free = RateLimiterSnapshot((bucket(rate=1000.0, waiting=0),))
    result = figures(snapshot(limiter=free, answered=500))
    assert result is not None
    assert result.seconds_left == pytest.approx(500 * 100 / 500)


def test_fifty_licenses_a_request_make_the_time_left_shorter() -> None:
    """With the Data API ready its rate and batch size decide."""
    api = SourceSnapshot("data_api", "ready", "", 1)
    limiter = RateLimiterSnapshot((bucket(kind=RequestKind.DATA_API, rate=0.1), bucket(rate=100.0)))
    result = figures(snapshot(sources=(api,), limiter=limiter, answered=10))
    assert result is not None
    assert result.seconds_left == pytest.approx(500 / 50 / 0.1)


def test_with_a_number_per_class_the_time_left_is_a_bound() -> None:
    """Asking may end sooner then."""
    result = figures(snapshot(sampled=True))
    assert result is not None
    assert result.time_left.startswith("at most ")


def test_the_plain_line_holds_the_same_numbers() -> None:
    """Without a terminal: one line with stages, share, identities and time left."""
    text = snapshot_line(snapshot())
    assert "licenses 500/1,000 · Creative Commons 10.20 % · clips 40 (10 to make)" in text
    assert "main/pages 2.00/s" in text
    assert text.endswith(" left")
    assert "\n" not in text


def test_a_snapshot_survives_the_journal() -> None:
    """What `status` reads is what the run left; data of another version gives nothing."""
    assert snapshot_from(snapshot_data(snapshot())) == snapshot()
    assert snapshot_from({"phase": "dancing"}) is None
    assert snapshot_from(None) is None
