"""`status`: beside a run, after it, and of one video."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from terminal import Place

from ascc_async.audioset.video_lists import video_id_of
from ascc_async.dataset.manifest import manifest_pages
from ascc_async.dataset.manifest_index import ManifestIndex
from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import Fault


def test_without_a_journal_it_says_so(place: Place) -> None:
    """Exit code 1 and how to begin; to a program, that there is nothing."""
    done = place.here("status")
    assert done.returncode == 1
    assert "no journal yet" in done.stderr
    done = place.here("status", "--json")
    assert done.returncode == 0
    status = json.loads(done.stdout)
    assert (status["running"], status["picture"], status["manifest"]) == (None, None, None)


def test_after_a_run_it_shows_the_sums_of_the_manifest(finished: Place) -> None:
    """The numbers, what to do, where everything is, and when the manifest was written."""
    done = finished.here("status")
    assert done.returncode == 0
    assert "No run is going on. The last one finished at" in done.stdout
    assert re.search(r"The manifest, written at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", done.stdout)
    counts = ManifestIndex(finished.output / "dataset" / "manifest.csv").counts
    assert re.search(rf"^ *{counts.clips}  clips ", done.stdout, re.MULTILINE)
    assert finished.here("status", "--watch").stdout == done.stdout  # nothing goes on: once
    # The same words as at the run's end.
    sums = finished.said.split("\n\n")[-3:]
    assert all(part.strip() in done.stdout for part in sums)


def test_json_agrees_with_the_manifest(finished: Place) -> None:
    """Stable names for programs."""
    status = json.loads(finished.here("status", "--json").stdout)
    counts = ManifestIndex(finished.output / "dataset" / "manifest.csv").counts
    assert status["running"] is None
    assert status["manifest"]["outcomes"]["clip"] == counts.clips
    assert status["picture"]["phase"] == "done"
    assert status["picture"]["asked"] == counts.asked


@pytest.mark.slow
def test_beside_a_running_process_it_shows_its_picture(
    youtube: StandinProcess, place: Place
) -> None:
    """Who runs, and stages and identities as they stood some seconds ago."""
    youtube.set_faults(Fault(name="stall", endpoints=("media",)))
    run = subprocess.Popen(
        place.arguments("run"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        status = _status_when(place, lambda status: status["picture"] is not None)
        assert status["running"]["pid"] == run.pid
        assert status["manifest"] is None
        text = place.here("status").stdout
        assert f"A run is going on (process {run.pid}" in text
        assert "licenses" in text
    finally:
        youtube.set_faults()
        youtube.cut_connections()
        run.send_signal(signal.SIGINT)
        run.wait(60)
    assert run.returncode == 3
    assert "No run is going on. The last one was stopped at" in place.here("status").stdout


def _status_when(place: Place, ready: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        done = place.here("status", "--json")
        status: dict[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
        if status and ready(status):
            return status
    raise AssertionError("no picture within 30 s")


@pytest.mark.parametrize("outcome", ["clip", "unavailable", "not_shareable"])
def test_all_that_is_known_of_one_video_is_shown(finished: Place, outcome: str) -> None:
    """License with evidence and time, outcome and reason, file with its hash."""
    rows = next(manifest_pages(finished.output / "dataset" / "manifest.csv"))
    row = next(rows[rows.outcome == outcome].itertuples())
    done = finished.here("status", row.video_id)
    assert done.returncode == 0
    assert f"license     {row.license}" in done.stdout
    assert f"{row.segment_id}: {row.outcome}" in done.stdout
    assert "asked       " in done.stdout
    for fact in (row.reason, row.path, row.sha256):
        assert fact in done.stdout


def test_one_video_as_json(finished: Place) -> None:
    """Also with an id that was never heard of: exit code 1 and empty fields."""
    row = next(manifest_pages(finished.output / "dataset" / "manifest.csv")).iloc[0]
    status = json.loads(finished.here("status", row.video_id, "--json").stdout)
    assert status["answer"]["license"] == row.license
    assert status["manifest"][0]["segment_id"] == row.segment_id
    other = finished.here("status", "-----------", "--json")
    assert other.returncode == 1
    assert json.loads(other.stdout)["answer"] is None


def test_the_evidence_of_a_license_is_shown(finished: Place) -> None:
    """What was seen, where and when, and its record; exit code 1 where there is none."""
    rows = next(manifest_pages(finished.output / "dataset" / "manifest.csv"))
    row = next(rows[rows.outcome == "clip"].itertuples())
    shown = finished.here("status", row.video_id, "--evidence").stdout
    for fact in (row.evidence, row.license_text, row.channel_id, "asked       https://www.youtube"):
        assert fact in shown
    manifest = finished.output / "dataset" / "manifest.csv"
    whole = manifest.read_bytes()
    manifest.write_bytes(whole.replace(row.evidence.encode(), b""))  # as after a removal
    assert "record      none in" in finished.here("status", row.video_id, "--evidence").stdout
    manifest.write_bytes(whole)
    other = next(rows[rows.license == "standard"].itertuples())
    without = finished.here("status", other.video_id, "--evidence", "--json")
    assert (without.returncode, json.loads(without.stdout)["evidence"]) == (1, None)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("options", [[], ["--log-format=json"]])
def test_output_that_goes_to_a_full_disk_is_explained(finished: Place, options: list[str]) -> None:
    """It is no bug, and never passes for done."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            finished.arguments("status", *options), stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    assert "no space left on the disk that the output goes to" in done.stderr


def test_what_is_no_video_id_is_a_usage_error(finished: Place) -> None:
    """Exit code 2 and what an id looks like."""
    done = finished.here("status", "not-an-id")
    assert done.returncode == 2
    assert "M4gD1WSo5mA" in done.stderr


@pytest.mark.parametrize(
    "address",
    [
        "https://www.youtube.com/watch?v={}&t=30s",
        "https://m.youtube.com/watch?list=abc&v={}",
        "youtu.be/{}?si=x",
        "https://www.youtube.com/shorts/{}",
        "{}_30000",
    ],
)
def test_a_watch_address_will_do_as_an_id(address: str) -> None:
    """As it is copied from a browser."""
    assert video_id_of(address.format("-4gD1WSo5m_")) == "-4gD1WSo5m_"
    assert video_id_of("https://example.org/watch?v=M4gD1WSo5mA") is None
