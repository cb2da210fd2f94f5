"""Which classes are for training, validation and test: seeded, no class with one above it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import islice

from ascc_async.audioset.ontology import Ontology

PARTS = ("train", "val", "test")
_BLACKLIST = "blacklist"


class ClassTree:
    """The classes of the class list as the ontology orders them.

    A class with several parents is below each of them; of several roots the one with the smallest
    MID counts, so that every class has one.
    """

    def __init__(self, ontology: Ontology, mids: Iterable[str]) -> None:
        self._ontology, self.mids = ontology, tuple(mids)
        children = {child for node in ontology.nodes.values() for child in node.children}
        below = {mid: ontology.descendants(mid) for mid in ontology.nodes}
        self.root = {mid: mid for mid in self.mids}  # a class the ontology does not have
        for root in sorted(below.keys() - children, reverse=True):  # the smallest comes last
            self.root |= {mid: root for mid in self.mids if mid in below[root]}
        listed = set(self.mids)
        self.above: dict[str, set[str]] = {mid: {mid} for mid in self.mids}
        for mid in listed & below.keys():
            for lower in below[mid] & listed:
                self.above[lower].add(mid)
        self.blacklisted = {
            mid for mid in listed & below.keys() if _BLACKLIST in ontology.nodes[mid].restrictions
        }

    def root_name(self, mid: str) -> str:
        """The display name of a class's root."""
        root = self.root[mid]
        return self._ontology.nodes[root].name if root in self._ontology else root

    def held(self, labels: Iterable[str]) -> set[str]:
        """The classes that a clip with these labels holds: those named, and all above them."""
        return {upper for mid in labels for upper in self.above.get(mid, ())}

    def lowest(self, mids: Iterable[str]) -> list[str]:
        """Those of these classes that have none of the others below them, in class list order."""
        chosen = set(mids)
        with_lower = {upper for mid in chosen for upper in self.above[mid] - {mid}}
        return [mid for mid in self.mids if mid in chosen - with_lower]


def split_classes(
    mids: Sequence[str], root: Mapping[str, str], ratios: Sequence[Fraction], seed: str
) -> dict[str, str]:
    """The part of each class. Nothing but these arguments decides: not the clips, not the machine.

    The classes of each root are put in the order of the SHA-256 of `seed:mid`, then shared out.
    """
    parts: dict[str, str] = {}
    for one in sorted({root[mid] for mid in mids}):
        order = sorted(
            (mid for mid in mids if root[mid] == one),
            key=lambda mid: hashlib.sha256(f"{seed}:{mid}".encode()).digest(),
        )
        taken = iter(order)
        for part, quota in zip(PARTS, _quotas(len(order), ratios), strict=True):
            parts |= dict.fromkeys(islice(taken, quota), part)
    return parts


def _quotas(count: int, ratios: Sequence[Fraction]) -> list[int]:
    """Whole shares of `count` by largest remainder; of equal ones the smallest ratio is first."""
    exact = [count * ratio for ratio in ratios]
    quotas = [int(share) for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: (quotas[i] - exact[i], ratios[i]))
    for index in by_remainder[: count - sum(quotas)]:
        quotas[index] += 1
    return quotas
