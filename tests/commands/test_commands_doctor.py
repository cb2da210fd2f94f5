"""`doctor`: each check with its remedy, offline and against the stand-in."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from terminal import Place

from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import Fault


def checks(place: Place, *arguments: str) -> tuple[int, dict[str, dict[str, str]]]:
    """Exit code, and the checks by name."""
    done = place.here("doctor", "--log-format", "json", *arguments)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, {each["name"]: each for each in events if each["event"] == "check"}


def test_all_that_a_run_needs_is_looked_at(finished: Place) -> None:
    """Nothing has failed, each check says what it found, and the network is not among them."""
    code, results = checks(finished)
    assert code == 0
    unchecked = results.pop("network")
    assert (unchecked["state"], "--online" in unchecked["remedy"]) == ("unchecked", True)
    assert {check["state"] for check in results.values()} <= {"passed", "warning"}
    assert {"Python", "output folder", "disk", "journal", "ffmpeg", "yt-dlp", "metadata",
            "JavaScript runtime", "cookies of main", "proxy of main", "ca_file",
            "Data API keys"} <= results.keys()  # fmt: skip
    assert all(check["found"] for check in results.values())


def test_what_a_run_could_not_work_with_fails_with_a_remedy(place: Place, tmp_path: Path) -> None:
    """A proxy that is down, cookies or a list that are not there, a disk too full: exit code 1."""
    missing = tmp_path / "cookies.txt"
    broken = replace(
        place,
        settings=(
            "network.proxy=http://user:secret@127.0.0.1:9",
            f"network.cookies_file={missing}",
            f"license.ask_first={tmp_path / 'list.csv'}",
            "output.min_free_gb=1000000",
        ),
    )
    code, results = checks(broken)
    assert code == 1
    failed = {name: check for name, check in results.items() if check["state"] == "failed"}
    assert failed.keys() == {"proxy of main", "cookies of main", "disk", "lists to ask first"}
    assert all(check["remedy"] for check in failed.values())
    assert "secret" not in json.dumps(results)


def test_somebody_elses_folder_stops_no_other_check(
    finished: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is one failure more, named with what to do."""

    def look(_: object) -> None:
        raise PermissionError(13, "Permission denied", "/theirs")

    monkeypatch.setattr("ascc_async.commands.doctor_checks.read_removals", look)
    code, results = checks(finished)
    assert (code, results["rights"]["found"]) == (1, "/theirs: Permission denied")
    assert "ffmpeg" in results


def test_what_was_not_looked_at_is_not_vouched_for(place: Place, youtube: StandinProcess) -> None:
    """No run «can work» without a look at the network; metadata to be downloaded has not passed."""
    youtube.reset_counters()
    said = place.here("doctor").stdout
    assert "A run can work" not in said
    assert "unchecked  network" in said
    assert "later      metadata" in said
    assert youtube.counters()["requests"] == {}
    assert not list(place.output.parent.iterdir())


def test_online_tries_the_download_of_missing_metadata(
    place: Place, youtube: StandinProcess
) -> None:
    """It keeps nothing; only now can a run work, or the address that does not answer is named."""
    said = place.here("doctor", "--online").stdout
    assert "passed     metadata download" in said, said
    assert "A run can work" in said
    assert not list(place.output.parent.iterdir())
    wrong = replace(
        place, settings=(*place.settings, "audioset.base_url=https://www.youtube.com/no")
    )
    code, results = checks(wrong, "--online")
    assert (code, results["metadata download"]["state"]) == (1, "failed")
    assert "ascc-doctor" not in results["metadata download"]["found"]


def test_metadata_that_is_malformed_is_named_with_its_line(finished: Place, tmp_path: Path) -> None:
    """What the first run would stumble over, doctor finds."""
    bad = tmp_path / "bad"
    bad.mkdir()
    source = next(setting for setting in finished.settings if "metadata_dir" in setting).partition(
        "="
    )[2]
    for path in Path(source).rglob("*.*"):
        (bad / path.name).write_bytes(path.read_bytes())
    with (bad / "eval_segments.csv").open("a") as file:
        file.write("half a ro")
    other = replace(finished, settings=(*finished.settings, f"audioset.metadata_dir={bad}"))
    code, results = checks(other)
    assert code == 1
    assert "eval_segments.csv:" in results["metadata"]["found"]


def test_online_tries_every_step_through_proxy_and_authority(
    finished: Place, youtube: StandinProcess
) -> None:
    """Each source reads the known videos, and one clip is fetched and discarded."""
    keyed = replace(finished, settings=(*finished.settings, "license.api_keys=[AIzaTest]"))
    before = sorted(finished.output.rglob("*.flac"))
    code, results = checks(keyed, "--online")
    assert code == 0
    for name in ("data_api as main", "innertube as main", "watch_page as main",
                 "yt-dlp finds media", "media and ffmpeg"):  # fmt: skip
        assert results[name]["state"] == "passed", results[name]
    assert "AIzaTest" not in json.dumps(results)
    assert sorted(finished.output.rglob("*.flac")) == before


def test_online_says_which_step_fails(finished: Place, youtube: StandinProcess) -> None:
    """Sources whose pages changed are distinguished from media that is refused."""
    youtube.set_pages(container="gone")
    youtube.set_faults(Fault(name="forbidden", endpoints=("media",), times=0))
    try:
        code, results = checks(finished, "--online")
    finally:
        youtube.set_pages(container="there")
        youtube.set_faults()
    assert code == 1
    assert results["innertube as main"]["state"] == "failed"
    assert "M4gD1WSo5mA as unknown" in results["innertube as main"]["found"]
    assert results["innertube as main"]["remedy"].startswith("You may be blocked")
    assert results["yt-dlp finds media"]["state"] == "passed"
    assert results["media and ffmpeg"]["state"] == "failed"
    assert results["media and ffmpeg"]["remedy"]


def test_a_name_service_that_is_down_is_no_refusal(finished: Place) -> None:
    """Nothing is reached, by any source as any identity: the network is named, not YouTube."""
    names = [f"{{name: {name}, proxy: 'http://{name}.invalid:1'}}" for name in ("one", "two")]
    away = (
        "license.api_keys=[AIzaOne]",
        "network.proxy=http://nowhere.invalid:1",
        f"network.identities=[{', '.join(names)}]",
    )
    broken = replace(finished, settings=(*finished.settings, *away))
    code, results = checks(broken, "--online")
    sources = [check for name, check in results.items() if " as " in name]
    assert (code, len(sources)) == (1, 9)
    for check in (*sources, results["yt-dlp finds media"]):
        assert "network" in check["remedy"]
        assert "refuses" not in check["remedy"]
