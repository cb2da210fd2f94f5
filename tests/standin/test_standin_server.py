"""What the stand-in answers over the wire, through its proxies."""

from __future__ import annotations

import asyncio
import json
import time
import zlib
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import pytest
from aiohttp_socks import ProxyConnector

from ascc_async.model import CREATIVE_COMMONS_LINK
from ascc_async.standin import links
from ascc_async.standin.incoming import Incoming
from ascc_async.standin.media import Stream
from ascc_async.standin.playability import REFUSALS
from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import DataApi, Fault, Limit
from tests.standin.client import Client

COMMON, STANDARD = "M4gD1WSo5mA", "cJ9to6EmElQ"
SECONDARY = "contents.twoColumnWatchNextResults.results.results.contents.videoSecondaryInfoRenderer"
MASK = f"{SECONDARY}(owner.videoOwnerRenderer.title,metadataRowContainer)"
LINK = CREATIVE_COMMONS_LINK.encode()


def of_kind(youtube: StandinProcess, kind: str) -> str:
    """A video of the own list."""
    return next(video.video_id for video in youtube.world.videos if video.kind == kind)


async def a_link(ask: Client, video_id: str = COMMON, **options: str) -> str:
    """A media link of the first sound format."""
    answer = json.loads((await ask.player(video_id, **options)).body)
    return str(answer["streamingData"]["adaptiveFormats"][0]["url"])


async def test_pages_are_large_and_the_mask_makes_them_small(
    ask: Client, youtube: StandinProcess
) -> None:
    """Over 250 KB without, about 1 KB with it; a mask can be refused or ignored."""
    whole, small = await ask.next(COMMON), await ask.next(COMMON, mask=MASK)
    assert len(whole.body) > 250_000
    assert len(small.body) < 2_000
    assert LINK in whole.body
    assert LINK in small.body
    assert LINK not in (await ask.next(STANDARD, mask=MASK)).body
    assert (await ask.next(COMMON, mask="a..b")).status == 400
    youtube.set_pages(mask="refused")
    statuses = [(await ask.next(COMMON, mask=mask)).status for mask in (MASK, "")]
    assert statuses == [400, 200]
    youtube.set_pages(mask="ignored")
    assert len((await ask.next(COMMON, mask=MASK)).body) > 250_000


@pytest.mark.parametrize(
    "change",
    [
        {"license_row": "gone"},
        {"license_row": "renamed", "container": "renamed"},
        {"results": "gone"},
        {"results": "renamed"},
        {"container": "gone"},
    ],
)
async def test_pages_can_change_under_the_parser(
    ask: Client, youtube: StandinProcess, change: dict[str, str]
) -> None:
    """The path to the row no longer leads to it."""
    youtube.set_pages(**change)
    mask = f"{SECONDARY}.metadataRowContainer.metadataRowContainerRenderer.rows.metadataRowRenderer"
    assert LINK not in (await ask.next(COMMON, mask=mask)).body


async def test_unknown_hosts_and_wrong_passwords_are_refused(
    ask: Client, youtube: StandinProcess
) -> None:
    """502 and 407 from the proxy."""
    with pytest.raises(aiohttp.ClientHttpProxyError) as unknown:
        await ask("https://www.example.org/")
    assert unknown.value.status == 502
    wrong = youtube.proxies["locked"].replace("anna", "eve")
    with pytest.raises(aiohttp.ClientHttpProxyError) as refused:
        await ask("https://www.youtube.com/", proxy=wrong)
    assert refused.value.status == 407
    assert (await ask("https://www.youtube.com/", listener="locked")).status == 200


async def test_socks_proxies_work_too(ask: Client, youtube: StandinProcess) -> None:
    """With user and password; the log names the proxy listener."""
    connector = ProxyConnector.from_url(youtube.proxies["socks"], ssl=ask._tls)
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.get("https://www.youtube.com/iframe_api") as answer,
    ):
        assert b"player" in await answer.read()
    assert youtube.requests()[-1]["listener"] == "socks"


async def test_media_comes_by_range(ask: Client) -> None:
    """206 with the bytes asked for, 416 beyond the end, 200 without a range."""
    link = await a_link(ask)
    part = await ask(link, headers={"Range": "bytes=100-199"})
    whole = await ask(link)
    assert (part.status, part.body) == (206, whole.body[100:200])
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(whole.body)}"
    assert (await ask(link, headers={"Range": f"bytes={len(whole.body)}-"})).status == 416


async def test_media_links_are_bound_and_signed(ask: Client) -> None:
    """403 for another identity, and for a changed link."""
    link = await a_link(ask)
    assert (await ask(link, listener="locked")).status == 403
    assert (await ask(link.replace("itag=", "itag=1"))).status == 403


