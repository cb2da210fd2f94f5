"""AudioSet's ontology: a graph in which a class may have several parents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from ascc_async.audioset.metadata_files import REMEDY, read_text
from ascc_async.errors import MetadataError


@dataclass(frozen=True, slots=True)
class OntologyNode:
    """One class of the ontology. `restrictions`: of `abstract`, `blacklist`."""

    mid: Annotated[str, Field(alias="id", min_length=1)]
    name: str
    children: Annotated[tuple[str, ...], Field(alias="child_ids")] = ()
    restrictions: tuple[str, ...] = ()

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


_ENTRIES = TypeAdapter(list[OntologyNode])


def read_ontology(path: Path) -> Ontology:
    """Read `ontology.json`. Raises `MetadataError` for a loop, a missing child, or no such form."""
    try:
        entries = _ENTRIES.validate_json(read_text(path))
    except ValidationError as error:
        first = error.errors()[0]
        where = f"entry {', '.join(map(str, first['loc']))}: " if first["loc"] else ""
        problem = f"is no list of classes, or cut short ({where}{first['msg']}); {REMEDY}"
        raise MetadataError(path, None, problem) from error
    if not entries:
        raise MetadataError(path, None, f"holds no class; {REMEDY}")

    def wrong(mid: str, problem: str) -> MetadataError:
        return MetadataError(path, None, f"{mid} {problem}; {REMEDY}")

    nodes: dict[str, OntologyNode] = {}
    for node in entries:
        if node.mid in nodes:
            raise wrong(node.mid, "occurs twice")
        nodes[node.mid] = node
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
