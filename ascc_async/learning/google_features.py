"""Reads Google's released features: the archive, a folder of it, or single files."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import IO, Self

from ascc_async.errors import MetadataError
from ascc_async.learning.sequence_example import NotFeatures, SegmentFeatures, parse, video_id_in
from ascc_async.learning.tfrecord import DamagedRecord, Record, check, split_records

SUFFIX = ".tfrecord"
_AT_ONCE = 1024  # records whose checksums are compared at a time: few enough for the cache
_PIECE = 1 << 20
_DAMAGED = (EOFError, OSError, tarfile.TarError, zlib.error)
_GZIP = b"\x1f\x8b"


class _Header(tarfile.TarInfo):
    """A member's header. To `tarfile` itself one that is damaged or missing is the end."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(archive)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(str(error)) from error


def is_features(path: Path) -> bool:
    """Whether a path is a folder, an archive or a file of features, by its name."""
    return path.is_dir() or path.name.endswith((SUFFIX, ".tar.gz", ".tgz", ".tar"))


def read_features(
    path: Path, wanted: Collection[bytes], on_records: Callable[[int], object]
) -> Iterator[SegmentFeatures]:
    """The features of the wanted videos. `on_records` is told how many records were read.

    Every checksum is compared, also of records that nobody wants: a damaged id looks like another.
    Raises MetadataError, with member and record, for what is damaged.
    """
    waiting: list[tuple[str, int, Record]] = []

    def checked() -> Iterator[SegmentFeatures]:
        try:
            check([record for _, _, record in waiting])
        except DamagedRecord as error:
            member, number, _ = waiting[error.number]
            raise _damaged(path, member, number, error) from error
        for member, number, record in waiting:
            video_id = video_id_in(record.content)
            if video_id is None or video_id in wanted:
                try:
                    features = parse(record.content)
                except NotFeatures as error:
                    raise _damaged(path, member, number, error) from error
                if features.video_id.encode() in wanted:
                    yield features
        on_records(len(waiting))
        waiting.clear()

    none = True
    for member, content in _files(path):
        try:
            records = split_records(content)
        except DamagedRecord as error:
            raise _damaged(path, member, error.number, error) from error
        for number, record in enumerate(records):
            waiting.append((member, number, record))
            if len(waiting) == _AT_ONCE:
                yield from checked()
        none = none and not records
    if none:
        raise MetadataError(path, None, "there is no record in it: download it again")
    yield from checked()


def _damaged(path: Path, member: str, number: int, error: ValueError) -> MetadataError:
    place = f"{member}, " if member else ""
    return MetadataError(path, None, f"{place}record {number + 1}: {error}: download it again")


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name (below `path`) and content of every file of records."""
    member = ""
    try:
        if path.is_dir():
            files = sorted(path.rglob(f"*{SUFFIX}"))
            if not files:
                raise MetadataError(path, None, f"no file in it ends with {SUFFIX}")
            yield from ((file.relative_to(path).as_posix(), file.read_bytes()) for file in files)
        elif path.name.endswith(SUFFIX):
            yield "", path.read_bytes()
        else:
            with path.open("rb") as file:
                zipped = file.read(len(_GZIP)) == _GZIP
            # With gzip's own reader, which compares its checksum at the end.
            with (
                gzip.open(path) if zipped else path.open("rb") as content,
                tarfile.open(
                    fileobj=content, mode="r|", bufsize=_PIECE, tarinfo=_Header
                ) as archive,
            ):
                for info in archive:
                    held = archive.extractfile(info)
                    if info.name.endswith(SUFFIX) and held is not None:
                        member = info.name
                        yield member, (read := _content(held))
                        if len(read) < info.size:
                            raise tarfile.ReadError("it ends early")
                rest = archive.fileobj
                while rest and (piece := rest.read(_PIECE)):
                    if piece.strip(b"\0"):
                        raise tarfile.ReadError("there is more after its end")
    except _DAMAGED as error:
        after = f" after {member}" if member else ""
        message = f"cannot be read{after} ({error}): download it again"
        raise MetadataError(path, None, message) from error


def _content(file: IO[bytes]) -> bytes:
    """What a member holds; of a damaged one as much as can be had, so that its record is found."""
    pieces = []
    try:
        while piece := file.read(_PIECE):
            pieces.append(piece)
    except _DAMAGED:
        if not pieces:
            raise
    return b"".join(pieces)
