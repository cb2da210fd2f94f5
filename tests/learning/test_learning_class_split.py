"""Classes are shared out by ontology and seed alone, and no part holds a class above another's."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import pytest
from metadata_folders import SHARED

from ascc_async.audioset.ontology import Ontology, OntologyNode
from ascc_async.learning.class_split import PARTS, ClassTree, split_classes
from ascc_async.learning.few_shot import Options, read_classes

RATIOS = Options().ratios


def ontology(**children: str) -> Ontology:
    """A graph of these classes; `b` in a text of children is the class `b`."""
    mids = dict.fromkeys([*children, *"".join(children.values())])
    nodes = {mid: OntologyNode(mid, mid.upper(), tuple(children.get(mid, "")), ()) for mid in mids}
    return Ontology(nodes)


def test_the_lowest_of_some_classes_have_none_of_the_others_below() -> None:
    """Also across classes that are not among them; a class the ontology lacks is its own root."""
    tree = ClassTree(ontology(a="bc", b="d", d="e"), "abcexyz")
    assert tree.lowest("abcexyz") == list("cexyz")
    assert tree.lowest("ab") == ["b"]
    assert tree.held("e") == set("abe")
    assert (tree.root["x"], tree.root_name("x"), tree.root_name("e")) == ("x", "x", "A")


def test_of_several_roots_the_smallest_mid_counts() -> None:
    """A class below two roots belongs to one."""
    tree = ClassTree(ontology(r="x", a="y", y="x", q="x"), "x")
    assert tree.root == {"x": "a"}


@pytest.mark.parametrize(
    ("count", "expected"), [(1, (1, 0, 0)), (3, (2, 0, 1)), (5, (3, 1, 1)), (11, (8, 1, 2))]
)
def test_a_root_shares_its_classes_by_largest_remainder(
    count: int, expected: tuple[int, ...]
) -> None:
    """Of equal remainders the smallest ratio is first."""
    mids = [f"m{number}" for number in range(count)]
    parts = split_classes(mids, dict.fromkeys(mids, "root"), RATIOS, "0")
    found = Counter(parts.values())
    assert tuple(found[part] for part in PARTS) == expected


def test_ratios_are_exact() -> None:
    """A third of three is one."""
    third = Fraction(1, 3)
    parts = split_classes("abc", dict.fromkeys("abc", "r"), (third, third, third), "0")
    assert sorted(parts.values()) == sorted(PARTS)


def test_the_seed_alone_changes_the_order() -> None:
    """The order in which classes come in changes nothing, another seed does."""
    mids = [f"m{number}" for number in range(20)]
    root = dict.fromkeys(mids, "r")
    parts = split_classes(mids, root, RATIOS, "0")
    assert split_classes(mids[::-1], root, RATIOS, "0") == parts
    assert split_classes(mids, root, RATIOS, "1") != parts


@pytest.mark.skipif(not (SHARED / "ontology.json").exists(), reason="needs AudioSet's own files")
def test_audiosets_own_classes_make_408_in_three_parts() -> None:
    """285, 41 and 82; no class above another's; every root of ten or more is in all parts."""
    classes = read_classes(SHARED)
    tree = classes.tree
    mids = tree.lowest(classes.names)
    parts = split_classes(mids, tree.root, RATIOS, "0")
    found = Counter(parts.values())
    assert (len(mids), *(found[part] for part in PARTS)) == (408, 285, 41, 82)
    assert all(tree.above[mid] & set(mids) == {mid} for mid in mids)
    of_root = Counter(tree.root[mid] for mid in mids)
    for root, count in of_root.items():
        held = {parts[mid] for mid in mids if tree.root[mid] == root}
        assert count < 10 or held == set(PARTS), root
