"""`python -m ascc_async.standin`: run the stand-in until standard input ends.

Writes one line of JSON (proxy, proxies, ca_file, control_url, log_file, ports) to `--ready-file`,
or to standard output.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from pathlib import Path

import uvloop

from ascc_async.standin.server import Standin
from ascc_async.standin.world_settings import WorldSettings


def main() -> None:
    """Parse the options and run."""
    parser = argparse.ArgumentParser(prog="python -m ascc_async.standin", description=__doc__)
    parser.add_argument("--config", type=Path, help="settings as JSON (WorldSettings)")
    parser.add_argument("--folder", type=Path, help="certificates, request log, metadata")
    parser.add_argument("--ready-file", type=Path, help="written when it listens")
    parser.add_argument("--ports", default="", help="name=port,… to listen on fixed ports")
    options = parser.parse_args()
    text = options.config.read_text() if options.config else "{}"
    folder = options.folder or Path(tempfile.mkdtemp(prefix="standin-"))
    ports = dict(pair.split("=") for pair in options.ports.split(",") if pair)
    settings = WorldSettings.model_validate_json(text)
    standin_ports = {name: int(port) for name, port in ports.items()}
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(settings, folder, standin_ports, options.ready_file))


async def _run(
    settings: WorldSettings, folder: Path, ports: dict[str, int], ready_file: Path | None
) -> None:
    standin = Standin(settings, folder, ports)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, standin.stopping.set)
    loop.add_reader(sys.stdin, _watch_parent, standin)
    ready = await standin.start()
    _announce(ready.text(), ready_file)
    warming = (
        loop.run_in_executor(None, standin.front.streams.warm) if settings.media.warm else None
    )
    try:
        async with asyncio.timeout(settings.max_seconds):
            await standin.stopping.wait()
    except TimeoutError:
        pass  # the time limit is a way to end, not a failure
    if warming is not None:
        warming.cancel()
    await standin.stop()


def _watch_parent(standin: Standin) -> None:
    """Standard input ends when the parent is gone."""
    if not os.read(sys.stdin.fileno(), 1024):
        standin.stopping.set()


def _announce(text: str, ready_file: Path | None) -> None:
    if ready_file is None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
        return
    part = ready_file.with_suffix(".part")
    part.write_text(text)
    part.rename(ready_file)


if __name__ == "__main__":
    main()
