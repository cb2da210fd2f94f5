"""Which machines may work for a run, and where its questions go."""

from __future__ import annotations

import asyncio
import pickle
import re
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from fakeclock import now, run

from ascc_async import __version__
from ascc_async.cluster import engine as module
from ascc_async.cluster.access import RemoteSource
from ascc_async.cluster.machine import what_travels
from ascc_async.cluster.machines import Machines
from ascc_async.cluster.station import Reply, StationState
from ascc_async.concurrency.process_pool import JobFailed
from ascc_async.errors import (
    AsccError,
    Closed,
    GaveUp,
    LinkExpired,
    NetworkFault,
    Refused,
    SourceUnusable,
    StationLost,
)
from ascc_async.files import DiskFull
from ascc_async.settings import Settings
from ascc_async.throttle.bucket import RequestKind
from ascc_async.throttle.identity import BucketSnapshot

SETTINGS = Settings.model_validate(
    {"cluster": {"in_flight": 2}, "license": {"api_keys": ["AIzaSecret"], "ask_first": ["list"]}}
)


def bucket(resting_until: float | None, sent: int, kind: RequestKind) -> BucketSnapshot:
    numbers = (1.0, None, 0, 0, 1, 0, 0)
    return BucketSnapshot("main", kind, *numbers, resting_until, None, away=False, sent=sent)


class Worker:
    """A worker that answers at once; what it was asked is noted."""

    def __init__(self, name: str, account: str = "", **greeting: Any) -> None:
        self.name, self.account = name, account
        self.greeting = {
            "host": name,
            "version": __version__,
            "tools": "",
            "trouble": "",
            "ports": [],
        } | greeting
        self.asked: list[Any] = []
        self.at_once = self.most_at_once = 0
        self.error: Exception | None = None
        self.opens: AsccError | None = None
        self.rests_until: float | None = None
        self.silent = False
        self.sent_before = 0
        self.kind = RequestKind.PAGES
        self.broken: Exception | None = None

    async def answer(self, function: str, args: tuple[Any, ...]) -> Any:
        if function == "greet":
            if isinstance(self.greeting["host"], Exception):
                raise self.greeting["host"]
            return {"at": now(), **self.greeting}
        _, what, *more = args
        if what == "open":
            if (former := more[2]) is not None:
                self.sent_before = former.buckets[0].sent
            return Reply({"main": self.account}, self.opens)
        if self.broken is not None:
            raise self.broken
        self.asked.append((what, *more))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await (asyncio.Event().wait() if self.silent else asyncio.sleep(0.1))
        finally:
            self.at_once -= 1
        pages = bucket(self.rests_until, self.sent_before + 5, self.kind)
        state = StationState((pages,), {}, Counter(received=9), accounts={"main": self.account})
        return Reply(self.name, self.error, state)


class Engine:
    """In place of a Dask client and scheduler."""

    def __init__(self, *workers: Worker) -> None:
        self.scheduler, self.address = self, "tcp://127.0.0.1:1"
        self.workers = {f"tcp://{each.name}:1": each for each in workers}
        self.calls: list[Any] = []

    async def identity(self, n_workers: int) -> Any:
        facts = {"local_directory": "/w"}
        workers = {address: {**facts, "name": address} for address in self.workers}
        return {"address": self.address, "workers": workers}

    async def run(self, function: Any, *args: Any, workers: list[str]) -> Any:
        self.calls.append(args)
        (address,) = workers
        return {address: await self.workers[address].answer(function.__name__, args)}

    async def close(self) -> None:
        """Nothing is open."""


def cluster(
    *workers: Worker, settings: Settings = SETTINGS
) -> Callable[[Callable[[Machines, Engine], Coroutine[Any, Any, None]]], None]:
    """Run a test's body beside the watching of such workers, on a virtual clock."""

    def with_body(body: Callable[[Machines, Engine], Coroutine[Any, Any, None]]) -> None:
        async def main() -> None:
            engine = Engine(*workers)

            async def connect(address: str) -> Engine:
                return engine

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(module, "connect", connect)
                machines = Machines(settings, "tcp://127.0.0.1:1", {}, wall=now)
                async with machines, asyncio.TaskGroup() as tasks:
                    watching = tasks.create_task(machines.watch())
                    await asyncio.sleep(0.5)
                    await body(machines, engine)
                    watching.cancel()

        run(main())

    return with_body


