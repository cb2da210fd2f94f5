"""Choosing classes and segments."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from metadata_folders import catalog_of, catalog_with, ontology, row, segments, video, write_folder

from ascc_async.audioset.catalog import Catalog
from ascc_async.audioset.classes import choose_classes
from ascc_async.audioset.selection import Selection, id_keys, select
from ascc_async.errors import SettingsError
from ascc_async.settings import ClassesSettings, SamplingSettings

MIDS = ("/m/a", "/m/b", "/m/c", "/m/d", "/m/e")
CHILDREN = {"/m/top": ["/m/a", "/m/b"], "/m/a": ["/m/c"], "/m/b": ["/m/c"],
            "/m/c": [], "/m/d": [], "/m/e": []}  # fmt: skip
COUNTS = "label_id,num_rated,num_true\n/m/a,10,10\n/m/b,10,8\n/m/c,3,1\n/m/d,0,0\n/m/e,5,5\n"


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    """Five classes: `a` and `b` above `c`, `d` unrated, `e` blacklisted."""
    text = ontology(CHILDREN)
    marked = text.replace('"Class e", "child_ids": [], "restrictions": []',
                          '"Class e", "child_ids": [], "restrictions": ["blacklist"]')  # fmt: skip
    rows = [row(i, f"{mid},/m/e") for i, mid in enumerate(MIDS[:4])] + [row(9, "/m/e")]
    files = {
        "ontology.json": marked,
        "qa_true_counts.csv": COUNTS,
        "balanced_train_segments.csv": segments(rows),
    }
    return catalog_of(write_folder(tmp_path, files, mids=MIDS))


def choose(catalog: Catalog, limit: int | None = None, **classes: object) -> Selection:
    """Select with these settings under `classes`."""
    sampling = SamplingSettings(max_per_class=limit)
    return select(catalog, ClassesSettings.model_validate(classes), sampling)


def letters(selection: Selection) -> str:
    """The chosen classes in order."""
    return "".join(chosen.mid[-1] for chosen in selection.chosen)


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        ({}, "abcd"),
        ({"blacklisted": "keep"}, "abcde"),
        ({"unrated": "drop"}, "abc"),
        ({"leaf_only": True}, "cd"),
        ({"min_quality": 0.8}, "abd"),
        ({"min_quality": 0.8, "unrated": "drop"}, "ab"),
        ({"min_quality": 0.81, "unrated": "drop"}, "a"),
        ({"include": ["Class b"]}, "bc"),
        ({"include": ["class B", "/m/d"]}, "bcd"),
        ({"include": ["/m/top"]}, "abc"),
        ({"include": ["Class top"], "exclude": ["Class c"]}, "ab"),
        ({"exclude": ["/m/a"]}, "bd"),
        ({"start_index": 1, "end_index": 3}, "bc"),
        ({"start_index": 2}, "cd"),
        ({"end_index": 99}, "abcd"),
        ({"unrated": "drop", "exclude": ["Class b"], "start_index": 0}, "a"),
    ],
)
def test_classes(catalog: Catalog, classes: dict[str, object], expected: str) -> None:
    """Each setting chooses its classes, in class list order."""
    assert letters(choose(catalog, **classes)) == expected


def test_slices_join_to_the_whole(catalog: Catalog) -> None:
    """A collection fetched slice by slice is the whole collection."""
    whole = choose(catalog, min_quality=0.1)
    parts = [choose(catalog, min_quality=0.1, start_index=i, end_index=i + 1) for i in range(4)]
    assert "".join(map(letters, parts)) == letters(whole)
    assert set(np.concatenate([part.rows for part in parts])) == set(whole.rows)
    assert [len(part.chosen) for part in parts] == [1] * 4


def test_labels_stay_whole(catalog: Catalog) -> None:
    """A segment chosen for one class keeps its other labels; one without a chosen class is out."""
    selection = choose(catalog, include=["/m/d"])
    assert [catalog.segments.segment(r).labels for r in selection.rows] == [("/m/d", "/m/e")]


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ({"include": ["Clas a"]}, "classes.include: 'Clas a' is no class.*nearest: 'Class a'"),
        ({"exclude": ["/m/aa"]}, "classes.exclude: '/m/aa'.*'/m/a'"),
        ({"include": ["zzzzzzzzz"]}, "plan --classes"),
        ({"include": ["top"]}, "nearest: 'Class top'"),
        ({"start_index": 4}, "leave no class .*before start_index 4: 4"),
        ({"include": ["/m/c"], "min_quality": 0.9}, "leave no class .*quality below 0.9: 1"),
    ],
)
def test_what_cannot_be_chosen(catalog: Catalog, classes: dict[str, object], message: str) -> None:
    """A misspelt class gets the nearest names; settings that leave nothing say why."""
    with pytest.raises(SettingsError, match=message):
        choose(catalog, **classes)


def test_why_not(catalog: Catalog) -> None:
    """Every class has a word on why it is not chosen."""
    settings = ClassesSettings(
        min_quality=0.9, exclude=("/m/a",), end_index=1, unrated="drop", blacklisted="keep"
    )
    choices = choose_classes(catalog.classes, catalog.ontology, settings)
    assert [(choice.why_not, choice.suitable_index) for choice in choices] == [
        ("in exclude", None),
        ("quality 0.80 below 0.9", None),
        ("in exclude", None),
        ("unrated", None),
        ("", 0),
    ]


def test_seeded_order_is_of_id_and_seed_alone(tmp_path: Path) -> None:
    """Other rows, splits or classes never change which of two videos comes first."""
    numbers = range(30)
    few = catalog_with(tmp_path, [row(i) for i in numbers])
    many = catalog_with(tmp_path, [row(i, "/m/b,/m/a") for i in reversed(range(60))])
    orders = []
    for catalog in (few, many):
        selection = choose(catalog, limit=5, include=["/m/a"])
        names = [catalog.segments.video_id(r) for r in selection.class_rows]
        orders.append([name for name in names if name < video(30)])
    assert orders[0] == orders[1] != sorted(orders[0])


def test_other_seed_other_order(tmp_path: Path) -> None:
    """The seed matters."""
    catalog = catalog_with(tmp_path, [row(i) for i in range(30)])
    orders = {
        tuple(
            select(catalog, ClassesSettings(), SamplingSettings(seed=seed, max_per_class=1))
            .class_rows.tolist()
        )
        for seed in (0, 1, 1 << 70)
    }  # fmt: skip
    assert len(orders) == 3


def test_class_rows_hold_every_chosen_label(catalog: Catalog) -> None:
    """Each class's run in the seeded order is the set of its rows."""
    selection = choose(catalog, limit=1, blacklisted="keep")
    for position, chosen in enumerate(selection.chosen):
        rows = selection.order(position)
        segments = [catalog.segments.segment(row) for row in selection.rows]
        holding = [i for i, segment in enumerate(segments) if chosen.mid in segment.labels]
        assert sorted(rows) == selection.rows[holding].tolist()
        assert (np.diff(selection.rank[rows]) > 0).all()
    assert selection.classes_of(0) == (0, 4)


def test_hash_never_changes() -> None:
    """The order that a seed gives is the same for ever, on every machine."""
    keys = id_keys(np.array([b"--PJHxphWEs", b"zzya4dDVRLk"], "S11"), 7)
    assert keys.tolist() == [1815063358276284607, 14168029351462160795]
    assert id_keys(np.array([b"--PJHxphWEs"], "S11"), 8)[0] != keys[0]
