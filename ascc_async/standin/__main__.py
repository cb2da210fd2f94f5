"""`python -m ascc_async.standin FOLDER`: run the stand-in until standard input ends.

Settings are read from `world.json` in the folder, which also takes certificates, metadata and
log. One line of JSON to standard output says when it is ready, and where.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import uvloop

from ascc_async.standin.server import Standin
from ascc_async.standin.world_settings import WorldSettings


async def main(folder: Path) -> None:
    """Serve until stopped by a signal, by the parent's end, or by the time limit."""
    settings = WorldSettings.model_validate_json((folder / "world.json").read_text())
    standin, stopping = Standin(settings, folder), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)

    def watch_parent() -> None:
        # Standard input ends when the parent is gone, however it went.
        if not os.read(sys.stdin.fileno(), 1024):
            stopping.set()

    loop.add_reader(sys.stdin, watch_parent)
    sys.stdout.write(json.dumps(await standin.start()) + "\n")
    sys.stdout.flush()
    if settings.media.warm:
        loop.run_in_executor(None, standin.streams.warm)
    try:
        async with asyncio.timeout(settings.max_seconds):
            await stopping.wait()
    except TimeoutError:
        pass  # the time limit is a way to end, not a failure
    await standin.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m ascc_async.standin", description=__doc__)
    parser.add_argument("folder", type=Path)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(parser.parse_args().folder))
