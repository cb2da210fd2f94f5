"""What Google released besides the lists of segments, for the stand-in's own: features and times.

`features.tar.gz` has VGGish features as TensorFlow writes them, the strong labels say when each
sound begins and ends; all of it is made up. As in Google's, some videos are missing, and some
features end early or have other labels than the lists.
"""

from __future__ import annotations

import csv
import io
import random
import struct
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from ascc_async.learning.tfrecord import crc32c

_SPLITS = {
    "balanced_train": ("bal_train", "train"),
    "unbalanced_train": ("unbal_train", "train"),
    "eval": ("eval", "eval"),
}
_HEADING = "segment_id\tstart_time_seconds\tend_time_seconds\tlabel\n"


def write_released(metadata: Path, folder: Path) -> None:
    """Write what belongs to the lists in `metadata`; the same lists give the same features."""
    folder.mkdir(parents=True, exist_ok=True)
    with (metadata / "class_labels_indices.csv").open(encoding="utf-8", newline="") as file:
        classes = [(mid, name) for _, mid, name in list(csv.reader(file))[1:]]
    codes = {mid: code for code, (mid, _) in enumerate(classes)}
    names = "".join(f"{mid}\t{name}\n" for mid, name in classes)
    (folder / "mid_to_display_name.tsv").write_text(names, "utf-8")
    strong = {"train": [_HEADING], "eval": [_HEADING]}
    with tarfile.open(folder / "features.tar.gz", "w:gz") as archive:
        for split, (member, part) in _SPLITS.items():
            lines = (metadata / f"{split}_segments.csv").read_text("utf-8").splitlines()
            rows = csv.reader(lines[3:], skipinitialspace=True)
            records = []
            for video_id, start, end, labels in rows:
                drawn = random.Random(f"released {video_id}")
                mids = labels.split(",")
                for mid in mids:
                    onset, offset = sorted(drawn.sample(range(10_001), 2))
                    segment_id = f"{video_id}_{round(float(start) * 1000)}"
                    times = f"{onset / 1000:.3f}\t{offset / 1000:.3f}"
                    strong[part].append(f"{segment_id}\t{times}\t{mid}\n")
                fate = drawn.random()
                if fate < 0.1:  # its features were not released
                    continue
                held = [codes[mid] for mid in mids]
                if fate < 0.15:  # relabelled since
                    held = [(held[0] + 1) % len(classes)]
                seconds = max(1, int(float(end) - float(start)) - 2 * (fate > 0.95))
                rows_of_bytes = [drawn.randbytes(128) for _ in range(seconds)]
                records.append(
                    sequence_example(video_id, float(start), float(end), held, rows_of_bytes)
                )
            content = tfrecord(records)
            info = tarfile.TarInfo(f"audioset_v1_embeddings/{member}/00.tfrecord")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    for part, events in strong.items():
        (folder / f"audioset_{part}_strong.tsv").write_text("".join(events), "utf-8")


# -- the records -------------------------------------------------------------------------------


def sequence_example(
    video_id: str, start: float, end: float, labels: Sequence[int], embeddings: Iterable[bytes]
) -> bytes:
    """A record's content: a message in the form of protocol buffers."""
    context = (
        _entry("video_id", _field(1, _field(1, video_id.encode())))
        + _entry("start_time_seconds", _field(2, _field(1, struct.pack("<f", start))))
        + _entry("end_time_seconds", _field(2, _field(1, struct.pack("<f", end))))
        + _entry("labels", _field(3, _field(1, b"".join(map(_varint, labels)))))
    )
    rows = b"".join(_field(1, _field(1, _field(1, row))) for row in embeddings)
    return _field(1, context) + _field(2, _entry("audio_embedding", rows))


def _entry(key: str, value: bytes) -> bytes:
    return _field(1, _field(1, key.encode()) + _field(2, value))


def _field(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


def tfrecord(contents: Sequence[bytes]) -> bytes:
    """A file of these records: length, checksum, content, checksum."""
    lengths = [struct.pack("<Q", len(content)) for content in contents]
    pieces = zip(lengths, _checksums(lengths), contents, _checksums(contents), strict=True)
    return b"".join(piece for record in pieces for piece in record)


def _checksums(texts: Sequence[bytes]) -> list[bytes]:
    # Masked, as TensorFlow does: a checksum of checksums would be no good one.
    return [
        struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
        for crc in crc32c(texts).tolist()
    ]
