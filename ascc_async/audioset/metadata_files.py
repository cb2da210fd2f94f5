"""AudioSet's files, one record each: what is downloaded, checked and hashed follows from them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ascc_async.errors import MetadataError

REMEDY = "delete the file to have it downloaded again"

_UTF16 = f"is UTF-16 text, as some spreadsheets save it: save it as UTF-8, or {REMEDY}"
_FOREIGN_FORMATS = {
    b"\x1f\x8b": f"is compressed with gzip: unpack it (gunzip), or {REMEDY}",
    b"PK\x03\x04": f"is a spreadsheet or zip archive, not text: {REMEDY}",
    b"\xd0\xcf\x11\xe0": f"is a spreadsheet, not text: {REMEDY}",
    b"\xff\xfe": _UTF16,
    b"\xfe\xff": _UTF16,
    b"<": "is a web page, perhaps the sign-in page of a network (captive portal) or proxy: sign in"
    f" there, then {REMEDY}",
}


@dataclass(frozen=True, slots=True)
class MetadataFile:
    """A file that every run reads, or those that take its split."""

    name: str
    folder: str  # in Google's bucket; below `metadata_dir` it may lie there too
    git_blob_sha1: str = ""  # of the official file: the one hash by which Google's can be looked up
    beginning: bytes = b""  # regular expression that its first bytes must match
    url: str = "{settings.base_url}/{file.folder}/{file.name}"
    split: str = ""  # the one whose segments it holds

    def find(self, folder: Path) -> Path | None:
        """Where it is: in the folder, or below it where Google's layout has files."""
        folders = dict.fromkeys(("", *(file.folder for file in FILES)))
        paths = (folder / below / self.name for below in folders)
        return next((path for path in paths if path.is_file()), None)

    def path_in(self, folder: Path) -> Path:
        """The same. Raises `MetadataError` where it is not there."""
        path = self.find(folder)
        if path is None:
            remedy = "let a run download it, or put it there (audioset.metadata_dir)"
            raise MetadataError(folder / self.name, None, f"is missing: {remedy}")
        return path


CLASS_LIST = MetadataFile(
    "class_labels_indices.csv", "v1/csv", "3a2767e81114adecde59992cf6607f31c1862f4c",
    rb"index,mid,display_name",
)  # fmt: skip
QUALITY_COUNTS = MetadataFile(
    "qa_true_counts.csv", "v1/qa", "265d525377e8fdf5c0c5fe335e35db4728b125af",
    rb"label_id,num_rated,num_true",
)  # fmt: skip
ONTOLOGY = MetadataFile(
    "ontology.json", "", "cee2c5055a4778833dd165cae4010086e6d4bdc5", rb"\[",
    url="{settings.ontology_url}",
)  # fmt: skip
SEGMENTS = tuple(
    # Not every copy has Google's `#` lines: all that is sure of the beginning is a comma.
    MetadataFile(f"{split}_segments.csv", "v1/csv", sha1, rb"[^,]*,", split=split)
    for split, sha1 in (
        ("balanced_train", "22dfbeafdc2bfec562b3146687d44f42a03600f8"),
        ("eval", "e5532aef6147625c454d4c5cd75847907d593c2a"),
        ("unbalanced_train", "09dd5a7ca8b5c9067007115ca053c455c502d55c"),
    )
)
FILES = (CLASS_LIST, QUALITY_COUNTS, ONTOLOGY, *SEGMENTS)
PACKAGED_CLASS_LIST = Path(__file__).with_name(CLASS_LIST.name)  # Google's own, under CC BY 4.0


def files_of(splits: Sequence[str]) -> list[MetadataFile]:
    """The files to read for these splits, in their order."""
    return [file for split in ("", *splits) for file in FILES if file.split == split]


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file that was read, named so that a run can be repeated.

    `official`: it is Google's own, byte for byte.
    """

    name: str
    path: Path
    git_blob_sha1: str
    sha256: str
    bytes: int
    official: bool


def identify(file: MetadataFile, path: Path) -> InputFile:
    """Hash a file as it is on disk. Raises `MetadataError` when it is no text file."""
    content = _read(path)
    start = content[:512].removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start:
        raise MetadataError(path, None, f"is empty; {REMEDY}")
    for magic, problem in _FOREIGN_FORMATS.items():
        if start.startswith(magic):
            raise MetadataError(path, 1, problem)
    # pandas ends a field at a NUL byte and would read half of a damaged line.
    nul = content.find(b"\0")
    if nul >= 0:
        line = content.count(b"\n", 0, nul) + 1
        raise MetadataError(path, line, f"holds a NUL byte: damaged? {REMEDY}")
    blob = hashlib.sha1(b"blob %d\0" % len(content))
    blob.update(content)
    sha1, sha256 = blob.hexdigest(), hashlib.sha256(content).hexdigest()
    return InputFile(file.name, path, sha1, sha256, len(content), sha1 == file.git_blob_sha1)


def read_text(path: Path, remedy: str = REMEDY) -> str:
    """A whole small file as text. Raises `MetadataError`, with what to do about it."""
    content = _read(path)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise MetadataError(path, line, f"is not UTF-8 text; {remedy}") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise MetadataError(path, None, f"cannot be read ({error.strerror or error})") from error
