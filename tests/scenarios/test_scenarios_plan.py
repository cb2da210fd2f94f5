"""`plan` and then the run: what was foretold is what is asked."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from scenario import Place, edited, reach

from ascc_async.standin.metadata import split_file, write_world
from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world import Video, World
from ascc_async.standin.world_settings import Limit

# What a first run has asked, and what is left; the same shares of every kind in both.
BEFORE, LEFT = "balanced_train", "unbalanced_train"
SIZES = {BEFORE: 2, LEFT: 3}
KINDS = {
    "standard": 70,
    "removed": 10,
    "private": 6,
    "license_unknown": 2,
    "creative_commons": 6,
    "age_restricted": 1,  # these are Creative Commons, too, and barred
    "country_restricted": 1,
}
BY = {
    "data_api": (
        "license.sources=[data_api,innertube,watch_page]",
        "license.api_keys=[AIzaOne]",
        "license.explain_missing=true",
    ),
    "innertube": ("license.sources=[innertube,watch_page]",),
    "watch_page": ("license.sources=[watch_page]",),
}
REFUSED_AFTER = {"data_api": 20, "innertube": 60, "watch_page": 50}  # requests in 2 s
ONE_LOOK = 4  # known videos
# A look more or less is chance.
CHANCE = 2 * ONE_LOOK
# For `max_per_class` as many clips as it takes to be counted; the ids below are those of a world
# where the classes need about as many rows as is to be expected.
MANY_CLIPS = {"standard": 100, "removed": 16, "creative_commons": 40}


def write_both(world: World, folder: Path, kinds: dict[str, int]) -> None:
    """The metadata of both splits."""
    videos = (world.video(f"{number * 7_654_313 % 10**8:08d}p_-") for number in range(100_000))
    chosen = {split: list[Video]() for split in SIZES}
    for split, times in SIZES.items():
        wanted = Counter({kind: number * times for kind, number in kinds.items()})
        while wanted.total():
            video = next(videos)
            if wanted[video.kind]:
                wanted[video.kind] -= 1
                chosen[split].append(video)
    write_world(folder, [video for part in chosen.values() for video in part])
    lines = {
        line[:11]: line
        for file in folder.glob("*_segments.csv")
        for line in file.read_text().splitlines(keepends=True)
    }
    for split, part in chosen.items():
        if "age_restricted" in kinds:
            # As they are found, rare kinds come last. So shuffled, no barred ones are neighbours:
            # two in a row cost up to six requests to the player more.
            random.Random(257).shuffle(part)
        rows = "".join(lines[video.video_id] for video in part)
        (folder / split_file(split)).write_text(f"# 1\n# 2\n# 3\n{rows}")


def foretold(place: Place, *options: str) -> tuple[dict[str, Any], Counter[str]]:
    """The plan, and the requests in it by kind."""
    code, said = place.run("plan", "--json", *options)
    assert code == 0, said
    plan = json.loads(said)
    requests = Counter[str]()
    for stage in plan["stages"]:
        requests[stage["kind"]] += stage["requests"]
    return plan, requests


def wrong(
    planned: Counter[str], sent: Counter[str], *, chance: int = CHANCE
) -> dict[str, tuple[int, int]]:
    """The kinds that are more than 5 %, or more than chance, off: planned and sent."""
    return {
        kind: (planned[kind], sent[kind])
        for kind in planned.keys() | sent.keys()
        if abs(planned[kind] - sent[kind]) > max(chance, 0.05 * sent[kind])
    }


def place_of(youtube: StandinProcess, folder: Path, source: str, kinds: dict[str, int]) -> Place:
    """Where a run of both splits goes by this source, with few requests at once, so that a refusal
    hits few; and with all classes, so that all rows are selected.
    """
    write_both(youtube.world, folder / "metadata", kinds)
    metadata = f"audioset.metadata_dir={folder / 'metadata'}"
    few = ("concurrency.licenses=4", "concurrency.downloads=2", "classes.blacklisted=keep")
    return Place(folder / "out", (*reach(youtube), metadata, *few, *BY[source]))


@pytest.mark.slow
@pytest.mark.parametrize("refused", [False, True])
@pytest.mark.parametrize("source", BY)
def test_the_plan_counts_every_kind_of_request(
    calm: StandinProcess, tmp_path: Path, source: str, refused: bool
) -> None:
    """Half way through, `plan` says how many of each kind are left; the run then sends as many,
    within 5 % or what is chance, also when it is refused in between: beside what is refused, and
    what is repeated because it was refused half way (as much as a look).
    """
    # Nobody but the Data API is asked there: how often others look at known videos among nothing
    # but unknown ones is chance.
    unknown = 0 if source == "data_api" else KINDS["license_unknown"]
    place = place_of(calm, tmp_path, source, KINDS | {"license_unknown": unknown})
    code, said = place.run("--set", f"audioset.splits=[{BEFORE}]")
    assert code == 0, said
    both = ("--set", f"audioset.splits=[{BEFORE},{LEFT}]")
    plan, planned = foretold(place, *both)
    began = time.time()
    if refused:
        most = REFUSED_AFTER[source]
        limit = Limit(requests=most, window_seconds=2, pause_seconds=1, retry_after="seconds")
        calm.set(limits=(limit,))
    code, said = place.run(*both)
    assert code == 0, said
    assert ("refused" in said) is refused
    answered = (each for each in calm.requests() if each["t"] > began and not each["refused"])
    sent = Counter(each["endpoint"] for each in answered)
    assert wrong(planned, sent, chance=CHANCE + refused * ONE_LOOK) == {}
    assert plan["clips"] == pytest.approx(KINDS["creative_commons"] * SIZES[LEFT], abs=2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "limit_before", "splits_before"),
    [
        ("data_api", 2, [BEFORE]),
        ("innertube", 1, [BEFORE, LEFT]),
        ("watch_page", 6, [BEFORE]),
    ],
)
def test_with_a_limit_a_class_only_its_first_clips_count(
    calm: StandinProcess,
    tmp_path: Path,
    source: str,
    limit_before: int,
    splits_before: list[str],
) -> None:
    """Clips that are there do not stand for those that a further split, or another limit, brings
    before them. `plan` says about how many those are; exactly nobody can: chance decides which of
    the videos that come before are Creative Commons.
    """
    place = place_of(calm, tmp_path, source, MANY_CLIPS)
    limit, splits = "sampling.max_per_class", ",".join(splits_before)
    code, said = place.run(
        "--set", f"audioset.splits=[{splits}]", "--set", f"{limit}={limit_before}"
    )
    assert code == 0, said
    now = ("--set", f"audioset.splits=[{BEFORE},{LEFT}]", "--set", f"{limit}=2")
    plan, planned = foretold(place, *now)
    there = clips_in(place)
    calm.reset_counters()
    code, said = place.run(*now)
    assert code == 0, said
    sent, made = Counter(calm.counters()["requests"]), clips_in(place) - there
    assert made > 20
    chance = 0.2 * made
    assert plan["clips"] == pytest.approx(made, abs=chance)
    assert planned["media"] == pytest.approx(sent["media"], abs=2 * chance)
    for kind in {"next", "player", "watch", "data_api"} & sent.keys():
        assert planned[kind] == pytest.approx(sent[kind], rel=0.2, abs=2 * ONE_LOOK)


def clips_in(place: Place) -> int:
    """Those that were made."""
    with edited(place.output) as journal:
        rows = journal.execute("SELECT count(*) FROM clips WHERE outcome = 'clip'")
        return int(rows.fetchone()[0])
