"""The numbers of the real AudioSet files."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from metadata_folders import SHARED, catalog_of

from ascc_async.audioset.catalog import Catalog
from ascc_async.audioset.selection import Selection, select
from ascc_async.settings import ClassesSettings, SamplingSettings

pytestmark = pytest.mark.skipif(
    not (SHARED / "balanced_train_segments.csv").exists(), reason=f"no real metadata in {SHARED}"
)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """The real balanced_train split (linked: nothing is written beside the shared files)."""
    folder = tmp_path_factory.mktemp("official")
    for path in SHARED.iterdir():
        (folder / path.name).symlink_to(path)
    return catalog_of(folder)


def choose(catalog: Catalog, **classes: object) -> Selection:
    """Select with these settings under `classes`."""
    return select(catalog, ClassesSettings.model_validate(classes), SamplingSettings())


def test_rows_and_labels(catalog: Catalog) -> None:
    """Every row and every label of balanced_train is there."""
    counts = catalog.segments.label_counts()
    assert len(catalog.segments) == len(np.unique(catalog.segments.ids)) == 22_160
    assert (counts.sum(), round(counts.mean(), 3), counts.max()) == (52_882, 2.386, 12)


def test_times(catalog: Catalog) -> None:
    """Odd lengths and odd starts are read to the millisecond."""
    table = catalog.segments
    lengths = table.end_ms - table.start_ms
    assert ((lengths != 10_000).sum(), lengths.min()) == (345, 1000)
    assert (table.start_ms % 1000 != 0).sum() == 7


def test_classes_that_occur(catalog: Catalog) -> None:
    """527 classes, the fewest rows 59, the median 60, Music the most."""
    counts = catalog.segments.class_counts()
    assert (len(counts), counts.min(), np.median(counts), counts.max()) == (527, 59, 60, 6244)
    assert catalog.classes[counts.argmax()].name == "Music"


def test_ontology(catalog: Catalog) -> None:
    """Entries, leaves, restrictions and nodes of several parents."""
    nodes = catalog.ontology.nodes.values()
    blacklisted = {node.mid for node in nodes if "blacklist" in node.restrictions}
    abstract = {node.mid for node in nodes if "abstract" in node.restrictions}
    parents = Counter(child for node in nodes for child in node.children)
    several = [mid for mid, count in parents.items() if count > 1]
    assert (len(nodes), sum(node.leaf for node in nodes), len(several)) == (632, 474, 38)
    # The table counts the one that is both apart: 66 + 22 + 1.
    both = blacklisted & abstract
    assert (len(blacklisted - both), len(abstract - both), len(both)) == (66, 22, 1)


def test_class_facts(catalog: Catalog) -> None:
    """Of the 527: 12 blacklisted, 70 never rated, and these are music (but for one engine)."""
    assert sum("blacklist" in sound.restrictions for sound in catalog.classes) == 12
    unrated = {sound.mid: sound.name for sound in catalog.classes if sound.quality is None}
    assert len(unrated) == 70
    music = catalog.ontology.descendants("/m/04rlf")
    assert [name for mid, name in unrated.items() if mid not in music] == ["Engine knocking"]


@pytest.mark.parametrize(
    ("leaf_only", "kept"),
    [(True, (335, 263, 142, 87, 43)), (False, (447, 374, 221, 137, 79))],
)
def test_classes_kept_by_quality(catalog: Catalog, leaf_only: bool, kept: tuple[int, ...]) -> None:
    """How many classes each threshold keeps, unrated and blacklisted dropped."""
    assert kept == tuple(
        len(choose(catalog, leaf_only=leaf_only, min_quality=least, unrated="drop").chosen)
        for least in (0, 0.5, 0.8, 0.9, 1.0)
    )


def test_rows_of_the_142(catalog: Catalog) -> None:
    """8,636 rows hold at least one of the 142 classes, and keep all their other labels."""
    selection = choose(catalog, leaf_only=True, min_quality=0.8, unrated="drop")
    chosen = {chosen.mid for chosen in selection.chosen}
    assert len(selection) == 8636
    assert any(set(catalog.segments.segment(row).labels) - chosen for row in selection.rows[:50])


def test_official_files_are_recognised(catalog: Catalog) -> None:
    """The files are the official ones byte for byte, and nothing is odd about them."""
    assert all(file.official for file in catalog.inputs)
    assert catalog.warnings == ()
