"""The class list and the raters' counts."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ascc_async.audioset.ontology import Ontology
from ascc_async.audioset.opening import AGAIN, read_text
from ascc_async.errors import MetadataError

_MID = re.compile(r"/[a-z]/[A-Za-z0-9_-]+")
_MOST_CLASSES = 65_535


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

    @property
    def blacklisted(self) -> bool:
        """The ontology says that this class should not be used."""
        return "blacklist" in self.restrictions


def read_class_names(path: Path, warnings: list[str]) -> dict[str, str]:
    """MID -> display name, in class list order. The index column must count from 0."""
    names: dict[str, str] = {}
    for line, (index, mid, name) in _records(path, ("index", "mid", "display_name"), warnings):
        if index != str(len(names)):
            raise MetadataError(path, line, f"index {index!r}, expected {len(names)}; {AGAIN}")
        if not _MID.fullmatch(mid) or not name:
            raise MetadataError(path, line, f'expected {index},/m/09x0r,"Speech"; {AGAIN}')
        if mid in names:
            raise MetadataError(path, line, f"{mid} stands twice; {AGAIN}")
        names[mid] = name
    if not 0 < len(names) <= _MOST_CLASSES:
        raise MetadataError(path, None, f"holds {len(names)} classes; {AGAIN}")
    return names


def read_quality_counts(
    path: Path, names: Mapping[str, str], warnings: list[str]
) -> dict[str, tuple[int, int]]:
    """MID -> (num_rated, num_true)."""
    counts: dict[str, tuple[int, int]] = {}
    for line, (mid, rated, true) in _records(path, ("label_id", "num_rated", "num_true"), warnings):
        if not (_is_count(rated) and _is_count(true) and int(true) <= int(rated)):
            raise MetadataError(
                path, line, f"{rated!r}, {true!r}: expected two counts, of labels rated and of"
                f" those found true; {AGAIN}",
            )  # fmt: skip
        if mid in counts:
            raise MetadataError(path, line, f"{mid} stands twice; {AGAIN}")
        if mid not in names:
            warnings.append(f"{path}:{line}: {mid!r} is not in the class list: left out")
        counts[mid] = int(rated), int(true)
    missing = [mid for mid in names if mid not in counts]
    if missing:
        warnings.append(f"{path}: no counts of {_some(missing)}: taken as never rated")
    return counts


def join_classes(
    names: Mapping[str, str],
    counts: Mapping[str, tuple[int, int]],
    ontology: Ontology,
    warnings: list[str],
) -> tuple[SoundClass, ...]:
    """The classes with what raters and ontology say of them."""
    unknown = [mid for mid in names if mid not in ontology]
    if unknown:
        warnings.append(f"not in the ontology: {_some(unknown)}: taken as leaves")
    return tuple(
        SoundClass(
            index,
            mid,
            name,
            *counts.get(mid, (0, 0)),
            leaf=mid not in ontology or ontology.nodes[mid].leaf,
            restrictions=ontology.nodes[mid].restrictions if mid in ontology else (),
        )
        for index, (mid, name) in enumerate(names.items())
    )


def _records(
    path: Path, columns: tuple[str, str, str], warnings: list[str]
) -> Iterator[tuple[int, tuple[str, str, str]]]:
    notes: list[str] = []
    text = read_text(path, notes)
    warnings += [f"{path}: {note}: read all the same" for note in notes]
    reader = csv.reader(text.split("\n"), skipinitialspace=True, strict=True)
    try:
        for number, fields in enumerate(reader):
            while fields and not fields[-1].strip():
                fields.pop()
            if number == 0:
                _check_header(path, fields, columns)
            elif len(fields) == 3:
                yield reader.line_num, (fields[0].strip(), fields[1].strip(), fields[2].strip())
            elif fields:
                message = f"{len(fields)} fields, expected {', '.join(columns)}; {AGAIN}"
                raise MetadataError(path, reader.line_num, message)
    except csv.Error as error:
        raise MetadataError(path, reader.line_num, f"is no such row ({error}); {AGAIN}") from None


def _check_header(path: Path, fields: list[str], columns: tuple[str, ...]) -> None:
    if tuple(field.strip().lower() for field in fields) != columns:
        raise MetadataError(path, 1, f"expected the heading {','.join(columns)}; {AGAIN}")


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 9


def _some(mids: list[str]) -> str:
    more = f" and {len(mids) - 5} more" if len(mids) > 5 else ""
    return ", ".join(mids[:5]) + more
