"""The report at the end of a run, as text and as fields."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from snapshots import COUNTS, DRAINING, snapshot

from ascc_async.dataset.counts import RowKind
from ascc_async.model import Outcome, Reason
from ascc_async.progress.report import advice, report, report_fields


def test_every_number_is_a_sum_over_the_manifest(tmp_path: Path) -> None:
    """The outcomes add up to the segments, and each is in the text with its reasons."""
    text = report(COUNTS, snapshot(), tmp_path)
    assert sum(map(COUNTS.outcome, Outcome)) == COUNTS.segments
    assert "150  segments          selected; 148 were asked about" in text
    assert "61  Creative Commons  41.78 % of the 146 answered" in text
    assert "58  clips             10 min of sound, 34.5 MB, 40 channels to credit" in text
    assert "27  not available     removed 20, private 4, age_restricted 3" in text
    assert "3  rejected          silent 3" in text


def test_what_can_be_helped_comes_before_what_is_gone() -> None:
    """Advice names cookies for what wants an age, and says last what is gone for good."""
    groups = advice(COUNTS)
    helped = {reason: item.remedy for item in groups for reason in item.about}
    assert "network.cookies_file" in helped["age_restricted"]
    assert "Data API key" in helped["license_unknown"]
    pending = [item.remedy for item in groups if item.about == ("pending",)]
    assert "same command" in pending[0]
    assert "each run tries again" in pending[1]
    gone = {item.about: item.number for item in groups[-3:-1]}
    assert gone == {("removed",): 20, ("private",): 4}


def test_every_reason_of_the_closed_list_has_advice() -> None:
    """No reason leaves a user alone, whatever the outcome."""
    for reason in Reason:
        kind = RowKind("eval", "unavailable", "unavailable", reason.value, tried=False)
        counts = replace(COUNTS, kinds={kind: 1})
        assert [item.about for item in advice(counts)] == [(reason.value,)]


def test_a_stopped_run_says_what_is_left_and_how_to_go_on(tmp_path: Path) -> None:
    """After Ctrl-C the first line has the number of segments that come again, and how."""
    first = report(COUNTS, snapshot(stopping=DRAINING), tmp_path).splitlines()[0]
    left = "4 segments are left: run the same command again to continue."
    assert first == f"Stopped after 2 min. {left}"


def test_a_finished_run_says_what_is_tried_again(tmp_path: Path) -> None:
    """Those of unknown license and those tried in vain; not what max_per_class does not need."""
    text = report(COUNTS, snapshot(), tmp_path)
    assert "3 segments will be tried again by a later run." in text.splitlines()[0]
    why = "tried, not finished 1, not tried yet 1"
    assert f"  2  pending           {why}" in text


def test_a_run_with_nothing_to_do_says_so(tmp_path: Path) -> None:
    """A second run in a finished folder does not pretend to have worked."""
    done = replace(COUNTS, kinds={RowKind("eval", "creative_commons", "clip", "", tried=True): 58})
    text = report(done, snapshot(answered=0, clips_made=0), tmp_path)
    assert text.startswith("Done: nothing was left to do")


def test_only_places_that_exist_are_named(tmp_path: Path) -> None:
    """The list of places holds no file that is not there."""
    (tmp_path / "clips").mkdir()
    text = report(COUNTS, snapshot(), tmp_path)
    assert f"Where everything is: {tmp_path}\n  clips  the sounds" in text
    assert "CREDITS" not in text


def test_the_fields_say_the_same_as_the_text(tmp_path: Path) -> None:
    """The JSON summary holds every outcome, also those that did not occur."""
    fields = json.loads(json.dumps(report_fields(COUNTS, snapshot(), tmp_path)))
    assert fields["outcomes"] == {outcome: COUNTS.outcome(outcome) for outcome in Outcome}
    assert fields["reasons"]["unavailable"] == {"age_restricted": 3, "private": 4, "removed": 20}
    assert (fields["asked"], fields["creative_commons"], fields["clip_seconds"]) == (148, 61, 580.0)
