"""The real yt-dlp, unmodified, takes the stand-in for YouTube."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ascc_async.model import Reason
from ascc_async.standin.playability import UNPLAYABLE
from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world import Video

_CHILD = """
import json, sys
import yt_dlp

heard = []


class Logger:
    def debug(self, message): pass
    def warning(self, message): heard.append(message)
    def error(self, message): pass


job = json.loads(sys.stdin.read())
params = {"logger": Logger(), "compat_opts": {"no-certifi"}, "cachedir": False, "retries": 0,
          "extractor_retries": 0, **job["params"]}
for video_id in job["videos"]:
    heard.clear()
    found = {"id": video_id}
    with yt_dlp.YoutubeDL(params) as tool:
        try:
            info = tool.extract_info("https://www.youtube.com/watch?v=" + video_id, download=False)
        except yt_dlp.utils.DownloadError as error:
            found["error"] = str(error)
        else:
            keys = ("title", "channel", "channel_id", "license", "duration", "live_status")
            found |= {key: info.get(key) for key in keys}
            found["formats"] = {
                form["format_id"]: [form["url"], form.get("filesize"), form.get("asr"),
                                    form.get("audio_channels")]
                for form in info["formats"]
            }
            for form in info["formats"]:
                if job["read"] and form["format_id"] in ("140", "251"):
                    asked = yt_dlp.networking.Request(form["url"], headers={"Range": "bytes=0-15"})
                    found["read"] = tool.urlopen(asked).read().hex()
    found["warnings"] = list(heard)
    print(json.dumps(found))
"""


def extract(
    youtube: StandinProcess, videos: list[str], *, read: bool = False, **params: Any
) -> dict[str, dict[str, Any]]:
    """What yt-dlp makes of these videos, in a process of its own."""
    job = {"videos": videos, "read": read, "params": {"proxy": youtube.proxy, **params}}
    done = subprocess.run(
        [sys.executable, "-c", _CHILD],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "SSL_CERT_FILE": str(youtube.ca_file)},
    )
    assert done.returncode == 0, done.stderr
    return {found["id"]: found for found in map(json.loads, done.stdout.splitlines())}


@dataclass(frozen=True)
class Extracted:
    """One run over a video of every kind, as a guest."""

    youtube: StandinProcess
    found: dict[str, dict[str, Any]]

    def of(self, kind: str) -> list[tuple[Video, dict[str, Any]]]:
        """Videos of this kind with what yt-dlp found."""
        videos = [video for video in self.youtube.world.videos if video.kind == kind]
        return [(v, self.found[v.video_id]) for v in videos if v.video_id in self.found]


@pytest.fixture(scope="module")
def extracted(_running: StandinProcess) -> Extracted:
    """Up to two videos of each kind, in one process of yt-dlp."""
    taken: dict[str, list[str]] = {}
    for video in _running.world.videos:
        wanted = taken.setdefault(video.kind, [])
        if len(wanted) < 2:
            wanted.append(video.video_id)
    videos = [video_id for wanted in taken.values() for video_id in wanted]
    return Extracted(_running, extract(_running, videos))


@pytest.fixture
def cookies(tmp_path: Path) -> Path:
    """A cookie file of somebody who is signed in."""
    path = tmp_path / "cookies.txt"
    names = ("SAPISID", "__Secure-3PAPISID", "__Secure-3PSID", "LOGIN_INFO")
    lines = [f".youtube.com\tTRUE\t/\tTRUE\t4000000000\t{name}\tx{name}" for name in names]
    path.write_text("\n".join(["# Netscape HTTP Cookie File", *lines, ""]))
    return path


@pytest.mark.parametrize(
    ("kind", "license_text"),
    [
        ("creative_commons", "Creative Commons Attribution license (reuse allowed)"),
        ("standard", None),
    ],
)
def test_title_channel_license_and_formats(
    extracted: Extracted, kind: str, license_text: str | None
) -> None:
    """As the world has them, without a warning."""
    for video, found in extracted.of(kind):
        assert (found["title"], found["channel"]) == (video.title, video.channel)
        assert (found["channel_id"], found["license"]) == (video.channel_id, license_text)
        assert found["duration"] == round(video.length_ms / 1000)
        for itag in {140, 251} & set(video.itags):
            rate = 48_000 if itag == 251 else video.sample_rate
            assert found["formats"][str(itag)][2:] == [rate, video.channels]


def test_no_warning_that_youtube_would_not_cause(extracted: Extracted) -> None:
    """None at all, over every kind."""
    assert [found["warnings"] for found in extracted.found.values() if found["warnings"]] == []


@pytest.mark.parametrize("reason", UNPLAYABLE, ids=str)
def test_every_reason_in_youtubes_words(extracted: Extracted, reason: Reason) -> None:
    """The message that yt-dlp raises is the one it raises for YouTube."""
    videos = extracted.of(reason.value)
    assert videos
    for video, found in videos:
        entry = UNPLAYABLE[reason][video.number % len(UNPLAYABLE[reason])]
        assert (entry.subreason or entry.reason) in found["error"]


def test_live_is_on_air_or_to_come(extracted: Extracted) -> None:
    """On air it has a live status; to come, an error."""
    for video, found in extracted.of("live"):
        if video.upcoming:
            assert "This live event will begin in" in found["error"]
        else:
            assert found["live_status"] == "is_live"


def test_a_video_without_sound_has_no_sound_format(extracted: Extracted) -> None:
    """Only pictures, besides the manifest's."""
    for _, found in extracted.of("no_audio"):
        assert "160" in found["formats"]
        assert not {"140", "251"} & set(found["formats"])


def test_signed_in_it_solves_the_players_puzzles(youtube: StandinProcess, cookies: Path) -> None:
    """Age-restricted media come, through the web and television players and deno."""
    video = next(v for v in youtube.world.videos if v.kind == "age_restricted")
    found = extract(youtube, [video.video_id], read=True, cookiefile=str(cookies))[video.video_id]
    assert found["warnings"] == []
    assert found["license"] == "Creative Commons Attribution license (reuse allowed)"
    assert found["read"]
    players = youtube.requests("player")
    assert {line["client"] for line in players} == {"WEB_EMBEDDED_PLAYER", "TVHTML5"}
    assert all(line["signed_in"] for line in players)


def test_a_dead_session_is_noticed(youtube: StandinProcess, cookies: Path) -> None:
    """yt-dlp says that the cookies are no longer valid."""
    youtube.set_pages(dead_sessions=True)
    video = next(v for v in youtube.world.videos if v.kind == "standard")
    found = extract(youtube, [video.video_id], cookiefile=str(cookies))[video.video_id]
    assert any("no longer valid" in warning for warning in found["warnings"])
