"""The overview in a real browser: beside a run, when it ends, when it dies, when the page ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from folders import HOSTILE, history, leave, log
from snapshots import bucket, done, snapshot, work_queue

from ascc_async.journal.lock import run_lock
from ascc_async.pipeline.snapshot import Phase, RunSnapshot
from ascc_async.throttle.bucket import RequestKind
from ascc_async.throttle.limiter import RateLimiterSnapshot


def now(**changes: Any) -> RunSnapshot:
    """A run as it stands now, refused by a hostile machine."""
    at = time.time()
    limiter = RateLimiterSnapshot(
        (
            bucket(),
            bucket(
                identity=HOSTILE,
                kind=RequestKind.MEDIA,
                ceiling=1.0,
                resting_until=at + 90_000,
                resting_why=HOSTILE,
            ),
        )
    )
    work = {
        "done": done(at, 150, videos=120),
        "minute_ago": done(at - 60, 60, videos=48),
        "half_ago": done(at - 50, 75, videos=60),
    }
    begun = snapshot(at=at, started_at=at - 100, limiter=limiter, **work)
    return replace(begun, **changes)


@pytest.mark.slow
def test_it_follows_a_run_to_its_end(
    serve: Callable[..., str], window: Callable[..., Any], tmp_path: Path
) -> None:
    """By itself: what it does, that it died, how the next one ends, and that the page has ended."""
    output = tmp_path / "out"
    url = serve(output)
    page = (seen := window(1280)).open(url)
    state = page.locator("[data-live=state]")
    state.get_by_text("No run has worked in").wait_for()
    with run_lock(output):
        log(output, "began", HOSTILE)
        leave(output, now(), list(history(time.time(), 120, ("main", HOSTILE))))
        state.get_by_text("A run is going on").wait_for()
        page.get_by_text("500 / 1,000").wait_for()
        page.evaluate("window.before = document.querySelector('[data-live=events]').firstChild")
        leave(output, now(work_queue=work_queue(asked=600, to_ask=400)))
        page.get_by_text("600 / 1,000").wait_for()
        # What has not changed was not touched: a screen reader reads on.
        assert page.evaluate("before === document.querySelector('[data-live=events]').firstChild")
        seen.assert_accessible()
    state.get_by_text("ended unexpectedly").wait_for()
    leave(output, now(phase=Phase.DONE))
    state.get_by_text("The last one finished at").wait_for()
    serve.stop()  # type: ignore[attr-defined]
    page.get_by_text("serve has ended").wait_for()  # or old numbers would be taken for new ones


def test_it_fits_and_everybody_can_use_it(
    serve: Callable[..., str], window: Callable[..., Any], tmp_path: Path
) -> None:
    """With long numbers and hostile names, on a phone and a wide screen, light and dark."""
    output = tmp_path / "out"
    queue = work_queue(selected=2_084_320, asked=1_123_456)
    log(output, "«main» refused; pausing 5 s", "https://example.org/" + "x" * 300, level="warning")
    with run_lock(output):
        leave(output, now(work_queue=queue), list(history(time.time(), 300, ("main", HOSTILE))))
        url = serve(output)
        page = (seen := window(390)).open(url)
        for width, scheme in ((390, "light"), (390, "dark"), (1920, "dark")):
            seen.becomes(width, scheme)
            page.locator("#chart-identities svg").get_by_text("<script>").first.wait_for()
            seen.assert_fits()
            seen.assert_accessible()
        assert page.locator("script:not([src]):not([type='application/json'])").count() == 0
        button = page.get_by_role("button", name="hour")
        button.focus()
        page.keyboard.press("Enter")
        page.wait_for_selector("button[data-span=hour][aria-pressed=true]")


@pytest.mark.slow
def test_many_pages_in_one_browser_share_a_stream(
    serve: Callable[..., str], window: Callable[..., Any], tmp_path: Path
) -> None:
    """A browser opens six connections to a server: with a stream each, the seventh would wait."""
    leave(tmp_path / "out", now())
    url = serve(tmp_path / "out")
    context = window().page.context
    for _ in range(7):
        page = context.new_page()
        page.route("**/plotly.js*", lambda route: route.fulfill(body=""))
        page.goto(url)
        page.wait_for_selector("#connection[data-state=live]")


def test_only_who_has_the_token_sees_it_and_only_by_its_name(
    serve: Callable[..., str], window: Callable[..., Any], tmp_path: Path
) -> None:
    """The token goes from the address into a cookie, with which all else is loaded. Who has a wrong
    one, or a name that another site made up, is told what to do.
    """
    leave(tmp_path / "out", now())
    url = serve(tmp_path / "out", "--token", "a secret+/é")
    stranger = window()
    page = stranger.open(url.partition("?")[0] + "?token=wrong")
    assert "401: this page needs its token" in page.inner_text("body")
    stranger.open(url.replace("127.0.0.1", "evil.example"))
    assert "403: this page is not served under that name" in page.inner_text("body")
    page = window().open(url)
    assert page.url == url.partition("?")[0]
    page.wait_for_selector("#connection[data-state=live]")
    # Of pages, and of the favicon that a browser asks for beside each.
    refused = "Failed to load resource: the server responded with a status of 40"
    stranger.complaints[:] = [each for each in stranger.complaints if refused not in each]
