"""The plan: counted where it can be, estimated from stated assumptions where not."""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections import Counter
from dataclasses import asdict, replace
from itertools import pairwise
from math import ceil
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
from fakeclock import run
from metadata_folders import catalog_of, row, segments, video, write_folder
from sweep_world import ENCODING, Page, Sweep, work_queue_of

from ascc_async.audioset.catalog import Catalog
from ascc_async.audioset.classes import choose_classes, class_table, render_class_table
from ascc_async.audioset.sampling import RowState
from ascc_async.audioset.selection import select
from ascc_async.cli import run_command
from ascc_async.commands.plan import render_plan
from ascc_async.errors import SettingsError
from ascc_async.journal.records import ClipRow
from ascc_async.model import License, Outcome
from ascc_async.pipeline.journal_index import LICENSE_CODES
from ascc_async.pipeline.plan import Planner, RunPlan, bytes_a_clip, make_plan
from ascc_async.pipeline.plan_outlook import (
    Assumptions,
    blended,
    clip_chances,
    look_into,
    outlook,
)
from ascc_async.pipeline.plan_sampling import calls_needed, rows_needed
from ascc_async.settings import ClassesSettings, ClipsSettings, SamplingSettings, Settings

CREATIVE_COMMONS = LICENSE_CODES[License.CREATIVE_COMMONS]
UNAVAILABLE = LICENSE_CODES[License.UNAVAILABLE]


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """30,000 videos: all in `a`, 1,000 of them in `b`; 500 more in the large split."""
    rows = [row(i, "/m/a,/m/b" if i % 30 == 0 else "/m/a") for i in range(30_000)]
    files = {
        "balanced_train_segments.csv": segments(rows),
        "unbalanced_train_segments.csv": segments([row(i) for i in range(30_000, 30_500)]),
    }
    folder = write_folder(tmp_path_factory.mktemp("plan"), files)
    return catalog_of(folder, "balanced_train", "unbalanced_train")


def plan_of(catalog: Catalog, **sections: Any) -> RunPlan:
    """The plan with these settings, where no run has begun."""
    settings = Settings.model_validate({"output": {"dir": "/nowhere"}, **sections})
    selection = select(catalog, settings.classes, settings.sampling)
    return make_plan(catalog, selection, settings, look_into(settings, selection))


def counted(plan: RunPlan) -> dict[str, int]:
    """Requests by kind."""
    kinds = Counter[str]()
    for stage in plan.stages:
        kinds[stage.kind] += stage.requests
    return dict(kinds)


def test_counts(catalog: Catalog) -> None:
    """Segments, classes, requests and clips of everything."""
    plan = plan_of(catalog)
    assert (plan.segments, plan.videos_to_ask, plan.classes, plan.classes_of) == (
        30_500, 30_500, 3, 3,
    )  # fmt: skip
    missing, found = 6100, 171
    age, country = found * 0.055, found * 0.039  # one is asked of a page and three players more
    made = found - age - country
    again, twice = 1.094, 0.094 * (age + country)  # after two in a row, a known one is asked, too
    # One question each, one in a hundred a known video; in these weeks what was said in bare words
    # is looked at twice; the last clips and looks in fractions.
    assert counted(plan) == {
        "next": pytest.approx(30_500 * 1.01 + 14 + missing / 2, abs=2),
        "player": pytest.approx(missing * 1.5 + made + again * (4 * age + country) + twice, abs=3),
        "watch": pytest.approx(made + again * age + twice + made / 100 + 4, abs=4),
        "config": ceil(again * age),
        "media": pytest.approx(2 * made, abs=2),
    }
    assert plan.clips == round(30_500 * 0.8 * 0.007 * (1 - 0.094))
    assert plan.disk_bytes == plan.clips * plan.assumptions.bytes_a_clip
    assert [(size.mid, size.rows) for size in plan.smallest] == [
        ("/m/c", 0), ("/m/b", 1000), ("/m/a", 30_500),
    ]  # fmt: skip


