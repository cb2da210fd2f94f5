"""Reading Google's features: made-up records of the true size, in an archive like theirs.

`python -m benchmarks.feature_records [--records 200000]`: seconds for two million records, beside
bare unpacking of the archive with gzip.
"""

from __future__ import annotations

import argparse
import gzip
import io
import struct
import tarfile
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ascc_async.learning.google_features import read_features
from ascc_async.learning.tfrecord import crc32c

ALL = 2_084_320


def _field(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


def _entry(key: str, value: bytes) -> bytes:
    return _field(1, _field(1, key.encode()) + _field(2, value))


def sequence_example(
    video_id: str, start: float, end: float, labels: Sequence[int], embeddings: Iterable[bytes]
) -> bytes:
    """A record's content, as TensorFlow writes it."""
    context = (
        _entry("video_id", _field(1, _field(1, video_id.encode())))
        + _entry("start_time_seconds", _field(2, _field(1, struct.pack("<f", start))))
        + _entry("end_time_seconds", _field(2, _field(1, struct.pack("<f", end))))
        + _entry("labels", _field(3, _field(1, b"".join(map(_varint, labels)))))
    )
    rows = b"".join(_field(1, _field(1, _field(1, row))) for row in embeddings)
    return _field(1, context) + _field(2, _entry("audio_embedding", rows))


def tfrecord(contents: Sequence[bytes]) -> bytes:
    """A file of these records."""
    heads = [struct.pack("<Q", len(content)) for content in contents]
    crcs = [((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
            for crc in crc32c([*heads, *contents]).tolist()]  # fmt: skip
    pieces = []
    for number, (head, content) in enumerate(zip(heads, contents, strict=True)):
        pieces += [head, struct.pack("<I", crcs[number]), content,
                   struct.pack("<I", crcs[len(heads) + number])]  # fmt: skip
    return b"".join(pieces)


def _make(archive: Path, records: int) -> None:
    """So many records, 500 in a member; like the real ones they hardly compress."""
    random = np.random.default_rng(0)
    with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
        for member in range(records // 500):
            rows = random.normal(128, 60, (500, 10, 128)).clip(0, 255).astype(np.uint8)
            contents = [
                sequence_example(
                    f"{member:06}_{n:04}", 30.0, 40.0, (0, 137, 500), map(bytes, rows[n])
                )
                for n in range(500)
            ]
            content = tfrecord(contents)
            info = tarfile.TarInfo(f"audioset_v1_embeddings/unbal_train/{member:04}.tfrecord")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def main() -> None:
    """Print what both take."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=200_000)
    records = parser.parse_args().records
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "features.tar.gz"
        _make(archive, records)
        began = time.perf_counter()
        with gzip.open(archive) as file:
            while file.read(1 << 20):
                pass
        bare = time.perf_counter() - began
        # One in two hundred is a clip.
        wanted = {b"%06d_%04d" % (n // 500, n % 500) for n in range(0, records, 200)}
        read: list[int] = []
        began = time.perf_counter()
        found = len(list(read_features(archive, wanted, read.append)))
        ours = time.perf_counter() - began
    assert (sum(read), found) == (records, len(wanted))
    all_of_them = ALL / records
    print(f"{records:,} records; {ours * all_of_them:.0f} s for {ALL:,} (wanted: about 60)")
    print(f"bare gzip: {bare * all_of_them:.0f} s; {ours / bare:.1f} times that")


if __name__ == "__main__":
    main()
