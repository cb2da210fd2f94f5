"""Read one segment file: block by block the fast way, odd lines the exact way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ascc_async.audioset.arrays import ID_DTYPE, Codes, Ids, Int64s, Rows
from ascc_async.audioset.exact import FORM, ExactRow, Malformed, read_row
from ascc_async.audioset.label_codes import LabelCodes
from ascc_async.audioset.opening import AGAIN, blocks
from ascc_async.audioset.strict import Block, read_block
from ascc_async.errors import MetadataError

_COUNT = re.compile(rb"num_(segs|positive_labels)\s*=\s*(\d{1,12})")
_SPREADSHEET_ERROR = re.compile(rb'\s*"?#(NAME\?|REF!|VALUE!|N/A|DIV/0!|NUM!|NULL!)')
_MOST_PROBLEMS = 3


@dataclass(frozen=True)
class SplitRows:
    """What stands in one segment file, row by row in file order.

    `stated` are the counts of its header line: `segs` and `positive_labels`, where given.
    `repeated` counts labels left out because they stood twice in one row.
    """

    path: Path
    ids: Ids
    start_ms: Rows
    end_ms: Rows
    counts: Int64s
    codes: Codes
    stated: dict[str, int]
    repeated: int
    warnings: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)


def read_segment_file(path: Path, labels: LabelCodes) -> SplitRows:
    """Read a segment file. Raises `MetadataError` with the line that cannot be read safely."""
    notes: list[str] = []
    reading = _Reading(path, labels)
    for data in blocks(path, notes):
        reading.add(data)
    return reading.finish(notes)


def lines_of(path: Path, video_id: str) -> list[int]:
    """The lines whose first field is this id, for messages."""
    wanted = video_id.encode()
    found, number = [], 0
    for data in blocks(path, []):
        for line in data.splitlines():
            number += 1
            if line.lstrip(b'" ').startswith(wanted):
                found.append(number)
    return found


@dataclass
class _Reading:
    path: Path
    labels: LabelCodes
    parts: list[tuple[Ids, Rows, Rows, Int64s, Codes]] = field(default_factory=list)
    rows: int = 0
    lines: int = 0
    repeated: int = 0
    stated: dict[str, int] = field(default_factory=dict)
    odd: dict[str, tuple[int, int]] = field(default_factory=dict)
    problems: list[tuple[int, str]] = field(default_factory=list)

    def add(self, data: bytes) -> None:
        """Read one block."""
        block = read_block(data, self.labels)
        odd = dict(self._odd_rows(data, block))
        if self.problems:
            self._fail()
        part = _plain(block) if not odd else _joined(block, odd)
        self.parts.append(part)
        self.rows += len(part[0])
        self.lines += len(block.starts)

    def _odd_rows(self, data: bytes, block: Block) -> Iterator[tuple[int, ExactRow]]:
        """The lines of a block that are rows but not in the official form."""
        odd = np.flatnonzero(~block.strict)
        first_row = int(block.strict.argmax()) if block.strict.any() else len(block.strict)
        header = self.rows == 0
        for at in odd.tolist():
            line = data[block.starts[at] : block.ends[at]]
            if not line.strip() or (header and at < first_row and self._is_header(line)):
                continue
            header = False
            if (row := self._read(line, self.lines + at + 1)) is not None:
                yield at, row
            if len(self.problems) == _MOST_PROBLEMS:
                return

    def _read(self, line: bytes, number: int) -> ExactRow | None:
        try:
            row = read_row(line, self.labels.by_mid)
        except Malformed as error:
            self.problems.append((number, str(error)))
            return None
        self.repeated += row.repeated
        for note in row.notes:
            first, count = self.odd.get(note, (number, 0))
            self.odd[note] = first, count + 1
        return row

    def _is_header(self, line: bytes) -> bool:
        text = line.lstrip(b'" ')
        if not (text.startswith(b"#") or text.upper().startswith(b"YTID")):
            return False
        if _SPREADSHEET_ERROR.match(line):
            return False
        for name, count in _COUNT.findall(line):
            self.stated[name.decode()] = int(count)
        return True

    def _fail(self) -> None:
        (line, message), *others = self.problems
        also = "".join(f"; line {number}: {text}" for number, text in others)
        more = " (and perhaps more)" if len(self.problems) == _MOST_PROBLEMS else ""
        raise MetadataError(
            self.path, line, f"{message}{also}{more}; expected {FORM}; correct it, or {AGAIN}"
        )

    def finish(self, notes: list[str]) -> SplitRows:
        """Join the blocks."""
        if not self.rows:
            raise MetadataError(self.path, None, f"holds no segment; expected {FORM}; {AGAIN}")
        said = [f"{self.path}: {note}: read all the same" for note in notes]
        said += [
            f"{self.path}:{line}: {note}: {count} rows, read all the same"
            for note, (line, count) in self.odd.items()
        ]
        ids, starts, ends, counts, codes = zip(*self.parts, strict=True)
        return SplitRows(
            self.path,
            np.concatenate(ids),
            np.concatenate(starts),
            np.concatenate(ends),
            np.concatenate(counts),
            np.concatenate(codes),
            self.stated,
            self.repeated,
            tuple(said),
        )


def _plain(block: Block) -> tuple[Ids, Rows, Rows, Int64s, Codes]:
    keep = block.strict
    return (
        block.ids[keep],
        block.start_ms[keep],
        block.end_ms[keep],
        block.counts[keep],
        block.codes,
    )


def _joined(block: Block, odd: dict[int, ExactRow]) -> tuple[Ids, Rows, Rows, Int64s, Codes]:
    """The strict rows with the others put in their places."""
    places = np.fromiter(odd, np.int64, len(odd))
    rows = list(odd.values())
    keep = block.strict.copy()
    keep[places] = True
    block.ids[places] = np.array([row.video_id for row in rows], ID_DTYPE)
    block.start_ms[places] = [row.start_ms for row in rows]
    block.end_ms[places] = [row.end_ms for row in rows]
    counts = block.counts.copy()
    counts[places] = [len(row.codes) for row in rows]
    exact = np.zeros(len(keep), bool)
    exact[places] = True
    codes = np.empty(counts.sum(), np.uint16)
    of_exact = np.repeat(exact, counts)
    codes[~of_exact] = block.codes
    codes[of_exact] = [code for row in rows for code in row.codes]
    return block.ids[keep], block.start_ms[keep], block.end_ms[keep], counts[keep], codes
