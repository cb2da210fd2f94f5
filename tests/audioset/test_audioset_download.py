"""Downloading metadata: resumed, checked, in place only when whole, and clear when impossible."""

from __future__ import annotations

import os
import socket
import ssl
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web
from aiohttp.test_utils import RawTestServer
from fileserver import FileServer, serving
from metadata_files import catalog_of, row, segments, write_folder

from ascc_async.audioset.download import Report, fetch_missing
from ascc_async.errors import SetupError
from ascc_async.settings import AudiosetSettings, NetworkSettings

SEGMENTS = "v1/csv/balanced_train_segments.csv"
ONTOLOGY = "ontology.json"


@pytest.fixture
def server(tmp_path: Path) -> FileServer:
    """All files of a small AudioSet, where Google has them."""
    folder = tmp_path / "source"
    folder.mkdir()
    rows = [row(i) for i in range(2000)]
    write_folder(folder, {"balanced_train_segments.csv": segments(rows)})
    places = {
        "v1/csv": ("balanced_train_segments.csv", "class_labels_indices.csv"),
        "v1/qa": ("qa_true_counts.csv", "rerated_video_ids.txt"),
    }
    files = {
        f"{at}/{name}": (folder / name).read_bytes() for at, ns in places.items() for name in ns
    }
    return FileServer({**files, ONTOLOGY: (folder / ONTOLOGY).read_bytes()})


async def fetch(
    folder: Path, url: str, report: Report = lambda *_: None, **network: Any
) -> list[float]:
    """Fetch what is missing; the pauses that were asked for."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    settings = AudiosetSettings(
        splits=("balanced_train",), metadata_dir=folder, base_url=url,
        ontology_url=f"{url}/{ONTOLOGY}",
    )  # fmt: skip
    network_settings = NetworkSettings.model_validate(network)
    await fetch_missing(settings, network_settings, report, sleep=sleep)
    return pauses


def told(server: FileServer) -> Report:
    """Lets the server know that what it sent before a cut has arrived."""
    return lambda name, *_: server.arrived.set() if "segments" in name else None


def left_over(folder: Path) -> list[str]:
    """Temporary files that should not be there."""
    return [name for name in os.listdir(folder) if name.startswith(".")]


async def test_all_that_is_needed(server: FileServer, tmp_path: Path) -> None:
    """The files of the chosen split, class list, counts, ontology, rerated ids: no other."""
    async with serving(server):
        assert await fetch(tmp_path / "new" / "folder", server.url) == []
    assert sorted(path for path, _ in server.requests) == sorted(server.files)
    assert len(catalog_of(tmp_path / "new" / "folder").segments) == 2000
    assert left_over(tmp_path / "new" / "folder") == []


async def test_files_that_are_there_are_left_alone(server: FileServer, tmp_path: Path) -> None:
    """Nothing is asked when nothing is missing, not even for the optional file."""
    folder = write_folder(tmp_path)
    (folder / "rerated_video_ids.txt").unlink()
    (folder / "v1" / "csv").mkdir(parents=True)
    (folder / "class_labels_indices.csv").rename(folder / SEGMENTS.replace(
        "balanced_train_segments", "class_labels_indices"))  # fmt: skip
    async with serving(server):
        await fetch(folder, server.url)
    assert server.requests == []


async def test_progress_is_told(server: FileServer, tmp_path: Path) -> None:
    """The report ends at the size of the file."""
    seen: dict[str, tuple[int, int | None]] = {}
    async with serving(server):
        settings = AudiosetSettings(
            splits=("balanced_train",), metadata_dir=tmp_path, base_url=server.url,
            ontology_url=f"{server.url}/{ONTOLOGY}",
        )  # fmt: skip
        await fetch_missing(
            settings, NetworkSettings(), lambda name, have, of: seen.update({name: (have, of)})
        )
    size = len(server.files[SEGMENTS])
    assert seen["balanced_train_segments.csv"] == (size, size)


async def test_resumes_where_it_broke_off(server: FileServer, tmp_path: Path) -> None:
    """After a cut only the rest is asked for, and the file is the same to the byte."""
    server.faults = [("", 0), ("", 0), ("", 0), ("cut", 5000), ("cut", 7000)]
    async with serving(server):
        pauses = await fetch(tmp_path, server.url, told(server))
    ranges = [asked for path, asked in server.requests if path == SEGMENTS]
    assert ranges == [None, "bytes=5000-", "bytes=12000-"]
    assert (tmp_path / "balanced_train_segments.csv").read_bytes() == server.files[SEGMENTS]
    assert len(pauses) == 2


async def test_starts_over_when_the_server_cannot_resume(
    server: FileServer, tmp_path: Path
) -> None:
    """Without a version the file is fetched from its beginning."""
    server.etag, server.faults = None, [("", 0), ("", 0), ("", 0), ("cut", 5000)]
    async with serving(server):
        await fetch(tmp_path, server.url, told(server))
    assert [asked for path, asked in server.requests if path == SEGMENTS] == [None, None]
    assert (tmp_path / "balanced_train_segments.csv").read_bytes() == server.files[SEGMENTS]


async def test_server_faults_pass(server: FileServer, tmp_path: Path) -> None:
    """A few 503 and 429 are waited out."""
    server.faults = [("status", 503), ("status", 429), ("status", 500)]
    async with serving(server):
        assert len(await fetch(tmp_path, server.url)) == 3


async def test_server_that_stays_broken(server: FileServer, tmp_path: Path) -> None:
    """After some tries without progress it stops with address and remedy; nothing is left over."""
    server.faults = [("status", 503)] * 99
    async with serving(server):
        with pytest.raises(SetupError, match=r"answers 503.*by hand"):
            await fetch(tmp_path, server.url)
    assert len(server.requests) == 5
    assert os.listdir(tmp_path) == ["source"]


async def test_always_cut_at_the_same_place(server: FileServer, tmp_path: Path) -> None:
    """A file that never comes whole ends as an error, also where each try starts over."""
    server.etag = None
    server.faults = [("", 0), ("", 0), ("", 0)] + [("cut", 5000)] * 99
    async with serving(server):
        with pytest.raises(SetupError, match=r"only part|bytes came"):
            await fetch(tmp_path, server.url, told(server))
    assert not (tmp_path / "balanced_train_segments.csv").exists()
    assert left_over(tmp_path) == []


@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        (SEGMENTS, b"<html>Please sign in</html>", "sign-in page"),
        (SEGMENTS, b"", "something else"),
        (SEGMENTS, segments([row(1), row(2)]).encode()[:-30], "cut short within a line"),
        (SEGMENTS, segments([row(1)]).replace("segs=1", "segs=2").encode(), "1 of 2 rows"),
        (ONTOLOGY, b'[{"id": "/m/a"', "cut short"),
        (ONTOLOGY, b"# Ontology", "something else"),
        ("v1/qa/qa_true_counts.csv", b"a,b\n", "something else"),
    ],
)
async def test_what_is_not_the_file(
    server: FileServer, tmp_path: Path, path: str, content: bytes, said: str
) -> None:
    """A portal's page or half a file is never put in place."""
    server.files[path] = content
    async with serving(server):
        with pytest.raises(SetupError, match=said):
            await fetch(tmp_path, server.url)
    assert not (tmp_path / path.rpartition("/")[2]).exists()
    assert left_over(tmp_path) == []


