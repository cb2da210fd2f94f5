"""What a user gets who has the wheel and nothing else."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ascc_async.settings import Settings

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's content, built from a copy of this checkout."""
    copy = tmp_path_factory.mktemp("checkout") / "copy"
    ignored = shutil.ignore_patterns(
        ".git", "build", "*.egg-info", "data", "demo", ".*cache", "tests"
    )
    shutil.copytree(ROOT, copy, symlinks=True, ignore=ignored)
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "-w",
        str(copy / "wheel"),
        str(copy),
    ]
    built = subprocess.run(build, capture_output=True, text=True, timeout=240)
    if "No matching distribution found for setuptools" in built.stderr:
        pytest.skip("pip cannot fetch setuptools to build a wheel with")
    assert built.returncode == 0, built.stderr
    (wheel,) = (copy / "wheel").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(copy / "site")
    return copy / "site"


def command(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ascc_async", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=240,
    )


def test_init_writes_its_files_and_never_over_one(installed: Path, tmp_path: Path) -> None:
    """From the wheel alone, byte for byte those of the checkout, and docs whose links lead
    somewhere; what is there is kept.
    """
    (tmp_path / "settings.yaml").write_text("clips: {format: wav}\n", encoding="utf-8")
    done = command(installed, tmp_path, "init", "new")
    assert done.returncode == 0, done.stderr
    for name in ("settings.yaml", "cookies.example.txt"):
        assert (tmp_path / "new" / name).read_bytes() == (ROOT / name).read_bytes()
    for page in (tmp_path / "new" / "docs").glob("*.md"):
        links = re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8"))
        assert [link for link in links if not (page.parent / link).exists()] == []
    assert (tmp_path / "new" / "docs" / "Containerfile").exists()
    again = command(installed, tmp_path, "init")
    assert again.returncode == 0
    assert "settings.yaml: is there already, left as it is" in again.stdout
    assert (tmp_path / "settings.yaml").read_text(encoding="utf-8") == "clips: {format: wav}\n"
    assert (tmp_path / "cookies.example.txt").exists()
    (tmp_path / "file").touch()
    assert command(installed, tmp_path, "init", "file/new").returncode == 1


def test_doctor_works_from_the_wheel_alone(installed: Path, tmp_path: Path) -> None:
    """In the folder that `init` made."""
    command(installed, tmp_path, "init")
    done = command(installed, tmp_path, "doctor")
    assert done.returncode == 0, done.stdout
    assert "Nothing failed" in done.stdout


@pytest.mark.slow
def test_demo_and_plan_work_from_the_wheel_alone(installed: Path, tmp_path: Path) -> None:
    """In an empty folder; the plan reads the metadata that the demo made."""
    demo = command(installed, tmp_path, "demo")
    assert demo.returncode == 0, demo.stderr
    assert "python -m ascc_async init" in demo.stdout
    plan = command(installed, tmp_path, "plan", "--config", "demo/settings.yaml")
    assert plan.returncode == 0, plan.stderr


def test_the_schema_of_the_settings_knows_every_key(tmp_path: Path) -> None:
    """JSON Schema, for editors; nothing is written."""
    schema = json.loads(command(ROOT, tmp_path, "init", "--schema").stdout)
    sections = {name: schema["$defs"][part["$ref"].split("/")[-1]]
                for name, part in schema["properties"].items() if "$ref" in part}  # fmt: skip
    assert list(sections) == list(Settings.model_fields)
    assert sections["throttle"]["properties"]["burst"]["minimum"] == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_demo_makes_video_clips_too(installed: Path, tmp_path: Path) -> None:
    """Its stand-in has pictures when they are asked for."""
    options = ("--set", "clips.media=video", "--set", "audioset.splits=[eval]")
    demo = command(installed, tmp_path, "demo", *options)
    assert demo.returncode == 0, demo.stderr
    assert len(list(tmp_path.glob("demo/clips/*/*.mp4"))) > 5
