"""Reads the journal: own read-only connection, pages by key, also beside a running writer."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ascc_async.errors import JournalError
from ascc_async.journal import schema
from ascc_async.journal.records import AnswerRow, ClipRow, Event
from ascc_async.journal.writer import journal_error
from ascc_async.model import ClipFile, License, Outcome, Quality, Reason

_PAGE = 5000
_ANSWER = ", ".join(one.name for one in fields(AnswerRow))
_CLIP = (
    "segment_id, video_id, form, outcome, at, attempts, reason, detail, title, channel, channel_id,"
    " path, sha256, bytes, frames, sample_rate, channels, source_format, fetched_at,"
    " peak_dbfs, rms_dbfs, silence_share, clipping_share, note"
)

LICENSES: tuple[License, ...] = tuple(License)
REASONS: tuple[Reason, ...] = tuple(Reason)


class BulkAnswers(NamedTuple):
    """A page of answers as arrays: ids (S11), POSIX times, asks up to 255.

    `licenses` are places in `LICENSES`; `reasons` are places in `REASONS` plus one, 0 for none.
    """

    ids: npt.NDArray[np.bytes_]
    licenses: npt.NDArray[np.uint8]
    reasons: npt.NDArray[np.uint8]
    times: npt.NDArray[np.float64]
    asks: npt.NDArray[np.uint8]

    def where(self, mask: npt.NDArray[np.bool_]) -> BulkAnswers:
        """The answers for which `mask` holds."""
        return BulkAnswers(
            self.ids[mask],
            self.licenses[mask],
            self.reasons[mask],
            self.times[mask],
            self.asks[mask],
        )


class Reader:
    """Everything the journal knows. Each call may run in any thread; calls exclude each other."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        try:
            self._connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False,
                isolation_level=None, timeout=30,
            )  # fmt: skip
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.Error as error:
            raise journal_error(path, error) from None
        schema.refuse_newer(version, path)

    def close(self) -> None:
        """Give the connection back."""
        with self._lock:  # a thread that an abort left behind may still be reading
            self._connection.close()

    def _all(self, sql: str, values: tuple[object, ...] = ()) -> list[Any]:
        try:
            with self._lock, closing(self._connection.execute(sql, values)) as cursor:
                return cursor.fetchall()
        except sqlite3.Error as error:
            raise journal_error(self.path, error) from None

    def _pages(
        self, table: str, columns: str, key: str, where: str, *values: str
    ) -> Iterator[list[Any]]:
        last = ""
        sql = f"SELECT {columns} FROM {table} WHERE {key} > ? AND {where} ORDER BY {key} LIMIT ?"
        while rows := self._all(sql, (last, *values, _PAGE)):
            yield rows
            last = rows[-1][0]

    def answers(self) -> Iterator[list[AnswerRow]]:
        """The newest answer of every video asked, in pages sorted by video id."""
        for rows in self._pages("answers", _ANSWER, "video_id", "1"):
            yield [_answer(row) for row in rows]

    def shareable(self) -> Iterator[list[AnswerRow]]:
        """The Creative Commons answers, in pages sorted by video id."""
        where = "license = 'creative_commons'"
        for rows in self._pages("answers", _ANSWER, "video_id", where):
            yield [_answer(row) for row in rows]

    def answer(self, video_id: str) -> AnswerRow | None:
        """The newest answer about one video."""
        rows = self._all(f"SELECT {_ANSWER} FROM answers WHERE video_id = ?", (video_id,))
        return _answer(rows[0]) if rows else None

    def clips(self, form: str) -> Iterator[list[ClipRow]]:
        """What became of every segment tried in this form, in pages sorted by segment id."""
        for rows in self._pages("clips", _CLIP, "segment_id", "form = ?", form):
            yield [_clip(row) for row in rows]

    def forms(self) -> list[str]:
        """The forms in which segments were tried so far."""
        return [row[0] for row in self._all("SELECT DISTINCT form FROM clips ORDER BY form")]

    def clips_of(self, video_id: str) -> list[ClipRow]:
        """What became of one video's segments, in every form."""
        rows = self._all(
            f"SELECT {_CLIP} FROM clips WHERE segment_id >= ? AND segment_id < ?",
            (f"{video_id}_", f"{video_id}`"),  # "`" follows "_"
        )
        return [_clip(row) for row in rows]

    def history(self, video_id: str) -> list[Event]:
        """What was said of a video before its newest answer and clip row, oldest first."""
        rows = self._all(
            "SELECT at, kind, what, coalesce(reason, ''), coalesce(source, ''),"
            " coalesce(detail, '') FROM history WHERE video_id = ? ORDER BY id",
            (video_id,),
        )
        return [Event(*row) for row in rows]

    def learned(self, prefix: str = "") -> dict[str, Any]:
        """What was remembered under keys that start with `prefix`, without the prefix."""
        rows = self._all("SELECT key, value FROM learned WHERE key >= ?", (prefix,))
        return {
            key[len(prefix) :]: json.loads(value) for key, value in rows if key.startswith(prefix)
        }

    def answered(self) -> Iterator[BulkAnswers]:
        """All answers in bulk, for the start.

        The standard ones, nearly all, come by their ids alone (times 0, asks 1): nothing depends
        on more, and two million of them are read in half the time.
        """
        rest = (
            f"SELECT video_id, {_code('license', LICENSES)}, {_code('reason', REASONS)} + 1,"
            " checked_at, min(asks, 255) FROM answers WHERE license <> 'standard'"
        )
        for rows in self._in_bulk("SELECT video_id FROM answers WHERE license = 'standard'"):
            yield _standard(np.array([name for (name,) in rows], "S11"))
        for rows in self._in_bulk(rest):
            ids, licenses, reasons, times, asks = zip(*rows, strict=True)
            yield BulkAnswers(
                np.array(ids, "S11"),
                np.array(licenses, np.uint8),
                np.array(reasons, np.uint8),
                np.array(times, np.float64),
                np.array(asks, np.uint8),
            )

    def _in_bulk(self, sql: str) -> Iterator[list[tuple[Any, ...]]]:
        try:
            with self._lock, closing(self._connection.execute(sql)) as cursor:
                while rows := cursor.fetchmany(50_000):
                    yield rows
        except sqlite3.Error as error:
            raise journal_error(self.path, error) from None


