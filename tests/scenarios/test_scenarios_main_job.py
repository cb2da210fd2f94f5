"""The main job, end to end, as a user runs it."""

from __future__ import annotations

import re
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
from scenario import Place, Row, edited, misplaced, timeless, wrong

from ascc_async.journal.reader import Reader
from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import Fault, Limit
from benchmarks.chaos_run import Job

SHARED = Path(__file__).parents[3] / "shared" / "audioset"
FAULTS = (
    Fault(name="server_error", share=0.05),
    Fault(name="cut_before", share=0.03),
    Fault(name="cut_body", share=0.05),
)
LIMIT = Limit(requests=250, window_seconds=10, pause_seconds=2, style="bot_check")


def test_every_license_reason_and_clip_is_what_the_world_says(
    place: Place, calm: StandinProcess
) -> None:
    """With refusals and faults on the way, every row is right and every clip in its place."""
    calm.set(faults=FAULTS, limits=(LIMIT,))
    two_at_once = replace(place, settings=(*place.settings, "concurrency.extractions=2"))
    code, said = two_at_once.run()
    assert code == 0, said
    rows = place.manifest()
    assert wrong(rows, calm.world) == []
    assert len({row["reason"] for row in rows}) > 12
    clips = [row for row in rows if row["outcome"] == "clip"]
    assert len(clips) > 40
    assert misplaced(place, calm) == []
    for row in clips:
        about = soundfile.info(str(place.output / row["path"]))
        assert about.frames == round(float(row["duration_seconds"]) * about.samplerate)


def test_a_second_run_fetches_nothing_again(done: Callable[[], Job], calm: StandinProcess) -> None:
    """Once all is done the same command sends no request, and touches no file."""
    place = done().place
    place = replace(place, settings=(*place.settings, "license.retry_unknown=0"))
    with edited(place.output) as journal:
        # «Please sign in» is no reason, and is asked again by every run; here it is made one.
        journal.execute(
            "UPDATE clips SET outcome = 'unavailable', reason = 'sign_in_required'"
            " WHERE outcome = 'pending'"
        )
    before = place.manifest()
    code, said = place.run()
    assert code == 0, said
    assert calm.counters()["requests"] == {}
    after = place.manifest()
    changed = {row["outcome"] for row in before if row not in after}
    assert changed == {"pending"}
    written = (place.output / "dataset/manifest.csv").stat().st_mtime_ns
    assert place.run()[0] == 0
    assert (place.output / "dataset/manifest.csv").stat().st_mtime_ns == written


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_stopped_half_way_and_run_again_gives_the_same(
    place: Place, calm: StandinProcess, undisturbed: list[Row], number: signal.Signals
) -> None:
    """A drained run exits with 3; the next one goes on, and repeats nothing that was done."""
    place = replace(place, settings=(*place.settings, "audioset.splits=[eval,balanced_train]"))
    undisturbed = [row for row in undisturbed if row["split"] != "unbalanced_train"]
    calm.set_faults(Fault(name="slow_body", endpoints=("media",), bytes_per_second=300_000))
    process = place.start()
    wait_for_clips(place.output, 4)
    process.send_signal(number)
    said, _ = process.communicate(timeout=90)
    assert process.returncode == 3, said
    rows = place.manifest()
    done = {row["video_id"] for row in rows if row["outcome"] == "clip"}
    asked = {row["video_id"] for row in rows if row["license"] not in ("", "unknown")}
    assert 4 <= len(done) < sum(row["outcome"] == "clip" for row in undisturbed)
    calm.set_faults()
    calm.reset_counters()
    code, said = place.run()
    assert code == 0, said
    known = set(calm.settings.known_creative_commons + calm.settings.known_standard)
    again = {v for line in calm.requests("next") for v in line.get("videos", ())} - known
    assert again & asked == set()
    assert {v for line in calm.requests("media") for v in line.get("videos", ())} & done == set()
    assert timeless(place.manifest()) == timeless(undisturbed)
    with closing(Reader(place.output / "state.sqlite3")) as reader:
        minutes = reader.minutes(0)
    assert minutes == sorted(minutes, key=lambda each: (each.at, each.clips, each.fetched_bytes))
    assert minutes[-1].clips == sum(row["outcome"] == "clip" for row in undisturbed)
    assert minutes[-1].answers >= len({row["video_id"] for row in undisturbed})


@pytest.mark.slow  # real rows are read in tests/audioset, and a whole job is above
def test_a_hundred_real_segments(place: Place, calm: StandinProcess, tmp_path: Path) -> None:
    """Over real AudioSet rows, the manifest says what the stand-in's world says of each id."""
    if not SHARED.is_dir():
        pytest.skip("../shared/audioset is not here")
    metadata = tmp_path / "metadata"
    metadata.mkdir()
    for file in SHARED.iterdir():
        (metadata / file.name).symlink_to(file)
    segments = metadata / "balanced_train_segments.csv"
    lines = segments.read_text(encoding="utf-8").splitlines(keepends=True)
    segments.unlink()
    header = re.sub(r"num_(ytids|segs)=\d+, |, num_positive_labels=\d+", "", "".join(lines[:3]))
    segments.write_text(header + "".join(lines[3:103]), encoding="utf-8")
    real = Place(place.output, (*place.settings, "audioset.splits=[balanced_train]",
                                "classes.blacklisted=keep"))  # fmt: skip
    code, said = real.run(timeout=200)
    assert code == 0, said
    rows = real.manifest()
    assert len(rows) == 100
    assert wrong(rows, calm.world) == []


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not come"
        time.sleep(0.05)


def wait_for_clips(output: Path, number: int) -> None:
    wait_for(lambda: len(list(output.glob("clips/*/*.flac"))) >= number)


def test_the_journal_holds_what_the_manifest_says(finished: Path, undisturbed: list[Row]) -> None:
    """Every clip of the manifest is in the journal with the same hash."""
    with sqlite3.connect(finished / "out" / "state.sqlite3") as connection:
        known = dict(connection.execute("SELECT segment_id, sha256 FROM clips WHERE path NOT NULL"))
    connection.close()
    clips = {r["segment_id"]: r["sha256"] for r in undisturbed if r["outcome"] == "clip"}
    assert clips == known
