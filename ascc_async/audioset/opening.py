"""Open a metadata file whatever a browser, a spreadsheet or a portal made of it.

Compression, byte-order marks and foreign line ends are undone and said; what is no such file at
all (nothing, a web page, a spreadsheet) is a `MetadataError`.
"""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path

from ascc_async.errors import MetadataError

AGAIN = "delete it to have it downloaded again"
BLOCK_BYTES = 1 << 19
"""Blocks that fit a core's cache: larger ones are read more slowly."""

_LONGEST_LINE = 1 << 20
_LARGEST_TEXT = 64 << 20
_GZIP, _ZIP, _OLE = b"\x1f\x8b", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"


def blocks(path: Path, notes: list[str]) -> Iterator[bytes]:
    """The file in blocks of whole lines ending in a newline; `notes` receives what was undone."""
    rest = b""
    for piece in _pieces(path, notes):
        data = _line_ends(rest + piece, notes)
        cut = data.rfind(b"\n") + 1
        rest = data[cut:]
        if len(rest) > _LONGEST_LINE:
            raise MetadataError(path, None, f"lines of more than {_LONGEST_LINE} bytes; {AGAIN}")
        if cut:
            yield data[:cut]
    if rest:
        _note(notes, "the last line does not end with a newline")
        yield rest.replace(b"\r", b"\n") + b"\n"


def read_text(path: Path, notes: list[str]) -> str:
    """A whole small file as text with plain line ends."""
    data = bytearray()
    for block in blocks(path, notes):
        data += block
        if len(data) > _LARGEST_TEXT:
            raise MetadataError(path, None, f"is larger than {_LARGEST_TEXT >> 20} MiB; {AGAIN}")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise MetadataError(path, line, f"is not UTF-8 text; {AGAIN}") from None


def _pieces(path: Path, notes: list[str]) -> Iterator[bytes]:
    try:
        with path.open("rb", buffering=0) as raw:
            head = raw.read(512)
            _check_kind(path, head)
            raw.seek(0)
            if head.startswith(_GZIP):
                _note(notes, "is compressed with gzip")
                with gzip.open(raw) as unpacked:
                    yield from _decoded(path, unpacked, notes)
            else:
                yield from _decoded(path, raw, notes)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise MetadataError(path, None, f"broken gzip file ({error}); {AGAIN}") from None
    except OSError as error:
        raise MetadataError(path, None, f"cannot be read ({error.strerror or error})") from None


def _check_kind(path: Path, head: bytes) -> None:
    if head.startswith((_ZIP, _OLE)):
        raise MetadataError(path, None, f"is a spreadsheet or archive, not text; {AGAIN}")
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if not start:
        raise MetadataError(path, None, f"is empty; {AGAIN}")
    if start.startswith(b"<"):
        raise MetadataError(
            path, 1, "is a web page, perhaps the sign-in page of a network (captive portal) or"
            f" proxy; sign in there, then {AGAIN}",
        )  # fmt: skip


def _decoded(path: Path, source: io.RawIOBase | gzip.GzipFile, notes: list[str]) -> Iterator[bytes]:
    first = source.read(BLOCK_BYTES) or b""
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        _note(notes, "is UTF-16, not UTF-8")
        yield from _from_utf16(path, first, source)
        return
    if first.startswith(codecs.BOM_UTF8):
        _note(notes, "begins with a byte-order mark")
        first = first[len(codecs.BOM_UTF8) :]
    if source is not None and isinstance(source, gzip.GzipFile):
        _check_kind(path, first[:512])
    yield first
    while piece := source.read(BLOCK_BYTES):
        yield piece


def _from_utf16(path: Path, first: bytes, source: io.RawIOBase | gzip.GzipFile) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder("utf-16")()
    piece: bytes | None = first
    try:
        while piece:
            yield decoder.decode(piece).encode("utf-8")
            piece = source.read(BLOCK_BYTES)
        yield decoder.decode(b"", final=True).encode("utf-8")
    except UnicodeError:
        raise MetadataError(path, None, f"is broken UTF-16; {AGAIN}") from None


def _line_ends(data: bytes, notes: list[str]) -> bytes:
    if b"\r" not in data:
        return data
    _note(notes, "has Windows or old Mac line ends")
    if b"\n" in data:
        return data.replace(b"\r\n", b"\n")
    # The last byte may be the first half of a CRLF.
    return data[:-1].replace(b"\r", b"\n") + data[-1:]


def _note(notes: list[str], text: str) -> None:
    if text not in notes:
        notes.append(text)
