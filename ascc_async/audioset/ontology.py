"""AudioSet's ontology: a graph in which a node may have several parents."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ascc_async.audioset.opening import AGAIN, read_text
from ascc_async.errors import MetadataError


@dataclass(frozen=True, slots=True)
class Node:
    """One class of the ontology. `restrictions`: of `abstract`, `blacklist`."""

    mid: str
    name: str
    children: tuple[str, ...]
    restrictions: tuple[str, ...]

    @property
    def leaf(self) -> bool:
        """Nothing beneath it."""
        return not self.children


@dataclass(frozen=True)
class Ontology:
    """The whole graph: no loop, and every child is there."""

    nodes: Mapping[str, Node]

    def __contains__(self, mid: object) -> bool:
        return mid in self.nodes

    def __len__(self) -> int:
        return len(self.nodes)

    def children(self, mid: str) -> tuple[str, ...]:
        """The nodes directly beneath."""
        return self.nodes[mid].children

    def parents(self, mid: str) -> tuple[str, ...]:
        """The nodes directly above, in file order."""
        return self._parents.get(mid, ())

    def descendants(self, mid: str) -> frozenset[str]:
        """All beneath a node, without itself."""
        return _reach(self.children(mid), self.children)

    def ancestors(self, mid: str) -> frozenset[str]:
        """All above a node, without itself."""
        return _reach(self.parents(mid), self.parents)

    def named(self, name: str) -> tuple[str, ...]:
        """The nodes of this name, upper and lower case alike."""
        return self._names.get(name.casefold(), ())

    @cached_property
    def _parents(self) -> dict[str, tuple[str, ...]]:
        return _grouped(
            (child, node.mid) for node in self.nodes.values() for child in node.children
        )

    @cached_property
    def _names(self) -> dict[str, tuple[str, ...]]:
        return _grouped((node.name.casefold(), node.mid) for node in self.nodes.values())


def read_ontology(path: Path, warnings: list[str]) -> Ontology:
    """Read `ontology.json`. Raises `MetadataError` for a loop, a missing child, or no such form."""
    notes: list[str] = []
    text = read_text(path, notes)
    warnings += [f"{path}: {note}: read all the same" for note in notes]
    nodes: dict[str, Node] = {}
    for number, entry in enumerate(_entries(path, text)):
        node = _node(path, text, number, entry)
        if node.mid in nodes:
            raise _error(path, text, node.mid, "stands twice", nth=1)
        nodes[node.mid] = node
    if not nodes:
        raise MetadataError(path, None, f"holds no class; {AGAIN}")
    _check_children(path, text, nodes)
    _check_loops(path, text, nodes)
    return Ontology(nodes)


def _entries(path: Path, text: str) -> list[Any]:
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        line = min(error.lineno, text.rstrip("\n").count("\n") + 1)
        raise MetadataError(
            path, line, f"is not JSON, or cut short ({error.msg}); {AGAIN}"
        ) from None
    except (RecursionError, ValueError) as error:
        raise MetadataError(
            path, None, f"is not JSON that can be read ({error}); {AGAIN}"
        ) from None
    if not isinstance(data, list):
        raise MetadataError(path, 1, f"must be a list of classes; {AGAIN}")
    return data


def _node(path: Path, text: str, number: int, entry: Any) -> Node:
    mid = entry.get("id") if isinstance(entry, dict) else None
    if not isinstance(mid, str) or not mid:
        raise MetadataError(path, None, f"entry {number + 1} has no id; {AGAIN}")
    name = entry.get("name")
    children, restrictions = entry.get("child_ids", []), entry.get("restrictions", [])
    if not isinstance(name, str) or not _all_text(children) or not _all_text(restrictions):
        raise _error(path, text, mid, "needs a name, and lists of text child_ids and restrictions")
    return Node(mid, name, tuple(dict.fromkeys(children)), tuple(restrictions))


def _all_text(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _check_children(path: Path, text: str, nodes: Mapping[str, Node]) -> None:
    for node in nodes.values():
        for child in node.children:
            if child not in nodes:
                raise _error(path, text, node.mid, f"has the child {child}, which is not there")


def _check_loops(path: Path, text: str, nodes: Mapping[str, Node]) -> None:
    done: set[str] = set()
    for start in nodes:
        trail: dict[str, Iterator[str]] = {}
        mid: str | None = start if start not in done else None
        while mid is not None:
            trail[mid] = iter(nodes[mid].children)
            mid = _next_in(trail, done)
            if mid in trail:
                loop = " > ".join([*list(trail)[list(trail).index(mid) :], mid])
                raise _error(path, text, mid, f"is beneath itself: {loop}")


def _next_in(trail: dict[str, Iterator[str]], done: set[str]) -> str | None:
    """The next node to enter, depth first; leaves behind what is finished."""
    while trail:
        last = next(reversed(trail))
        for child in trail[last]:
            if child not in done:
                return child
        done.add(last)
        del trail[last]
    return None


def _error(path: Path, text: str, mid: str, what: str, nth: int = 0) -> MetadataError:
    places = [m.start() for m in re.finditer(r'"id"\s*:\s*' + re.escape(json.dumps(mid)), text)]
    line = text.count("\n", 0, places[min(nth, len(places) - 1)]) + 1 if places else None
    return MetadataError(path, line, f"{mid} {what}; {AGAIN}")


def _reach(first: Iterable[str], onward: Callable[[str], Iterable[str]]) -> frozenset[str]:
    found: set[str] = set()
    to_do = list(first)
    while to_do:
        mid = to_do.pop()
        if mid not in found:
            found.add(mid)
            to_do += onward(mid)
    return frozenset(found)


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    groups: dict[str, list[str]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return {key: tuple(values) for key, values in groups.items()}
