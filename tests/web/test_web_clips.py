"""The clips in the browser: found, heard and seen; nothing but clips is ever sent."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from clip_folder import FORMATS, HOSTILE, make_folder, video

from ascc_async.journal.reader import Reader
from ascc_async.media.encoding import CLIP_FORMATS
from ascc_async.settings import Settings
from ascc_async.web.access import Access, Listen
from ascc_async.web.clips import SOUND_TYPES
from ascc_async.web.server import application

if TYPE_CHECKING:
    from conftest import Window

TYPES = ("audio/flac", "audio/wav", "audio/mpeg", "audio/ogg", "audio/mp4")
FIRST = f"/clips/{video(0)}_30000"


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder, not to be written in."""
    folder = tmp_path_factory.mktemp("clips") / "out"
    make_folder(folder)
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "out"))


async def answers(folder: Path, *paths: str, **headers: str) -> list[tuple[ClientResponse, bytes]]:
    """What the server says to requests of these paths, in this process."""
    values = {
        "output": {"dir": folder},
        "audioset": {"metadata_dir": folder / "metadata", "splits": ["balanced_train"]},
    }
    app = application(Settings.model_validate(values), Access(Listen.of("127.0.0.1:0"), None))
    async with TestClient(TestServer(app)) as client:
        got = [await client.get(path, headers=headers) for path in paths]
        return [(each, await each.read()) for each in got]


def listed(page: bytes) -> list[int]:
    """The clips of a list."""
    return [int(each) for each in re.findall(rb'data-page="/clips/(\d{11})_30000"', page)]


async def test_clips_are_found_by_what_the_form_asks(original: Path) -> None:
    """Words, class, channel, flag and length; an odd value chooses nothing and breaks nothing."""
    asked = {
        "": [0, 1, 2, 3, 4],
        "q=ALERT": [0],
        "class=/m/c": [0, 2, 4],
        "class=/m/b&q=nel+1": [1],
        "class=/m/unknown": [],
        f"channel=UC{2:022d}": [2],
        "flag=quiet": [1],
        "flag=short": [0, 1, 2, 3, 4],
        "shortest=1.9&longest=2": [0, 1, 2, 3, 4],
        "longest=1": [],
        f"after={video(3)}_30000": [4],
        f"before={video(2)}_30000": [0, 1],
        "flag=nonsense&shortest=x&longest=nan&after=../etc&q=%00%F0%9F": [],
        "flag=nonsense&shortest=x&longest=inf&before=%27": [0, 1, 2, 3, 4],
    }
    got = await answers(original, *(f"/clips?{query}" for query in asked))
    assert [response.status for response, _ in got] == [200] * len(asked)
    assert dict(zip(asked, (listed(page) for _, page in got), strict=True)) == asked
    assert "No clip matches" in got[4][1].decode()


async def test_hostile_titles_are_shown_as_text(original: Path) -> None:
    """Markup stays letters, and what turns or hides other text is gone."""
    pages = await answers(original, "/clips", *(f"/clips/{video(n)}_30000" for n in range(5)))
    for response, page in pages:
        text = page.decode()
        assert response.status == 200
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "Chan<b>" not in text
        assert not set("\u202e\u2066\x1b\x00\x07") & set(text)
    assert HOSTILE["script"] in unescape(pages[1][1].decode())
    assert f"<bdi>{video(3)}_30000</bdi>" in pages[4][1].decode()  # instead of an empty title


