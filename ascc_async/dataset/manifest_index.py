"""Every row of a manifest by kind and classes: counted in seconds, and found again by either."""

from __future__ import annotations

import csv
import io
import os
import weakref
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ascc_async.audioset.segments import Bools, Int64s, gather, offsets
from ascc_async.dataset.counts import Kinds, RowKind, counts_of
from ascc_async.dataset.manifest import COLUMNS, ManifestRow
from ascc_async.errors import MetadataError
from ascc_async.model import License, Outcome, Reason

if TYPE_CHECKING:
    import pandas as pd

_BLOCK = 1 << 24  # bytes; some 80,000 rows, a tenth of a second between two of other threads
_LONGEST_LINE = 1 << 16  # bytes; titles and channels are cut at 1,000 characters
_KIND = ("split", "license", "outcome", "reason", "attempts")
_COUNTED = (*_KIND, "labels")
_WORDS = {
    "license": frozenset(("", *License)),
    "outcome": frozenset(Outcome),
    "reason": frozenset(("", *Reason)),
}


class ManifestIndex:
    """A manifest as it was when it was opened, also after a run has put another in its place.

    `counts` are its sums, `kinds` how many rows there are of each. Two million rows take seconds
    and 40 MB. Raises MetadataError for what no run wrote; `manifest_pages` checks more, and names
    the line.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise MetadataError(path, None, f"cannot be read: {error.strerror}") from error
        weakref.finalize(self, os.close, self._file)  # another thread may be reading until then
        self._kinds: dict[RowKind, int] = {}
        self._sets = _LabelSets()
        kinds, sets, starts = [], [], []
        try:
            for start, block in self._blocks():
                table = self._table(block, start)
                ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n")) + start + 1
                if len(ends) != len(table):
                    raise ValueError(f"a line after byte {start} is not a row")
                kinds.append(self._numbers(table))
                sets.append(self._sets.numbers(table.labels.cat))
                starts.append(np.concatenate(([start], ends[:-1])))
            self._sets.close()
            # In front of each an empty one: a manifest may have no row.
            self._kind_of = np.concatenate([np.empty(0, np.uint16), *kinds])
            self._set_of = np.concatenate([np.empty(0, np.int32), *sets])
            self._starts = np.concatenate([np.empty(0, np.int64), *starts])
            numbers = np.bincount(self._kind_of, minlength=len(self._kinds)).tolist()
            self.kinds = dict(zip(self._kinds, numbers, strict=True))
            # Only clips: of two million rows hardly one in a hundred.
            clips = self.find(lambda kind: kind.outcome == Outcome.CLIP)
            self.counts = counts_of(self.kinds, list(self.rows(clips.tolist())))
        except (OSError, ValueError, OverflowError) as error:  # pandas' own errors are ValueErrors
            remedy = "`python -m ascc_async verify` names the line"
            raise MetadataError(path, None, f"cannot be counted ({error}); {remedy}") from error

    def __len__(self) -> int:
        return len(self._kind_of)

    def find(self, wanted: Callable[[RowKind], bool], mid: str | None = None) -> Int64s:
        """The rows of these kinds that hold the class, as numbers, in the manifest's order."""
        # One more, as an empty manifest has no kind.
        found = np.array([*map(wanted, self._kinds), False])[self._kind_of]
        if mid is not None:
            found &= self._sets.hold(mid)[self._set_of]
        return np.flatnonzero(found)

    def rows(self, numbers: Iterable[int]) -> Iterator[ManifestRow]:
        """These rows as they stand there."""
        defaults = dict.fromkeys(COLUMNS, "") | ManifestRow._field_defaults
        for number in numbers:
            # No field of ours holds a line break.
            line = os.pread(self._file, _LONGEST_LINE, int(self._starts[number]))
            fields = next(csv.reader([line.partition(b"\n")[0].decode("utf-8", "replace")]))
            values = defaults | dict(zip(self._header, fields, strict=False))
            yield ManifestRow._make(values[name] for name in COLUMNS)

    def _blocks(self) -> Iterator[tuple[int, bytes]]:
        """Where whole lines begin, and they themselves; the first line becomes `_header`."""
        at, self._header = 0, list[str]()
        while block := os.pread(self._file, _BLOCK, at):
            block = block[: block.rfind(b"\n") + 1]
            if not block:
                raise ValueError("its last line is cut short")
            if not self._header:
                line, _, block = block.partition(b"\n")
                self._header = next(csv.reader([line.decode("utf-8-sig")]), [])
                at += len(line) + 1
            if block:
                yield at, block
            at += len(block)
        if not self._header:
            raise ValueError("it is empty")

    def _table(self, block: bytes, start: int) -> pd.DataFrame:
        import pandas as pd  # half a second: not for whoever only imports this module

        table = pd.read_csv(
            io.BytesIO(block), header=None, names=self._header, usecols=list(_COUNTED),
            dtype="category", index_col=False, na_filter=False, skip_blank_lines=False,
        )  # fmt: skip
        for name, words in _WORDS.items():
            if strange := set(table[name].cat.categories) - words:
                raise ValueError(f"{name} {min(strange)!r} after byte {start}")
        return table

    def _numbers(self, table: pd.DataFrame) -> NDArray[np.uint16]:
        """The number of each row's kind; a new kind gets the next one."""
        alike = table.groupby(list(_KIND), observed=True)
        numbers = []
        for *named, attempts in alike.size().index:
            kind = RowKind._make((*named, str(attempts) != "0"))  # it may come as a number
            numbers.append(self._kinds.setdefault(kind, len(self._kinds)))
        return np.array(numbers, np.uint16)[alike.ngroup()]

    @cached_property
    def classes(self) -> Mapping[str, Kinds]:
        """Of each class how many rows of each kind hold it, by MID."""
        labels, lengths = self._sets.labels_of(self._set_of)
        size = len(self._sets.codes), len(self.kinds)
        both = labels.astype(np.int64) * size[1] + np.repeat(self._kind_of, lengths)
        table = np.bincount(both, minlength=size[0] * size[1]).reshape(size).tolist()
        return {
            mid: {kind: number for kind, number in zip(self.kinds, row, strict=True) if number}
            for mid, row in zip(self._sets.codes, table, strict=True)
        }


