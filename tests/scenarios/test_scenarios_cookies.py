"""A cookies file through the real command: every form, every mistake, and nothing left of it."""

from __future__ import annotations

import json
import signal
import sqlite3
import stat
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from scenario import Place, wrong

from ascc_async.standin.process import StandinProcess

NAMES = ("LOGIN_INFO", "SAPISID", "__Secure-3PAPISID", "__Secure-3PSID")
SECRET = "s3cret-of-"
ENDS = 2_147_483_647
EXAMPLE = Path(__file__).parents[2] / "cookies.example.txt"


def netscape() -> str:
    lines = [
        f"#HttpOnly_.youtube.com\tTRUE\t/\tTRUE\t{ENDS}\t{name}\t{SECRET}{name}" for name in NAMES
    ]
    return "# Netscape HTTP Cookie File\n\n" + "\n".join(lines) + "\n"


def as_json() -> str:
    return json.dumps(
        [
            {"domain": ".youtube.com", "name": name, "value": SECRET + name, "path": "/",
             "secure": True, "httpOnly": True, "hostOnly": False, "session": False,
             "expirationDate": ENDS + 0.5, "sameSite": "no_restriction", "storeId": "0"}
            for name in NAMES
        ]
    )  # fmt: skip


def header() -> str:
    return "Cookie: " + "; ".join(f"{name}={SECRET}{name}" for name in NAMES) + "\n"


def given(place: Place, content: str | bytes) -> Place:
    """The place with a cookies file of this content."""
    path = place.output.parent / "cookies.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(0o600)
    return replace(
        place,
        settings=(*place.settings, f"network.cookies_file={path}", "audioset.splits=[eval]"),
    )


def wait_for(condition: Callable[[], bool], seconds: float = 40) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not come"
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("form", [as_json, netscape, header])
def test_every_form_signs_in_and_is_never_written(
    place: Place, calm: StandinProcess, form: Callable[[], str]
) -> None:
    """YouTube takes the run as signed in; the file stays as it was; no value is in anything said or
    written.
    """
    mine = given(place, form())
    code, said = mine.run()
    assert code == 0, said
    assert {line["signed_in"] for line in calm.requests("next") if line["mask"]} == {True}
    rows = mine.manifest()
    assert not any(row["reason"] in ("sign_in_required", "age_restricted") for row in rows)
    guests = [row for row in rows if row["outcome"] != "clip" or row["reason"]]
    assert [
        one for one in wrong(guests, calm.world) if "sign_in" not in one and "age" not in one
    ] == []
    assert (mine.output.parent / "cookies.txt").read_text() == form()
    assert not (mine.output / ".private").exists()
    assert SECRET not in said
    for path in mine.output.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "empty"),
        ("<!doctype html><html>Sign in</html>", "web page"),
        (netscape().replace("youtube.com", "example.org"), "youtube.com"),
        (netscape().replace(str(ENDS), "1000000000"), "expired"),
        (netscape().encode("utf-16"), "save it as UTF-8"),
        (EXAMPLE.read_bytes(), "example"),
        ("what is this?\n", "cookies"),
    ],
)
def test_a_bad_file_is_named_before_anything_is_asked(
    place: Place, calm: StandinProcess, content: str | bytes, words: str
) -> None:
    """Exit 1, the file, what is wrong with it, what to do."""
    mine = given(place, content)
    calm.reset_counters()
    code, said = mine.run()
    assert code == 1
    assert "cookies.txt" in said
    assert words in said, said
    assert "Traceback" not in said
    assert not {"next", "player", "watch"} & calm.counters()["requests"].keys()


@pytest.mark.slow
def test_a_folder_in_its_place_is_named(place: Place, tmp_path: Path) -> None:
    """The same for what is no file at all."""
    folder = tmp_path / "cookies"
    folder.mkdir()
    mine = replace(place, settings=(*place.settings, f"network.cookies_file={folder}"))
    code, said = mine.run()
    assert code == 1
    assert str(folder) in said


@pytest.mark.slow
def test_a_dead_session_is_said_once_and_new_cookies_are_taken_up(
    place: Place, calm: StandinProcess
) -> None:
    """Signed out on the way: one line. The file is exported again: it is used at once."""
    mine = given(place, netscape())
    mine = replace(mine, settings=(*mine.settings[:-1], "concurrency.licenses=2"))
    calm.set(delay_seconds=0.3)
    process = mine.start()
    wait_for(lambda: any(line["signed_in"] for line in calm.requests("next")))
    calm.set_pages(dead_sessions=True)
    wait_for(lambda: not calm.requests("next")[-1]["signed_in"])
    calm.set_pages(dead_sessions=False)
    (mine.output.parent / "cookies.txt").write_text(netscape().replace(SECRET, SECRET + "new-"))
    asked = len(calm.requests("next"))
    wait_for(lambda: any(line["signed_in"] for line in calm.requests("next")[asked:]))
    calm.set(delay_seconds=0)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert said.count("no longer signed in") == 1, said
    assert SECRET not in said


@pytest.mark.slow
def test_a_crash_leaves_no_cookie(place: Place, calm: StandinProcess) -> None:
    """No copy of them is on the disk, ever; what else kill -9 leaves goes with the next run."""
    mine = given(place, netscape())
    calm.set(delay_seconds=0.3)
    process = mine.start()
    private = mine.output / ".private"
    wait_for(lambda: private.exists() and any(line["signed_in"] for line in calm.requests("next")))
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert private.exists()
    for path in mine.output.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
    calm.set(delay_seconds=0)
    guest = replace(mine, settings=(*place.settings, "audioset.splits=[eval]"))
    code, said = guest.run()
    assert code == 0, said
    assert not private.exists()


def test_a_browsers_cookies_sign_in(place: Place, calm: StandinProcess) -> None:
    """Read out of a Firefox profile; no value is said or written, and no file is left."""
    profile = place.output.parent / "profile"
    profile.mkdir()
    with closing(sqlite3.connect(profile / "cookies.sqlite")) as base:
        base.execute("CREATE TABLE moz_cookies (host, name, value, path, expiry, isSecure)")
        rows = [(".youtube.com", name, SECRET + name, "/", ENDS, 1) for name in NAMES]
        rows.append((".example.org", "other", "site", "/", ENDS, 0))
        base.executemany("INSERT INTO moz_cookies VALUES (?, ?, ?, ?, ?, ?)", rows)
        base.commit()
    few = replace(place, settings=(*place.settings, "audioset.splits=[eval]"))
    code, said = few.run("run", "--cookies-from-browser", f"firefox:{profile}")
    assert code == 0, said
    assert {line["signed_in"] for line in calm.requests("next") if line["mask"]} == {True}
    assert SECRET not in said
    for path in few.output.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path
    assert not list(Path(tempfile.gettempdir()).glob("ascc-cookies-*"))
    code, said = few.here("run", "--cookies-from-browser", "firefox:/nowhere")
    assert code == 1
    assert "could not find firefox cookies database" in said
    assert few.here("run", "--cookies-from-browser", "netscape")[0] == 2