async def test_a_player_gets_the_part_it_asks_for(original: Path) -> None:
    """Ranges and types of every format; what is beyond the end is 416."""
    assert {f".{form}" for form in CLIP_FORMATS} <= SOUND_TYPES.keys()
    paths = [f"/clips/{video(n)}_30000/sound" for n in range(5)]
    for (response, sound), kind, form in zip(
        await answers(original, *paths), TYPES, FORMATS, strict=True
    ):
        assert (response.status, response.content_type) == (200, kind)
        assert response.content_disposition is not None
        assert str(response.content_disposition.filename).endswith(f"_30000.{form}")
        assert sound == next((original / "clips/00").glob(f"*.{form}")).read_bytes()
    whole = next((original / "clips/00").glob("*.flac")).read_bytes()
    for asked, start, end in (("0-1", 0, 2), ("100-", 100, None), ("-5", -5, None)):
        ((response, sound),) = await answers(original, paths[0], Range=f"bytes={asked}")
        assert (response.status, sound) == (206, whole[start:end])
    for asked in ("abc", "bytes=0-1,5-6"):  # which a server may ignore
        ((response, sound),) = await answers(original, paths[0], Range=asked)
        assert (response.status, sound) == (200, whole)
    ((response, _),) = await answers(original, paths[0], Range="bytes=99999999-")
    assert response.status == 416
    ((response, png),) = await answers(original, f"{FIRST}/picture.png")
    assert (response.content_type, png[:4]) == ("image/png", b"\x89PNG")
    ((again, _),) = await answers(
        original, f"{FIRST}/picture.png", **{"If-None-Match": response.headers["ETag"]}
    )
    assert again.status == 304


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "clips/../../secret.flac", "clips/00/link.flac", "clips/00/page.html",
     "clips/00"],
)  # fmt: skip
async def test_only_clips_are_sent_whatever_the_journal_names(folder: Path, path: str) -> None:
    """A copied folder may come from anybody: no way leads out of `clips/`, not by a link either."""
    (folder.parent / "secret.flac").write_text("secret")
    (folder / "clips/00/page.html").write_text("<script>")
    (folder / "clips/00/link.flac").symlink_to(folder.parent / "secret.flac")
    with closing(sqlite3.connect(folder / "state.sqlite3")) as journal, journal:
        journal.execute("UPDATE clips SET path = ? WHERE video_id = ?", (path, video(0)))
    ways = (f"{FIRST}/sound", f"{FIRST}/picture.png", "/clips/..%2f..%2fsecret.flac/sound")
    got = await answers(folder, *ways, f"/clips/{video(9)}_30000/sound", FIRST)
    assert [response.status for response, _ in got] == [404] * 4 + [200]
    assert b"is not there" in got[-1][1]


async def test_the_page_of_a_clip_says_all_that_is_known(folder: Path) -> None:
    """Credit, evidence, what was said before; and of a segment without a clip why there is none."""
    strong = folder / "exports/strong"
    strong.mkdir(parents=True)
    heading = "filename\tonset\toffset\tevent_label\tmid\n"
    (strong / "eval.tsv").write_text(
        f"{heading}clips/00/{video(0)}_30000.flac\t0.5\t1\tBark\t/m/b\n"
    )
    gone, unasked, unknown = (f"/clips/{video(n)}_30000" for n in (8, 9, 77))
    pages = await answers(folder, FIRST, gone, unasked, unknown)
    assert [response.status for response, _ in pages] == [200, 200, 200, 404]
    clip, private, not_asked, nothing = (re.sub(r"\s+", " ", page.decode()) for _, page in pages)
    for words in ("Class c", "Bark is heard 1 time", "https://creativecommons.org/licenses/by/3.0/",
                  "cut to 30–32 s of the video", "urn:uuid:", "creativeCommon",
                  "by data_api, when a run looked once more",
                  "<td>unknown</td>", ">short<"):  # fmt: skip
        assert words in clip, words
    assert 'x="25.0%" width="25.0%"' in clip
    assert "No clip: the video is private" in private
    assert "Video &lt;b&gt;private&lt;/b&gt;" in private
    assert "nobody has asked YouTube about the video yet" in not_asked
    assert "Nothing is known" in nothing


async def test_a_clip_that_is_lost_or_damaged_says_so(folder: Path) -> None:
    """In the list, on its page and in its picture; nothing is played that is not there."""
    (folder / f"clips/00/{video(0)}_30000.flac").unlink()
    (folder / f"clips/00/{video(1)}_30000.wav").write_bytes(b"RIFF")
    (folder / "exports/strong").mkdir(parents=True)
    (folder / "exports/strong/eval.tsv").write_bytes(b"filename\tonset\nclips\xff\tx")
    second = f"/clips/{video(1)}_30000"
    got = await answers(
        folder, "/clips", FIRST, f"{second}/picture.png", "/clips?after=z0123456789_0"
    )
    assert [response.status for response, _ in got] == [200] * 4
    listed, lost, picture, beyond = (page.decode() for _, page in got)
    assert listed.count("file missing") == 1
    assert f"{FIRST}/sound" not in listed + lost
    assert "verify --repair" in lost
    assert "does not decode" in picture
    assert "No more clips here" in beyond


async def test_whom_the_removal_list_names_is_not_shown(folder: Path) -> None:
    """Neither title nor sound nor picture, at once."""
    (folder / "removals.txt").write_text(f"{video(0)}\nchannel: Chan<b>nel 1\n")
    second = f"/clips/{video(1)}_30000"
    got = await answers(folder, f"{FIRST}/sound", f"{second}/picture.png", FIRST, second, "/clips")
    assert [response.status for response, _ in got] == [404, 404, 200, 200, 200]
    for _, page in got[2:]:
        assert b"removals.txt names it" in page
        assert b"alert" not in page
        assert b"nel 1" not in page


