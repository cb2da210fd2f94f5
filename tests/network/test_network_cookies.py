"""Cookies: three forms by content, checked at the start, watched, never written, never shown."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from ascc_async.errors import SetupError
from ascc_async.network.cookies import (
    CookieStore,
    IdentityCookies,
    cookies_to_send,
    load_cookies,
)
from ascc_async.settings import IdentitySettings, NetworkSettings
from ascc_async.throttle.bucket import RequestKind
from ascc_async.youtube.session import Call
from tests.youtube.license_helpers import sessions_for, youtube

NOW = 1_780_000_000.0
LATER = 1_900_000_000
PAST = 1_600_000_000
SECRET = "s3cr3t/Value+=="
LOGIN = ("LOGIN_INFO", "SAPISID", "__Secure-3PAPISID", "__Secure-3PSID", "SID")


def netscape(
    names: tuple[str, ...] = LOGIN, *, ends: int = LATER, domain: str = ".youtube.com"
) -> str:
    """A Netscape file; every second line is HTTP-only."""
    lines = ["# Netscape HTTP Cookie File", "# https://curl.se/docs/http-cookies.html", ""]
    for number, name in enumerate(names):
        prefix = "#HttpOnly_" if number % 2 == 0 else ""
        lines.append(f"{prefix}{domain}\tTRUE\t/\tTRUE\t{ends}\t{name}\t{SECRET}{number}")
    return "\n".join(lines) + "\n"


def as_json(names: tuple[str, ...] = LOGIN, *, ends: float = LATER + 0.5) -> str:
    """What EditThisCookie and Cookie-Editor copy."""
    return json.dumps(
        [
            {
                "domain": ".youtube.com", "expirationDate": ends, "hostOnly": False,
                "httpOnly": True, "name": name, "path": "/", "sameSite": "no_restriction",
                "secure": True, "session": False, "storeId": "0", "value": f"{SECRET}{number}",
                "id": number,
            }
            for number, name in enumerate(names)
        ],
        indent=4,
    )  # fmt: skip


def as_header(names: tuple[str, ...] = LOGIN) -> str:
    """One line of the developer tools."""
    return "; ".join(f"{name}={SECRET}{number}" for number, name in enumerate(names))


def written(tmp_path: Path, content: str | bytes, name: str = "cookies.txt") -> Path:
    """A private file."""
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(0o600)
    return path


def load(tmp_path: Path, content: str | bytes) -> IdentityCookies:
    """Read a file of this content."""
    return load_cookies(written(tmp_path, content), now=NOW)


def names_in(cookies: IdentityCookies) -> list[str]:
    """The names, in the file's order."""
    return list(cookies.values)


@pytest.mark.parametrize(
    "content",
    [
        netscape(),
        netscape().replace("\n", "\r\n"),
        "\ufeff" + netscape(),
        netscape().replace("\t", "    "),
        netscape().split("\n", 2)[2],
        as_json(),
        json.dumps({"cookies": json.loads(as_json()), "origins": []}),
        as_header(),
        "Cookie: " + as_header() + ";\n",
        "cookie:" + as_header(),
    ],
    ids=[
        "netscape",
        "crlf",
        "bom",
        "spaces",
        "no-head",
        "json",
        "storage-state",
        "header",
        "named-header",
        "small-header",
    ],
)
async def test_the_three_forms_are_recognised_by_content(content: str, tmp_path: Path) -> None:
    """Whatever the file's name and form: the same cookies, signed in, without a warning."""
    jar = load(tmp_path, content)
    assert names_in(jar) == list(LOGIN)
    assert jar.signed_in
    assert jar.warnings == ()
    values = {name: f"{SECRET}{number}" for number, name in enumerate(LOGIN)}
    assert cookies_to_send(jar) == {**values, "PREF": "hl=en&tz=UTC"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "it is empty"),
        (" \n\n", "it is empty"),
        ("<!DOCTYPE html><html><body>Sign in</body></html>", "web page"),
        (netscape(domain=".example.org"), r"no cookie for youtube\.com, only for example\.org"),
        (netscape(domain=".google.com"), r"only for google\.com"),
        (netscape(domain=".notyoutube.com"), r"only for notyoutube\.com"),
        (netscape(ends=PAST), "expired on 2020-09-13"),
        (as_json(ends=PAST), "expired on 2020-09-13"),
        (netscape(("PREF",)) + netscape(("LOGIN_INFO",), ends=PAST), "expired on 2020-09-13"),
        (netscape().encode("utf-16"), "not text in UTF-8: save it as UTF-8"),
        (b"\xe9\xff\xfe" + netscape().encode("latin-1"), "not text in UTF-8"),
        ("# Netscape HTTP Cookie File\n# nothing else\n", "only comments"),
        ("just some words\nand more\n", "line 1 is not in a form"),
        ("# Netscape HTTP Cookie File\n\n.youtube.com\tTRUE\n", "line 3 is not in a form"),
        ("[", "cut off"),
        (as_json()[:-40], "cut off"),
        ('{"a": 1}', "not an array of cookies"),
        ('["SID", "HSID"]', "not of cookies"),
        ("[]", "no site"),
        (as_json(ends=10**400).replace("youtube.com", "example.org"), "only for example"),
    ],
)
def test_a_bad_file_is_named_with_the_remedy(
    content: str | bytes, message: str, tmp_path: Path
) -> None:
    """Each kind of wrong file stops the run at the start, with what to do about it."""
    with pytest.raises(SetupError, match=message) as caught:
        load(tmp_path, content)
    assert "cookies.txt" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_folder_and_a_missing_file_are_named(tmp_path: Path) -> None:
    """A directory, a file that is not there."""
    with pytest.raises(SetupError, match="Is a directory"):
        load_cookies(tmp_path)
    with pytest.raises(SetupError, match="No such file"):
        load_cookies(tmp_path / "none.txt")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    """A file without permission to read it."""
    path = written(tmp_path, netscape())
    path.chmod(0)
    with pytest.raises(SetupError, match="Permission denied"):
        load_cookies(path)


