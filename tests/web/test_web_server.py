"""What the server answers, and to whom."""

from __future__ import annotations

import asyncio
import gc
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from dataset_samples import full
from folders import history, leave
from snapshots import bucket, snapshot

from ascc_async.commands import serve
from ascc_async.dataset.manifest import DATASET_FOLDER
from ascc_async.errors import SettingsError
from ascc_async.journal.lock import run_lock
from ascc_async.journal.records import Minute, Permitted
from ascc_async.journal.writer import JOURNAL_NAME
from ascc_async.settings_loader import load
from ascc_async.throttle.limiter import RateLimiterSnapshot
from ascc_async.web import live
from ascc_async.web.access import Access, Listen
from ascc_async.web.server import application
from tests.in_process import run_here

ADDRESSES = ("/", "/classes", "/clips", "/missing", "/events", "/history.json", "/metrics",
             "/status.json", "/healthz", "/static/app.js", "/nothing")  # fmt: skip


@asynccontextmanager
async def serving(output: Path, token: str | None = None) -> AsyncIterator[ClientSession]:
    """A client of the server of this folder."""
    settings = load(None, [f"output.dir={output}"], {})
    app = application(settings, Access(Listen("127.0.0.1", 0), token))
    async with TestServer(app) as server, ClientSession(server.make_url("/")) as client:
        yield client


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """A folder that a run left half-way, whose history has two runs."""
    leave(tmp_path / "out", snapshot(), list(history(snapshot().at, 200)))
    return tmp_path / "out"


async def test_without_its_token_nothing_is_told(tmp_path: Path) -> None:
    """Not even which addresses there are; by header or address it opens."""
    wrong = ({}, {"Authorization": "Bearer secret2"}, {"Cookie": "ascc=secret"})
    async with serving(tmp_path, "secret") as client:
        for address in ADDRESSES:
            for headers in wrong:
                async with client.get(address, headers=headers) as answer:
                    assert answer.status == 401
                    assert "token" in await answer.text()
            async with client.get(f"{address}?token=%00é") as answer:
                assert answer.status == 401
            right = 404 if address == "/nothing" else 200
            async with client.get(address, headers={"Authorization": "bearer secret"}) as answer:
                assert answer.status == right
            async with client.get(f"{address}?token=secret") as answer:
                assert answer.status == right


