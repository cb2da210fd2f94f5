"""Records are read as TensorFlow writes them, and a damaged one is named."""

from __future__ import annotations

import gzip
import io
import tarfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from ascc_async.errors import MetadataError
from ascc_async.learning.google_features import read_features
from ascc_async.learning.sequence_example import NotFeatures, parse, video_id_in
from ascc_async.learning.tfrecord import check, crc32c, split_records
from ascc_async.standin.released import sequence_example, tfrecord

ROWS = [bytes(range(128)), bytes(range(128, 256))]
RECORD = sequence_example("-6i0PchNN-o", 30.5, 32.5, (0, 5, 300), ROWS)


def archive(folder: Path, **members: bytes) -> Path:
    """Google's archive with these members."""
    path = folder / "features.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(f"audioset_v1_embeddings/eval/{name}.tfrecord")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def test_checksums_are_those_of_the_standard() -> None:
    """The examples of RFC 3720, and texts of unlike lengths at once."""
    texts = [b"123456789", bytes(32), b"\xff" * 32, bytes(range(32)), bytes(range(31, -1, -1))]
    expected = [0xE3069283, 0x8A9136AA, 0x62A8AB43, 0x46DD794E, 0x113FDB5C]
    assert crc32c(texts).tolist() == expected
    random = np.random.default_rng(0)
    long = [random.bytes(int(size)) for size in random.integers(4, 300, 50)]
    assert crc32c(long).tolist() == [crc32c([text])[0] for text in long]


def test_a_record_is_parsed() -> None:
    """Id, start to the millisecond, labels and a row a second; the id is found without parsing."""
    features = parse(RECORD)
    assert (features.video_id, features.start_ms) == ("-6i0PchNN-o", 30_500)
    assert features.labels == (0, 5, 300)
    assert [bytes(row) for row in features.embeddings] == ROWS
    assert video_id_in(RECORD) == b"-6i0PchNN-o"


def test_half_a_message_is_said_to_be_none() -> None:
    """Whatever is missing."""
    for cut in range(len(RECORD)):
        with pytest.raises(NotFeatures, match="not a record of AudioSet's features"):
            parse(RECORD[:cut])


def test_no_message_looks_like_a_bug_of_the_parser() -> None:
    """With any byte altered it is read, or is none: an error of another kind is a bug of ours."""
    for place in range(len(RECORD)):
        for byte in (0, 0x0A, 0x7F, 0xFF):
            with suppress(NotFeatures):
                parse(RECORD[:place] + bytes([byte]) + RECORD[place + 1 :])


def test_every_flipped_byte_is_noticed() -> None:
    """In length, content or checksum."""
    whole = tfrecord([RECORD])
    check(split_records(whole))
    for place in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        with pytest.raises(ValueError, match=r"checksum|length"):
            check(split_records(bytes(damaged)))


def test_only_wanted_videos_are_given(tmp_path: Path) -> None:
    """Of an archive, a folder and a single file alike; all records are counted."""
    others = [sequence_example(f"other_{n:05}", 0, 10, (1,), ROWS) for n in range(1500)]
    content = tfrecord([*others, RECORD])
    packed = archive(tmp_path, aa=tfrecord(others[:3]), bb=content)
    (tmp_path / "folder/eval").mkdir(parents=True)
    (tmp_path / "folder/eval/-6.tfrecord").write_bytes(content)
    for path in (packed, tmp_path / "folder", tmp_path / "folder/eval/-6.tfrecord"):
        read: list[int] = []
        found = list(read_features(path, {b"-6i0PchNN-o"}, read.append))
        assert [features.start_ms for features in found] == [30_500]
        assert sum(read) == len(others) + 1 + (3 if path is packed else 0)


def test_damage_is_named_with_member_and_record(tmp_path: Path) -> None:
    """Also of a record that nobody wants, and of a file that ends early."""
    content = bytearray(tfrecord([RECORD] * 5))
    size = len(content) // 5
    content[3 * size + 200] ^= 4
    path = archive(tmp_path, aa=tfrecord([RECORD]), bb=bytes(content))
    with pytest.raises(MetadataError, match=r"eval/bb\.tfrecord, record 4: .*checksum"):
        list(read_features(path, set(), lambda records: None))
    (tmp_path / "cut.tfrecord").write_bytes(content[: 2 * size + 50])
    with pytest.raises(MetadataError, match=r"cut\.tfrecord: record 3: cut off"):
        list(read_features(tmp_path / "cut.tfrecord", set(), lambda records: None))


def test_an_archive_that_ends_early_is_no_whole_one(tmp_path: Path) -> None:
    """A broken download is named, not taken for the end."""
    path = archive(tmp_path, aa=np.random.default_rng(0).bytes(0), bb=tfrecord([RECORD] * 50))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(MetadataError, match=r"features\.tar\.gz"):
        list(read_features(path, set(), lambda records: None))
    path.write_bytes(b"<html>not found</html>")
    with pytest.raises(MetadataError, match="cannot be read"):
        list(read_features(path, set(), lambda records: None))


@pytest.mark.parametrize("packed", [True, False])
def test_no_damage_to_an_archive_is_silent(tmp_path: Path, packed: bool) -> None:
    """Headers, compressed bytes and sizes: what still reads well gives every record."""
    path = archive(
        tmp_path, aa=tfrecord([RECORD]), bb=tfrecord([RECORD] * 2), cc=tfrecord([RECORD])
    )
    if not packed:
        path.write_bytes(gzip.decompress(path.read_bytes()))
    whole = path.read_bytes()

    def records_of(content: bytes) -> int:
        path.write_bytes(content)
        counts: list[int] = []
        try:
            list(read_features(path, set(), counts.append))
        except MetadataError:
            return 4
        return sum(counts)

    step = 3 if packed else 29
    for place in range(0, len(whole), step):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        assert records_of(bytes(damaged)) == 4, place
        assert records_of(whole[:place]) == 4, place


def test_what_holds_no_record_is_refused(tmp_path: Path) -> None:
    """An archive of other things, and an empty file."""
    (tmp_path / "empty.tfrecord").touch()
    for path in (archive(tmp_path), archive(tmp_path, aa=b""), tmp_path / "empty.tfrecord"):
        with pytest.raises(MetadataError, match="no record in it"):
            list(read_features(path, set(), lambda records: None))
