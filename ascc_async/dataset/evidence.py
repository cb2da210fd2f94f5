"""`evidence.warc.gz`: for each Creative Commons video the answer that said so, as WARC 1.1."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed
from warcio.recordloader import ArcWarcRecord
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from ascc_async.dataset.text import iso_time
from ascc_async.errors import MetadataError
from ascc_async.model import Evidence, License
from ascc_async.youtube.license_parser import read_again

EVIDENCE_FILE = "evidence.warc.gz"
_HTTP, _JSON = "HTTP/1.1", ("Content-Type", "application/json; charset=UTF-8")
_ABOUT = """\
software: ascc_async\r
format: WARC File Format 1.1\r
description: What YouTube answered about the license of each video. Of an answer there is only the\
 part from which license, title and channel were read; of a watch page, a part of the JSON in it.\
 Left out: headers, keys, cookies and whatever else tells of who asked.\r
"""
_ANEW = "`python -m ascc_async run` writes it again"
_UNREADABLE = (ArchiveLoadFailed, zlib.error, ValueError, OSError)


def record_id(evidence: Evidence) -> str:
    """The `WARC-Record-ID` of its response: the same for the same answer."""
    return uuid5(NAMESPACE_URL, f"{evidence.video_id} {evidence.source} {evidence.seen_at}").urn


class EvidenceWriter:
    """Writes request and response of videos; equal evidence makes equal bytes."""

    def __init__(self, file: IO[bytes], evidence: Iterable[Evidence]) -> None:
        """`evidence` comes sorted by video id, and so are the calls of `add`."""
        self._writer = WARCWriter(file, gzip=True, warc_version="1.1")
        self._evidence = iter(evidence)
        self._next = next(self._evidence, None)
        self._last = ""  # the video that was written last

    def add(self, video_id: str) -> str:
        """Write what there is of the video; the id of the response, "" where there is nothing."""
        while self._next is not None and self._next.video_id < video_id:
            self._next = next(self._evidence, None)
        evidence = self._next
        if evidence is None or evidence.video_id != video_id:
            return ""
        response = record_id(evidence)
        if video_id != self._last:
            if not self._last:
                about = uuid5(NAMESPACE_URL, _ABOUT).urn
                self._write("warcinfo", about, evidence, _ABOUT)
            self._last = video_id
            said = StatusAndHeaders("200 OK", [_JSON], protocol=_HTTP)
            self._write("response", response, evidence, evidence.received, said)
            asked, belongs = _request_head(evidence), {"WARC-Concurrent-To": f"<{response}>"}
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


def _request_head(evidence: Evidence) -> StatusAndHeaders:
    host = urlsplit(evidence.address).netloc
    path = evidence.address.partition(host)[2]
    method, headers = ("POST", [_JSON]) if evidence.sent else ("GET", [])
    line = f"{method} {path} {_HTTP}"
    return StatusAndHeaders(line, [("Host", host), *headers], is_http_request=True)


def wrong_evidence(path: Path, named: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What is wrong with the file, given the videos by record id: which video, and why.

    Each answer is read again by today's parser.
    """
    left = dict(named)
    try:
        with path.open("rb") as file:
            for record in ArchiveIterator(file, check_digests=True):
                content = record.content_stream().read()
                urn = _urn(record, "WARC-Record-ID")
                if not record.digest_checker.passed:
                    video_id = left.pop(urn, named.get(_urn(record, "WARC-Concurrent-To"), ""))
                    yield video_id or "all videos", f"record {urn} was altered: its digest differs"
                elif record.rec_type == "response" and (video_id := left.pop(urn, "")):
                    reading = read_again(content.decode())
                    if not reading.is_about(video_id):
                        yield video_id, f"its record {urn} is about {reading.video_id}"
                    elif reading.license is not License.CREATIVE_COMMONS:
                        yield video_id, f"its record {urn} does not say Creative Commons"
    except _UNREADABLE as error:
        yield "all videos", f"{len(left):,} records cannot be read: {error}"
        return
    for urn, video_id in left.items():
        yield video_id, f"its record {urn} is not there"


def copy_evidence(path: Path, target: Path, named: Iterable[str]) -> None:
    """Copy the records of these ids, byte for byte, with what belongs to them.

    Raises MetadataError where some are not there or cannot be read.
    """
    left, wanted = set(named), frozenset(named)
    try:
        with path.open("rb") as file, path.open("rb") as again, target.open("wb") as copy:
            records = ArchiveIterator(file)
            for record in records:
                urn = _urn(record, "WARC-Record-ID")
                left.discard(urn)
                ids = (urn, _urn(record, "WARC-Concurrent-To"))
                records.read_to_end()
                if record.rec_type == "warcinfo" or not wanted.isdisjoint(ids):
                    again.seek(records.get_record_offset())
                    copy.write(again.read(records.get_record_length()))
    except (ArchiveLoadFailed, zlib.error, FileNotFoundError) as error:
        raise MetadataError(path, None, f"cannot be read ({error}): {_ANEW}") from error
    if left:
        raise MetadataError(path, None, f"lacks {len(left):,} records of the manifest: {_ANEW}")


def _urn(record: ArcWarcRecord, header: str) -> str:
    return (record.rec_headers.get_header(header) or "").strip("<>")
