"""`evidence.warc.gz`: for each Creative Commons video the answer that said so, as WARC 1.1."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager, redirect_stderr
from io import BytesIO, StringIO
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed
from warcio.recordloader import ArcWarcRecord
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from ascc_async.dataset.text import clean, counted, iso_time
from ascc_async.errors import MetadataError
from ascc_async.model import Evidence, License
from ascc_async.youtube.license_parser import read_again

log = logging.getLogger(__name__)

EVIDENCE_FILE = "evidence.warc.gz"
_HTTP, _JSON = "HTTP/1.1", ("Content-Type", "application/json; charset=UTF-8")
_ABOUT = """\
software: ascc_async\r
format: WARC File Format 1.1\r
description: What YouTube answered about the license of each video. Of an answer there is only the\
 part from which license, title and channel were read; of a watch page, a part of the JSON in it.\
 Left out: headers, keys, cookies and whatever else tells of who asked.\r
"""
_AGAIN = "`python -m ascc_async run` writes it again"
# What warcio raises: also for a length or an encoding that is none, or a header that is not there.
_DAMAGED = (ArchiveLoadFailed, zlib.error, ValueError, AttributeError)


def record_id(evidence: Evidence) -> str:
    """The `WARC-Record-ID` of its response: the same for the same answer."""
    date = iso_time(evidence.seen_at)
    return _id_of(evidence.video_id, evidence.address, date, evidence.received)


def _id_of(video_id: str, address: str, date: str, received: str) -> str:
    """Of all that the record holds, so that who alters anything alters its name as well."""
    return uuid5(NAMESPACE_URL, f"{video_id} {address} {date} {received}").urn


class EvidenceWriter:
    """Writes request and response of videos; equal evidence makes equal bytes."""

    def __init__(self, file: IO[bytes]) -> None:
        self._writer = WARCWriter(file, gzip=True, warc_version="1.1")
        self._began = False

    def add(self, evidence: Evidence) -> str:
        """Write it; the id of the response."""
        if not self._began:
            self._write("warcinfo", uuid5(NAMESPACE_URL, _ABOUT).urn, evidence, _ABOUT)
            self._began = True
        response = record_id(evidence)
        said = StatusAndHeaders("200 OK", [_JSON], protocol=_HTTP)
        self._write("response", response, evidence, evidence.received, said)
        host = urlsplit(evidence.address).netloc
        path = evidence.address.partition(host)[2]
        method, headers = ("POST", [_JSON]) if evidence.sent else ("GET", [])
        asked = StatusAndHeaders(
            f"{method} {path} {_HTTP}", [("Host", host), *headers], is_http_request=True
        )
        belongs = {"WARC-Concurrent-To": f"<{response}>"}
        request = uuid5(NAMESPACE_URL, response).urn
        self._write("request", request, evidence, evidence.sent, asked, belongs)
        return response

    def _write(
        self,
        kind: str,
        urn: str,
        evidence: Evidence,
        text: str,
        head: StatusAndHeaders | None = None,
        more: Mapping[str, str] | None = None,
    ) -> None:
        content = text.encode()
        record = self._writer.create_warc_record(
            evidence.address if head else "",
            kind,
            payload=BytesIO(content),
            length=len(content),
            http_headers=head,
            warc_headers_dict={
                "WARC-Record-ID": f"<{urn}>",
                "WARC-Date": iso_time(evidence.seen_at),
                **(more or {}),
            },
        )
        self._writer.write_record(record)


def wrong_evidence(path: Path, named: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What is wrong with the file, given the videos by record id: which video, and why.

    Each answer is read again by today's parser.
    """
    kinds = ("response", "request")
    left = {(kind, urn) for kind in kinds for urn in named}
    try:
        with _archive(path, check_digests=True) as records:
            for record in records:
                content = record.content_stream().read().decode(errors="replace")
                kind, urn = record.rec_type, _header(record, "WARC-Record-ID")
                if kind == "request":
                    urn = _header(record, "WARC-Concurrent-To")
                video_id = named.get(urn)
                if not record.digest_checker.passed:
                    yield video_id or "all videos", f"its {kind} {urn} was altered"
                elif video_id and (kind, urn) not in left:
                    yield video_id, f"there is a second {kind} {urn}"
                elif video_id and (why := _wrong_with(record, content, video_id)):
                    yield video_id, f"its {kind} {urn} {why}"
                left.discard((kind, urn))
    except (MetadataError, OSError) as error:
        found = len(named) - sum(kind == "response" for kind, _ in left)
        why = str(error).removeprefix(f"{path}: ")
        yield "all videos", f"{why}; before that {found:,} of {counted(len(named), 'answer')}"
        return
    for urn, video_id in named.items():
        if absent := [kind for kind in kinds if (kind, urn) in left]:
            yield video_id, f"its record {urn} is not there ({', '.join(absent)})"


def _wrong_with(record: ArcWarcRecord, content: str, video_id: str) -> str:
    """Why a record shows no license of the video; "" where it does."""
    address, date = (_header(record, f"WARC-{name}") for name in ("Target-URI", "Date"))
    if record.rec_type != "response":
        return "" if video_id in address + content else "does not ask about this video"
    if _header(record, "WARC-Record-ID") != _id_of(video_id, address, date, content):
        return "was altered: its name is made of all that it holds"
    try:
        reading = read_again(content)
    except (ValueError, RecursionError):
        return "is no answer of YouTube"
    if not reading.is_about(video_id):
        return f"is about {reading.video_id}"
    says_so = reading.license is License.CREATIVE_COMMONS
    return "" if says_so else "does not say Creative Commons"


def copy_evidence(path: Path, target: Path, named: Set[str]) -> None:
    """Copy the records of these ids, byte for byte, with what belongs to them.

    Raises MetadataError where some are not there or cannot be read.
    """
    left = set(named)
    with target.open("wb") as copy, _archive(path) as records, path.open("rb") as again:
        for record in records:
            ids = {_header(record, "WARC-Record-ID"), _header(record, "WARC-Concurrent-To")}
            records.read_to_end()
            if record.rec_type == "warcinfo" or not ids.isdisjoint(named):
                left -= ids
                again.seek(records.get_record_offset())
                copy.write(again.read(records.get_record_length()))
    if left:
        raise MetadataError(path, None, f"lacks {len(left):,} records of the manifest: {_AGAIN}")


@contextmanager
def _archive(path: Path, *, check_digests: bool = False) -> Iterator[ArchiveIterator]:
    """Its records. Raises MetadataError where they cannot be read, also while they are."""
    try:
        file = path.open("rb")
    except OSError as error:
        what = "is missing" if isinstance(error, FileNotFoundError) else "cannot be read"
        raise MetadataError(path, None, f"{what}: {_AGAIN}") from error
    said = StringIO()  # warcio shows what it cannot read, as it stands there
    with file, redirect_stderr(said):
        records = ArchiveIterator(file, check_digests=check_digests)
        try:
            yield records
        except _DAMAGED as error:
            log.debug("warcio on the evidence", extra={"why": clean(f"{error} {said.getvalue()}")})
            problem = f"is damaged at byte {max(records.offset, 0):,}: {_AGAIN}"
            raise MetadataError(path, None, problem) from error


def _header(record: ArcWarcRecord, name: str) -> str:
    return (record.rec_headers.get_header(name) or "").strip("<>")
