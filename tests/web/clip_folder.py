"""An output folder as a run leaves it, of a few clips in every format, by hostile authors."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
from dataclasses import replace
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import soundfile
from metadata_folders import row, segments, write_folder

from ascc_async.journal.records import ClipRow
from ascc_async.journal.writer import JOURNAL_NAME, Journal
from ascc_async.model import (
    CREATIVE_COMMONS_LINK,
    ClipFile,
    Evidence,
    License,
    LicenseAnswer,
    Outcome,
    Quality,
    Reason,
)

RATE = 48_000
FORMATS = ("flac", "wav", "mp3", "opus", "m4a")
ENCODING = "audio/flac/source/source"
HOSTILE = {
    "script": '<script>alert(1)</script><img src=x onerror="alert(2)">{{ 7 * 7 }}\'"&amp;',
    "backwards": "\u202egnp.exe\u2066 \u0627\u0644\u0639\u0631\u0628\u064a\u0629 0\x1b[2J\x00\x07",
    "long": "W" * 500,
    "empty": "",
    "combining": "Z" + "\u0301" * 60 + " \U0001f469\u200d\U0001f52c 日本語",
}


def video(number: int) -> str:
    """The id of a video of the folder."""
    return f"{number:011d}"


def channel(number: int) -> str:
    """Who made it; one is too long for any line."""
    return "C" * 100 if number == 2 else f"Chan<b>nel {number}"


def make_folder(folder: Path) -> list[str]:
    """Write it; the segment ids, one for each format, the titles hostile."""
    rows = [row(number, "/m/a,/m/b" if number % 2 else "/m/c") for number in range(10)]
    (folder / "metadata").mkdir(parents=True)
    write_folder(folder / "metadata", {"balanced_train_segments.csv": segments(rows)})
    time = np.arange(2 * RATE) / RATE
    sound = np.stack([np.sin(2 * np.pi * hertz * time) * 0.4 for hertz in (440, 1000)], axis=1)
    soundfile.write(folder / "tone.wav", sound, RATE)
    records: list[LicenseAnswer | ClipRow] = []
    ids = []
    for number, (form, title) in enumerate(zip(FORMATS, HOSTILE.values(), strict=True)):
        name = f"clips/00/{video(number)}_30000.{form}"
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "error"]
        command += ["-i", str(folder / "tone.wav"), "-ac", "2", str(path)]
        subprocess.run(command, check=True)
        records += [answer_of(number, title), clip_of(number, name, path.read_bytes(), title)]
        ids.append(f"{video(number)}_30000")
    gone = replace(
        answer_of(8, "gone"), license=License.UNAVAILABLE, reason=Reason.PRIVATE, evidence=None
    )
    records.append(replace(gone, detail="Video <b>private</b>"))

    async def write() -> None:
        async with Journal(folder / JOURNAL_NAME) as journal:
            await journal.record(replace(answer_of(0, ""), license=License.UNKNOWN, evidence=None))
            await journal.record(*records)

    asyncio.run(write())
    return ids


def answer_of(number: int, title: str) -> LicenseAnswer:
    """The license answer, with its evidence."""
    answer = LicenseAnswer(
        video(number), License.CREATIVE_COMMONS, "innertube", 1.76e9, title=title,
        text="Creative Commons Attribution license (reuse allowed)", link=CREATIVE_COMMONS_LINK,
        channel=channel(number), channel_id=f"UC{number:022d}",
    )  # fmt: skip
    item = {"id": video(number), "status": {"license": "creativeCommon"}}
    seen = Evidence(
        video(number), "data_api", 1.76e9, "https://www.googleapis.com/youtube/v3/videos", "",
        json.dumps({"items": [item]}),
    )  # fmt: skip
    return replace(answer, evidence=seen)


def clip_of(number: int, name: str, content: bytes, title: str) -> ClipRow:
    """The row of a clip that lies at `name`."""
    segment_id = f"{video(number)}_30000"
    quality = Quality(-7.96, -60.0 if number == 1 else -10.97, 0.0, 0.0)
    file = ClipFile(
        segment_id, name, hashlib.sha256(content).hexdigest(), len(content), 2 * RATE, RATE, 2,
        ENCODING, "251 webm opus", 1.76e9, quality, "the sound ends 8.000 s before the segment",
    )  # fmt: skip
    return ClipRow(
        segment_id, video(number), ENCODING, Outcome.CLIP, 1.76e9, clip=file, title=title,
        channel=channel(number), channel_id=f"UC{number:022d}",
    )  # fmt: skip
