"""Answers that mean harm, and secrets that must not get about."""

from __future__ import annotations

import gzip
import stat
from pathlib import Path

import pytest
from scenario import Place, Row, reach, timeless

from ascc_async.dataset.evidence import EVIDENCE_FILE
from ascc_async.standin.next_answer import TRACKING, VISITOR
from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import Fault, ProxyListener, WorldSettings
from benchmarks.chaos_run import Job

PASSWORD, COOKIE = "sesame-7Yq2", "c00kie-s3cret-value"
KEY = "AIzaSecretKeyForThisTest00000000000xyzw"
COOKIES = f"""\
# Netscape HTTP Cookie File
.youtube.com\tTRUE\t/\tTRUE\t2147483647\tLOGIN_INFO\t{COOKIE}
.youtube.com\tTRUE\t/\tTRUE\t2147483647\tSAPISID\t{COOKIE}
.youtube.com\tTRUE\t/\tTRUE\t2147483647\t__Secure-3PAPISID\t{COOKIE}
"""


@pytest.mark.slow
def test_bombs_and_floods_cost_a_try_each(
    calm: StandinProcess, tmp_path: Path, undisturbed: list[Row]
) -> None:
    """Decompression bombs, endless answers, halves and wrong videos: all ends as without them."""
    names = ("gzip_bomb", "oversized", "truncated", "html", "empty", "other_video")
    calm.set_faults(*(Fault(name=name, share=0.05) for name in names))
    job = Job(tmp_path, calm)
    assert job.leg() == 0, job.ends.said
    assert "Traceback" not in job.ends.said
    calm.set_faults()
    assert job.leg() == 0, job.ends.said  # asks again where every source answered nothing
    got, expected = timeless(job.place.manifest()), timeless(undisturbed)
    for row in (*got, *expected):
        del row["license_source"]  # another source was asked where one gave no answer
    assert got == expected


def test_nothing_of_a_secret_is_left_anywhere(tmp_path: Path) -> None:
    """Cookie, key and proxy password: in no log, journal, dataset or message; modes are private.

    The evidence is packed: nothing in it tells of who asked.
    """
    listener = ProxyListener(user="somebody", password=PASSWORD)
    cookies = tmp_path / "cookies.txt"
    cookies.write_text(COOKIES)
    cookies.chmod(0o600)
    with StandinProcess(WorldSettings(videos=30, listeners=(listener,))) as youtube:
        faults = (Fault(name="server_error", share=0.1), Fault(name="cut_before", share=0.1))
        youtube.set_faults(*faults)
        place = Place(
            tmp_path / "out",
            (
                *reach(youtube), f"audioset.metadata_dir={tmp_path / 'metadata'}",
                "audioset.splits=[eval]", f"network.cookies_file={cookies}",
            ),
            {"ASCC_LICENSE__API_KEYS": f'["{KEY}"]'},
        )  # fmt: skip
        code, said = place.run()
        refused, cries = Place(
            tmp_path / "other",
            tuple(one.replace(PASSWORD, "wr0ng-" + PASSWORD) for one in place.settings),
            place.environment,
        ).run("--debug", "run")
    assert code == 0, said
    assert refused == 1
    for secret in (PASSWORD, COOKIE, KEY, "videoplayback?"):  # media links are signed
        assert secret not in said + cries
        for path in (*place.output.rglob("*"), *(tmp_path / "other").rglob("*")):
            assert not path.is_file() or secret.encode() not in path.read_bytes(), path
    evidence = gzip.decompress((place.output / "dataset" / EVIDENCE_FILE).read_bytes()).decode()
    assert "www.youtube.com/watch" in evidence
    for told in (PASSWORD, COOKIE, KEY, "LOGIN_INFO", VISITOR, TRACKING, str(tmp_path), "Cookie"):
        assert told not in evidence
    for path in place.output.glob("state.sqlite3*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert not (place.output / ".private").exists()
