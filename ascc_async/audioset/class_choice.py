"""Which classes the settings choose, and for every other class why not."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ascc_async.audioset.class_list import SoundClass
from ascc_async.audioset.ontology import Ontology
from ascc_async.errors import SettingsError
from ascc_async.settings import ClassesSettings


@dataclass(frozen=True, slots=True)
class ClassChoice:
    """Whether a class is chosen. `suitable_index`: its place among the suitable classes.

    The suitable classes are those that pass every setting but `start_index` and `end_index`,
    counted from 0 in class list order. `why_not` is empty when `chosen`.
    """

    code: int
    chosen: bool
    suitable_index: int | None
    why_not: str


def choose_classes(
    classes: Sequence[SoundClass], ontology: Ontology, settings: ClassesSettings
) -> tuple[ClassChoice, ...]:
    """Decide for every class, in class list order.

    Raises `SettingsError` for a name that is no class, and when no class is left.
    """
    choices = judge_classes(classes, ontology, settings)
    if not any(choice.chosen for choice in choices):
        raise SettingsError(_nothing_left(choices, settings))
    return choices


def judge_classes(
    classes: Sequence[SoundClass], ontology: Ontology, settings: ClassesSettings
) -> tuple[ClassChoice, ...]:
    """As `choose_classes`, but that no class is left is an answer too."""
    names = _Names(classes, ontology)
    included = names.beneath(settings.include, "include") if settings.include else None
    excluded = names.beneath(settings.exclude, "exclude")
    choices: list[ClassChoice] = []
    suitable = 0
    for code, sound in enumerate(classes):
        why_not = _why_not(sound, settings, included, excluded)
        if why_not:
            choices.append(ClassChoice(code, False, None, why_not))
            continue
        outside = _outside(suitable, settings)
        choices.append(ClassChoice(code, not outside, suitable, outside))
        suitable += 1
    return tuple(choices)


def _why_not(
    sound: SoundClass,
    settings: ClassesSettings,
    included: frozenset[str] | None,
    excluded: frozenset[str],
) -> str:
    if included is not None and sound.mid not in included:
        return "not in include"
    if sound.mid in excluded:
        return "in exclude"
    if settings.blacklisted == "drop" and sound.blacklisted:
        return "blacklisted"
    if settings.leaf_only and not sound.leaf:
        return "not a leaf"
    if sound.quality is None:
        return "unrated" if settings.unrated == "drop" else ""
    if sound.quality < settings.min_quality:
        return f"quality {sound.quality:.2f} below {settings.min_quality:g}"
    return ""


def _outside(suitable_index: int, settings: ClassesSettings) -> str:
    if suitable_index < settings.start_index:
        return f"before start_index {settings.start_index}"
    if settings.end_index is not None and suitable_index >= settings.end_index:
        return f"from end_index {settings.end_index} on"
    return ""


def _nothing_left(choices: Sequence[ClassChoice], settings: ClassesSettings) -> str:
    suitable = sum(choice.suitable_index is not None for choice in choices)
    if suitable:
        return (
            f"classes.start_index ({settings.start_index}) is beyond the last of the {suitable}"
            f" suitable classes, which count from 0 to {suitable - 1}"
        )
    reasons: dict[str, int] = {}
    for choice in choices:
        low = choice.why_not.startswith("quality")
        reason = f"quality below {settings.min_quality:g}" if low else choice.why_not
        reasons[reason] = reasons.get(reason, 0) + 1
    listed = ", ".join(f"{reason}: {count}" for reason, count in reasons.items())
    return f"the settings under classes leave no class ({listed}); see plan --classes"


class _Names:
    """Finds classes by MID or display name, in the class list and in the ontology."""

    def __init__(self, classes: Sequence[SoundClass], ontology: Ontology) -> None:
        self._ontology = ontology
        self._mids = {sound.mid for sound in classes} | set(ontology.nodes)
        self._by_name: dict[str, set[str]] = {}
        self._known: dict[str, str] = {}
        for sound in classes:
            self._add(sound.name, sound.mid)
        for node in ontology.nodes.values():
            self._add(node.name, node.mid)

    def beneath(self, entries: Iterable[str], key: str) -> frozenset[str]:
        """The named classes and all beneath them."""
        found: set[str] = set()
        for entry in entries:
            for mid in self._find(entry, key):
                found.add(mid)
                if mid in self._ontology:
                    found |= self._ontology.descendants(mid)
        return frozenset(found)

    def _add(self, name: str, mid: str) -> None:
        self._by_name.setdefault(name.casefold(), set()).add(mid)
        self._known.setdefault(name.casefold(), name)

    def _find(self, entry: str, key: str) -> set[str]:
        entry = entry.strip()
        if entry in self._mids:
            return {entry}
        found = self._by_name.get(entry.casefold())
        if found is None:
            raise SettingsError(
                f"classes.{key}: {entry!r} is no class of AudioSet, neither MID nor name;"
                f" {self._nearest(entry)}"
            )
        return found

    def _nearest(self, entry: str) -> str:
        pool = self._mids if entry.startswith("/") else self._known
        near = difflib.get_close_matches(entry.casefold(), list(pool), n=4, cutoff=0.6)
        if len(entry) >= 3:
            near += [name for name in sorted(self._known) if entry.casefold() in name]
        names = [repr(self._known.get(name, name)) for name in dict.fromkeys(near)]
        return f"nearest: {', '.join(names[:5])}" if names else "plan --classes lists them all"
