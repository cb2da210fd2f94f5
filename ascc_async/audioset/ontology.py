"""AudioSet's ontology: a graph in which a class may have several parents."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from ascc_async.audioset.metadata_files import REMEDY, read_text
from ascc_async.errors import MetadataError


@dataclass(frozen=True, slots=True)
class OntologyNode:
    """One class of the ontology. `restrictions`: of `abstract`, `blacklist`."""

    mid: str
    name: str
    children: tuple[str, ...]
    restrictions: tuple[str, ...]

    @property
    def leaf(self) -> bool:
        """It has no children."""
        return not self.children


@dataclass(frozen=True)
class Ontology:
    """The whole graph, by MID: no loop, and every child is there."""

    nodes: Mapping[str, OntologyNode]

    def __contains__(self, mid: object) -> bool:
        return mid in self.nodes

    def descendants(self, mid: str) -> frozenset[str]:
        """The children of a class, their children and so on, without the class itself."""
        below: set[str] = set()
        to_visit = list(self.nodes[mid].children)
        while to_visit:
            child = to_visit.pop()
            if child not in below:  # a class with two parents is met twice
                below.add(child)
                to_visit += self.nodes[child].children
        return frozenset(below)


def read_ontology(path: Path) -> Ontology:
    """Read `ontology.json`. Raises `MetadataError` for a loop, a missing child, or no such form."""
    try:
        entries = json.loads(read_text(path))
    except (RecursionError, ValueError) as error:
        line = getattr(error, "lineno", None)
        problem = f"is not JSON, or cut short ({error}); {REMEDY}"
        raise MetadataError(path, line, problem) from error
    if not isinstance(entries, list) or not entries:
        raise MetadataError(path, 1, f"must be a list of classes; {REMEDY}")

    def wrong(mid: str, problem: str) -> MetadataError:
        return MetadataError(path, None, f"{mid} {problem}; {REMEDY}")

    nodes: dict[str, OntologyNode] = {}
    for number, entry in enumerate(entries, 1):
        mid = entry.get("id") if isinstance(entry, dict) else None
        if not isinstance(mid, str) or not mid:
            raise MetadataError(path, None, f"entry {number} has no id; {REMEDY}")
        name = entry.get("name")
        children, restrictions = entry.get("child_ids", []), entry.get("restrictions", [])
        if not isinstance(name, str) or not _all_text(children) or not _all_text(restrictions):
            raise wrong(mid, "needs a name, and lists of text child_ids and restrictions")
        if mid in nodes:
            raise wrong(mid, "occurs twice")
        nodes[mid] = OntologyNode(mid, name, tuple(dict.fromkeys(children)), tuple(restrictions))
    for node in nodes.values():
        for child in node.children:
            if child not in nodes:
                raise wrong(node.mid, f"has the child {child}, which is not there")
    try:
        TopologicalSorter({mid: node.children for mid, node in nodes.items()}).prepare()
    except CycleError as error:
        loop = error.args[1][::-1]  # graphlib goes from child to parent
        raise wrong(loop[0], f"is its own descendant: {' > '.join(loop)}") from error
    return Ontology(nodes)


def _all_text(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
