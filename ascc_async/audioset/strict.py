"""A block of lines in the official form, read all at once with numpy: the fast path.

Whatever is not exactly `YTID, 30.000, 40.000, "/m/09x0r,/t/dd00088"` is left to `exact`. So
nothing here guesses: a line is either proven to have that form or not taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from string import ascii_letters, digits

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ascc_async.audioset.arrays import ID_DTYPE, ID_LENGTH, Bools, Bytes, Codes, Ids, Int64s, Rows
from ascc_async.audioset.exact import LATEST_MS, LONGEST_MS
from ascc_async.audioset.label_codes import WIDTH, LabelCodes

_NEWLINE, _COMMA, _QUOTE, _SPACE, _SLASH, _DOT = (np.uint8(ord(c)) for c in '\n," /.')
_PAD = 32
_NOT_IN_ID = np.ones(256, np.uint8)
_NOT_IN_ID[np.frombuffer(f"{ascii_letters}{digits}-_".encode(), np.uint8)] = 0

_DECIMALS, _MOST_DIGITS = 3, 6
_TIME_WIDTH = 16
"""Times are looked at in windows that end where they do: two machine words."""

_POWERS = np.zeros(_TIME_WIDTH, np.int32)
_POWERS[-1 : -1 - _DECIMALS : -1] = (1, 10, 100)
_POWERS[-2 - _DECIMALS : -2 - _DECIMALS - _MOST_DIGITS : -1] = 10 ** np.arange(3, 9)
_DIGITS_AT = np.zeros((_MOST_DIGITS + 1, _TIME_WIDTH), np.uint8)
"""For every number of digits before the point, 255 where a digit must be."""

_DIGITS_AT[:, -_DECIMALS:] = 255
for _digits in range(1, _MOST_DIGITS + 1):
    _DIGITS_AT[_digits, -1 - _DECIMALS - _digits : -1 - _DECIMALS] = 255


@dataclass(frozen=True)
class Block:
    """The lines of a block. Where `strict` is false the row's other values mean nothing.

    `codes` holds the labels of the strict rows only, one after another, `counts` of them each
    (0 for rows that are not strict).
    """

    starts: Int64s
    ends: Int64s
    strict: Bools
    ids: Ids
    start_ms: Rows
    end_ms: Rows
    counts: Int64s
    codes: Codes


def read_block(data: bytes, labels: LabelCodes) -> Block:
    """Read a block of whole lines; `data` ends with a newline."""
    buffer = np.frombuffer(data + bytes(_PAD), np.uint8)
    newlines = np.flatnonzero(buffer[: len(data)] == _NEWLINE)
    lines = _Lines(buffer, newlines)
    starts, ends = lines.starts, lines.ends
    ids = _windows(buffer, ID_LENGTH)[starts]
    start_ms, start_ok = lines.time(starts + ID_LENGTH + 2, lines.second)
    end_ms, end_ok = lines.time(lines.second + 2, lines.third)
    strict = lines.well_formed() & start_ok & end_ok & _are_ids(ids)
    strict &= (start_ms < end_ms) & (end_ms <= LATEST_MS) & (end_ms - start_ms <= LONGEST_MS)
    counts, codes = _labels(lines, strict, labels)
    return Block(
        starts, ends, strict, np.ascontiguousarray(ids).view(ID_DTYPE).reshape(-1),
        start_ms, end_ms, counts, codes,
    )  # fmt: skip


class _Lines:
    """Where the delimiters (commas and quotes) of every line are."""

    def __init__(self, buffer: Bytes, newlines: Int64s) -> None:
        self.buffer, self.ends = buffer, newlines
        self.starts = np.concatenate((np.zeros(1, np.int64), newlines[:-1] + 1))
        self.marks = np.flatnonzero((buffer == _COMMA) | (buffer == _QUOTE))
        self.first = np.searchsorted(self.marks, self.starts)
        self.count = np.diff(np.append(self.first, len(self.marks)))
        self.second, self.third = self._mark(1), self._mark(2)

    def _mark(self, number: int | Int64s) -> Int64s:
        """The position of a line's delimiter of that number; somewhere harmless if it has none."""
        if not len(self.marks):
            return self.starts
        marks: Int64s = self.marks[np.minimum(self.first + number, len(self.marks) - 1)]
        return marks

    def well_formed(self) -> Bools:
        """Lines with three field commas, a space after each, and one quoted field at the end."""
        at, buffer = self._mark, self.buffer
        quotes = np.append(0, np.cumsum(buffer[self.marks] == _QUOTE))
        good = (self.count >= 5) & (self.ends - self.starts > ID_LENGTH + 8)
        good &= quotes[self.first + self.count] - quotes[self.first] == 2
        good &= at(0) == self.starts + ID_LENGTH
        good &= at(3) == self.third + 2
        good &= at(self.count - 1) == self.ends - 1
        good &= (buffer[at(3)] == _QUOTE) & (buffer[self.ends - 1] == _QUOTE)
        for number in range(3):
            good &= (buffer[at(number)] == _COMMA) & (buffer[at(number) + 1] == _SPACE)
        return good

    def time(self, first: Int64s, end: Int64s) -> tuple[Rows, Bools]:
        """Milliseconds of the number in [first, end), and where it has the form 30.000."""
        width = end - first - 1 - _DECIMALS
        good = (width >= 1) & (width <= _MOST_DIGITS) & (self.buffer[end - 4] == _DOT)
        windows = _windows(self.buffer, _TIME_WIDTH)[np.maximum(end - _TIME_WIDTH, 0)]
        windows -= np.uint8(ord("0"))
        windows &= _DIGITS_AT[np.where(good, width, 0)]
        good &= _all_zero((windows > 9).view(np.uint8))
        good &= end >= _TIME_WIDTH
        value = windows @ _POWERS
        return np.where(good, value, 0).astype(np.int32), good