def test_hours(catalog: Catalog) -> None:
    """Hours by the limits of a guest, an account, a key, and the settings."""
    plan = plan_of(catalog)
    guest, account, key, configured = plan.durations
    pages = sum(
        each.requests for each in plan.stages if (each.stage, each.limit) == ("licenses", "pages")
    )
    assert pages > 30_500 * 1.4
    assert guest.license_hours == pytest.approx(pages / 1000, abs=0.01)
    assert account.license_hours == pytest.approx(pages / 4000, abs=0.01)
    assert (guest.license_hours_by_video, account.license_hours_by_video) == (101.67, 15.25)
    assert configured.license_hours == pytest.approx(pages / 0.28 / 3600, abs=0.01)
    assert key.license_hours < 0.1


def test_machines_of_the_last_run_are_counted(catalog: Catalog) -> None:
    """Eight that leave by four addresses ask four times as fast as this machine alone."""
    cluster = {"engine": "dask", "machines_per_address": 2}
    settings = Settings.model_validate({"output": {"dir": "/nowhere"}, "cluster": cluster})
    selection = select(catalog, settings.classes, settings.sampling)
    seen = look_into(settings, selection)
    assert Planner(settings, seen, Assumptions(0)).rate == 0.28
    assert Planner(settings, replace(seen, machines=8), Assumptions(0)).rate == 4 * 0.28


@pytest.mark.parametrize(
    ("videos", "keys", "hours"),
    [(1_000, 1, 0.0), (9_000 * 49, 1, 0.13), (2_084_320, 1, 96.04), (2_084_320, 5, 0.59)],
)
def test_a_quota_is_spread_over_days_only_when_one_is_not_enough(
    catalog: Catalog, videos: int, keys: int, hours: float
) -> None:
    """10,000 calls go within minutes; only what is beyond them waits for the next days."""
    settings = Settings()
    selection = select(catalog, settings.classes, settings.sampling)
    seen = look_into(settings, selection)
    planner = Planner(settings, seen, Assumptions(0))
    assert planner.key_hours(ceil(videos / 49), keys) == pytest.approx(hours, abs=0.01)


def test_as_configured(catalog: Catalog) -> None:
    """Identities, keys, rate and delay count."""
    one, two = (
        plan_of(
            catalog,
            network={"identities": identities},
            throttle={"requests_per_second": 2.0, "delay_seconds": 1.0},
        )
        .durations[-1]
        .license_hours
        for identities in ([], [{"name": "other"}])
    )
    assert two == pytest.approx(one / 2, rel=0.01)
    nights = plan_of(catalog, throttle={"hours": "22:00-07:00"}).durations[0].license_hours
    work = plan_of(catalog).durations[0].license_hours  # more than 44 hours: the fifth night
    assert nights == pytest.approx(4 * 24 + work - 4 * 9, abs=0.02)
    by_key = plan_of(catalog, license={"api_keys": ["one", "two"]})
    assert by_key.durations[-1].license_hours < 0.1
    assert "2 Data API keys" in by_key.durations[-1].way
    assert "api_keys" not in " ".join(change.setting for change in by_key.changes)


def test_why_a_video_is_not_there_costs_requests_where_it_is_asked(catalog: Catalog) -> None:
    """With a key the player is asked only by `license.explain_missing`."""
    keys = {"api_keys": ["one"]}
    without = counted(plan_of(catalog, license=keys))
    explained = counted(plan_of(catalog, license={**keys, "explain_missing": True}))
    assert without["data_api"] == explained["data_api"] == ceil(30_500 / 49) + 1
    assert explained["player"] - without["player"] == 6100
    assert "next" not in without


def test_nothing_is_promised_where_nobody_can_be_asked(catalog: Catalog) -> None:
    """The Data API alone, and no key: no hours, but what to do."""
    with pytest.raises(SettingsError, match="ASCC_LICENSE__API_KEYS"):
        plan_of(catalog, license={"sources": ["data_api"]})


def test_a_list_asked_first_brings_most_of_it_early(catalog: Catalog, tmp_path: Path) -> None:
    """Said in hours for each way of asking: those asked and their clips made."""
    listed = tmp_path / "list.txt"
    listed.write_text("".join(f"{video(number)}\n" for number in range(100)))
    plan = plan_of(catalog, license={"ask_first": [str(listed)]})
    assert plan.asked_first == 100
    guest = plan.durations[0]
    # 100 questions, 20 of them with one more for the player; 80 clips of two pages and more.
    assert guest.most_after_hours == pytest.approx(0.34, abs=0.04)
    assert "most clips after" in render_plan(plan)
    assert plan_of(catalog).durations[0].most_after_hours is None


