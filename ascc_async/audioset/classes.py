"""AudioSet's classes: the class list with the raters' counts, and which of them are chosen."""

from __future__ import annotations

import csv
import difflib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ascc_async.audioset.metadata_files import REMEDY, read_text
from ascc_async.audioset.ontology import Ontology
from ascc_async.errors import MetadataError, SettingsError
from ascc_async.settings import ClassesSettings

_MID = re.compile(r"/[a-z]/[A-Za-z0-9_-]+")
_COUNT = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class SoundClass:
    """One class of the class list.

    `quality` is `num_true / num_rated`, None where nobody rated; `leaf` and `restrictions`
    come from the ontology.
    """

    index: int
    mid: str
    name: str
    num_rated: int
    num_true: int
    leaf: bool
    restrictions: tuple[str, ...]

    @property
    def quality(self) -> float | None:
        """Share of the rated labels that raters confirmed."""
        return self.num_true / self.num_rated if self.num_rated else None


@dataclass(frozen=True, slots=True)
class ClassChoice:
    """Whether a class is chosen. `suitable_index`: its position among the suitable classes.

    The suitable classes are those that pass every setting but `start_index` and `end_index`,
    counted from 0 in class list order. `why_not` is empty when the class is chosen.
    """

    sound: SoundClass
    suitable_index: int | None
    why_not: str

    @property
    def chosen(self) -> bool:
        """Nothing speaks against it."""
        return not self.why_not


# -- the class list ----------------------------------------------------------------------------


def read_class_names(path: Path) -> dict[str, str]:
    """MID -> display name, in class list order. The index column must count from 0."""
    names: dict[str, str] = {}
    for line, (index, mid, name) in _records(path, ("index", "mid", "display_name")):
        if index != str(len(names)):
            raise MetadataError(path, line, f"index {index!r}, expected {len(names)}; {REMEDY}")
        if not _MID.fullmatch(mid) or not name:
            raise MetadataError(path, line, f'expected {index},/m/09x0r,"Speech"; {REMEDY}')
        if mid in names:
            raise MetadataError(path, line, f"{mid} occurs twice; {REMEDY}")
        names[mid] = name
    if not names:
        raise MetadataError(path, None, f"holds no class; {REMEDY}")
    return names


def read_classes(
    class_list: Mapping[str, str], counts_path: Path, ontology: Ontology, warnings: list[str]
) -> tuple[SoundClass, ...]:
    """The classes of the list with what the raters' counts and the ontology say of them."""
    counts: dict[str, tuple[int, int]] = {}
    for line, (mid, rated, true) in _records(counts_path, ("label_id", "num_rated", "num_true")):
        if not (_COUNT.fullmatch(rated) and _COUNT.fullmatch(true) and int(true) <= int(rated)):
            raise MetadataError(
                counts_path, line, f"{rated!r}, {true!r}: expected two counts, of labels rated and"
                f" of those found true; {REMEDY}",
            )  # fmt: skip
        if mid in counts:
            raise MetadataError(counts_path, line, f"{mid} occurs twice; {REMEDY}")
        if mid not in class_list:
            warnings.append(f"{counts_path}:{line}: {mid!r} is not in the class list; ignoring it")
        counts[mid] = int(rated), int(true)
    # Google's own three files do not cover the same classes: a gap is a warning, not an error.
    if missing := [mid for mid in class_list if mid not in counts]:
        warnings.append(
            f"{counts_path}: no counts for {_first_few(missing)}; treating them as never rated"
        )
    if unknown := [mid for mid in class_list if mid not in ontology]:
        warnings.append(f"the ontology has no {_first_few(unknown)}; treating them as leaves")
    return tuple(
        SoundClass(
            index,
            mid,
            name,
            *counts.get(mid, (0, 0)),
            leaf=mid not in ontology or ontology.nodes[mid].leaf,
            restrictions=ontology.nodes[mid].restrictions if mid in ontology else (),
        )
        for index, (mid, name) in enumerate(class_list.items())
    )


def _records(path: Path, columns: tuple[str, str, str]) -> Iterator[tuple[int, list[str]]]:
    """The line and the fields of every record of a small CSV file with these three columns."""
    reader = csv.reader(read_text(path).splitlines(), skipinitialspace=True, strict=True)
    try:
        heading = [field.strip().lower() for field in next(reader, [])]
        if heading != list(columns):
            raise MetadataError(path, 1, f"expected the heading {','.join(columns)}; {REMEDY}")
        for fields in reader:
            if not fields:  # a blank line
                continue
            if len(fields) != 3:
                problem = f"{len(fields)} fields, expected {', '.join(columns)}; {REMEDY}"
                raise MetadataError(path, reader.line_num, problem)
            yield reader.line_num, [field.strip() for field in fields]
    except csv.Error as error:
        problem = f"is not a row of {','.join(columns)} ({error}); {REMEDY}"
        raise MetadataError(path, reader.line_num, problem) from error


def _first_few(mids: list[str]) -> str:
    more = f" and {len(mids) - 5} more" if len(mids) > 5 else ""
    return ", ".join(mids[:5]) + more


# -- the choice --------------------------------------------------------------------------------


