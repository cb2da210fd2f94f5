"""`license.ask_first` through the real command: another order, the same dataset."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from statistics import mean

import pytest
from scenario import Place, Row, timeless

from ascc_async.standin.process import StandinProcess
from benchmarks.chaos_run import Job

# One request at a time, so that the order of requests is the order of asking.
FEW = ("concurrency.licenses=1", "audioset.splits=[balanced_train,eval]")


def write_list(rows: list[Row], path: Path) -> set[str]:
    """Every other Creative Commons video of these rows, and one that AudioSet does not have."""
    common = [row["video_id"] for row in rows if row["license"] == "creative_commons"][1::2]
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["", "id"], *enumerate([*common, "notAudioSet"])])
    return set(common)


def asked(youtube: StandinProcess) -> list[str]:
    """The videos whose license was asked, in order, the known ones aside."""
    known = {*youtube.settings.known_creative_commons, *youtube.settings.known_standard}
    # yt-dlp's own name no mask.
    lines = [line for line in youtube.requests("next") if line.get("mask")]
    return [one for line in lines for one in line["videos"] if one not in known]


def test_a_list_is_asked_first_and_changes_nothing_else(
    calm: StandinProcess, tmp_path: Path, undisturbed: list[Row]
) -> None:
    """Its videos are asked before all others and their clips made first; the manifest is the same.
    The path is relative to the settings file, and ids that are not of AudioSet are counted.
    """
    expected = [row for row in undisturbed if row["split"] in FEW[1]]
    ids = write_list(expected, tmp_path / "list.csv")
    (tmp_path / "settings.yaml").write_text("license: {ask_first: [list.csv]}\n")
    job = Job(tmp_path, calm, *FEW)
    assert job.leg() == 0, job.ends.said
    assert set(asked(calm)[: len(ids)]) == ids
    assert f"videos: {len(ids)}, not_selected: 1" in job.ends.said
    rows = job.place.manifest()
    assert timeless(rows) == timeless(expected)
    clips = sorted((row for row in rows if row["path"]), key=lambda row: row["fetched_at"])
    # Several are made at once: which is done first is up to the machine.
    ranks = {listed: [i for i, row in enumerate(clips) if (row["video_id"] in ids) is listed]
             for listed in (True, False)}  # fmt: skip
    assert mean(ranks[True]) < mean(ranks[False])


@pytest.mark.slow  # the sampler's own tests show it in no time
def test_with_a_limit_the_clips_are_the_same(
    calm: StandinProcess, tmp_path: Path, undisturbed: list[Row]
) -> None:
    """Under `max_per_class` a listed video is asked only when a class needs it."""
    sampled = (*FEW, "sampling.max_per_class=1", "sampling.seed=11", "classes.end_index=4")
    write_list(undisturbed, tmp_path / "list.csv")
    manifests = []
    for name, more in (("plain", ""), ("listed", str(tmp_path / "list.csv"))):
        job = Job(tmp_path / name, calm, *sampled, f"license.ask_first=[{more}]")
        assert job.leg() == 0, job.ends.said
        manifests.append(timeless(job.place.manifest()))
    clips = [[row for row in rows if row["outcome"] == "clip"] for rows in manifests]
    assert clips[0] == clips[1] != []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("# my list\nAAAAAAAAAAA\nBBB\n", ("list.txt:3: expected a video id", "'BBB'")),
        ("AAAAAAAAAAA\n", ("list.txt: none of its 1 ids", "audioset.splits")),
    ],
)
def test_a_list_that_is_none_stops_before_anything_is_asked(
    place: Place, calm: StandinProcess, content: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    """File, line and remedy; YouTube is asked nothing."""
    (tmp_path / "list.txt").write_text(content)
    with_list = f"license.ask_first={tmp_path / 'list.txt'}"
    code, said = replace(place, settings=(*place.settings, with_list)).run()
    assert code == 1
    assert "Traceback" not in said
    for word in (*words, "license.ask_first"):
        assert word in said
    assert {line["endpoint"] for line in calm.requests()} <= {"metadata"}
