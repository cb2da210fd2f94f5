"""The ontology: a graph without loops, or an error that names the class."""

from __future__ import annotations

from pathlib import Path

import pytest
from metadata_folders import ontology

from ascc_async.audioset.ontology import read_ontology
from ascc_async.errors import MetadataError


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('[\n{"id": "/m/a",', "cut short (Invalid JSON: EOF while parsing a value at line 2"),
        ("[" * 100_000, "recursion limit"),
        ("{}", "is no list"),
        ("[]", "holds no class"),
        ("[{}]", "(entry 0, id: Field required)"),
        ("[3]", "(entry 0: Input should be an object)"),
        ('[\n{"id": "/m/a", "name": 3}]', "(entry 0, name: "),
        ('[\n{"id": "/m/a", "name": "A", "child_ids": [3]}]', "(entry 0, child_ids, 0: "),
        (b'[{"id": "\xff"}]', "json:1: is not UTF-8"),
        (ontology({"/m/a": ["/m/q"]}), "/m/a has the child /m/q"),
        (ontology({"/m/a": ["/m/b"], "/m/b": ["/m/a"]}), "descendant: /m/a > /m/b > /m/a"),
        (ontology({"/m/a": ["/m/a"]}), "/m/a is its own descendant: /m/a > /m/a"),
        (ontology({"/m/a": []})[:-3] + "," + ontology({"/m/a": []})[1:], "/m/a occurs"),
    ],
)  # fmt: skip
def test_bad_ontology(tmp_path: Path, content: str | bytes, problem: str) -> None:
    """A loop, a missing child, or no such form stops with file, class and remedy."""
    path = tmp_path / "ontology.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(MetadataError) as caught:
        read_ontology(path)
    for part in (problem, "delete the file"):
        assert part in str(caught.value)


def test_descendants_of_a_graph(tmp_path: Path) -> None:
    """A class that can be reached on two ways is there once; leaves have none."""
    path = tmp_path / "ontology.json"
    below = {"/m/top": ["/m/a", "/m/b"], "/m/a": ["/m/c"], "/m/b": ["/m/c"], "/m/c": []}
    path.write_text(ontology(below), encoding="utf-8")
    graph = read_ontology(path)
    assert graph.descendants("/m/top") == {"/m/a", "/m/b", "/m/c"}
    assert graph.descendants("/m/c") == set()
    assert [node.leaf for node in graph.nodes.values()] == [False, False, False, True]
