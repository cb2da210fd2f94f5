"""`evidence.warc.gz`: read by `warcio` itself, named by the manifest, without what is removed."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import warcio.cli
import warcio.warcwriter
from dataset_samples import NOW, Sample, removals

from ascc_async.dataset.evidence import EVIDENCE_FILE, copy_evidence, record_id, wrong_evidence
from ascc_async.model import Evidence, License
from ascc_async.youtube.evidence import evidence_in
from tests.youtube.license_helpers import license_row, next_answer

IDS = ("-bcdefghijk", "aaaaaaaaaaa", "bbbbbbbbbbb")


def evidence(video_id: str, source: str = "innertube", title: str = "Ä title") -> Evidence:
    """What a source saw."""
    answer = next_answer(video_id, rows=[license_row()], title=title)
    address = "https://www.youtube.com/youtubei/v1/next?prettyPrint=false"
    sent = f'{{"videoId": "{video_id}"}}'
    return Evidence(video_id, source, NOW - 60, address, sent, evidence_in(answer))


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    """Three clips, a standard video that was Creative Commons once, one from before evidence."""
    made = Sample(tmp_path)
    for video_id in IDS:
        made.add(video_id)
    made.add("Changed1111", license=License.STANDARD)
    made.add("Older111111")
    made.journal.evidence_rows = [*map(evidence, IDS), evidence("Changed1111"), evidence("other")]
    made.write()
    return made


def named(sample: Sample) -> dict[str, str]:
    """Videos by the records that the manifest names."""
    with sample.path("manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["evidence"]]
    return {row["evidence"]: row["video_id"] for row in rows}


def by_warcio(command: str, path: Path) -> tuple[int, str]:
    """The exit code of `warcio`, and what it says."""
    said, code = io.StringIO(), 0
    with redirect_stdout(said):
        try:
            warcio.cli.main([command, str(path)])
        except SystemExit as ended:
            code = int(str(ended.code))
    return code, said.getvalue()


def test_other_readers_take_the_file_and_find_what_the_manifest_names(sample: Sample) -> None:
    """`warcio check` finds every digest right, `warcio index` a request and a response a video."""
    assert set(named(sample).values()) == set(IDS)
    path = sample.path(EVIDENCE_FILE)
    assert by_warcio("check", path) == (0, "")
    kinds = [json.loads(line)["warc-type"] for line in by_warcio("index", path)[1].splitlines()]
    assert kinds == ["warcinfo", *["response", "request"] * len(IDS)]
    assert list(wrong_evidence(path, named(sample))) == []
    text = gzip.decompress(path.read_bytes()).decode()
    assert "POST /youtubei/v1/next?prettyPrint=false HTTP/1.1\r\nHost: www.youtube.com" in text
    assert all(f"WARC-Record-ID: <{record}>" in text for record in named(sample))
    assert text.count("WARC-Date: 2025-12-31T23:59:00Z") == 7


def test_nothing_changed_nothing_written_and_what_is_removed_is_gone(sample: Sample) -> None:
    """Equal bytes; the removal list takes evidence out of the file and the manifest."""
    path = sample.path(EVIDENCE_FILE)
    before, content = path.stat().st_mtime_ns, path.read_bytes()
    sample.write()
    assert (path.stat().st_mtime_ns, path.read_bytes()) == (before, content)
    sample.write(removals=removals(IDS[1]))
    assert set(named(sample).values()) == {IDS[0], IDS[2]}
    assert IDS[1] not in gzip.decompress(path.read_bytes()).decode()
    sample.journal.evidence_rows = []
    sample.write()
    assert (named(sample), by_warcio("check", path)) == ({}, (0, ""))


def test_what_is_wrong_with_it_is_found(sample: Sample) -> None:
    """An altered word, another video's answer, one that says nothing, a lost and a broken file."""
    rows = {row.video_id: row for row in sample.journal.evidence_rows}
    rows[IDS[0]] = replace(rows[IDS[0]], received=evidence_in(next_answer(IDS[0], rows=[])))
    rows[IDS[1]] = replace(rows[IDS[1]], received=rows[IDS[2]].received)
    sample.journal.evidence_rows = list(rows.values())
    sample.write()
    path, records = sample.path(EVIDENCE_FILE), named(sample)
    wrong = dict(wrong_evidence(path, records | {"urn:uuid:0": "ccccccccccc"}))
    assert {video_id: why.partition(" urn:")[0] for video_id, why in wrong.items()} == {
        IDS[0]: "its response", IDS[1]: "its response", "ccccccccccc": "its record",
    }  # fmt: skip
    assert wrong[IDS[0]].endswith("does not say Creative Commons")
    assert wrong[IDS[1]].endswith(f"is about {IDS[2]}")
    assert wrong["ccccccccccc"].endswith("is not there (response, request)")

    content = gzip.decompress(path.read_bytes())
    path.write_bytes(content.replace("Ä title".encode(), "Ö title".encode()))
    found = [video_id for video_id, why in wrong_evidence(path, records) if "was altered" in why]
    assert sorted(found) == [IDS[1], IDS[2]]
    for broken in (b"", b"no WARC", path.read_bytes()[:300]):
        path.write_bytes(broken)
        assert list(wrong_evidence(path, records))
    path.write_bytes(content.replace(b"WARC-Target-URI", b"WARC-Target"))
    *_, (_, why) = wrong_evidence(path, records)
    assert why.startswith("is damaged at byte")
    path.unlink()
    ((video_id, why),) = wrong_evidence(path, records)
    assert (video_id, "is missing" in why) == ("all videos", True)