def choose_classes(
    classes: Sequence[SoundClass], ontology: Ontology, settings: ClassesSettings
) -> tuple[ClassChoice, ...]:
    """Decide for every class, in class list order; it may be that none is chosen.

    Raises `SettingsError`, with the nearest names, for a name that is no class.
    """
    included = _named(settings.include, "include", classes, ontology) if settings.include else None
    excluded = _named(settings.exclude, "exclude", classes, ontology)
    choices: list[ClassChoice] = []
    suitable = 0
    for sound in classes:
        why_not = _why_not_suitable(sound, settings, included, excluded)
        if why_not:
            choices.append(ClassChoice(sound, None, why_not))
            continue
        if suitable < settings.start_index:
            why_not = f"before start_index {settings.start_index}"
        elif settings.end_index is not None and suitable >= settings.end_index:
            why_not = f"from end_index {settings.end_index} on"
        choices.append(ClassChoice(sound, suitable, why_not))
        suitable += 1
    return tuple(choices)


def require_one(choices: Sequence[ClassChoice], settings: ClassesSettings) -> None:
    """Raises `SettingsError`, with the reasons, when no class is chosen."""
    if any(choice.chosen for choice in choices):
        return
    # The qualities themselves differ from class to class: they are counted as one reason.
    below = f"quality below {settings.min_quality:g}"
    reasons = Counter(
        below if choice.why_not.startswith("quality") else choice.why_not for choice in choices
    )
    listed = ", ".join(f"{reason}: {count}" for reason, count in reasons.items())
    raise SettingsError(f"the settings under classes leave no class ({listed}); see plan --classes")


def _why_not_suitable(
    sound: SoundClass,
    settings: ClassesSettings,
    included: frozenset[str] | None,
    excluded: frozenset[str],
) -> str:
    if included is not None and sound.mid not in included:
        return "not in include"
    if sound.mid in excluded:
        return "in exclude"
    if settings.blacklisted == "drop" and "blacklist" in sound.restrictions:
        return "blacklisted"
    if settings.leaf_only and not sound.leaf:
        return "not a leaf"
    if sound.quality is None:
        return "unrated" if settings.unrated == "drop" else ""
    if sound.quality < settings.min_quality:
        return f"quality {sound.quality:.2f} below {settings.min_quality:g}"
    return ""


def _named(
    entries: Iterable[str], key: str, classes: Sequence[SoundClass], ontology: Ontology
) -> frozenset[str]:
    """The classes with these MIDs or display names, and all below them in the ontology."""
    known = [(sound.mid, sound.name) for sound in classes]
    known += [(node.mid, node.name) for node in ontology.nodes.values()]
    named: set[str] = set()
    for entry in map(str.strip, entries):
        folded = entry.casefold()
        mids = {mid for mid, name in known if entry == mid or folded == name.casefold()}
        if not mids:
            raise SettingsError(
                f"classes.{key}: {entry!r} is no class of AudioSet, neither MID nor name;"
                f" {_nearest(entry, known)}"
            )
        named |= mids
        for mid in mids & ontology.nodes.keys():
            named |= ontology.descendants(mid)
    return frozenset(named)


def _nearest(entry: str, known: Iterable[tuple[str, str]]) -> str:
    folded, is_mid = entry.casefold(), entry.startswith("/")
    spelling = {mid: mid for mid, _ in known} if is_mid else {n.casefold(): n for _, n in known}
    # Names that look alike, then names that contain the entry ("dog" in "Hot dog stand").
    near = difflib.get_close_matches(folded, list(spelling), n=4)
    if len(entry) >= 3:
        near += [name for name in sorted(spelling) if folded in name]
    names = [repr(spelling[name]) for name in dict.fromkeys(near)]
    return f"nearest: {', '.join(names[:5])}" if names else "plan --classes lists them all"


# -- the table of classes ----------------------------------------------------------------------


def class_table(choices: Sequence[ClassChoice], rows: Sequence[int]) -> list[dict[str, Any]]:
    """Every class in class list order, chosen or not, as JSON-ready data.

    `rows`: the segments of each class; `suitable_index`: what `classes.start_index` and
    `end_index` count, None for a class that is not suitable.
    """
    return [
        asdict(choice.sound)
        | {
            "quality": choice.sound.quality,
            "suitable_index": choice.suitable_index,
            "rows": count,
            "chosen": choice.chosen,
            "why_not": choice.why_not,
        }
        for choice, count in zip(choices, rows, strict=True)
    ]


def render_class_table(table: Sequence[dict[str, Any]]) -> str:
    """The table as text."""
    lines = [f"{'index':>5} {'suitable':>8} {'quality':>7} {'rows':>9} leaf  {'MID':<14} name"]
    for row in table:
        quality = "-" if row["quality"] is None else f"{row['quality']:.2f}"
        suitable = "-" if row["suitable_index"] is None else row["suitable_index"]
        why_not = [f"not chosen: {row['why_not']}"] if row["why_not"] else []
        remarks = "; ".join([*row["restrictions"], *why_not])
        lines.append(
            f"{row['index']:>5} {suitable:>8} {quality:>7} {row['rows']:>9,}"
            f" {'leaf' if row['leaf'] else '-':<5} {row['mid']:<14} {row['name']}"
            + (f"  ({remarks})" if remarks else "")
        )
    chosen = sum(row["chosen"] for row in table)
    return "\n".join([*lines, f"{chosen} of {len(table)} classes chosen"])
