"""ffmpeg as a subprocess: found, bounded, fed, stopped, reaped, and quoted."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from media_helpers import ENCODERS, WaitingFFmpeg, alive, script

from ascc_async.errors import SetupError
from ascc_async.files import DiskFull
from ascc_async.media.ffmpeg import (
    FFmpeg,
    FFmpegFailed,
    Installed,
    check_encoders,
    find_ffmpeg,
)


def tool(folder: Path, words: str, limit: int = 2, time_limit: float = 60) -> FFmpeg:
    """A shell script in ffmpeg's place."""
    return FFmpeg(Installed(script(folder, words), "9", ENCODERS, soxr=True), limit, time_limit)


async def test_the_bundled_ffmpeg_has_all_that_is_needed() -> None:
    """It starts, tells its version, has every encoder, and resamples with soxr."""
    found = await find_ffmpeg()
    check_encoders(found, sorted(ENCODERS))
    assert found.version != "unknown"
    assert found.soxr


async def test_an_ffmpeg_that_does_not_work_is_named(tmp_path: Path) -> None:
    """A missing or broken installation is told from a broken stream, with the remedy."""
    with pytest.raises(SetupError, match="nowhere cannot be started: No such file"):
        await find_ffmpeg(str(tmp_path / "nowhere"))
    path = script(tmp_path, "echo 'lib missing' >&2; exit 127")
    with pytest.raises(SetupError, match=r"does not start .*lib missing.*IMAGEIO_FFMPEG_EXE"):
        await find_ffmpeg(path)


async def test_output_comes_back_whole(tmp_path: Path) -> None:
    """Also more than any pipe holds; there is nothing to read, so nothing is waited for."""
    words = "cat; head -c 3000000 /dev/zero"
    assert await tool(tmp_path, words).run([]) == bytes(3_000_000)


async def test_its_last_words_are_in_the_error(tmp_path: Path) -> None:
    """The cause, without memory addresses and consequences; a million complaints are cut off."""
    words = "[aac @ 0x55d0] channel element 3.14 is not allocated"
    train = "[af#0:0 @ 0x7] Task finished with error code: -22"
    with pytest.raises(FFmpegFailed) as caught:
        await tool(tmp_path, f"echo '{words}' >&2; echo '{train}' >&2; exit 69").run([])
    told = "ffmpeg ended with status 69: [aac] channel element 3.14 is not allocated"
    assert str(caught.value) == told
    with pytest.raises(FFmpegFailed) as caught:
        await tool(tmp_path, "yes 'bad packet' | head -c 3000000 >&2; exit 1").run([])
    assert len(str(caught.value)) < 500


async def test_a_full_disk_is_told(tmp_path: Path) -> None:
    """No space left stops the run: it is no fault of the stream."""
    with pytest.raises(DiskFull, match="make room"):
        await tool(tmp_path, "echo 'x.flac: No space left on device' >&2; exit 1").run([])


@pytest.mark.parametrize(
    ("words", "message", "by_force"),
    [
        ("kill -9 $$", "signal 9", True),
        ("echo 'Cannot allocate memory' >&2; exit 1", "status 1", True),
        ("exit 255", "status 255", True),
        ("echo 'decoder: Operation not permitted' >&2; exit 255", "status 255", False),
        ("echo 'Invalid data found' >&2; exit 1", "status 1", False),
    ],
)
async def test_what_ended_it_by_force_is_not_the_streams_fault(
    words: str, message: str, by_force: bool, tmp_path: Path
) -> None:
    """Want of memory, a signal, also one it took up itself; unlike data that does not decode."""
    with pytest.raises(FFmpegFailed, match=message) as caught:
        await tool(tmp_path, words).run([])
    assert caught.value.by_force is by_force


async def test_the_real_one_says_that_it_was_told_to_end(tmp_path: Path) -> None:
    """SIGTERM while it works."""
    real = await find_ffmpeg()
    wrapper = f'"{real.path}" "$@" & sleep 0.5; kill -TERM $!; wait $!'
    endless = ["-f", "lavfi", "-re", "-i", "sine", "-f", "null", "-"]
    with pytest.raises(FFmpegFailed) as caught:
        await tool(tmp_path, wrapper).run(endless)
    assert caught.value.by_force


async def test_the_time_limit_ends_the_whole_group(waiting_ffmpeg: WaitingFFmpeg) -> None:
    """A process that hangs is stopped, with its children."""
    slow = FFmpeg(waiting_ffmpeg.installed, 1, time_limit=0.3)
    task = asyncio.ensure_future(slow.run([]))
    process = await waiting_ffmpeg.started()
    with pytest.raises(FFmpegFailed, match=r"stopped after 0\.3 s") as caught:
        await task
    assert caught.value.by_force
    assert not alive(process)


async def test_it_has_a_session_of_its_own(waiting_ffmpeg: WaitingFFmpeg) -> None:
    """Ctrl-C in the terminal does not reach it: it would leave a playable but short file."""
    task = asyncio.ensure_future(FFmpeg(waiting_ffmpeg.installed, 1).run([]))
    process = await waiting_ffmpeg.started()
    assert os.getsid(process) == process != os.getsid(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not alive(process)


async def test_no_more_run_at_once_than_allowed(tmp_path: Path) -> None:
    """With a limit of one, five runs come one after the other: none finds the lock of another."""
    lock = tmp_path / "lock"
    one = tool(tmp_path, f'mkdir "{lock}" || exit 1; rmdir "{lock}"', limit=1)
    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(one.run([]))