def rewritten(path: Path, change: Any) -> None:
    """The file with other records whose digests are right: `change` gives those of one."""
    content = io.BytesIO(path.read_bytes())
    with path.open("wb") as file:
        writer = warcio.warcwriter.WARCWriter(file, gzip=True, warc_version="1.1")
        for record in warcio.ArchiveIterator(content):
            head = record.rec_headers
            names = ("WARC-Record-ID", "WARC-Date", "WARC-Concurrent-To")
            headers = {name: head.get_header(name) for name in names if head.get_header(name)}
            uri = head.get_header("WARC-Target-URI") or ""
            body = record.content_stream().read()
            for changed_uri, changed, text in change(record.rec_type, uri, headers, body):
                writer.write_record(
                    writer.create_warc_record(
                        changed_uri, record.rec_type, payload=io.BytesIO(text), length=len(text),
                        http_headers=record.http_headers, warc_headers_dict=changed,
                    )
                )  # fmt: skip


OTHER_DATE = {"WARC-Date": "2001-01-01T00:00:00Z"}
FORGERIES = {
    "is not there (request)": lambda kind, uri, head, body: (
        [(uri, head, body)] * (kind != "request")
    ),
    "there is a second": lambda kind, uri, head, body: (
        [(uri, head, body)] * (1 + (kind == "response"))
    ),
    "does not ask about": lambda kind, uri, head, body: (
        [(uri, head, body if kind == "response" else b"{}")]
    ),
    "was altered: date": lambda kind, uri, head, body: [(uri, head | OTHER_DATE, body)],
    "was altered: address": lambda kind, uri, head, body: [(uri and f"{uri}&x", head, body)],
    "was altered: words": lambda kind, uri, head, body: (
        [(uri, head, re.sub(rb'"videoId":"[^"]*"', b'"videoId":""', body))]
    ),
    "was altered: JSON": lambda kind, uri, head, body: [(uri, head, b"[" * 100_000)],
}


@pytest.mark.parametrize("why", FORGERIES)
def test_a_forgery_with_right_digests_is_found(sample: Sample, why: str) -> None:
    """Each answer's record is named by what it holds, and what was asked must be there."""
    path, records = sample.path(EVIDENCE_FILE), named(sample)
    rewritten(path, lambda kind, uri, head, body: [(uri, head, body)])
    assert list(wrong_evidence(path, records)) == []
    rewritten(path, FORGERIES[why])
    wrong = [video for video, said in wrong_evidence(path, records) if why.split(":")[0] in said]
    assert sorted(wrong) == sorted(IDS)


def test_one_bad_record_hides_no_other_and_damage_is_said_in_words(
    sample: Sample, capsys: pytest.CaptureFixture[str]
) -> None:
    """An answer nested too deep; rubbish at the end, by the byte where it begins."""
    rows = {row.video_id: row for row in sample.journal.evidence_rows}
    for video_id, rubbish in ((IDS[0], "[" * 100_000), (IDS[1], "no JSON")):
        rows[video_id] = replace(rows[video_id], received=rubbish)
    sample.journal.evidence_rows = list(rows.values())
    sample.write()
    path, records = sample.path(EVIDENCE_FILE), named(sample)
    found = [
        (video, why.endswith("no answer of YouTube"))
        for video, why in wrong_evidence(path, records)
    ]
    assert found == [(IDS[0], True), (IDS[1], True)]
    whole = path.stat().st_size
    path.write_bytes(path.read_bytes() + b"\xff\xfe rubbish" * 10)
    *_, (video_id, why) = wrong_evidence(path, records)
    assert (video_id, why.partition(":")[0]) == ("all videos", f"is damaged at byte {whole:,}")
    assert "before that 3 of 3 answers" in why
    assert capsys.readouterr() == ("", "")


def test_some_records_are_copied_byte_for_byte(sample: Sample, tmp_path: Path) -> None:
    """A request goes with its response."""
    copy, wanted = tmp_path / "copy.warc.gz", record_id(evidence(IDS[1]))
    copy_evidence(sample.path(EVIDENCE_FILE), copy, {wanted})
    assert list(wrong_evidence(copy, {wanted: IDS[1]})) == []
    assert by_warcio("check", copy) == (0, "")
    text = gzip.decompress(copy.read_bytes()).decode()
    assert text.count("WARC-Type") == 3
    assert IDS[0] not in text
    everything = tmp_path / "all.warc.gz"
    copy_evidence(sample.path(EVIDENCE_FILE), everything, named(sample))
    assert everything.read_bytes() == sample.path(EVIDENCE_FILE).read_bytes()
