"""yt-dlp on answers that YouTube really gave."""

from __future__ import annotations

import io
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from ascc_async.errors import AsccError, Unavailable
from ascc_async.model import Reason, Resolved
from ascc_async.settings import ClipsSettings
from ascc_async.youtube.extractor_process import Worker
from ascc_async.youtube.ytdlp_judge import judge
from ascc_async.youtube.ytdlp_records import Access, Report, Strategy, WorkerConfig
from ascc_async.youtube.ytdlp_wire import author_in

RECORDED = Path(__file__).parents[2].parent / "shared" / "youtube_responses"
needs_recorded = pytest.mark.skipif(
    not RECORDED.is_dir(), reason=f"recorded answers are not at {RECORDED}"
)


def recorded(name: str) -> dict[str, Any]:
    """A player's answer, as recorded."""
    answer = json.loads((RECORDED / f"{name}.json").read_text())["response"]
    found: dict[str, Any] = answer.get("playerResponse", answer)
    return found


def extract(answer: dict[str, Any], video_id: str, tmp_path: Path) -> Report:
    """The real extractor's view of that answer; only its one request is answered here."""
    surroundings = WorkerConfig(str(tmp_path / "cache"), None, None, 5.0)
    worker = Worker(surroundings)
    tool = worker._tool(Access("main"), Strategy.CHEAP)
    tool.get_info_extractor("Youtube")._call_api = lambda *_, **__: answer
    report = worker.extract(Access("main"), Strategy.CHEAP, video_id)
    plain: Report = pickle.loads(pickle.dumps(report))
    return plain


def verdict(report: Report, media: str = "audio") -> Resolved | AsccError:
    """What it means."""
    return judge(report, ClipsSettings(media=media), "main", now=0.0)  # type: ignore[arg-type]


@needs_recorded
def test_a_real_answer_brings_the_sound_and_a_picture(tmp_path: Path) -> None:
    """AAC in MP4, with its exact length and size; 360 lines of H.264."""
    found = verdict(extract(recorded("player_ok_visionos"), "M4gD1WSo5mA", tmp_path), "video")
    assert isinstance(found, Resolved)
    assert (found.audio.format_id, found.audio.container) == ("140", "mp4")
    assert (found.audio.size, found.audio.duration) == (11664965, 720.724)
    assert (found.audio.sample_rate, found.audio.channels) == (44100, 2)
    assert found.video is not None
    assert (found.video.format_id, found.video.height) == ("134", 360)
    assert found.title.startswith("William Fisher, CopyrightX")
    assert found.channel_id == "UCuLGmD72gJDBwmLw06X58SA"


@needs_recorded
@pytest.mark.parametrize(
    ("name", "video_id", "reason"),
    [
        ("reel_members_only", "ayI2iBwGdxw", Reason.MEMBERS_ONLY),
        ("reel_private", "8VajtrESJzA", Reason.PRIVATE),
        ("reel_restricted_country", "_PL2HJKxnOM", Reason.COUNTRY_RESTRICTED),
    ],
)
def test_real_refusals_of_a_video_have_their_reasons(
    tmp_path: Path, name: str, video_id: str, reason: Reason
) -> None:
    """As the real extractor words them."""
    found = verdict(extract(recorded(name), video_id, tmp_path))
    assert isinstance(found, Unavailable)
    assert found.reason is reason


@needs_recorded
def test_the_channels_name_is_in_the_players_answer() -> None:
    """Which yt-dlp leaves there when it does not load the page."""
    raw = (RECORDED / "player_ok_visionos.json").read_bytes()
    assert author_in(raw) == "The Berkman Klein Center for Internet & Society"


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (b'{"author":"no","videoDetails":{"title":"\\"author\\":\\"no\\"","author":"yes"}}', "yes"),
        (b'{"videoDetails":{"author": "O\\u0027B \\"Sons\\" \\\\ \xc3\xa9"}}', "O'B \"Sons\" \\ é"),
        (b'{"author":"no"}', ""),
        (b'{"videoDetails":{}}', ""),
        (b'{"videoDetails":{"author":"\\x"}}', ""),
        (b'{"videoDetails":{"author":"\xff"}}', ""),
        (b"", ""),
    ],
)  # fmt: skip
def test_a_channels_name_is_read_or_left_out(answer: bytes, name: str) -> None:
    """A title that quotes JSON deceives nobody; a broken answer is no error."""
    assert author_in(answer) == name


def test_no_secret_is_in_a_representation() -> None:
    """A proxy's password stays out of logs and errors."""
    assert "hunter2" not in repr(Access("main", "http://me:hunter2@proxy:1"))


def test_the_cookie_copy_is_only_read(tmp_path: Path) -> None:
    """yt-dlp writes the cookies it holds back to a file it is given by name."""
    copy = tmp_path / "copy.txt"
    copy.write_text(
        "# Netscape HTTP Cookie File\n.youtube.com\tTRUE\t/\tTRUE\t4000000000\tSID\tvalue\n"
    )
    before = copy.read_bytes()
    worker = Worker(WorkerConfig(str(tmp_path / "cache"), None, None, 5.0))
    access = Access("main", "http://127.0.0.1:9", str(copy))
    with worker._tool(access, Strategy.DEFAULTS) as tool:
        assert [one.name for one in tool.cookiejar if one.name == "SID"] == ["SID"]
        assert isinstance(tool.params["cookiefile"], io.StringIO)
    assert copy.read_bytes() == before
    assert worker._tool(access, Strategy.CHEAP).params.get("cookiefile") is None


def test_changed_cookies_make_a_new_tool(tmp_path: Path) -> None:
    """The same access keeps its connections; another edition of the cookies does not."""
    worker = Worker(WorkerConfig(str(tmp_path / "cache"), None, None, 5.0))
    first = worker._tool(Access("main", edition=0), Strategy.CHEAP)
    assert worker._tool(Access("main", edition=0), Strategy.CHEAP) is first
    assert worker._tool(Access("main", edition=1), Strategy.CHEAP) is not first


@needs_recorded
def test_half_of_a_character_becomes_one_that_can_be_written(tmp_path: Path) -> None:
    """A title cut in the middle of an emoji would go into no file and no database."""
    answer = recorded("player_ok_visionos")
    details = {**answer["videoDetails"], "title": "A \ud83d title", "author": "\udc00"}
    answer = {**answer, "videoDetails": details}
    found = verdict(extract(answer, "M4gD1WSo5mA", tmp_path))
    assert isinstance(found, Resolved)
    assert found.title == "A ? title"
