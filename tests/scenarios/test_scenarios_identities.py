"""Several identities through the real command: each has its own proxy, rates and pauses."""

from __future__ import annotations

import itertools
import json
import socket
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from scenario import Place, wrong

from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import Limit, ProxyListener, WorldSettings

PASSWORD = "sesame-3kX9"
LISTENERS = (
    ProxyListener(name="main"),
    ProxyListener(name="locked", user="somebody", password=PASSWORD),
    ProxyListener(name="tls", scheme="https", user="somebody", password=PASSWORD),
    ProxyListener(name="socks", scheme="socks5", user="somebody", password=PASSWORD),
)
ASKING = ("next", "player", "watch")


@pytest.fixture(scope="module")
def house() -> Iterator[StandinProcess]:
    """A stand-in with a proxy of each kind."""
    with StandinProcess(WorldSettings(seed=5, videos=60, listeners=LISTENERS)) as youtube:
        yield youtube


@dataclass
class Party:
    """An output folder whose runs use several proxies."""

    place: Place
    youtube: StandinProcess

    def run(self) -> tuple[int, str]:
        """To the end, counted from here."""
        self.youtube.reset_counters()
        return self.place.run(timeout=150)

    def sent(self) -> dict[tuple[str, str], int]:
        """Requests that the rate limiter counted, by identity and kind."""
        buckets = json.loads(self.place.here("status", "--json")[1])["picture"]["identities"]
        return {(each["identity"], each["kind"]): each["sent"] for each in buckets}


def party(youtube: StandinProcess, folder: Path, others: dict[str, str], *settings: str) -> Party:
    """The first proxy is `network.proxy`; `others` are further identities with their proxies."""
    youtube.set(limits=(), faults=(), delay_seconds=0)
    identities = [{"name": name, "proxy": proxy} for name, proxy in others.items()]
    own = (
        f"network.proxy={youtube.proxies['main']}", f"network.ca_file={youtube.ca_file}",
        f"network.identities={json.dumps(identities)}",
        f"audioset.metadata_dir={folder / 'metadata'}", *settings,
    )  # fmt: skip
    return Party(Place(folder / "out", own), youtube)


def closed_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.mark.slow
def test_every_kind_of_proxy_works_and_broken_ones_rest(
    house: StandinProcess, tmp_path: Path
) -> None:
    """http, https and socks5 with passwords carry the job; one that is down and one that refuses
    the password are named, rest, and cost nothing. A video's requests all use one
    proxy, its media too; the rate limiter has counted what the other side has seen.
    """
    ways = {name: house.proxies[name] for name in ("locked", "tls", "socks")}
    ways["gone"] = closed_port()
    ways["barred"] = house.proxies["locked"].replace(PASSWORD, "wr0ng-" + PASSWORD)
    many = party(house, tmp_path, ways, "throttle.requests_per_second=40", "throttle.burst=1")
    house.set(delay_seconds=0.02)
    code, said = many.run()
    assert code == 0, said
    rows = many.place.manifest()
    assert wrong(rows, house.world) == []
    for name in ("gone", "barred"):
        assert f"identity {name}" in said or f"identity {name}," in said or name in said
    assert PASSWORD not in said
    used: dict[str, set[str]] = defaultdict(set)
    known = {*house.settings.known_creative_commons, *house.settings.known_standard}
    lines = house.requests()
    for line in lines:
        if line["endpoint"] in (*ASKING, "media"):
            for video in set(line.get("videos", ())) - known:
                used[video].add(line["listener"])
    assert {video: by for video, by in used.items() if len(by) > 1} == {}
    assert set.union(*used.values()) == {"main", "locked", "tls", "socks"}
    sent = many.sent()
    for name in ("main", "locked", "tls", "socks"):
        for kind in ("pages", "media"):
            seen = sum(line["listener"] == name and line["kind"] == kind for line in lines)
            if seen:
                assert sent[name, kind] == seen, (name, kind)


