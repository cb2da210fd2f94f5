"""The plan: counted where it can be, estimated from stated assumptions where not."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
from metadata_folders import catalog_of, row, segments, write_folder

from ascc_async.audioset.catalog import Catalog
from ascc_async.audioset.classes import choose_classes, class_table, render_class_table
from ascc_async.audioset.plan import (
    RunPlan,
    bytes_a_clip,
    make_plan,
    render_plan,
    videos_to_ask,
)
from ascc_async.audioset.selection import select
from ascc_async.settings import ClassesSettings, ClipsSettings, SamplingSettings, Settings


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
    """The plan with these settings."""
    settings = Settings.model_validate(sections)
    return make_plan(catalog, select(catalog, settings.classes, settings.sampling), settings)


def test_counts(catalog: Catalog) -> None:
    """Segments, classes, requests and clips of everything."""
    plan = plan_of(catalog)
    assert (plan.segments, plan.videos_to_ask, plan.classes, plan.classes_of) == (
        30_500, 30_500, 3, 3,
    )  # fmt: skip
    assert [stage.requests for stage in plan.stages] == [610, 30_500, 513, 342]
    assert plan.clips == round(30_500 * 0.8 * 0.007)
    assert plan.disk_bytes == plan.clips * plan.assumptions.bytes_a_clip
    assert [(size.mid, size.rows) for size in plan.smallest] == [
        ("/m/c", 0), ("/m/b", 1000), ("/m/a", 30_500),
    ]  # fmt: skip


def test_hours(catalog: Catalog) -> None:
    """Hours by the limits of a guest, an account, a key, and the settings."""
    guest, account, key, configured = plan_of(catalog).durations
    assert (guest.license_hours, guest.license_hours_by_video) == (30.5, 101.67)
    assert (account.license_hours, account.license_hours_by_video) == (7.62, 15.25)
    assert key.license_hours == 1.46
    assert configured.license_hours == pytest.approx(30_500 / 0.28 / 3600, abs=0.01)
    assert guest.clip_hours == pytest.approx(171 / 300, abs=0.01)


def test_as_configured(catalog: Catalog) -> None:
    """Identities, keys, rate and delay count."""
    identities = [{"name": "other"}]
    plan = plan_of(
        catalog,
        network={"identities": identities},
        throttle={"requests_per_second": 2.0, "delay_seconds": 1.0},
    )
    assert plan.durations[-1].license_hours == pytest.approx(30_500 / 2 / 3600, abs=0.01)
    by_key = plan_of(catalog, license={"api_keys": ["one", "two"]})
    assert by_key.durations[-1].license_hours == 0.73
    assert "2 Data API keys" in by_key.durations[-1].way
    assert "api_keys" not in " ".join(change.setting for change in by_key.changes)


def test_sampling_asks_less(catalog: Catalog) -> None:
    """With a limit about N / share of each class is asked, and that is said to be a change."""
    selection = select(catalog, ClassesSettings(), SamplingSettings(max_per_class=20))
    asked = videos_to_ask(selection, 0.0056, 20)
    # 20 / 0.0056 of `a`, and all of `b`, some of which are the same
    assert 3572 < asked <= 4572
    plan = plan_of(catalog, sampling={"max_per_class": 20})
    assert plan.videos_to_ask == asked
    assert max(size.clips for size in plan.largest) == 20
    changes = {change.setting: change.videos for change in plan_of(catalog).changes}
    assert changes["sampling.max_per_class: 20"] == asked
    assert changes["audioset.splits without unbalanced_train"] == 30_000


def test_json_and_text(catalog: Catalog) -> None:
    """A plan is JSON-ready, and its text names what matters."""
    plan = plan_of(catalog)
    assert json.loads(json.dumps(asdict(plan)))["segments"] == 30_500
    text = render_plan(plan)
    for figure in ("30,500", "guest", "account", "Data API", "0.70%", "MB a clip", "max_per_class"):
        assert figure in text


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