def test_media_links_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """After six hours they are good for nothing."""
    stream, asked = Stream(140, "audio/mp4", 1000, (), (0, 0), None), Incoming("player", "main", "")
    for seconds, leads_to in ((60, (COMMON, 140)), (-2, None)):
        monkeypatch.setattr(links, "LINK_SECONDS", seconds)
        url = links.Links(b"secret").make(COMMON, stream, asked)["url"]
        fetched = asked._replace(query=dict(parse_qsl(urlsplit(url).query)))
        assert links.Links(b"secret").check(fetched) == leads_to


async def test_the_web_players_puzzle_must_be_solved(ask: Client) -> None:
    """A link with an unsolved `n` brings nothing."""
    link = await a_link(ask, client="WEB_EMBEDDED_PLAYER")
    challenge = link.split("&n=")[1].split("&")[0]
    assert (await ask(link)).status == 403
    solved = link.replace(f"&n={challenge}", f"&n={challenge[::-1]}Z")
    assert (await ask(solved, headers={"Range": "bytes=0-9"})).status == 206


async def test_the_data_api_tells_licenses_and_leaves_out_the_gone(
    ask: Client, youtube: StandinProcess
) -> None:
    """Fifty ids a call; one unit of quota each; then quotaExceeded."""
    youtube.set(data_api=DataApi(quota=1))
    gone = of_kind(youtube, "removed")
    params = {"part": "status,snippet", "id": f"{COMMON},{gone},{STANDARD}", "key": "AIzaTest"}
    url = "https://www.googleapis.com/youtube/v3/videos"
    items = json.loads((await ask(url, params=params)).body)["items"]
    assert {item["id"]: item["status"]["license"] for item in items} == {
        COMMON: "creativeCommon",
        STANDARD: "youtube",
    }
    title = youtube.world.video(COMMON).title
    assert items[0]["snippet"]["title"] == title
    over = await ask(url, params=params)
    assert over.status == 403
    assert json.loads(over.body)["error"]["errors"][0]["reason"] == "quotaExceeded"
    assert youtube.counters()["quota_used"] == {"AIzaTest": 1}


async def test_hidden_limits_hold_for_each_identity(ask: Client, youtube: StandinProcess) -> None:
    """The third request of one is refused with Retry-After; the other's is answered."""
    youtube.set(limits=[Limit(requests=2, pause_seconds=100, retry_after="seconds")])
    statuses = [(await ask.next(COMMON, mask=MASK)).status for _ in range(2)]
    refused = await ask.next(COMMON, mask=MASK)
    assert [*statuses, refused.status] == [200, 200, 429]
    assert 98 <= int(refused.headers["Retry-After"]) <= 101
    assert (await ask.next(COMMON, mask=MASK, listener="locked")).status == 200
    assert youtube.counters()["refused"]["main"] == 1


async def test_login_cookies_make_another_identity(ask: Client, youtube: StandinProcess) -> None:
    """A signed-in account is its own identity, whichever proxy it uses."""
    cookies = {"SAPISID": "a/b", "LOGIN_INFO": "x"}
    body = (await ask("https://www.youtube.com/", cookies=cookies)).body
    assert b'"LOGGED_IN": true' in body
    assert youtube.requests()[-1]["identity"].startswith("account-")
    youtube.set_pages(dead_sessions=True)
    dead = await ask("https://www.youtube.com/", cookies=cookies)
    assert b'"LOGGED_IN": false' in dead.body
    assert dead.headers["Set-Cookie"].startswith("LOGIN_INFO=;")


@pytest.mark.parametrize(
    ("style", "location"),
    [
        ("captcha", "https://www.google.com/sorry/index?"),
        ("consent", "https://consent.youtube.com/m?"),
        ("login_wall", "https://accounts.google.com/ServiceLogin?"),
    ],
)
async def test_walls_redirect(
    ask: Client, youtube: StandinProcess, style: str, location: str
) -> None:
    """To pages that stand there too."""
    youtube.set(faults=[{"name": style, "endpoints": ["watch"]}])
    answer = await ask("https://www.youtube.com/watch", params={"v": COMMON})
    assert answer.status == 302
    assert answer.headers["Location"].startswith(location)
    wall = await ask(answer.headers["Location"])
    assert wall.status == (429 if style == "captcha" else 200)


@pytest.mark.parametrize("style", REFUSALS)
async def test_refusals_stand_in_playability(
    ask: Client, youtube: StandinProcess, style: str
) -> None:
    """The player says so; `next` looks as for a video that is gone."""
    youtube.set(faults=[{"name": style, "times": 0}])
    words = REFUSALS[style].subreason or REFUSALS[style].reason
    assert words.encode() in (await ask.player(COMMON)).body
    assert LINK not in (await ask.next(COMMON)).body
    page = (await ask("https://www.youtube.com/watch", params={"v": COMMON})).body
    assert words.encode() in page
    assert LINK not in page