async def test_not_there(server: FileServer, tmp_path: Path) -> None:
    """404 stops at once, with the setting to look at."""
    del server.files[SEGMENTS]
    async with serving(server):
        with pytest.raises(SetupError, match=r"segments.csv answers 404; see audioset.base_url"):
            await fetch(tmp_path, server.url)
    assert len(server.requests) == 4


async def test_optional_file_may_be_missing(
    server: FileServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No rerated ids: a line in the log, nothing more."""
    del server.files["v1/qa/rerated_video_ids.txt"]
    async with serving(server):
        await fetch(tmp_path, server.url)
    assert "optional rerated_video_ids.txt not downloaded; continuing without it" in caplog.messages
    assert catalog_of(tmp_path).rerated.tolist() == []


def nobody_listens() -> int:
    """A port of this machine on which nothing answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


async def test_no_network(tmp_path: Path) -> None:
    """No connection: tried some times, then said with a remedy."""
    with pytest.raises(SetupError, match=r"127.0.0.1 cannot be reached.*Is the network up"):
        await fetch(tmp_path, f"http://127.0.0.1:{nobody_listens()}")


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_proxy_is_down(tmp_path: Path, scheme: str) -> None:
    """A proxy that does not answer is named without its password."""
    proxy = f"{scheme}://user:secret@127.0.0.1:{nobody_listens()}"
    with pytest.raises(SetupError, match=r"proxy .*127.0.0.1") as caught:
        await fetch(tmp_path, "http://127.0.0.1:1", proxy=proxy)
    assert "secret" not in str(caught.value)


async def test_certificate_authority_that_is_none(tmp_path: Path) -> None:
    """A ca_file that cannot be used is named with its setting."""
    wrong = tmp_path / "ca.pem"
    wrong.write_text("no certificate")
    with pytest.raises(SetupError, match=r"network.ca_file: .*ca.pem cannot be used"):
        await fetch(tmp_path / "new", "https://127.0.0.1:1", ca_file=wrong)


async def test_folder_cannot_be_made(tmp_path: Path) -> None:
    """A folder that cannot be written is named with its setting, before anything is asked."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match=r"cannot write .*metadata_dir"):
        await fetch(tmp_path / "file" / "below", "http://127.0.0.1:1")


async def test_proxy_with_password(server: FileServer, tmp_path: Path) -> None:
    """Everything goes through the proxy, which gets user and password."""
    credentials: set[str | None] = set()

    async def proxy(request: web.BaseRequest) -> web.Response:
        credentials.add(request.headers.get("Proxy-Authorization"))
        assert request.url.host == "example.test"
        return web.Response(body=server.files[request.path.lstrip("/")])

    running = RawTestServer(proxy)
    async with running:
        address = f"http://us%40er:pa%3Ass@127.0.0.1:{running.port}"
        await fetch(tmp_path, "http://example.test", proxy=address)
    assert credentials == {"Basic " + b64encode(b"us@er:pa:ss").decode()}
    assert len(catalog_of(tmp_path).segments) == 2000


async def test_proxy_wants_a_password(tmp_path: Path) -> None:
    """A 407 is said as what it is, at once."""

    async def proxy(_: web.BaseRequest) -> web.Response:
        return web.Response(status=407)

    async with RawTestServer(proxy) as running:
        for target in ("http://example.test", "https://example.test"):
            with pytest.raises(SetupError, match=r"user (and|or) password.*network.proxy"):
                await fetch(tmp_path, target, proxy=f"http://127.0.0.1:{running.port}")


async def test_untrusted_certificate(server: FileServer, tmp_path: Path) -> None:
    """A certificate of an unknown authority is named with the setting; with it, all works."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    async with serving(server, context):
        with pytest.raises(SetupError, match=r"localhost is not trusted.*network.ca_file"):
            await fetch(tmp_path / "new", server.url)
        await fetch(tmp_path / "new", server.url, ca_file=ca_file)
    assert len(catalog_of(tmp_path / "new").segments) == 2000
