"""Downloading metadata: checked, in place only when whole, and clear when impossible."""

from __future__ import annotations

import os
import socket
import ssl
from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web
from aiohttp.test_utils import RawTestServer
from fileserver import FileServer, serving
from metadata_folders import catalog_of, row, segments, write_folder

from ascc_async.audioset import metadata_files
from ascc_async.audioset.download import RETRIES, Report, fetch_missing
from ascc_async.errors import SettingsError, SetupError
from ascc_async.network.retry import RetrySettings
from ascc_async.settings import AudiosetSettings, NetworkSettings

SEGMENTS = "v1/csv/balanced_train_segments.csv"
ONTOLOGY = "ontology.json"
BEFORE_SEGMENTS = [("", 0)] * 3  # class list, counts and ontology come first


@pytest.fixture
def server(tmp_path: Path) -> FileServer:
    """All files of a small AudioSet, where Google has them."""
    folder = tmp_path / "source"
    folder.mkdir()
    write_folder(folder, {"balanced_train_segments.csv": segments([row(i) for i in range(2000)])})
    paths = (
        SEGMENTS, "v1/csv/class_labels_indices.csv", "v1/qa/qa_true_counts.csv",
        ONTOLOGY,
    )  # fmt: skip
    return FileServer({path: (folder / Path(path).name).read_bytes() for path in paths})


async def fetch(folder: Path, url: str, report: Report = lambda *_: None, **network: Any) -> None:
    """Fetch what is missing, without pauses between the tries."""
    kinds = {"network": RETRIES.network, "server": RETRIES.server}
    at_once = {kind: replace(bounds, first_wait=0.0) for kind, bounds in kinds.items()}
    settings = AudiosetSettings(
        splits=("balanced_train",), metadata_dir=folder, base_url=url,
        ontology_url=f"{url}/{ONTOLOGY}",
    )  # fmt: skip
    network_settings = NetworkSettings.model_validate(network)
    await fetch_missing(settings, network_settings, report, retries=RetrySettings(**at_once))


def leftovers(folder: Path) -> list[str]:
    """Temporary files that should not be there."""
    return [name for name in os.listdir(folder) if name.startswith(".")]


async def test_all_that_is_needed(server: FileServer, tmp_path: Path) -> None:
    """The files of the chosen split, class list, counts, ontology: no other.

    The progress of each ends at its size.
    """
    folder, progress = tmp_path / "new" / "folder", dict[str, tuple[int, int | None]]()
    async with serving(server):
        await fetch(folder, server.url, lambda name, have, of: progress.update({name: (have, of)}))
    assert leftovers(folder) == []
    assert sorted(server.requests) == sorted(server.files)
    assert len(catalog_of(folder).segments) == 2000
    size = len(server.files[SEGMENTS])
    assert progress["balanced_train_segments.csv"] == (size, size)


async def test_files_that_are_there_are_left_alone(server: FileServer, tmp_path: Path) -> None:
    """Nothing is asked when nothing is missing, wherever below the folder a file lies."""
    folder = write_folder(tmp_path)
    (folder / "v1" / "csv").mkdir(parents=True)
    name = "class_labels_indices.csv"
    (folder / name).rename(folder / "v1" / "csv" / name)
    async with serving(server):
        await fetch(folder, server.url)
    assert server.requests == []


async def test_a_file_that_broke_off_is_fetched_again(server: FileServer, tmp_path: Path) -> None:
    """From its start: no piece of another version ever gets into it."""
    server.faults = BEFORE_SEGMENTS + [("cut", after) for after in (5000, 7000)]
    async with serving(server):
        await fetch(tmp_path, server.url)
    assert (tmp_path / "balanced_train_segments.csv").read_bytes() == server.files[SEGMENTS]
    assert server.requests.count(SEGMENTS) == 3


async def test_server_faults_pass(server: FileServer, tmp_path: Path) -> None:
    """A few 503 and 429 are waited out."""
    server.faults = [("status", 503), ("status", 429), ("status", 500)]
    async with serving(server):
        await fetch(tmp_path, server.url)
    assert len(server.requests) == 4 + 3