async def test_before_the_first_clip_the_list_says_so(folder: Path, tmp_path: Path) -> None:
    """No journal, and one without clips, are no errors."""
    with closing(sqlite3.connect(folder / "state.sqlite3")) as journal, journal:
        journal.execute("DELETE FROM clips")
    ((new, _),) = await answers(tmp_path / "new", "/clips")
    ((empty, page),) = await answers(folder, "/clips")
    assert (new.status, empty.status) == (200, 200)
    assert b"No clips yet" in page


@pytest.mark.slow
def test_the_keyboard_goes_through_the_list_and_plays(
    serve: Callable[..., str], window: Callable[..., Window], original: Path
) -> None:
    """On a phone and in the dark: j and k choose, space plays every format, Enter opens."""
    metadata = f"audioset.metadata_dir={original / 'metadata'}"
    url = serve(original, "--set", metadata, "--set", 'audioset.splits=["balanced_train"]')
    seen = window(390, 844, "dark")
    page: Any = seen.open(f"{url}clips")
    seen.assert_fits()
    seen.assert_accessible()
    chosen = page.locator("tr[aria-selected=true]")
    playing = (
        "number => { const a = document.querySelector('audio');"
        " return a.currentSrc.includes(number) && a.currentTime > 0 }"
    )
    page.keyboard.press("k")
    for number in range(len(FORMATS)):
        assert chosen.get_attribute("data-page") == f"/clips/{video(number)}_30000"
        page.keyboard.press("Space")
        page.wait_for_function(playing, arg=video(number))
        page.keyboard.press("j")
    assert page.locator("tr.playing").count() == 1
    seen.assert_accessible()
    page.keyboard.press("k")
    page.focus(f"a[href='/clips/{video(1)}_30000']")
    assert chosen.get_attribute("data-page") == f"/clips/{video(1)}_30000"
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.focus("input[name=q]")
    page.keyboard.type("jk ")
    assert chosen.get_attribute("data-page") == f"/clips/{video(3)}_30000"
    chosen.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/clips/{video(3)}_30000")


def test_the_page_of_a_clip_plays_and_shows_where(
    serve: Callable[..., str], window: Callable[..., Window], original: Path
) -> None:
    """It fits a phone too; the picture is there, and a line goes along with the sound."""
    url = serve(original, "--set", f"audioset.metadata_dir={original / 'metadata'}")
    seen = window(1600, 1000)
    page: Any = seen.open(f"{url}clips/{video(2)}_30000")
    for width in (390, 1600):
        seen.becomes(width, "light")
        seen.assert_fits()
    seen.assert_accessible()
    assert page.evaluate("document.querySelector('.picture img').naturalWidth") == 1000
    page.keyboard.press("Space")
    page.wait_for_function("() => parseFloat(document.querySelector('.now').style.left) > 1")
    page.keyboard.press("Space")
    page.locator(".picture").click(position={"x": 4, "y": 40})
    page.wait_for_function("() => document.querySelector('audio').currentTime < 0.2")


async def test_of_many_clips_a_page_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is asked: never the whole list; a page holds 50 of them."""
    one = "SELECT * FROM clips WHERE video_id = ?"
    with closing(sqlite3.connect(folder / "state.sqlite3")) as journal, journal:
        (_, _, *rest) = journal.execute(one, (video(2),)).fetchone()
        marks = ", ".join("?" * (len(rest) + 2))
        many = ((f"{video(n)}_30000", video(n), *rest) for n in range(10, 3010))
        journal.executemany(f"INSERT INTO clips VALUES ({marks})", many)
    read: list[object] = []
    look_up = Reader.look_up

    def counted(reader: Reader, sql: str, *values: object) -> list[object]:
        rows = look_up(reader, sql, *values)
        read.extend(rows)
        return rows

    monkeypatch.setattr(Reader, "look_up", counted)
    for query in ("", f"after={video(2000)}_30000", f"before={video(2000)}_30000", "q=zzz", "q=w+3",
                  "q=дом", "flag=short&shortest=1"):  # fmt: skip
        read.clear()
        ((_, page),) = await answers(folder, f"/clips?{query}")
        assert len(listed(page)) <= 50
        assert len(read) < 500, query
