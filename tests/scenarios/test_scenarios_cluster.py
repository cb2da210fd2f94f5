"""A run whose questions the workers of a Dask cluster ask: the same dataset, whoever dies."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dask_cluster import DaskCluster, wait_for
from scenario import Place, Row, timeless, wrong

from ascc_async import __version__
from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import ProxyListener, WorldSettings

LOGIN = ("LOGIN_INFO", "SAPISID", "__Secure-3PAPISID")
DOORS = tuple(ProxyListener(name=name) for name in ("main", "node1", "node2"))


@pytest.fixture(scope="module")
def doors() -> Iterator[StandinProcess]:
    """A stand-in with three doors: each is an address of its own to it."""
    with StandinProcess(WorldSettings(seed=5, videos=40, listeners=DOORS)) as youtube:
        yield youtube


def place(folder: Path, youtube: StandinProcess, *settings: str) -> Place:
    """An output folder whose runs go out by all doors, each as an identity."""
    youtube.set(limits=(), faults=(), delay_seconds=0)
    youtube.reset_counters()
    others = [
        {"name": name, "proxy": youtube.proxies[name]} for name in youtube.proxies if name != "main"
    ]
    reach = (
        f"network.proxy={youtube.proxy}", f"network.ca_file={youtube.ca_file}",
        f"network.identities={json.dumps(others)}", "concurrency.extractions=1",
    )  # fmt: skip
    return Place(folder / "out", (*reach, f"audioset.metadata_dir={folder / 'm'}", *settings))


@pytest.fixture(scope="module")
def alone(doors: StandinProcess, tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """The manifest of a run on one machine, without an engine."""
    one = place(tmp_path_factory.mktemp("alone"), doors)
    code, said = one.run()
    assert code == 0, said
    return one.manifest()


def test_machines_of_its_own_do_the_job(tmp_path: Path) -> None:
    """`cluster.engine=dask` alone: a worker for each identity, and each asks; all is as it is."""
    with StandinProcess(WorldSettings(seed=5, videos=16, listeners=DOORS[:2])) as youtube:
        many = place(tmp_path, youtube, "cluster.engine=dask")
        code, said = many.run()
        assert code == 0, said
        assert wrong(many.manifest(), youtube.world, second_look=True) == []
        assert {line["listener"] for line in youtube.requests("next")} == {"main", "node1"}
    assert list(many.output.glob("**/.part-*")) == []
    assert not (many.output / ".private").exists()
    machines = json.loads(many.run("status", "--json")[1])["picture"]["machines"]
    assert {each["name"] for each in machines} == {"main", "node1"}


@pytest.mark.slow
def test_the_number_of_machines_changes_nothing(tmp_path: Path) -> None:
    """With `max_per_class`: the same rows are asked, the same clips made, by 1, 2 and 4 machines
    and without an engine. A single address cannot look a second time: so it is like itself.
    """
    doors = tuple(ProxyListener(name=name) for name in ("main", "node1", "node2", "node3"))
    by_number = {}
    for number in (1, 2, 4):
        with StandinProcess(WorldSettings(seed=7, videos=90, listeners=doors[:number])) as youtube:
            manifests = []
            for name, *engine in (("alone",), ("many", "cluster.engine=dask")):
                folder = tmp_path / f"{name}{number}"
                folder.mkdir()
                one = place(folder, youtube, "sampling.max_per_class=2", *engine)
                code, said = one.run()
                assert code == 0, said
                manifests.append(timeless(one.manifest()))
        assert manifests[0] == manifests[1]
        by_number[number] = manifests[1]
    assert by_number[2] == by_number[4]
    assert 0 < sum(not row["license"] for row in by_number[4]) < 90  # not all had to be asked


def encrypted(folder: Path) -> dict[str, str]:
    """The certificate and the environment of docs/machines.md."""
    page = (Path(__file__).parents[2] / "docs/machines.md").read_text(encoding="utf-8")
    (make,) = re.findall(r"^```sh\n(mkdir .*?)^```", page, re.MULTILINE | re.DOTALL)
    done = subprocess.run(
        ["bash", "-ec", f"{{ {make} }} >&2; echo $DASK_CONFIG"],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return {"DASK_CONFIG": done.stdout.strip()}


def asked_again(youtube: StandinProcess) -> set[str]:
    """The videos of which a license that is shown was asked more than once."""
    known = {*youtube.settings.known_creative_commons, *youtube.settings.known_standard}
    lines = [line for line in youtube.requests("next") if line["mask"] and not line["refused"]]
    times = Counter(line["videos"][0] for line in lines)
    return {
        video
        for video, number in times.items()
        if number > 1 and video not in known and youtube.world.video(video).license != "unknown"
    }


def kill_one(cluster: DaskCluster) -> None:
    cluster.kill("node1")


def kill_all_workers(cluster: DaskCluster) -> None:
    for name in ("main", "node1", "node2"):
        cluster.kill(name)
    for name in ("main", "node1", "node2"):
        cluster.start_worker(name)


def kill_the_scheduler(cluster: DaskCluster) -> None:
    kill_all = [name for name in cluster.processes if name != "scheduler"]
    cluster.kill("scheduler")
    cluster.start_scheduler()
    for name in kill_all:  # they leave, and the loop in their job starts them again
        cluster.processes.pop(name).wait(60)
        cluster.start_worker(name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("loss", "lost"), [(kill_one, 1), (kill_all_workers, 3), (kill_the_scheduler, 3)]
)
def test_whoever_is_killed_the_dataset_is_the_same(
    doors: StandinProcess,
    alone: list[Row],
    tmp_path: Path,
    loss: Callable[[DaskCluster], None],
    lost: int,
) -> None:
    """A worker, all of them, the scheduler: the run goes on, and only what was in flight is asked
    again.
    """
    many = place(tmp_path, doors, "cluster.in_flight=4")
    doors.set(delay_seconds=0.3)
    with DaskCluster(tmp_path / "dask", doors) as cluster:
        many = Place(many.output, (*many.settings, *cluster.settings))
        process = many.start()
        wait_for(lambda: doors.counters()["requests"].get("next", 0) > 25)
        loss(cluster)
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert timeless(many.manifest()) == timeless(alone)
    assert "is lost" in said
    assert len(asked_again(doors)) <= lost * 4


@pytest.mark.slow
def test_a_machine_that_is_shown_other_pages_is_left_out(
    doors: StandinProcess, alone: list[Row], tmp_path: Path
) -> None:
    """Shown no license row, it calls all standard: it is named, and what it said asked again."""
    many = place(tmp_path, doors, "cluster.engine=dask")
    doors.set_pages(license_row_gone_for=("node1",))
    try:
        code, said = many.run()
    finally:
        doors.set_pages(license_row_gone_for=())
    assert code == 0, said
    assert timeless(many.manifest()) == timeless(alone)
    assert "at one machine: it is left out for it" in said
    assert "identity: node1/main" in said
    # Once for each way of asking: it is asked by nobody any more, not even for a second look.
    log = (many.output / "logs/ascc_async.log").read_text()
    assert log.count("it is left out for it") <= 2


# What a machine may be like, done to a worker's Python when it starts.
ODDITY = """
import os, time
odd, clock = os.environ.get("ODD"), time.time
if odd == "version":
    import ascc_async
    ascc_async.__version__ = "9.9.9"
