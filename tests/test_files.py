"""Files are in place only when whole, and nothing is left otherwise."""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path

import pytest

from ascc_async.errors import SetupError
from ascc_async.files import (
    PART,
    DiskFull,
    disk_errors,
    network_file_system,
    part_of,
    seal,
    sha256_of,
)


def failing(path: Path) -> None:
    """Write half a file and break off."""

    def write() -> None:
        with part_of(path) as part:
            part.write_bytes(b"half")
            raise KeyError

    with pytest.raises(KeyError):
        write()


def test_a_sealed_file_has_its_name_hash_and_size(tmp_path: Path) -> None:
    """The temporary name is in the same folder, and gone after."""
    path = tmp_path / "clips" / "ab" / "abc_0.flac"
    with part_of(path) as part:
        part.write_bytes(b"sound" * 1000)
        assert part.parent == path.parent
        assert part.name.startswith(PART)
        digest = seal(part, path)
    assert digest == (hashlib.sha256(b"sound" * 1000).hexdigest(), 5000)
    assert sha256_of(path) == digest[0]
    assert [file.name for file in path.parent.iterdir()] == ["abc_0.flac"]


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    """Whatever goes wrong inside, the temporary file goes."""
    path = tmp_path / "abc_0.flac"
    failing(path)
    assert list(tmp_path.iterdir()) == []


def test_an_old_clip_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    """Cutting again never takes away what is there."""
    path = tmp_path / "abc_0.flac"
    path.write_bytes(b"old")
    failing(path)
    assert path.read_bytes() == b"old"


def test_a_folder_that_cannot_be_made_is_a_setup_error(tmp_path: Path) -> None:
    """A file where the folder should be: said with its name."""
    (tmp_path / "clips").write_text("in the way")
    with (
        pytest.raises(SetupError, match=r"cannot write in .*clips"),
        part_of(tmp_path / "clips" / "ab" / "x.flac"),
    ):
        pass


def test_a_folder_that_is_taken_away_is_a_setup_error(tmp_path: Path) -> None:
    """A disk that was unplugged, say."""

    def write() -> None:
        with part_of(tmp_path / "clips" / "x.flac") as part:
            part.parent.rmdir()
            part.write_bytes(b"sound")

    with pytest.raises(SetupError, match=r"cannot write in .*clips"):
        write()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENOSPC, "full"), DiskFull),
        (OSError(errno.EDQUOT, "quota"), DiskFull),
        (OSError(errno.EIO, "the disk is broken"), SetupError),
        (PermissionError(errno.EACCES, "no", "FOLDER/x.csv"), SetupError),
        # Bugs: they must look like bugs.
        (FileNotFoundError(errno.ENOENT, "no such file", "/nowhere/table.json"), FileNotFoundError),
        (FileNotFoundError(errno.ENOENT, "no", "FOLDER/x.csv"), FileNotFoundError),
        (FileExistsError(errno.EEXIST, "no", "FOLDER/x.csv"), FileExistsError),
        (TimeoutError(), TimeoutError),
    ],
)
def test_only_trouble_with_the_folder_is_called_so(
    error: OSError, expected: type[Exception], tmp_path: Path
) -> None:
    """Full disks and quotas are told from rights; what names another file stays what it is, and so
    does a file that is not there, or already there, in a folder that is.
    """
    if error.filename == "FOLDER/x.csv":
        error.filename = str(tmp_path / "x.csv")
    with pytest.raises(expected) as raised, disk_errors(tmp_path):
        raise error
    assert raised.type is expected


def test_a_network_file_system_is_known_by_the_innermost_mount(tmp_path: Path) -> None:
    """A local disk mounted inside of one is no network; where the system tells nothing, nothing."""
    inner = tmp_path / "with space"
    inner.mkdir()
    mounts = tmp_path / "mounts"
    escaped = str(inner).replace(" ", "\\040")
    mounts.write_text(f"/dev/a / ext4 rw 0 0\nhost:/b {tmp_path} nfs4 rw 0 0\n")
    assert network_file_system(tmp_path, mounts) == "nfs4"
    assert network_file_system(inner, mounts) == "nfs4"
    with mounts.open("a") as file:
        file.write(f"/dev/c {escaped} xfs rw 0 0\n")
    assert network_file_system(inner, mounts) is None
    assert network_file_system(tmp_path, tmp_path / "absent") is None
