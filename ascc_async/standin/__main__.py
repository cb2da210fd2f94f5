"""`python -m ascc_async.standin FOLDER`: run the stand-in until standard input ends.

Its first line is the settings as JSON, each further one a command (see `Standin.obey`); each is
answered by a line of JSON. The folder takes certificates, metadata and log.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import uvloop

from ascc_async.standin.server import Standin
from ascc_async.standin.world_settings import WorldSettings


async def main(folder: Path) -> None:
    """Serve until the parent is gone, however it went."""
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    standin = Standin(WorldSettings.model_validate_json(await lines.readline()), folder)
    answer: object = await standin.start()
    while True:
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
        if not (line := await lines.readline()):
            return
        answer = standin.obey(*json.loads(line))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(Path(sys.argv[1])))