@pytest.mark.parametrize(
    ("unfit", "why"),
    [
        (Worker("bad", version="9.9"), f"it has ascc_async 9.9, this run {__version__}"),
        (Worker("bad", trouble="no ffmpeg"), "no ffmpeg"),
        (Worker("bad", at=1090.0), "its clock is 9. s off"),
        (Worker("bad", ports=["tcp://0.0.0.0:1"]), "0.0.0.0:1 can run programs as you: .*--host"),
        (Worker("bad", host=ModuleNotFoundError("No module named 'ascc_async'")), "No module"),
        (Worker("bad", host=KeyError("host")), "left out: KeyError: 'host'"),
        (Worker("bad", account="one and the same"), "the same account"),
    ],
)
def test_a_machine_that_does_not_fit_is_left_out_and_named(
    unfit: Worker, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Another version, a wrong clock, an open port, no package, an account that another uses."""

    @cluster(Worker("good", account="one and the same"), unfit)
    async def _(machines: Machines, engine: Engine) -> None:
        assert [each.name for each in machines.working] == ["good"]
        assert [(await machines.ask("license", 1))[1] for _ in range(3)] == ["good"] * 3

    (line,) = [each.getMessage() for each in caplog.records if "left out" in each.getMessage()]
    assert "bad" in line
    assert re.search(why, line)


def test_an_account_goes_on_at_another_machine_when_its_own_is_lost() -> None:
    """As when a task is started again elsewhere before its host is known to be cut off."""
    first, again = Worker("first", account="one and the same"), Worker("again", "one and the same")

    @cluster(first)
    async def _(machines: Machines, engine: Engine) -> None:
        engine.workers["tcp://again:1"] = again
        await asyncio.sleep(1)
        assert [each.name for each in machines.working] == ["first"]
        del engine.workers["tcp://first:1"]
        await asyncio.sleep(2)
        assert [each.name for each in machines.working] == ["again"]


def test_an_account_that_comes_to_a_second_machine_meanwhile_is_seen() -> None:
    """A cookie file that changes in mid-run: what the machine answered then still counts."""
    first, other = Worker("first", account="one and the same"), Worker("other", "another")

    @cluster(first, other)
    async def _(machines: Machines, engine: Engine) -> None:
        other.account = "one and the same"
        assert (await machines.ask("license", 1, on="other"))[1] == "other"
        assert [each.name for each in machines.working] == ["first"]
        assert machines.known["other"].why.startswith("«first» has the same account")


def test_a_machine_that_another_run_uses_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    """It is said once, and taken in when the other run is over."""
    busy = Worker("busy")
    busy.opens = Closed("another run uses it")

    @cluster(busy)
    async def _(machines: Machines, engine: Engine) -> None:
        await asyncio.sleep(60)
        assert not machines.working
        assert machines.known["busy"].why == "another run uses it"
        busy.opens = None
        await asyncio.sleep(10)
        assert [each.why for each in machines.working] == [""]

    assert caplog.text.count("another run uses it") == 1


def test_a_machine_without_ffmpeg_is_left_out() -> None:
    """What it says when it is opened is the reason."""
    bad = Worker("bad")
    bad.opens = DiskFull("no space left in /scratch")

    @cluster(bad)
    async def _(machines: Machines, engine: Engine) -> None:
        (only,) = machines.known.values()
        assert (only.status, only.why) == ("left out", "no space left in /scratch")


def test_what_a_lost_machine_had_in_hand_others_are_asked() -> None:
    """Within a second or two, though the engine never says so; what was bound to it is told."""
    lost, other = Worker("lost"), Worker("other")
    lost.silent = True

    @cluster(lost, other)
    async def _(machines: Machines, engine: Engine) -> None:
        began = now()
        asked = [asyncio.ensure_future(machines.ask("license", n)) for n in range(4)]
        bound = asyncio.ensure_future(machines.ask("cut", 5, on="lost"))
        await asyncio.sleep(0.2)
        del engine.workers["tcp://lost:1"]
        with pytest.raises(StationLost):
            await bound
        assert {(await each)[1] for each in asked} == {"other"}
        assert now() - began < 3
        assert machines.known["lost"].status == "lost"


@pytest.mark.parametrize("broken", [OSError("the connection broke"), TimeoutError()])
def test_what_the_engine_loses_is_asked_elsewhere(broken: Exception) -> None:
    """A connection that breaks; a worker that is there all the same is opened anew."""
    flaky, other = Worker("flaky"), Worker("other")

    @cluster(flaky, other)
    async def _(machines: Machines, engine: Engine) -> None:
        flaky.broken = broken
        assert {(await machines.ask("license", n))[1] for n in range(4)} == {"other"}
        flaky.broken = None
        await asyncio.sleep(2)
        assert {each.name for each in machines.working} == {"flaky", "other"}


def test_one_that_comes_back_takes_its_name_and_its_counts_go_on() -> None:
    """Two at once with one name are told apart."""
    first = Worker("node1")

    @cluster(first)
    async def _(machines: Machines, engine: Engine) -> None:
        await machines.ask("license", 1)
        engine.workers.clear()
        await asyncio.sleep(2)
        for port in "23":
            engine.workers[f"tcp://node1:{port}"] = Worker("node1")
        await asyncio.sleep(2)
        assert set(machines.known) == {"node1", "node1-2"}
        for _ in range(2):
            await machines.ask("license", 2)
        assert [each.sent for each in machines.known["node1"].buckets()] == [5 + 5]
        assert [each.identity for each in machines.known["node1"].buckets()] == ["node1/main"]


def test_each_has_as_much_in_hand_as_the_settings_say_and_no_more() -> None:
    """`cluster.in_flight`; questions bound to a machine go on with something and do not wait."""
    workers = [Worker("a"), Worker("b")]

    @cluster(*workers)
    async def _(machines: Machines, engine: Engine) -> None:
        await asyncio.gather(*(machines.ask("license", n) for n in range(20)))
        assert [each.most_at_once for each in workers] == [2, 2]
        await asyncio.gather(*(machines.ask("cut", n, on="a") for n in range(9)))
        assert workers[0].most_at_once == 9


def test_a_machine_that_rests_is_asked_nothing_until_then() -> None:
    """Even where nobody else is there."""
    only = Worker("only")

    @cluster(only)
    async def _(machines: Machines, engine: Engine) -> None:
        only.rests_until = now() + 100
        await machines.ask("license", 1)
        only.rests_until = None
        await machines.ask("license", 2)
        assert now() >= 1100


@pytest.mark.parametrize(
    "error", [DiskFull("no space left in /scratch"), GaveUp("refused"), JobFailed("KeyError", "")]
)
def test_a_machine_in_trouble_of_its_own_is_left_out(error: AsccError) -> None:
    """The question goes elsewhere; an error about the video comes back as it was."""
    bad, good = Worker("a"), Worker("b")
    bad.error = error

    @cluster(bad, good)
    async def _(machines: Machines, engine: Engine) -> None:
        assert (await machines.ask("license", 1))[1] == "b"
        assert machines.known["a"].why.endswith(str(error))
        good.error = LinkExpired("gone")
        with pytest.raises(LinkExpired):
            await machines.ask("cut", 1)


@pytest.mark.parametrize("here", [True, False])
def test_a_bug_does_not_pass_for_a_lack_of_machines(here: bool) -> None:
    """One here, when a machine joins, or one at the only machine there is, ends the run at once."""
    worker = Worker("new")
    worker.opens = None if here else JobFailed("ZeroDivisionError", "")

    async def fail(_: object) -> None:
        raise ZeroDivisionError

    with pytest.raises(ExceptionGroup) as caught:

        @cluster()
        async def _(machines: Machines, engine: Engine) -> None:
            machines.on_join = fail
            engine.workers["tcp://new:1"] = worker
            await asyncio.sleep(60)

    assert caught.group_contains(ZeroDivisionError if here else JobFailed)


def test_a_player_that_is_refused_holds_up_no_licenses() -> None:
    """As it often is where pages are not: clips wait for another machine, and while they find it
    out take half of what a machine has in flight.
    """
    a, b = Worker("a"), Worker("b")
    a.kind = RequestKind.PLAYER

    @cluster(a, b)
    async def _(machines: Machines, engine: Engine) -> None:
        a.rests_until = now() + 100
        await asyncio.gather(*(machines.ask("license", n) for n in range(4)))
        asked = [machines.ask("resolve", n, for_clip=True) for n in range(4)]
        assert {each[1] for each in await asyncio.gather(*asked)} == {"b"}
        a.silent = b.silent = True
        waiting = [asyncio.ensure_future(machines.ask("resolve", n, for_clip=True)) for n in "345"]
        await asyncio.sleep(0.1)
        a.silent = b.silent = False
        asked = [machines.ask("license", n) for n in range(4)]
        assert {each[1] for each in await asyncio.gather(*asked)} == {"a", "b"}
        for each in waiting:
            each.cancel()


def test_a_question_that_kills_machines_is_not_asked_for_ever() -> None:
    """After three losses it is a fault, which the stages count."""
    workers = [Worker(name) for name in "abcd"]
    for each in workers:
        each.silent = True

    @cluster(*workers)
    async def _(machines: Machines, engine: Engine) -> None:
        async def lose() -> None:
            while True:
                await asyncio.sleep(1.5)
                busy = next(key for key, each in engine.workers.items() if each.at_once)
                del engine.workers[busy]

        losing = asyncio.ensure_future(lose())
        with pytest.raises(NetworkFault):
            await machines.ask("resolve", 1)
        losing.cancel()
        assert len(engine.workers) == 1


def test_a_run_that_stops_turns_everybody_away() -> None:
    """Who waits, and who comes later; the machines hear of it."""
    only = Worker("only")
    only.silent = True

    @cluster(only)
    async def _(machines: Machines, engine: Engine) -> None:
        asked = [asyncio.ensure_future(machines.ask("license", n)) for n in range(3)]
        await asyncio.sleep(0.1)
        machines.stop()
        with pytest.raises(Closed):
            await asked[2]
        with pytest.raises(Closed):
            await machines.ask("license", 9)
        await asyncio.sleep(0.1)
        assert ("stop",) in only.asked
        for each in asked:
            each.cancel()


def test_it_waits_for_machines_and_then_gives_up(caplog: pytest.LogCaptureFixture) -> None:
    """It says how to start one; after `throttle.give_up_after_hours` it stops, resumable."""
    with pytest.raises(ExceptionGroup) as caught:

        @cluster()
        async def _(machines: Machines, engine: Engine) -> None:
            await machines.ask("license", 1)

    assert caught.group_contains(GaveUp)
    assert "dask worker" in caplog.text


def test_one_source_of_one_machine_is_left_out() -> None:
    """Of the last machine it is not: then the source is not used any more, as without machines."""
    a, b = Worker("a"), Worker("b")

    @cluster(a, b)
    async def _(machines: Machines, engine: Engine) -> None:
        assert machines.leave_out_source("innertube", "a")
        asked = [machines.ask("license", n, source="innertube") for n in range(6)]
        assert {each[1] for each in await asyncio.gather(*asked)} == {"b"}
        with pytest.raises(StationLost):
            await machines.ask("license", 7, on="a", source="innertube")
        assert not machines.leave_out_source("innertube", "b")
        asked = [machines.ask("license", n, source="watch_page") for n in range(6)]
        assert {each[1] for each in await asyncio.gather(*asked)} == {"a", "b"}
        assert machines.leave_out_source("watch_page", "a")
        assert machines.known["a"].why.endswith("any more: innertube, watch_page")


def test_one_that_reads_right_is_waited_for_when_none_does() -> None:
    """The first task of an array may be the one that misreads, and the good one preempted: others
    may come, where the scheduler is not the run's own. Not for ever: then the source is out.
    """
    more = {"cluster": {"scheduler": "tcp://127.0.0.1:1"}}

    @cluster(Worker("a"), settings=Settings.model_validate(more))
    async def _(machines: Machines, engine: Engine) -> None:
        source = RemoteSource("innertube", machines)
        assert machines.leave_out_source("innertube", "a")
        for seconds, is_out in ((700, False), (0, True)):
            with pytest.raises(SourceUnusable) as caught:
                await source.ask(["M4gD1WSo5mA"])
            assert (caught.value.until is None) == is_out, seconds
            await asyncio.sleep(seconds)
        engine.workers["tcp://b:1"] = Worker("b")
        await asyncio.sleep(2)
        assert machines.unread_for("innertube") is None


def test_a_source_that_no_machine_reads_right_holds_up_nothing() -> None:
    """Whoever asks again and again, as a look at known videos does, lets another machine come."""
    a, b = Worker("a"), Worker("b")

    @cluster(a, b)
    async def _(machines: Machines, engine: Engine) -> None:
        assert machines.leave_out_source("innertube", "a")
        engine.workers.clear()
        engine.workers |= {"tcp://a:1": a}
        await asyncio.sleep(2)
        asyncio.get_running_loop().call_soon(engine.workers.update, {"tcp://c:1": Worker("c")})
        for _ in range(10):
            try:
                assert (await machines.ask("license", 1, source="innertube"))[1] == "c"
            except Refused:
                continue
            return
        pytest.fail("the event loop was held")


def test_no_secret_travels() -> None:
    """Of the settings only clips, license and throttle, without keys."""
    settings = Settings.model_validate(
        {"license": {"api_keys": ["AIzaSecret"], "ask_first": ["/home/me/list"]},
         "network": {"proxy": "http://me:sesame@proxy:1"},
         "throttle": {"delay_seconds": 7.5}, "cluster": {"machines_per_address": 4}}
    )  # fmt: skip
    travels = what_travels(settings)
    assert set(travels) == {"clips", "license", "throttle"}
    for secret in ("AIzaSecret", "sesame", "/home/me"):
        assert secret not in str(travels)
    assert travels["throttle"]["requests_per_second"] == pytest.approx(0.07)
    assert (travels["throttle"]["burst"], travels["throttle"]["delay_seconds"]) == (1, 30)
    assert Settings.model_validate(travels)

    @cluster(Worker("only"), settings=settings)
    async def _(machines: Machines, engine: Engine) -> None:
        await machines.ask("license", "innertube", ["M4gD1WSo5mA"])
        assert "sesame" not in str(engine.calls)


@pytest.mark.parametrize(
    "error",
    [
        Refused("429", kind="rate", retry_after=7.0),
        DiskFull("full"),
        NetworkFault("cut", kind="reset"),
    ],
)
def test_errors_come_back_as_they_were(error: AsccError) -> None:
    """Pickled and back: the class, its words and its values."""
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
