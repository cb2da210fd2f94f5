"""The dashboard at several widths, and the time left that it shows."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.cells import cell_len
from snapshots import DRAINING, START, bucket, done, snapshot, work_queue

from ascc_async.pipeline.snapshot import (
    DiskSnapshot,
    Download,
    MachineSnapshot,
    Phase,
    RunSnapshot,
    SourceSnapshot,
    snapshot_data,
    snapshot_from,
)
from ascc_async.progress.dashboard import Dashboard
from ascc_async.progress.figures import figures, snapshot_fields, snapshot_line
from ascc_async.progress.live_output import PlainConsole
from ascc_async.throttle.limiter import RateLimiterSnapshot


def drawn(frame: RunSnapshot, width: int, *, headline: bool = True) -> list[str]:
    out = PlainConsole(io.StringIO(), width=width)
    out.show(Dashboard(frame, headline=headline))
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


@pytest.mark.parametrize("width", [40, 60, 80])
@pytest.mark.parametrize("stopping", [False, True])
def test_no_word_is_cut(width: int, stopping: bool) -> None:
    """What does not fit is left out by whole words; only an identity's long name is cut."""
    trouble = SourceSnapshot("data_api", "resting", "quota used up until midnight Pacific time", 5)
    paused = bucket(ceiling=29.0, resting_until=START + 200, refused=1234)
    buckets = (paused, bucket(identity="an-identity-with-a-long-name"))
    frame = snapshot(
        sources=(trouble,), disk=DiskSnapshot(84, True), limiter=RateLimiterSnapshot(buckets)
    )
    frame = replace(frame, stopping=DRAINING) if stopping else frame
    whole = set(" ".join(drawn(frame, 200)).split()) | {"rate", "s", "stops", "abort", "other"}
    for line in drawn(frame, width):
        words = line.replace("…", "").split()
        cut = [word for word in words if word not in whole and word.isalpha()]
        assert cut == [], line
        assert "…" not in line or line.endswith("…") or line.startswith("an-id")


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
    assert "Ctrl-C now aborts" in drawn(snapshot(stopping=DRAINING), 80)[0]
    assert "Ctrl-C: abort" in drawn(snapshot(stopping=DRAINING), 40)[0]


@pytest.mark.parametrize("phase", [Phase.WRITING, Phase.DONE])
def test_at_the_end_nothing_is_said_that_no_longer_holds(phase: Phase) -> None:
    """While the dataset is written no time is left, and Ctrl-C is not offered."""
    text = "\n".join(drawn(snapshot(phase=phase), 80)) + snapshot_line(snapshot(phase=phase))
    assert phase.value in text
    assert "left" not in text
    assert "Ctrl-C" not in text


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


def test_with_a_number_per_class_the_time_left_is_a_bound() -> None:
    """Asking may end sooner then."""
    result = figures(snapshot(sampled=True))
    assert result is not None
    assert result.time_left.startswith("at most ")


def test_clips_have_a_pace_of_their_own_and_an_end() -> None:
    """What was made and fetched in the last minute; those that failed are in the total, too. An
    end or a pause on another day has its date.
    """
    queue = work_queue(clips_rejected=3, clips_gone=2, clips_later=1)
    now = done(START + 100, 150, videos=120, clips=65, made=60, media_bytes=72_000_000)
    before = done(START + 40, 60, videos=48, made=30, media_bytes=12_000_000)
    rest = bucket(resting_until=START + 86_400 * 3)
    frame = snapshot(
        work_queue=queue, done=now, minute_ago=before, limiter=RateLimiterSnapshot((rest,))
    )
    lines = drawn(frame, 80)
    end = r"done (\d{4}-\d\d-\d\d )?\d\d:\d\d"
    assert re.search(rf"^clips .* 40 / 56 +0.50/s 1.0 MB/s {end}$", lines[2])
    assert lines[3] == "clips: 10 to make, 3 rejected, 2 not available, 1 left for another run"
    for width in (40, 60, 80):
        assert re.search(r"main .* \d{4}-\d\d-\d\d \d\d:\d\d$", drawn(frame, width)[-2])
    fields = snapshot_fields(frame, None)
    assert (fields["clips_per_second"], fields["bytes_per_second"]) == (0.5, 1_000_000)


def test_the_plain_line_holds_the_same_numbers() -> None:
    """Without a terminal: one line with stages, share, identities and time left."""
    text = snapshot_line(snapshot())
    assert (
        "licenses 500/1,000 · Creative Commons 10.20 % · clips 40 (10 to make, 0 rejected)" in text
    )
    assert "main/pages 1.50/s (permitted 2.00/s)" in text
    assert re.search(r" left, done at \d\d:\d\d$", text)
    assert "\n" not in text


def test_a_snapshot_survives_the_journal() -> None:
    """What `status` reads is what the run left; data of another version gives nothing."""
    assert snapshot_from(snapshot_data(snapshot())) == snapshot()
    assert snapshot_from({"phase": "dancing"}) is None
    assert snapshot_from(None) is None


def test_many_machines_are_one_line_a_kind() -> None:
    """Sums beyond eight identities; machines in trouble are named; `status` names all."""
    names = [f"node{number}" for number in range(64)]
    buckets = tuple(bucket(identity=f"{name}/main", rate=0.25, refused=1) for name in names)
    paused = replace(buckets[0], resting_until=START + 200)
    machines = tuple(
        MachineSnapshot(name, "lost", "its worker is gone", "", 0, 0)
        if name < "node2"
        else MachineSnapshot(name, "working", "", "yt-dlp 2026.08.19", START, START + 9e5)
        for name in names
    )
    frame = snapshot(limiter=RateLimiterSnapshot((paused, *buckets[1:])), machines=machines)
    (line,) = [line for line in drawn(frame, 100) if "identities" in line]
    assert "64 identities, 1 paused" in line
    assert "16/s" in line
    assert "64 identities, 1 paused/pages" in snapshot_line(frame)
    text = "\n".join(drawn(frame, 100))
    assert "machine node0: lost (its worker is gone)" in text
    assert "8 more machines are in trouble" in text
    assert "machines: 12 lost, 52 working" in text
    assert "node63" not in text
    shown = drawn(frame, 80, headline=False)
    assert sum(line.startswith("machine node") for line in shown) == 64
    place = next(n for n, line in enumerate(shown) if line.startswith("machine node63: working"))
    assert "refusals 1 · paused until" in shown[place]
    assert re.fullmatch(r"  seen .* · yt-dlp 2026.08.19 *", shown[place + 1])
    fields = snapshot_fields(frame, None)
    assert len(fields["identities"]) == len(fields["machines"]) == 64
    assert snapshot_from(snapshot_data(frame)) == frame