def test_the_example_file_is_refused_with_what_to_do() -> None:
    """`cookies.example.txt` used as it is says what to do."""
    example = Path(__file__).parents[2] / "cookies.example.txt"
    with pytest.raises(SetupError, match=r"example file.*export the cookies"):
        load_cookies(example, now=NOW)


@pytest.mark.parametrize(
    ("content", "mode", "message"),
    [
        (netscape(("PREF", "VISITOR_INFO1_LIVE")), 0o600, "hold no sign-in"),
        (netscape(("LOGIN_INFO",)), 0o600, "hold no sign-in"),
        (netscape(("SAPISID",)), 0o600, "hold no sign-in"),
        (netscape(), 0o644, "chmod 600"),
        (netscape(ends=int(NOW) + 86400), 0o600, "sign-in expires on 2026-05-29"),
    ],
)
def test_what_is_doubtful_is_a_warning(
    content: str, mode: int, message: str, tmp_path: Path
) -> None:
    """Guests' cookies, open permissions and an early end are said, not refused."""
    path = written(tmp_path, content)
    path.chmod(mode)
    (warning,) = load_cookies(path, now=NOW).warnings
    assert message in warning
    assert SECRET not in warning


def test_expired_cookies_are_left_out(tmp_path: Path) -> None:
    """Only what a browser would still send is used; session cookies are."""
    mixed = netscape() + netscape(("OLD",), ends=PAST) + netscape(("SESSION",), ends=0)
    assert names_in(load(tmp_path, mixed)) == [*LOGIN, "SESSION"]


def test_secrets_stay_out_of_representations(tmp_path: Path) -> None:
    """Cookies as a whole may be logged by mistake: no value is shown."""
    cookies = load(tmp_path, netscape())
    assert SECRET not in f"{cookies!r} {cookies}"


def test_the_authorization_is_as_youtubes_own_pages_make_it(tmp_path: Path) -> None:
    """SHA-1 over time, cookie and origin, for each of the signing cookies."""
    jar = load(tmp_path, netscape())
    first = hashlib.sha1(f"1780000000 {SECRET}1 https://www.youtube.com".encode()).hexdigest()
    third = hashlib.sha1(f"1780000000 {SECRET}2 https://www.youtube.com".encode()).hexdigest()
    expected = f"SAPISIDHASH 1780000000_{first} SAPISID3PHASH 1780000000_{third}"
    assert jar.authorization(NOW) == expected
    assert load(tmp_path, netscape(("PREF",))).authorization(NOW) is None


