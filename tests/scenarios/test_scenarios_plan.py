"""`plan` and then the run: what was foretold is what is asked."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from scenario import Place, reach

from ascc_async.standin.metadata import split_file, write_world
from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world import Video, World
from ascc_async.standin.world_settings import Limit

# What a first run has asked, and what is left; the same shares of every kind in both.
BEFORE, LEFT = "balanced_train", "unbalanced_train"
SIZES = {BEFORE: 4, LEFT: 6}
KINDS = {"standard": 70, "removed": 10, "private": 6, "license_unknown": 2, "creative_commons": 3}
BY = {
    "data_api": ("license.sources=[data_api,innertube,watch_page]", "license.api_keys=[AIzaOne]"),
    "innertube": ("license.sources=[innertube,watch_page]",),
    "watch_page": ("license.sources=[watch_page]",),
}
REFUSED_AFTER = {"data_api": 20, "innertube": 100, "watch_page": 80}  # requests in 2 s
ONE_LOOK = 4  # known videos: one look more or less is chance
SLOW = pytest.mark.slow


def write_both(world: World, folder: Path, kinds: dict[str, int]) -> None:
    """The metadata of both splits."""
    videos = (world.video(f"{number:08d}p_-") for number in range(100_000))
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
        rows = "".join(lines[video.video_id] for video in part)
        (folder / split_file(split)).write_text(f"# 1\n# 2\n# 3\n{rows}")


@pytest.mark.parametrize(
    ("source", "refused"),
    [
        ("data_api", False),
        ("innertube", False),
        pytest.param("watch_page", False, marks=SLOW),
        *(pytest.param(source, True, marks=SLOW) for source in BY),
    ],
)
def test_the_plan_counts_every_kind_of_request(
    calm: StandinProcess, tmp_path: Path, source: str, refused: bool
) -> None:
    """Half way through, `plan` says how many of each kind are left; the run then sends as many,
    within 5 % or one look at the known videos, also when it is refused in between.
    """
    # Nobody but the Data API is asked there: how often others look at known videos among nothing
    # but unknown ones is chance.
    unknown = 0 if source == "data_api" else KINDS["license_unknown"]
    write_both(calm.world, tmp_path / "metadata", KINDS | {"license_unknown": unknown})
    metadata = f"audioset.metadata_dir={tmp_path / 'metadata'}"
    # Few at once, so that a refusal hits few; and all classes, so that all rows are selected.
    few = ("concurrency.licenses=4", "concurrency.downloads=2", "classes.blacklisted=keep")
    place = Place(tmp_path / "out", (*reach(calm), metadata, *few, *BY[source]))
    code, said = place.run("--set", f"audioset.splits=[{BEFORE}]")
    assert code == 0, said
    both = ("--set", f"audioset.splits=[{BEFORE},{LEFT}]")
    code, said = place.run("plan", "--json", *both)
    assert code == 0, said
    plan = json.loads(said)
    planned = Counter[str]()
    for stage in plan["stages"]:
        planned[stage["kind"]] += stage["requests"]
    calm.reset_counters()
    if refused:
        most = REFUSED_AFTER[source]
        limit = Limit(requests=most, window_seconds=2, pause_seconds=1, retry_after="seconds")
        calm.set(limits=(limit,))
    code, said = place.run(*both)
    assert code == 0, said
    assert ("refused" in said) is refused
    sent = Counter(calm.counters()["requests"])
    wrong = {
        kind: (planned[kind], sent[kind])
        for kind in planned.keys() | sent.keys()
        if abs(planned[kind] - sent[kind]) > max(ONE_LOOK, 0.05 * sent[kind])
    }
    assert wrong == {}
    assert plan["clips"] == KINDS["creative_commons"] * SIZES[LEFT]
