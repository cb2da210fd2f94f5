"""Which clips a class split uses, and why it leaves out the others."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import NamedTuple

APART = ("video", "channel", "sound")
NO_CLASS, SEVERAL_CLASSES, OTHER_PART = "no_class", "several_classes", "other_part"
TOO_FEW = "too_few"
_ELSEWHERE = {
    "video": "video_elsewhere", "channel": "channel_elsewhere", "sound": "same_sound",
}  # fmt: skip
WHY_NOT = {
    NO_CLASS: "no class of the split is among its labels",
    SEVERAL_CLASSES: "its labels are of several classes, all in one part",
    OTHER_PART: "its labels are of classes in different parts",
    "video_elsewhere": "its video is used in another part, which goes first",
    "channel_elsewhere": "its channel is used in another part, which goes first",
    "same_sound": "another clip with the very same sound is used",
    TOO_FEW: "its class has fewer usable clips than --min-clips",
}
# Where two parts want the same channel, the one in front has it: evaluation loses nothing.
_PRECEDENCE = ("test", "val", "train")


class Candidate(NamedTuple):
    """A clip whose labels hit one class; `keys` are what parts must not share, by its name."""

    segment_id: str
    mid: str
    keys: Mapping[str, str]


@dataclass(frozen=True)
class Choice:
    """`why_not` of every candidate, "" where it is used; usable clips and whether a class is kept.

    A clip is usable where nothing but the number of its class's clips may speak against it.
    """

    why_not: Mapping[str, str]
    usable: Mapping[str, int]
    kept: Set[str]

    @property
    def used(self) -> int:
        """How many clips are used."""
        return sum(not why for why in self.why_not.values())


def choose(candidates: Iterable[Candidate], parts: Mapping[str, str], min_clips: int) -> Choice:
    """Decide part after part, so that what a part does not use is in nobody's way.

    Of the same sound the first clip is used, also within a part: as support and query of one
    episode the two would give each other away.
    """
    in_part: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        in_part[parts[candidate.mid]].append(candidate)
    why_not: dict[str, str] = {}
    usable: Counter[str] = Counter()
    kept: set[str] = set()
    taken: set[tuple[str, str]] = set()
    for part in _PRECEDENCE:
        sounds: set[str | None] = set()
        for segment_id, mid, keys in in_part[part]:
            clashes = (
                name
                for name, value in keys.items()
                if (name, value) in taken or (name == "sound" and value in sounds)
            )
            clash = next(clashes, None)
            why_not[segment_id] = _ELSEWHERE[clash] if clash else ""
            if not clash:
                usable[mid] += 1
                sounds.add(keys.get("sound"))
        kept |= {mid for mid, count in usable.items() if parts[mid] == part and count >= min_clips}
        for segment_id, mid, keys in in_part[part]:
            if not why_not[segment_id]:
                if mid in kept:
                    taken |= set(keys.items())
                else:
                    why_not[segment_id] = TOO_FEW
    return Choice(why_not, usable, kept)


def why_no_candidate(hits: Sequence[str], parts: Mapping[str, str]) -> str:
    """Why a clip with these classes of the split is no candidate; "" where it has just one."""
    if len(hits) == 1:
        return ""
    if not hits:
        return NO_CLASS
    return SEVERAL_CLASSES if len({parts[mid] for mid in hits}) == 1 else OTHER_PART
