"""What the clip stage waits for."""

from __future__ import annotations

import asyncio
from pathlib import Path

import fakeclock
import pytest

from ascc_async.errors import GaveUp
from ascc_async.pipeline.clip_stage import Disk


def test_a_full_disk_is_said_every_ten_minutes_and_given_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Counted from when all licenses were asked: until then there is other work."""
    disk = Disk(tmp_path, 1e9, 1)

    async def wait() -> float:
        began = asyncio.get_running_loop().time()
        with pytest.raises(GaveUp, match="Make room"):
            await disk.wait_for_room(lambda: asyncio.get_running_loop().time() - began < 36_000)
        return asyncio.get_running_loop().time() - began

    assert 39_600 < fakeclock.run(wait()) < 39_700
    assert 6 <= caplog.text.count("little free disk") <= 8