@pytest.mark.parametrize("name", ["cut_before", "cut_body"])
async def test_connections_are_cut(ask: Client, youtube: StandinProcess, name: str) -> None:
    """Before the answer, or with part of the declared bytes sent; the next try succeeds."""
    youtube.set(faults=[{"name": name, "endpoints": ["next"]}])
    with pytest.raises(aiohttp.ClientError):
        await ask.next(COMMON)
    assert (await ask.next(COMMON)).status == 200
    first, second = youtube.requests("next")
    assert (first["fault"], second["fault"]) == (name, "")
    assert first["size"] < second["size"]


async def test_stalls_and_slow_bodies_take_their_time(ask: Client, youtube: StandinProcess) -> None:
    """The first bytes come, the rest does not, or not soon; once cut, the next try succeeds."""
    youtube.set_faults(Fault(name="stall", seconds=60, endpoints=("next",)))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ask.next(COMMON), 0.4)
    youtube.set_faults(Fault(name="slow_body", bytes_per_second=10_000, endpoints=("next",)))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ask.next(COMMON), 0.4)
    youtube.cut_connections()
    assert (await ask.next(COMMON)).status == 200


async def test_answers_can_be_nonsense(ask: Client, youtube: StandinProcess) -> None:
    """Nothing, HTML, half a JSON, or another video's answer; a set status."""
    seen = {}
    for name in ("empty", "html", "truncated", "other_video", "server_error"):
        youtube.set(faults=[{"name": name, "times": 0}])
        seen[name] = await ask.next(COMMON)
    assert seen["empty"].body == b""
    assert seen["html"].body.startswith(b"<!DOCTYPE html>")
    assert seen["truncated"].body[-1:] != b"}"
    assert COMMON.encode() not in seen["other_video"].body
    assert seen["server_error"].status == 503


async def test_bombs_and_oversized_answers(ask: Client, youtube: StandinProcess) -> None:
    """A small body that unpacks to 200 MB; a plain one of 40 MB."""
    youtube.set_faults(Fault(name="gzip_bomb", endpoints=("player",)))
    bomb = await ask.player(COMMON, unpack=False)
    assert bomb.headers["Content-Encoding"] == "gzip"
    assert len(bomb.body) < 2_000_000
    assert zlib.decompressobj(31).decompress(bomb.body, 10_000_000) == b" " * 10_000_000
    youtube.set_faults(Fault(name="oversized", endpoints=("next",)))
    assert len((await ask.next(COMMON)).body) > 40_000_000


async def test_range_can_be_ignored_and_speed_limited(ask: Client, youtube: StandinProcess) -> None:
    """200 with everything; and a total speed in Mbit/s."""
    link = await a_link(ask)
    youtube.set_faults(Fault(name="range_ignored"))
    answer = await ask(link, headers={"Range": "bytes=0-99"})
    assert answer.status == 200
    youtube.set(media={"total_mbit": 8})
    begun = time.monotonic()
    await ask(link, headers={"Range": "bytes=0-299999"})
    assert 0.2 < time.monotonic() - begun < 2


async def test_metadata_files_stand_at_their_addresses(
    ask: Client, youtube: StandinProcess
) -> None:
    """One row per video of the own list over the three splits; the ontology; 404 for others."""
    base = "https://storage.googleapis.com/us_audioset/youtube_corpus/v1"
    rows = 0
    for split in ("balanced_train", "eval", "unbalanced_train"):
        answer = await ask(f"{base}/csv/{split}_segments.csv")
        rows += len([line for line in answer.body.splitlines() if line[:1] != b"#"])
    assert rows == len(youtube.world.videos)
    assert (await ask(f"{base}/qa/qa_true_counts.csv")).status == 200
    assert (await ask(f"{base}/csv/other.csv")).status == 404
    ontology = "https://raw.githubusercontent.com/audioset/ontology/master/ontology.json"
    assert json.loads((await ask(ontology)).body)[0]["id"]


async def test_the_log_tells_who_asked_what(ask: Client, youtube: StandinProcess) -> None:
    """One line per request, there before the answer is; counters beside it."""
    await ask.next(COMMON, mask=MASK, listener="locked")
    line = youtube.requests("next")[-1]
    assert (line["identity"], line["videos"], line["status"]) == ("locked", [COMMON], 200)
    assert line["mask"] == MASK
    counters = youtube.counters()
    assert counters["requests"]["next"] == 1
    assert counters["bytes"]["pages"] == line["size"]
    assert counters["connections"]["locked"] == 1