def _standard(ids: npt.NDArray[np.bytes_]) -> BulkAnswers:
    none = np.zeros(len(ids), np.uint8)
    code = LICENSES.index(License.STANDARD)
    return BulkAnswers(
        ids, none + np.uint8(code), none, none.astype(np.float64), none + np.uint8(1)
    )


def _code(column: str, names: Sequence[str]) -> str:
    whens = " ".join(f"WHEN '{name}' THEN {code}" for code, name in enumerate(names))
    return f"CASE {column} {whens} ELSE -1 END"


def _answer(row: tuple[Any, ...]) -> AnswerRow:
    # By place, and without the enums' own look-up: two million rows take a third of the time.
    values = list(row)
    try:
        values[1], values[4], values[-1] = _LICENSE[row[1]], _REASON[row[4]], _LICENSE[row[-1]]
    except KeyError as error:
        raise JournalError(
            f"the journal is damaged: it calls {row[0]!a} {error}. The next run makes it anew."
        ) from None
    return AnswerRow(*values)


_LICENSE: dict[str | None, Any] = {None: None, **{one.value: one for one in LICENSES}}
_REASON: dict[str | None, Any] = {None: None, **{one.value: one for one in REASONS}}


def _clip(row: tuple[Any, ...]) -> ClipRow:
    segment_id, video_id, form, outcome, at, attempts, reason, detail = row[:8]
    return ClipRow(
        segment_id,
        video_id,
        form,
        Outcome(outcome),
        at,
        attempts,
        Reason(reason) if reason else None,
        detail,
        _clip_file(segment_id, form, row[11:]),
        *row[8:11],
    )


def _clip_file(segment_id: str, form: str, file: tuple[Any, ...]) -> ClipFile | None:
    if file[0] is None:
        return None
    path, sha256, size, frames, rate, channels, source, at, *quality, note = file
    return ClipFile(
        segment_id,
        path,
        sha256,
        size,
        frames,
        rate,
        channels,
        form,
        source,
        at,
        Quality(*quality),
        note,
    )


def open_reader(path: Path) -> Reader:
    """A Reader, or JournalError that says there is no journal yet."""
    if not path.exists():
        raise JournalError(f"{path}: no journal yet. Start with `python -m ascc_async run`.")
    return Reader(path)
