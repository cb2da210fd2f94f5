"""What a worker does for a run, and what of it leaves the machine."""

from __future__ import annotations

import asyncio
import logging
import pickle
from collections import Counter
from contextlib import AsyncExitStack, nullcontext
from pathlib import Path
from typing import Any, cast

import pytest
from fakeclock import now, run

from ascc_async.cluster.station import _STATION, ImpatientLimiter, Reply, Station, greet, reply
from ascc_async.errors import LinkExpired, Refused, SetupError
from ascc_async.model import ClipFile, Resolved, Segment, Track
from ascc_async.settings import ThrottleSettings
from ascc_async.throttle.limiter import Closed, RateLimiterSnapshot, RequestKind

VIDEO = "00000000001"
SECRET = "s1gned-0r-s3cret"
COOKIES = "\n".join(
    f".youtube.com\tTRUE\t/\tTRUE\t4000000000\t{name}\t{SECRET}"
    for name in ("LOGIN_INFO", "SAPISID", "__Secure-3PAPISID")
)


def track(format_id: str) -> Track:
    link = f"https://r1.googlevideo.com/?sig={SECRET}"
    return Track("audio", link, {"Cookie": SECRET}, format_id, "mp4", "mp4a.40.2")


class Access:
    """In place of a machine's `YouTubeAccess`."""

    identities, sources = ("main",), ()
    signed_out: frozenset[str] = frozenset()

    def __init__(self, folder: Path) -> None:
        self.folder, self.cuts = folder, list[Track]()
        self.why_missing: Any = None

    async def resolve(self, video_id: str, *, other_client: bool) -> Resolved:
        audio, other = track("140"), track("251")
        return Resolved(video_id, "main", audio, None, "t", "c", "UC", None, other)

    async def cut(self, _: Any, resolved: Resolved, *more: Any, again: bool) -> ClipFile:
        self.cuts.append(resolved.audio)
        (self.folder / "clip.flac").write_bytes(b"ten seconds")
        return cast(ClipFile, type("Clip", (), {"path": "clip.flac"}))

    def totals(self) -> Counter[str]:
        return Counter(received=3)

    def close(self) -> None:
        """Nobody waits."""

    async def keep_up(self, cookies: Any) -> None:
        """Nothing changes."""

    def snapshot(self) -> RateLimiterSnapshot:
        return RateLimiterSnapshot(())

    def memory(self) -> dict[str, Any]:
        return {"gate": {}}


def station(folder: Path) -> tuple[Station, Access]:
    access = Access(folder)
    cookies = type("Cookies", (), {"jars": {}})
    made = Station("run", cast(Any, access), cast(Any, None), cast(Any, cookies), folder, None,
                   b"", AsyncExitStack())  # fmt: skip
    return made, access


async def test_links_stay_and_clips_leave(tmp_path: Path) -> None:
    """What is resolved travels without links and headers; the clip is cut here by what was kept."""
    made, access = station(tmp_path)
    resolved = await made.resolve(VIDEO, other_client=False)
    assert SECRET.encode() not in pickle.dumps(resolved)
    segment = Segment(VIDEO, 0, 10_000, "eval", ())
    _, body = await made.cut(VIDEO, "140", segment, None, again=False)
    assert body == b"ten seconds"
    assert list(tmp_path.iterdir()) == []
    await made.cut(VIDEO, "251", segment, None, again=True)
    assert [each.format_id for each in access.cuts] == ["140", "251"]
    assert SECRET in access.cuts[0].url
    with pytest.raises(LinkExpired):
        await made.cut("00000000002", "140", segment, None, again=False)
    await made.end()