def _labels(lines: _Lines, strict: Bools, labels: LabelCodes) -> tuple[Int64s, Codes]:
    """Look up all labels; takes rows with a label that is not known out of `strict`."""
    line_of_mark = np.repeat(np.arange(len(lines.starts)), lines.count)
    marks = lines.marks
    is_label = strict[line_of_mark] & (lines.buffer[marks + 1] == _SLASH)
    places = np.flatnonzero(is_label)
    line, begin = line_of_mark[places], marks[places] + 1
    lengths = marks[np.minimum(places + 1, len(marks) - 1)] - begin
    codes, known = labels.look_up(_windows(lines.buffer, WIDTH)[begin], lengths)
    strict[line[~known]] = False
    counts = np.bincount(line, minlength=len(lines.starts))
    strict &= counts == lines.count - 4
    strict[line[_repeated(line, codes)]] = False
    counts[~strict] = 0
    return counts, codes[strict[line]]


def _repeated(line: Int64s, codes: Codes) -> Bools:
    """Labels that stand twice in a row (not necessarily side by side)."""
    pairs = line * np.int64(1 << 16) + codes
    order = np.argsort(pairs, kind="stable")
    again = np.append(False, np.diff(pairs[order]) == 0)
    result = np.zeros(len(pairs), bool)
    result[order] = again
    return result


def _are_ids(ids: Bytes) -> Bools:
    wrong = np.zeros((len(ids), 16), np.uint8)
    wrong[:, :ID_LENGTH] = _NOT_IN_ID[ids]
    return _all_zero(wrong)


def _all_zero(bytes_of_rows: Bytes) -> Bools:
    """Rows of 16 bytes that are all zero, looked at as two machine words."""
    pairs = bytes_of_rows.view(np.uint64)
    zero: Bools = (pairs[:, 0] | pairs[:, 1]) == 0
    return zero


def _windows(buffer: Bytes, width: int) -> Bytes:
    """Every stretch of that many bytes, as a view."""
    return as_strided(buffer, (len(buffer) - width + 1, width), (1, 1), writeable=False)