async def test_a_browser_keeps_the_token_out_of_its_addresses(tmp_path: Path) -> None:
    """It is sent on to the address without it, with a cookie that no script can read."""
    async with serving(tmp_path, "secret") as client:
        html = {"Accept": "text/html"}
        asked = client.get("/clips?q=a+b&token=secret", headers=html, allow_redirects=False)
        async with asked as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/clips?q=a+b")
            cookie = answer.headers["Set-Cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=Lax" in cookie
        sent = {"Cookie": cookie.partition(";")[0]}
        async with client.get("/healthz", headers=sent) as answer:
            assert answer.status == 200


async def test_a_foreign_host_is_turned_away(tmp_path: Path) -> None:
    """Another site whose name leads here reads nothing."""
    async with serving(tmp_path) as client:
        for host in ("evil.example", "127.0.0.1.evil.example", "", "[::1", "a@b"):
            async with client.get("/status.json", headers={"Host": host}) as answer:
                assert answer.status == 403
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
        for ours in ("localhost:9000", "127.0.0.1", "[::1]:8765", "192.168.1.7:8765"):
            async with client.get("/healthz", headers={"Host": ours}) as answer:
                assert answer.status == 200


async def test_every_answer_keeps_the_browser_strict(output: Path) -> None:
    """Errors, too; nothing can be changed here, and no path be asked for."""
    async with serving(output) as client:
        for address in (*ADDRESSES[5:], "/static/..%2fserver.py", "/static/%2e%2e/shown_folder.py"):
            async with client.get(address) as answer:
                policy = answer.headers["Content-Security-Policy"]
                assert "script-src 'self';" in policy
                assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
                assert (answer.status == 200) == (address in ADDRESSES[:-1])
        async with client.post("/") as answer:
            assert answer.status == 405


async def test_the_status_is_that_of_the_command(output: Path) -> None:
    """Name by name and number by number."""
    said = run_here(["status", "--json", "--set", f"output.dir={output}"])
    async with serving(output) as client, client.get("/status.json") as answer:
        assert await answer.json() == json.loads(said.stdout)
    empty = output.parent / "none"
    said = run_here(["status", "--json", "--set", f"output.dir={empty}"])
    async with serving(empty) as client, client.get("/status.json") as answer:
        assert await answer.json() == json.loads(said.stdout)


async def test_prometheus_reads_the_metrics(tmp_path: Path) -> None:
    """Whether a run is going on, how far it is, and each identity, whatever it is called."""
    name = 'a"b\\c\n'
    limiter = RateLimiterSnapshot((bucket(identity=name, ceiling=3.0, refused=4),))
    leave(tmp_path, snapshot(limiter=limiter))
    async with serving(tmp_path) as client, client.get("/metrics") as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        text = await answer.text()
    who = r'{identity="a\"b\\c\n",kind="pages"}'
    assert f"ascc_refusals_total{who} 4.0" in text
    assert f"ascc_refused_at_requests_per_second{who} 3.0" in text
    assert "ascc_run_up 0.0" in text
    assert "ascc_segments_asked 500.0" in text
    assert 'ascc_clips{state="made"} 40.0' in text


async def test_a_journal_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    """On the page, to programs, and to who watches over services."""
    (tmp_path / JOURNAL_NAME).write_bytes(b"no journal at all" * 1000)
    async with serving(tmp_path) as client:
        for address, status in (("/", 200), ("/status.json", 503), ("/healthz", 503)):
            async with client.get(address) as answer:
                assert answer.status == status
                assert "damaged, or not a journal" in await answer.text()
        async with client.get("/metrics") as answer:
            assert "ascc_journal_readable 0.0" in await answer.text()


async def test_a_journal_that_opens_may_be_damaged_all_the_same(output: Path) -> None:
    """Where its records cannot be read, nothing says that all is well."""
    with (output / JOURNAL_NAME).open("r+b") as file:
        file.seek(4096)  # its first page is whole
        file.write(bytes(500_000))
    async with serving(output) as client:
        for address, status, words in (
            ("/", 200, "The history cannot be read"),
            ("/healthz", 503, "damaged"),
            ("/metrics", 200, "ascc_journal_readable 0.0"),
        ):
            async with client.get(address) as answer:
                assert (answer.status, words in await answer.text()) == (status, True), address


async def test_what_is_damaged_or_missing_hides_nothing_else(output: Path) -> None:
    """A manifest beside a whole journal, and a manifest without a journal."""
    full(output).write()
    manifest = output / DATASET_FOLDER / "manifest.csv"
    whole = manifest.read_bytes()
    manifest.write_bytes(b"no manifest")
    async with serving(output) as client:
        async with client.get("/") as answer:
            page = await answer.text()
            assert "ended unexpectedly" in page
            assert "manifest.csv" in page
        async with client.get("/metrics") as answer:
            assert "ascc_journal_readable 1.0" in await answer.text()
    manifest.write_bytes(whole)
    for journal in (b"", None):
        (output / JOURNAL_NAME).unlink()
        if journal is not None:
            (output / JOURNAL_NAME).write_bytes(journal)
        async with serving(output) as client:
            async with client.get("/") as answer:
                assert "The journal is not here" in await answer.text()
            async with client.get("/status.json") as answer:
                assert (await answer.json())["manifest"]["segments"] > 0


async def test_what_is_not_there_or_goes_wrong_is_said_in_words(
    output: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """To people as a page, to programs as text; the traceback is for the terminal."""

    def broken(*_: object) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr("ascc_async.web.overview.figures_of", broken)
    async with serving(output) as client:
        async with client.get("/nope<b>", headers={"Accept": "text/html"}) as answer:
            assert answer.status == 404
            assert "<h1>Not found</h1>" in await answer.text()
        async with client.get("/nope") as answer:
            assert (answer.status, await answer.text()) == (404, "404: Not Found")
        async with client.get("/") as answer:
            assert answer.status == 500
            assert "end it and start it again" in await answer.text()
    assert "ZeroDivisionError" in caplog.text


async def test_an_end_at_once_is_clean(output: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where it cannot listen: what was begun for the pages is given up."""
    full(output).write()
    ended = Event()
    monkeypatch.setattr("ascc_async.web.labels.read_metadata", lambda _: ended.wait(10) and None)
    async with serving(output):
        pass
    others = asyncio.all_tasks() - {asyncio.current_task()}
    ended.set()
    results = await asyncio.gather(*others, return_exceptions=True)
    assert not [each for each in results if isinstance(each, RuntimeError)]


async def test_while_the_manifest_is_counted_pages_say_so(
    output: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Also the clips, which read their labels from it where there is no metadata."""
    full(output).write()
    counted = Event()
    monkeypatch.setattr("ascc_async.web.labels.read_metadata", lambda _: None)
    monkeypatch.setattr("ascc_async.web.tally.read_tally", lambda _: counted.wait(10))
    monkeypatch.setattr("ascc_async.web.tally._PATIENCE", 0)
    async with serving(output) as client:
        for address in ("/missing", "/clips"):
            async with client.get(address) as answer:
                assert answer.status == 200
                assert "<h1>Counting …</h1>" in await answer.text()
        counted.set()
    gc.collect()  # which tells of exceptions that nobody has seen
    assert not caplog.records


async def test_two_hundred_at_once_share_one_look(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many ask, the folder is looked at once a second."""
    looks = []
    look = live.read_status

    def counted(*values: Any) -> Any:
        looks.append(values)
        return look(*values)

    monkeypatch.setattr(live, "read_status", counted)

    async def get(client: ClientSession, address: str) -> int:
        async with client.get(address) as answer:
            await answer.read()
            return answer.status

    addresses = ["/", "/status.json", "/metrics", "/history.json"] * 50
    async with serving(output) as client, asyncio.TaskGroup() as group:
        asked = [group.create_task(get(client, address)) for address in addresses]
    assert {task.result() for task in asked} == {200}
    assert len(looks) <= 5  # in as many seconds, on a machine that has much to do


async def test_a_reader_that_is_slow_is_sent_the_newest_only(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it does not take is not kept for it, so that nothing grows; others are not held up."""
    monkeypatch.setattr(live, "LOOK_EVERY", 0.0)
    number = 0

    def another(*_: Any) -> str:
        nonlocal number
        number += 1
        return f"{number}:" + "x" * 100_000

    monkeypatch.setattr("ascc_async.web.overview.render", another)
    async with serving(output) as client, client.get("/events") as slow:
        async with client.get("/events") as quick:
            while number < 300:
                await quick.content.readuntil(b"\n\n")
        seen = []
        while not seen or seen[-1] < 300:
            event = await slow.content.readuntil(b"\n\n")
            seen += [int(found) for found in re.findall(rb'"html": "(\d+):', event)]
    assert len(seen) < 100  # some megabytes lie in the buffers of both ends
    assert seen == sorted(seen)


async def test_what_changes_is_sent_and_nothing_else(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One event when a run begins, and when it ends; none while nothing happens."""
    monkeypatch.setattr(live, "LOOK_EVERY", 0.05)
    async with serving(output) as client, client.get("/events") as answer:
        event = await answer.content.readuntil(b"\n\n")
        assert b"ended unexpectedly" in event
        with run_lock(output):
            event = await answer.content.readuntil(b"\n\n")
            assert b"A run is going on" in event
        digest = re.search(rb"id: (\w+)", await answer.content.readuntil(b"\n\n"))
        assert digest
        known = {"Last-Event-ID": digest[1].decode()}
        async with client.get("/events", headers=known) as again:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(again.content.readuntil(b"\n\n"), 0.4)


def test_the_history_is_drawn_from_few_points(output: Path) -> None:
    """Gaps between runs stay gaps, and rests are no longer than they were."""
    from ascc_async.journal.reader import Reader
    from ascc_async.web.history import figures_of, read_minutes

    reader = Reader(output / JOURNAL_NAME)
    figures = figures_of(read_minutes(reader, 0))
    reader.close()
    licenses = figures["progress"]["data"][0]
    assert licenses["y"].count(None) == 1
    assert len(figures["progress"]["times"]) == len(licenses["y"]) == 201
    rests, _, permitted, refused = figures["identities"]["data"][:4]
    assert rests["x"].count(None) == 2
    assert len(permitted["y"]) == 201
    layouts = figures["progress"]["layout"], figures["identities"]["layout"]
    assert [each["yaxis"]["tickformat"] for each in layouts] == ["~s", "~r"]  # 13k, 0.5
    assert refused["text"] == [1] * 6


def test_young_and_short_runs_are_drawn_from_their_beginning() -> None:
    """Each by itself, over two minutes at least; what one minute alone tells is a point."""
    from ascc_async.web.history import figures_of

    limits = (Permitted("main", "pages", 2.0, None, resting=False, refusals=0),)
    first = [Minute(600, begins=True), Minute(630, 5, identities=limits)]
    figures = figures_of(first)
    begin, end = figures["progress"]["layout"]["xaxis"]["range"]
    assert (begin[-5:], end[-5:]) == ("10:00", "12:00")
    assert figures["identities"]["data"][2]["mode"] == "markers"
    figures = figures_of([*first, Minute(700, 5, begins=True), Minute(725, 9)])
    assert figures["progress"]["data"][0]["y"] == [0, 5, None, 5, 9]


def test_a_wrong_address_is_a_usage_error() -> None:
    """With what one looks like."""
    for text in ("8765", "a:b", "127.0.0.1:99999", "http://x:1", ":80", "::1:80"):
        with pytest.raises(SettingsError, match="expected HOST:PORT"):
            Listen.of(text)


def test_away_from_loopback_there_is_always_a_token() -> None:
    """Made where none is given."""
    assert Access(Listen.of("localhost:1"), None).token is None
    assert Access(Listen.of("[::1]:1"), None).token is None
    assert len(Access(Listen.of("0.0.0.0:1"), None).token or "") > 20
    assert len(Access(Listen.of("localhost:1"), "").token or "") > 20
    assert Access(Listen.of("10.0.0.1:1"), "mine").token == "mine"


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 2 and the pip line."""
    found: Callable[[str], object] = lambda name: None if name == "plotly" else object()  # noqa: E731
    monkeypatch.setattr(serve.importlib.util, "find_spec", found)
    done = run_here(["serve"])
    assert done.returncode == 2
    assert "pip install 'ascc-async[web]'" in done.stderr