async def test_a_second_run_does_not_take_a_worker_from_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While that asks; the same run comes back at once, and who was asking hears no bug."""
    first, access = station(tmp_path)
    worker = type("Worker", (), {_STATION: first, "local_directory": str(tmp_path)})
    wanted = ({}, None, None, b"")

    async def ask(run: str, what: str, *args: Any) -> Any:
        return (await reply(run, what, *args, dask_worker=worker)).error

    assert isinstance(await ask("second", "open", *wanted), Closed)
    assert isinstance(await ask("second", "resolve", VIDEO, False), SetupError)

    async def cut_off(*_: Any, **__: Any) -> Any:
        monkeypatch.setattr(Station, "opened", opened)
        assert await ask("run", "open", *wanted) is None
        raise RuntimeError("Session is closed")

    async def opened(*_: Any) -> Station:
        return station(tmp_path)[0]

    access.why_missing = cut_off
    assert isinstance(await ask("run", "why_missing", VIDEO), SetupError)
    await ask("run", "end")
    assert await ask("second", "open", *wanted) is None
    await ask("second", "end")

    async def slowly(*_: Any) -> Station:
        await asyncio.sleep(0)
        return station(tmp_path)[0]

    monkeypatch.setattr(Station, "opened", slowly)
    both = await asyncio.gather(*(ask(run, "open", *wanted) for run in ("run", "second")))
    assert [type(error) for error in both] == [type(None), Closed]
    await ask("run", "end")


async def test_a_worker_under_a_nanny_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may start no process for yt-dlp: found out before it is asked."""
    worker = type("Worker", (), {"listeners": ()})
    assert (await greet(worker))["trouble"] == ""
    nannied = type("Process", (), {"daemon": True})
    monkeypatch.setattr("multiprocessing.current_process", lambda: nannied)
    assert "--no-nanny" in (await greet(worker))["trouble"]


async def test_what_is_logged_goes_with_the_next_reply(tmp_path: Path) -> None:
    """Once, and what is logged after the end of the run not at all."""
    made, _ = station(tmp_path)
    logging.getLogger("ascc_async.throttle").warning("%(who)s is refused", {"who": "main"})
    (record,) = pickle.loads(pickle.dumps(made.told(Reply()))).records
    assert record.getMessage() == "main is refused"
    assert made.told(Reply()).records == ()
    await made.end()
    logging.getLogger("ascc_async.throttle").warning("nobody hears this")
    assert made.told(Reply()).records == ()


async def test_an_account_is_known_again_and_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same at two machines of a run, another in another run; nothing is left behind."""
    (tmp_path / "cookies.txt").write_text(f"# Netscape HTTP Cookie File\n{COOKIES}\n")
    (tmp_path / "cookies.txt").chmod(0o600)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASCC_NETWORK__COOKIES_FILE", "cookies.txt")
    folder = tmp_path / "scratch"
    folder.mkdir()
    accounts = []
    for salt in (b"one run", b"one run", b"another"):
        made = await Station.opened("run", folder, {}, None, None, salt)
        assert made.told(Reply()).state.accounts == made.accounts
        accounts.append(made.accounts["main"])
        await made.end()
    assert accounts[0] == accounts[1] != accounts[2]
    assert SECRET not in "".join(accounts)
    assert list(folder.iterdir()) == []


def test_a_question_that_waits_too_long_goes_home() -> None:
    """After a minute, unasked; one that goes on with something waits on, and so does the answer,
    but for a pause that is longer than that: another machine begins its video again.
    """
    throttle = ThrottleSettings(requests_per_second=0.01, adaptive=False, burst=1)

    async def main() -> None:
        limiter = ImpatientLimiter(throttle, ["main"], clock=now, wall=now)
        async with limiter.permit(RequestKind.PAGES):
            began = now()
            with pytest.raises(Closed):
                async with limiter.permit(RequestKind.MEDIA), limiter.permit(RequestKind.MEDIA):
                    pass
            assert now() - began == pytest.approx(60)
            async with limiter.permit(RequestKind.MEDIA, identity="main") as permit:
                assert permit.identity == "main"
        with pytest.raises(Refused):
            async with limiter.permit(RequestKind.DATA_API):
                raise Refused("429")
        for pause, waits in ((50.0, True), (600.0, False)):
            limiter.were_refusals(RequestKind.MEDIA, "main", Refused("429", retry_after=pause))
            began = now()
            with nullcontext() if waits else pytest.raises(Refused, match="pauses for"):
                async with limiter.permit(RequestKind.MEDIA, identity="main"):
                    pass
            assert (now() - began > 40) == waits

    run(main())