class _LabelSets:
    """Sets of labels, numbered as they come: two million rows share a few hundred thousand."""

    def __init__(self) -> None:
        self.codes: dict[str, int] = {}
        self._numbers: dict[str, int] = {}
        self._labels, self._lengths = array("H"), array("H")

    def numbers(self, labels: Any) -> NDArray[np.int32]:
        """The number of each row's set. `labels`: a column of pandas, as categories."""
        numbers: NDArray[np.int32] = np.empty(len(labels.categories), np.int32)
        for index, each in enumerate(labels.categories):
            numbers[index] = number = self._numbers.setdefault(each, len(self._numbers))
            if number == len(self._lengths):
                mids = each.split(",")
                self._labels.extend([self.codes.setdefault(m, len(self.codes)) for m in mids])
                self._lengths.append(len(mids))
        of_rows: NDArray[np.int32] = numbers[labels.codes]
        return of_rows

    def close(self) -> None:
        """No further set comes: forget the texts, which take ten times the room of the rest."""
        self._numbers.clear()

    def labels_of(self, sets: NDArray[np.int32]) -> tuple[NDArray[np.uint16], Int64s]:
        """The codes of all labels of these sets, one set after another, and how many each has."""
        first = offsets(np.array(self._lengths, np.uint16))
        return np.array(self._labels, np.uint16)[gather(first, sets)], np.diff(first)[sets]

    def hold(self, mid: str) -> Bools:
        """Whether each set holds the class."""
        labels, lengths = self.labels_of(np.arange(len(self._lengths), dtype=np.int32))
        sets = np.repeat(np.arange(len(lengths)), lengths)
        hold = np.zeros(len(lengths), bool)
        hold[sets[labels == self.codes.get(mid, len(self.codes))]] = True
        return hold