def test_one_is_refused_and_the_other_does_the_job(house: StandinProcess, tmp_path: Path) -> None:
    """A refusal rests that identity, for five seconds at least, and is no video's fault."""
    # One at a time: a refusal cannot call back what is under way, and that may be all of them.
    # So slowly that whoever does not rest is asked again.
    two = party(
        house, tmp_path, {"locked": house.proxies["locked"]},
        "audioset.splits=[eval]", "concurrency.licenses=1",
        "throttle.requests_per_second=10", "throttle.burst=1",
    )  # fmt: skip
    never = Limit(requests=0, pause_seconds=600, style="bot_check", identities=("locked",))
    house.set(limits=(never,))
    code, said = two.run()
    assert code == 0, said
    assert "locked" in said
    assert wrong(two.place.manifest(), house.world) == []
    assert {row["attempts"] for row in two.place.manifest() if row["outcome"] == "clip"} == {"1"}
    refused = [line for line in house.requests() if line["identity"] == "locked"]
    # A page without a video tells nothing; where the player refuses, another such page shows that
    # pages are refused, too.
    assert [line["endpoint"] for line in refused[:3]] == ["next", "player", "next"]
    began = [line["t"] for line in refused[2:] if line["endpoint"] == "next"]
    assert all(after - before >= 4.9 for before, after in itertools.pairwise(began)), began


@pytest.mark.slow
def test_when_all_rest_too_long_it_gives_up_and_says_so(
    house: StandinProcess, tmp_path: Path
) -> None:
    """Exit 3 with advice; nothing is said of any video; later the same command does the job."""
    all_ = party(
        house, tmp_path, {"locked": house.proxies["locked"]},
        "audioset.splits=[eval]", "throttle.give_up_after_hours=0.0006",
    )  # fmt: skip
    house.set(limits=(Limit(requests=0, pause_seconds=600, style="try_later"),))
    code, said = all_.run()
    assert code == 3, said
    for words in ("all identities paused", "throttle.requests_per_second", "cookies"):
        assert words in said, said
    assert {(row["license"], row["outcome"]) for row in all_.place.manifest()} == {("", "pending")}
    house.set(limits=())
    code, said = all_.run()
    assert code == 0, said
    assert wrong(all_.place.manifest(), house.world) == []


@pytest.mark.slow
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_honoured(house: StandinProcess, tmp_path: Path, form: str) -> None:
    """After a refusal that names its time nothing is asked until then."""
    alone = party(house, tmp_path, {}, "audioset.splits=[eval]", "concurrency.licenses=1",
                  "throttle.requests_per_second=20", "throttle.burst=1")  # fmt: skip
    limit = Limit(requests=10, window_seconds=2, pause_seconds=4, style="429", retry_after=form)
    house.set(limits=(limit,))
    code, said = alone.run()
    assert code == 0, said
    # What an extraction had begun it may end: only what is asked anew is looked at.
    lines = [line for line in house.requests("next") if line["mask"]]
    refused = [line["t"] for line in lines if line["refused"]]
    assert refused
    first = refused[0]
    early = [line["t"] - first for line in lines if first + 0.5 < line["t"] < first + 2.9]
    assert early == []
    assert wrong(alone.place.manifest(), house.world) == []


@pytest.mark.slow
def test_the_learned_rate_survives_a_restart(house: StandinProcess, tmp_path: Path) -> None:
    """What one run found out of the limit the next begins with."""
    alone = party(house, tmp_path, {}, "throttle.requests_per_second=5", "throttle.burst=1",
                  "license.retry_unknown=9")  # fmt: skip
    house.set(limits=(Limit(requests=40, window_seconds=10, pause_seconds=3),))
    code, said = alone.run()
    assert code == 0, said
    buckets = json.loads(alone.place.here("status", "--json")[1])["picture"]["identities"]
    (pages,) = (each for each in buckets if each["kind"] == "pages")
    assert pages["refused"] > 0
    assert pages["ceiling"] is not None
    assert alone.run()[0] == 0
    buckets = json.loads(alone.place.here("status", "--json")[1])["picture"]["identities"]
    (again,) = (each for each in buckets if each["kind"] == "pages")
    assert again["refused"] == 0
    assert again["ceiling"] == pytest.approx(pages["ceiling"], rel=0.2)


@pytest.mark.slow
def test_the_user_s_plain_wishes_are_kept(house: StandinProcess, tmp_path: Path) -> None:
    """`delay_seconds` between two videos; `adaptive: false` keeps its rate; one license at once."""
    slow = party(
        house, tmp_path, {}, "audioset.splits=[eval]", "throttle.delay_seconds=0.4",
        "throttle.jitter=0", "throttle.adaptive=false", "concurrency.licenses=1",
    )  # fmt: skip
    code, said = slow.run()
    assert code == 0, said
    known = {*house.settings.known_creative_commons, *house.settings.known_standard}
    asked: dict[str, float] = {}
    for line in house.requests("next"):
        for video in line["videos"]:
            if line.get("mask") and video not in known:
                asked.setdefault(video, line["t"])
    times = sorted(asked.values())
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert min(gaps) > 0.37