async def test_a_signed_in_identity_signs_what_it_asks(tmp_path: Path) -> None:
    """API requests carry cookies and authorization; other addresses no authorization."""
    seen: list[web.Request] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(request)
        return web.Response(text="{}")

    jars = {"main": load(tmp_path, netscape())}
    async with (
        youtube(handle, tmp_path) as site,
        sessions_for(site.network, jars=jars) as sessions,
    ):
        api = "https://www.youtube.com/youtubei/v1/next"
        await sessions.ask(Call(RequestKind.PAGES, "POST", api, data=b"{}"), str)
        await sessions.ask(Call(RequestKind.PAGES, "GET", "https://www.youtube.com/watch"), str)
        await sessions.ask(Call(RequestKind.DATA_API, "GET", "https://www.googleapis.com/x"), str)
    assert seen[0].headers["Authorization"].startswith("SAPISIDHASH ")
    assert seen[0].cookies["SID"] == f"{SECRET}4"
    assert "Authorization" not in seen[1].headers
    assert "SID" in seen[1].cookies
    assert not seen[2].cookies


async def test_a_session_that_died_is_noticed_and_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Answers as to a guest in spite of login cookies: warned once, taken back when over."""
    jars = {"main": load(tmp_path, netscape())}
    async with sessions_for(NetworkSettings(), jars=jars) as sessions:
        with caplog.at_level(logging.WARNING):
            for logged_out in (False, None, True, True):
                sessions.note_login("main", logged_out)
        assert sessions.signed_out == {"main"}
        assert len(caplog.records) == 1
        sessions.note_login("main", False)
        assert not sessions.signed_out


def store_for(tmp_path: Path, **files: Path) -> CookieStore:
    """A store for identities by name; the first is `main`."""
    others = [IdentitySettings(name=name, cookies_file=path) for name, path in files.items()]
    main = files.get("main")
    network = NetworkSettings(
        cookies_file=main, identities=tuple(each for each in others if each.name != "main")
    )
    return CookieStore(network)


def test_ytdlp_reads_what_it_is_given(tmp_path: Path) -> None:
    """Its own reader takes the text, HTTP-only cookies included; the user's file is as it was."""
    from yt_dlp.cookies import YoutubeDLCookieJar

    path = written(tmp_path, netscape())
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    jar = YoutubeDLCookieJar(io.StringIO(store_for(tmp_path, main=path).jars["main"].as_netscape()))
    jar.load()
    assert {cookie.name: cookie.value for cookie in jar} == {
        name: f"{SECRET}{number}" for number, name in enumerate(LOGIN)
    }
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert list(tmp_path.iterdir()) == [path], "no copy is made"


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    """New cookies are given out; an unchanged file is left alone."""
    path = written(tmp_path, netscape())
    store = store_for(tmp_path, main=path)
    assert store.refresh() == {}
    written(tmp_path, netscape(("LOGIN_INFO", "SAPISID")))
    renewed = store.refresh()
    assert names_in(renewed["main"]) == ["LOGIN_INFO", "SAPISID"]
    assert store.jars == renewed
    assert store.refresh() == {}


def test_a_file_that_goes_bad_is_said_once_and_the_old_cookies_stay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An incomplete export does not take the cookies away."""
    path = written(tmp_path, netscape())
    store = store_for(tmp_path, main=path)
    with caplog.at_level(logging.WARNING):
        written(tmp_path, "")
        assert store.refresh() == {}
        assert store.refresh() == {}
        path.unlink()
        assert store.refresh() == {}
        assert store.jars["main"].signed_in
    said = [record.message for record in caplog.records]
    assert said == ["the changed cookie file cannot be used; going on with the former cookies"] * 2


def test_a_bad_file_of_any_identity_stops_the_start(tmp_path: Path) -> None:
    """The second identity's file is checked as well."""
    good, bad = written(tmp_path, netscape()), written(tmp_path, "", "bad.txt")
    with pytest.raises(SetupError, match=r"bad\.txt"):
        store_for(tmp_path, main=good, two=bad)


async def test_renewed_cookies_are_sent_from_then_on(tmp_path: Path) -> None:
    """After a change the next request carries the new cookies, and only those."""
    seen: list[Any] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(dict(request.cookies))
        return web.Response(text="{}")

    jars = {"main": load(tmp_path, netscape())}
    async with (
        youtube(handle, tmp_path) as site,
        sessions_for(site.network, jars=jars) as sessions,
    ):
        call = Call(RequestKind.PAGES, "GET", "https://www.youtube.com/x")
        await sessions.ask(call, str)
        sessions.renew_cookies("main", load(tmp_path, netscape(("LOGIN_INFO", "SAPISID"))))
        await sessions.ask(call, str)
    assert set(LOGIN) <= seen[0].keys()
    assert seen[1].keys() == {"LOGIN_INFO", "SAPISID", "PREF"}