elif odd == "clock":
    time.time = lambda: clock() + 75
"""


@pytest.mark.slow
def test_machines_that_do_not_fit_are_left_out_and_named(
    doors: StandinProcess, alone: list[Row], tmp_path: Path
) -> None:
    """Of another version, without ffmpeg, with a wrong clock, with an account that another has:
    on the screen, in `status` and `doctor`; the others do the job.
    """
    (tmp_path / "sitecustomize.py").write_text(ODDITY)
    lines = (f".youtube.com\tTRUE\t/\tTRUE\t4000000000\t{name}\ts3same" for name in LOGIN)
    (tmp_path / "cookies.txt").write_text("# Netscape HTTP Cookie File\n" + "\n".join(lines))
    (tmp_path / "cookies.txt").chmod(0o600)
    account = {"ASCC_NETWORK__COOKIES_FILE": str(tmp_path / "cookies.txt")}
    kinds = {
        "good": {}, "version": {"ODD": "version"}, "clock": {"ODD": "clock"},
        "ffmpeg": {"IMAGEIO_FFMPEG_EXE": "/nowhere/ffmpeg"}, "one": account, "other": account,
    }  # fmt: skip
    path = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    own = {name: path | environment for name, environment in kinds.items()}
    names, many = dict.fromkeys(kinds, "main"), place(tmp_path, doors)
    with DaskCluster(tmp_path / "dask", doors, names, own=own) as cluster:
        many = Place(many.output, (*many.settings, *cluster.settings))
        wait_for(lambda: many.here("doctor")[1].count("left out") == 3)
        told = many.here("doctor")[1]
        assert f"it has ascc_async 9.9.9, this run {__version__}" in told
        assert "its clock is 75 s off" in told
        assert "«ffmpeg»" in told
        doors.set(delay_seconds=0.5)
        process = many.start()
        wait_for(lambda: " 4 left out" in many.here("status")[1])
        shown = many.here("status")[1]
        doors.set(delay_seconds=0)
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert [row["license"] for row in many.manifest()] == [row["license"] for row in alone]
    for name, why in (
        ("version", "it has ascc_async 9.9.9"),
        ("clock", "its clock is 7"),
        ("ffmpeg", "ffmpeg at /nowhere/ffmpeg cannot be started"),
    ):
        assert f"«{name}» is left out: {why}" in said
        assert f"machine {name}: left out ({why}" in shown
    (twice,) = re.findall(
        r"«(?:one|other)» is left out: «(?:one|other)» has the same account.*", said
    )
    assert "one account, one machine" in twice
    assert re.search(rf"machine good: .*\n  seen .* · ascc_async {__version__}, yt-dlp", shown)
    assert "s3same" not in said + shown + "".join(map(cluster.said, kinds))


@pytest.mark.slow
def test_the_run_itself_is_killed_and_goes_on(
    doors: StandinProcess, alone: list[Row], tmp_path: Path
) -> None:
    """kill -9, then SIGINT: exit 3 in time; the same command ends with the same manifest. Over
    TLS, as docs/machines.md says it; who has no certificate is not talked to.
    """
    many = place(tmp_path, doors, "cluster.in_flight=4")
    doors.set(delay_seconds=0.3)
    tls = encrypted(tmp_path)
    with DaskCluster(tmp_path / "dask", doors, environment=tls) as cluster:
        many = Place(many.output, (*many.settings, *cluster.settings))
        assert "tls://" in cluster.file.read_text()
        code, said = many.run()
        assert (code, "needs certificates" in said) == (2, True), said
        many.environment.update(tls)
        for number, requests in ((signal.SIGKILL, 20), (signal.SIGINT, 50)):
            process = many.start()
            wait_for(lambda: doors.counters()["requests"].get("next", 0) > requests)  # noqa: B023
            process.send_signal(number)
            said, _ = process.communicate(timeout=60)
            assert process.returncode == (3 if number == signal.SIGINT else -9), said
        code, said = many.run()
        assert many.run("doctor")[1].count(f"ascc_async {__version__}, yt-dlp") == 3
        said += "".join(map(cluster.said, ("scheduler", "main", "node1", "node2")))
    assert code == 0, said
    assert timeless(many.manifest()) == timeless(alone)
    assert "expire=" not in said + (many.output / "logs/ascc_async.log").read_text()
    # What was in flight when it was killed, and maybe one or the other that was not yet committed.
    assert len(asked_again(doors)) <= 3 * 4 + 2


@pytest.mark.slow
def test_the_quota_of_the_data_api_is_one_and_spent_here(
    doors: StandinProcess, tmp_path: Path
) -> None:
    """Machines ask for what the key does not answer, and make the clips."""
    many = place(tmp_path, doors, "cluster.engine=dask", "license.api_keys=[AIzaOneForAll]")
    code, said = many.run()
    assert code == 0, said
    calls = doors.requests("data_api")
    assert {line["listener"] for line in calls} == {"main"}
    assert sum(doors.counters()["quota_used"].values()) == len(calls) <= 4
    sources = {row["license_source"] for row in many.manifest() if row["license"]}
    assert "data_api" in sources
    assert len({line["listener"] for line in doors.requests("media")}) == 3
