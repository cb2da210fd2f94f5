"""How fast large downloads may be."""

from __future__ import annotations

import asyncio

import pytest

from ascc_async.network.bandwidth import Bandwidth
from tests import fakeclock
from tests.fakeclock import now


@pytest.mark.parametrize(("megabits", "seconds"), [(None, 0), (8, 10), (1, 80)])
def test_all_downloads_together_keep_to_it(megabits: float | None, seconds: float) -> None:
    """Ten of a megabyte each, in pieces, side by side; what was not used is not saved up."""

    async def download(bandwidth: Bandwidth) -> None:
        for _ in range(100):
            await bandwidth.spend(10_000)

    async def run() -> float:
        bandwidth = Bandwidth(megabits)
        await asyncio.sleep(100)
        began = now()
        await asyncio.gather(*(download(bandwidth) for _ in range(10)))
        return now() - began

    assert fakeclock.run(run()) == pytest.approx(seconds)