def test_sampling_asks_less(catalog: Catalog) -> None:
    """With a limit about N / share of each class is asked, and that is said to be a change."""
    selection = select(catalog, ClassesSettings(), SamplingSettings(max_per_class=20))
    seen = look_into(Settings(output={"dir": "/nowhere"}), selection)
    asked = round(rows_needed(selection, clip_chances(selection, seen, Assumptions(0)), 20).sum())
    # 20 / 0.0051 of `a`, and all of `b`, some of which are the same
    assert 3942 < asked <= 4942
    plan = plan_of(catalog, sampling={"max_per_class": 20})
    assert plan.videos_to_ask == asked
    assert max(size.clips for size in plan.largest) == 20
    changes = {change.setting: change.videos for change in plan_of(catalog).changes}
    assert changes["sampling.max_per_class: 20"] == asked
    assert changes["audioset.splits without unbalanced_train"] == 30_000


def test_calls_that_a_limit_leaves_half_empty_are_counted(catalog: Catalog) -> None:
    """A class that lacks few clips asks for few videos at once: `plan` foresees the calls that the
    license stage then makes.
    """
    share, limit = 0.02, 5
    selection = select(catalog, ClassesSettings(), SamplingSettings(max_per_class=limit))
    seen = look_into(Settings(output={"dir": "/nowhere"}), selection)
    basis = Assumptions(0, answered_share=1, creative_commons_share=share, barred_shares={})
    chances = clip_chances(selection, seen, basis)
    needed = rows_needed(selection, chances, limit)
    planned = calls_needed(selection, chances, needed)

    async def calls_of_a_run(seed: int) -> int:
        rng = random.Random(seed)
        found = [video(row) for row in range(30_500) if rng.random() < share]
        page = Page("a", dict.fromkeys(found, License.CREATIVE_COMMONS), batch_size=50)
        queue = work_queue_of(selection)

        async def make_clips() -> None:
            while True:
                while (row := queue.next_clip()) is None:
                    await queue.wait_change()
                made = queue.segment(row)
                clip = ClipRow(made.segment_id, made.video_id, ENCODING, Outcome.CLIP, 0.0)
                queue.clip_done(row, clip)

        making = asyncio.create_task(make_clips())
        await Sweep(queue, page).run()
        making.cancel()
        return len(page.sizes)

    made = [run(calls_of_a_run(seed)) for seed in range(12)]
    assert needed.sum() / 49 < 0.5 * planned
    assert planned == pytest.approx(mean(made), rel=0.15)


def test_clips_that_others_come_before_do_not_stand_for_them(catalog: Catalog) -> None:
    """With 20 a class, and as many made among the later half of the rows when the others were not
    there yet: about 16 of `b` are made anew, and not none.
    """
    sampling = SamplingSettings(max_per_class=20)
    selection = select(catalog, ClassesSettings(include=("Class b",)), sampling)
    seen = look_into(Settings(output={"dir": "/nowhere"}), selection)
    order, share = selection.order(0), 0.1
    last = order[-20:]
    seen.index.licenses[last], seen.index.clip_states[last] = CREATIVE_COMMONS, RowState.CLIP
    seen.index.states[last] = RowState.CLIP
    basis = Assumptions(0, creative_commons_share=share / 0.8, barred_shares={})
    needed = rows_needed(selection, clip_chances(selection, seen, basis), 20)
    assert needed[order][:80].min() > 0.99
    assert needed[order][200] == pytest.approx(0.5, abs=0.1)
    assert needed[order][400:].max() < 0.01
    assert outlook(seen, basis, needed).made == pytest.approx(20, rel=0.01)
    # One of the later ones between them takes its place.
    seen.index.licenses[order[5]], seen.index.clip_states[order[5]] = (
        CREATIVE_COMMONS,
        RowState.CLIP,
    )
    seen.index.states[order[5]] = RowState.CLIP
    needed = rows_needed(selection, clip_chances(selection, seen, basis), 20)
    assert outlook(seen, basis, needed).made == pytest.approx(19, rel=0.01)


