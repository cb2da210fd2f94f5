"""Hands a message to one address of apprise, in a process of its own.

There it cannot hold up a run, and neither outlives its time nor shows an address, whatever the
plugin of that service does, prints or logs.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import re
import signal
import sys
from dataclasses import asdict, dataclass
from typing import Literal

LONGEST = 20.0  # seconds for one message
TOO_LATE = f"no answer within {LONGEST:g} s"
UNKNOWN = "apprise knows no such address"

Kind = Literal["info", "success", "warning", "failure"]


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent; services show `kind` as a colour or a sign."""

    title: str
    text: str
    kind: Kind


async def send(address: str, message: Message | None) -> str:
    """Why it was not taken, without the address; empty when it was. No message: only look whether
    apprise knows the address.
    """
    # Not as arguments, which every user of the machine can read.
    question = json.dumps([address, asdict(message) if message else None])
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", __name__),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the run
        )
    except OSError as error:
        return f"no process could be started for it: {error.strerror}"
    try:
        async with asyncio.timeout(LONGEST):
            said, _ = await process.communicate(question.encode())
    except TimeoutError:
        return TOO_LATE
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    match said.decode(errors="replace"):
        case "sent":
            return ""
        case "unknown":
            return UNKNOWN
        case "":
            return "apprise could not be used: `python -c 'import apprise'` says why"
        case status if re.fullmatch(r"\d{3}", status):
            return f"the service answered {status}"
    return "the service could not be reached, or did not take it"


def main() -> None:
    """The process: one question on stdin, one word as the answer."""
    signal.alarm(60)  # whoever asked may have been killed
    answer = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a plugin prints is no answer
    address, message = json.load(sys.stdin)
    import apprise

    logged = io.StringIO()
    logging.getLogger(apprise.LOGGER_NAME).addHandler(logging.StreamHandler(logged))
    service = apprise.Apprise(asset=apprise.AppriseAsset(app_id="ascc_async", async_mode=False))
    if not service.add(address):
        word = "unknown"
    elif message is None or service.notify(
        message["text"],
        title=message["title"],
        notify_type=message["kind"],
        body_format=apprise.NotifyFormat.TEXT,
    ):
        word = "sent"
    else:
        status = re.search(r"\berror=(\d{3})\b", logged.getvalue())
        word = status[1] if status else "failed"
    answer.write(word)
    answer.close()


if __name__ == "__main__":
    main()
