"""A gate that is closed: what has begun goes on, nothing begins."""

from __future__ import annotations

import asyncio
import time

import fakeclock
import pytest

from ascc_async.errors import Refused
from ascc_async.settings import ThrottleSettings
from ascc_async.throttle.limiter import Closed, RateLimiter, RequestKind


def limiter() -> RateLimiter:
    loop = asyncio.get_running_loop()
    return RateLimiter(ThrottleSettings(burst=1), ["main"], clock=loop.time, wall=time.time)


def test_who_waits_through_a_rest_is_turned_away_at_once() -> None:
    """An hour's rest does not hold up a drain."""

    async def main() -> None:
        loop, closed = asyncio.get_running_loop(), limiter()
        began = loop.time()

        async def refused() -> None:
            async with closed.entry(RequestKind.PAGES):
                raise Refused("wait", retry_after=3600)

        async def waiting() -> None:
            with pytest.raises(Closed):
                async with closed.entry(RequestKind.PAGES):
                    raise AssertionError("it must not get in")

        with pytest.raises(Refused):
            await refused()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(waiting())
            await asyncio.sleep(1)
            closed.close()
        assert loop.time() - began < 10
        await waiting()

    fakeclock.run(main())


def test_what_has_begun_goes_on() -> None:
    """Who names an identity has something in hand with it, and gets in still."""

    async def main() -> None:
        closed = limiter()
        closed.close()
        async with closed.entry(RequestKind.MEDIA, identity="main") as entry:
            assert entry.identity == "main"

    fakeclock.run(main())