def test_what_ended_unsurely_is_planned_again(catalog: Catalog) -> None:
    """A request for each, and one why it is not there: it will be again what it was."""
    selection = select(catalog, ClassesSettings(), SamplingSettings())
    seen = look_into(Settings(output={"dir": "/nowhere"}), selection)
    seen.index.licenses[selection.rows] = UNAVAILABLE
    seen.index.states[selection.rows] = RowState.NO
    seen.index.states[selection.rows[:50]] = RowState.UNASKED
    basis = Assumptions(0)
    needed = rows_needed(selection, clip_chances(selection, seen, basis), None)
    planned = outlook(seen, basis, needed)
    assert (planned.videos, planned.missing, planned.made, planned.bare) == (50, 50, 0, 0)


@pytest.mark.parametrize(
    ("known", "seen", "of", "expected"),
    [
        (0.0056, 0, 0, 0.0056),  # nothing seen
        (0.0056, 1, 20, 0.0056),  # a find among the first twenty is chance,
        (0.0056, 0, 20, 0.0056),
        (0.0056, 0, 1000, 0.0008),  # none in a thousand hardly is
        (0.0056, 27, 60, 0.45),  # nor are these: another world than all of AudioSet
        (0.8, 240, 300, 0.8),
        (0.0, 20, 1000, 0.02),
    ],
)
def test_what_is_known_gives_way_to_what_is_seen(
    known: float, seen: int, of: int, expected: float
) -> None:
    """The less chance explains what is seen, the less counts what is known; without a step."""
    assert blended(known, seen, of) == pytest.approx(expected, rel=0.02, abs=0.0001)
    if of:
        steps = [blended(known, round(seen / of * n), n) for n in range(1, 2000)]
        assert max(abs(a - b) for a, b in pairwise(steps[20:])) < 0.1


def test_json_and_text(catalog: Catalog) -> None:
    """A plan is JSON-ready, and its text names what matters."""
    plan = plan_of(catalog)
    assert json.loads(json.dumps(asdict(plan)))["segments"] == 30_500
    text = render_plan(plan)
    for figure in ("30,500", "guest", "account", "Data API", "0.70%", "MB a clip", "max_per_class"):
        assert figure in text


def test_whoever_calls_it_keeps_their_level_of_the_log(tmp_path: Path) -> None:
    """The command says warnings as notes of its own."""
    folder = write_folder(tmp_path, {"eval_segments.csv": segments([row(1)])})
    package = logging.getLogger("ascc_async")
    before = package.level
    settings = (f"audioset.metadata_dir={folder}", "audioset.splits=[eval]", "output.dir=/nowhere")
    assert run_command(["plan", *(word for each in settings for word in ("--set", each))]) == 0
    assert package.level == before


def test_class_table(catalog: Catalog) -> None:
    """Every class has its line, also when none is chosen."""
    choices = choose_classes(catalog.classes, catalog.ontology, ClassesSettings(min_quality=0.9))
    lines = class_table(choices, catalog.segments.class_counts().tolist())
    keys = ("mid", "rows", "chosen", "why_not")
    assert [tuple(line[key] for key in keys) for line in lines] == [
        ("/m/a", 30_500, False, "quality 0.80 below 0.9"),
        ("/m/b", 1000, False, "quality 0.80 below 0.9"),
        ("/m/c", 0, False, "quality 0.80 below 0.9"),
    ]
    assert json.loads(json.dumps(lines[0])) == {
        "index": 0, "mid": "/m/a", "name": "Class a", "quality": 0.8, "num_rated": 10,
        "num_true": 8, "leaf": True, "restrictions": [], "suitable_index": None, "rows": 30_500,
        "chosen": False, "why_not": "quality 0.80 below 0.9",
    }  # fmt: skip
    text = render_class_table(lines)
    assert "not chosen: quality 0.80 below 0.9" in text
    assert text.endswith("0 of 3 classes chosen")


def test_size_of_a_clip() -> None:
    """The form of the clips decides their size."""
    sizes = {
        words: bytes_a_clip(ClipsSettings.model_validate(clips))
        for words, clips in {
            "flac": {},
            "wav": {"format": "wav"},
            "mono": {"format": "wav", "channels": 1, "sample_rate": 16_000},
            "opus": {"format": "opus"},
            "video": {"media": "video"},
        }.items()
    }
    assert sizes == {
        "flac": 899_640, "wav": 1_764_000, "mono": 320_000, "opus": 160_000, "video": 760_000,
    }  # fmt: skip