@pytest.mark.parametrize(
    ("faults", "message", "requests"),
    [
        ([("status", 503)] * 99, r"answers 503.*by hand", 5),
        ([*BEFORE_SEGMENTS, *[("cut", 5000)] * 99], "sent only part of the answer", 3 + 5),
        ([*BEFORE_SEGMENTS, ("status", 404)], r"csv answers 404; see audioset.base_url", 3 + 1),
    ],
)
async def test_server_that_stays_broken(
    server: FileServer,
    tmp_path: Path,
    faults: list[tuple[str, int]],
    message: str,
    requests: int,
) -> None:
    """After some tries it stops with address and remedy; 404 is final."""
    server.faults = faults
    async with serving(server):
        with pytest.raises(SetupError, match=message):
            await fetch(tmp_path, server.url)
    assert len(server.requests) == requests
    assert not (tmp_path / "balanced_train_segments.csv").exists()
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize(
    ("path", "content", "message"),
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
    server: FileServer, tmp_path: Path, path: str, content: bytes, message: str
) -> None:
    """A portal's page or half a file is never put in place."""
    server.files[path] = content
    async with serving(server):
        with pytest.raises(SetupError, match=message):
            await fetch(tmp_path, server.url)
    assert not (tmp_path / Path(path).name).exists()
    assert leftovers(tmp_path) == []


async def test_another_file_is_one_record(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record added to the table is fetched from its folder, checked, and hashed as an input."""
    another = metadata_files.MetadataFile("strong.csv", "v2/qa", "0" * 40, rb"id,\w+\n")
    monkeypatch.setattr(metadata_files, "FILES", (another, *metadata_files.FILES))
    server.files["v2/qa/strong.csv"] = b"Please sign in\n"
    async with serving(server):
        with pytest.raises(SetupError, match="something else than strong"):
            await fetch(tmp_path, server.url)
        server.files["v2/qa/strong.csv"] = b"id,strength\n"
        await fetch(tmp_path, server.url)
    assert "strong.csv" in [file.name for file in catalog_of(tmp_path).inputs]


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ({}, r"127.0.0.1 cannot be reached; check the network"),
        ({"proxy": "http://user:secret@127.0.0.1:{port}"}, r"proxy .*127.0.0.1"),
        ({"proxy": "socks5://user:secret@127.0.0.1:{port}"}, r"proxy .*127.0.0.1"),
        ({"ca_file": "{folder}/file"}, r"network.ca_file: .*file cannot be used"),
    ],
)
async def test_surroundings_that_do_not_allow_it(
    tmp_path: Path, network: dict[str, str], message: str
) -> None:
    """The setting is named, never a password; no folder is left."""
    (tmp_path / "file").write_text("neither a certificate nor a folder")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    settings = {key: text.format(port=port, folder=tmp_path) for key, text in network.items()}
    with pytest.raises(SetupError, match=message) as caught:
        await fetch(tmp_path / "new" / "folder", f"http://127.0.0.1:{port}", **settings)
    assert "secret" not in str(caught.value)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("folder", ["file", "file/below"])
async def test_a_file_is_no_folder_for_the_metadata(tmp_path: Path, folder: str) -> None:
    """The setting is named before anything is asked."""
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"metadata_dir: .*/file is a file"):
        await fetch(tmp_path / folder, "http://127.0.0.1:1")


async def test_proxy_with_password(server: FileServer, tmp_path: Path) -> None:
    """Everything goes through the proxy, which gets user and password."""
    credentials: set[str | None] = set()

    async def proxy(request: web.BaseRequest) -> web.Response:
        credentials.add(request.headers.get("Proxy-Authorization"))
        assert request.url.host == "example.test"
        return web.Response(body=server.files[request.path.lstrip("/")])

    async with RawTestServer(proxy) as running:
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
            with pytest.raises(SetupError, match=r"user (and|name or) password.*network.proxy"):
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
