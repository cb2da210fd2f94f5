"""The files below `exports/features/<preset>/`, whole at every moment.

Where `index.csv` is, every array that it names is as it says. While arrays are made, records in
`.made/` name them, each written after the arrays it names; the next call goes on from there.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ascc_async.dataset.manifest import ManifestRow
from ascc_async.dataset.tables import read_rows, write_table
from ascc_async.errors import SetupError
from ascc_async.files import (
    part_of,
    put,
    remove_files,
    remove_leftovers,
    replacing,
    seal,
    sha256_of,
)
from ascc_async.learning.recipe import Array, FeatureRecipe
from ascc_async.learning.tables import Made

INDEX = "index.csv"
DROPPED = "dropped.csv"
PRESET = "preset.json"
_MADE = ".made"


class FeatureFiles:
    """The folder of one recipe. Arrays of another recipe or version in it are not taken for its.

    `ffmpeg`: its version, where it decodes clips.
    """

    def __init__(self, folder: Path, recipe: FeatureRecipe, ffmpeg: str = "") -> None:
        self.folder, self.recipe = folder, recipe
        self._record = json.loads(json.dumps(recipe.record()))  # as it is when read again
        if ffmpeg:
            self._record["versions"]["ffmpeg"] = ffmpeg
        self._stamp = _stamp(self._record)

    def made(self, rows: Iterable[ManifestRow]) -> dict[str, Made]:
        """What is there already of these clips and is as it was written, by segment id."""
        clips = {row.segment_id: row.sha256 for row in rows}
        tables = list((self.folder / _MADE).glob(f"{self._stamp}-*.csv"))
        with suppress(OSError, ValueError):
            record = json.loads((self.folder / PRESET).read_bytes())
            record.pop("statistics_of", None)
            if record == self._record:
                tables += [self.folder / INDEX, self.folder / DROPPED]
        known = (made for table in tables for made in _read(table))
        ours = [made for made in known if clips.get(made.segment_id) == made.clip_sha256]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            whole = pool.map(self._is_whole, ours)
            return {
                made.segment_id: made
                for made, is_whole in zip(ours, whole, strict=True)
                if is_whole
            }

    def _is_whole(self, made: Made) -> bool:
        with suppress(OSError):
            return not made.path or sha256_of(self.folder / made.path) == made.sha256
        return False

    def reopen(self, segment_ids: Iterable[str]) -> None:
        """These arrays are about to change: if the index names one, the folder is not finished."""
        named = {made.segment_id for name in (INDEX, DROPPED) for made in _read(self.folder / name)}
        if named.isdisjoint(segment_ids):
            return
        try:
            stamp = _stamp(json.loads((self.folder / PRESET).read_bytes()))
        except (OSError, ValueError):
            stamp = "unknown"
        for name in (INDEX, DROPPED):
            if (self.folder / name).exists():
                (self.folder / _MADE).mkdir(exist_ok=True)
                # Parts do this at the same time: one of them comes first.
                with suppress(FileNotFoundError):
                    (self.folder / name).replace(self._new_record(stamp))

    def write(self, row: ManifestRow, array: Array | None, frames: int, source: int) -> Made:
        """Put an array in place."""
        if array is None:
            return Made(row.segment_id, "", "", row.sha256, "0", str(source))
        path = f"{row.segment_id[:2]}/{row.segment_id}.npy"
        sha256 = put_array(self.folder / path, array)
        return Made(row.segment_id, path, sha256, row.sha256, str(frames), str(source))

    def record(self, made: Sequence[Made]) -> None:
        """Remember arrays that are in place."""
        path = self._new_record(self._stamp)
        with part_of(path) as part:
            write_table(part, Made._fields, made)
            seal(part, path)

    def clean(self, made: Sequence[Made]) -> None:
        """Remove every array that is not among these, and what a killed call left."""
        paths = {each.path for each in made}
        others = [
            path
            for path in self.folder.glob("??/*")
            if path.relative_to(self.folder).as_posix() not in paths
        ]
        self.reopen(path.stem for path in others)
        remove_files(others)
        remove_leftovers(self.folder)

    def describe(self, statistics_of: dict[str, str]) -> None:
        """The parameters, and what the statistics beside them are made of."""
        text = json.dumps({**self._record, "statistics_of": statistics_of}, indent=2) + "\n"
        with replacing(self.folder / PRESET) as part:
            part.write_text(text, encoding="utf-8")

    def finish(self, made: Sequence[Made]) -> None:
        """The last thing: name all that was made, in this order; no records any more."""
        dropped = [each for each in made if not each.path]
        for name, rows in ((DROPPED, dropped), (INDEX, [each for each in made if each.path])):
            if rows or name == INDEX:
                with replacing(self.folder / name) as part:
                    write_table(part, Made._fields, rows)
            else:
                (self.folder / name).unlink(missing_ok=True)
        shutil.rmtree(self.folder / _MADE, ignore_errors=True)

    def statistics_of(self) -> Any:
        """What the statistics that are there were made of, as `describe` was told."""
        with suppress(OSError, ValueError, KeyError):
            return json.loads((self.folder / PRESET).read_bytes())["statistics_of"]
        return None

    def _new_record(self, stamp: str) -> Path:
        return self.folder / _MADE / f"{stamp}-{secrets.token_hex(8)}.csv"


def _stamp(record: dict[str, Any]) -> str:
    shared = {key: value for key, value in record.items() if key != "statistics_of"}
    return hashlib.sha256(json.dumps(shared, sort_keys=True).encode()).hexdigest()[:16]


def _read(path: Path) -> list[Made]:
    with suppress(SetupError):  # what it named is made again
        return read_rows(path, Made, "")
    return []


def put_array(path: Path, array: npt.NDArray[Any]) -> str:
    """Put a `.npy` file in place, see `files.put`. Returns its SHA-256."""
    file = io.BytesIO()  # numpy's own writing to a file does not tell that the disk is full
    # Version 1.0 whatever numpy writes by default: every reader knows it.
    np.lib.format.write_array(file, np.ascontiguousarray(array), version=(1, 0))
    return put(path, file.getvalue())
