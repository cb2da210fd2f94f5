"""Which clips are the same sound, whatever their files: a hash of what they decode to."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ascc_async.dataset.manifest import ManifestRow
from ascc_async.dataset.tables import write_table
from ascc_async.errors import Rejected, SetupError
from ascc_async.files import replacing
from ascc_async.learning.tables import read_rows
from ascc_async.media.decoding import ffmpeg_for, read_sound


class _KnownSound(NamedTuple):
    """A row of `sounds.csv`."""

    clip_sha256: str
    sound_sha256: str


def sound_hashes(
    output_dir: Path,
    known_in: Path,
    show: Callable[[Iterable[str], str, int], Iterable[str]],
    rows: Sequence[ManifestRow],
) -> Mapping[str, str]:
    """A hash of each clip's sound, by segment id. Raises SetupError for one that does not decode.

    `known_in` keeps what was found out, by the hash of the file, so that it stays right. `show`
    shows how far it is.
    """
    known: dict[str, str] = {}
    with suppress(SetupError):  # otherwise all is found out again
        known = dict(read_rows(known_in, _KnownSound, ""))
    new = [row for row in rows if row.sha256 not in known]
    ffmpeg = ffmpeg_for(row.path for row in new)

    def decode(row: ManifestRow) -> str:
        try:
            samples, rate = read_sound(output_dir / row.path, ffmpeg.path if ffmpeg else "")
        except Rejected as error:
            raise SetupError(f"{output_dir / row.path}: {error}") from error
        digest = hashlib.sha256(f"{rate} {samples.shape}".encode())
        digest.update(samples.tobytes())
        return digest.hexdigest()

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        decoded = show(pool.map(decode, new), "hashing sounds", len(new))
        known |= zip((row.sha256 for row in new), decoded, strict=True)
    with replacing(known_in) as part:
        write_table(
            part, _KnownSound._fields, sorted((row.sha256, known[row.sha256]) for row in rows)
        )
    return {row.segment_id: known[row.sha256] for row in rows}
