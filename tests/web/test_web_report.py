"""`report`: one file that holds all it shows and nothing that it should not."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from dataset_samples import DOG, SPEECH, Sample, full
from folders import history, leave
from in_process import run_here

from ascc_async.audioset.classes import read_class_names
from ascc_async.audioset.metadata_files import PACKAGED_CLASS_LIST
from ascc_async.audioset.selection import ChosenClass
from ascc_async.commands.verify import verify
from ascc_async.journal.writer import JOURNAL_NAME

if TYPE_CHECKING:
    from conftest import Window

HOSTILE = "</script><script>alert(1)</script>"


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    """One segment of each kind, and a hostile class."""
    made = full(tmp_path / "secret-place")
    made.classes = [
        ChosenClass(0, SPEECH, "Speech", 0.5),
        ChosenClass(1, DOG, HOSTILE, 0.5),
    ]
    made.write()
    return made


def write(sample: Sample, *arguments: str) -> Path:
    """Has the command write it; where it is."""
    done = run_here(["report", "--set", f"output.dir={sample.folder}", *arguments])
    assert (done.returncode, done.stderr) == (0, "")
    path = Path(arguments[1]) if arguments else sample.path("report.html")
    assert f"Written: {path}" in done.stdout.replace("\n", " ")
    return path


def test_it_is_one_small_file_without_paths_or_clips(sample: Sample) -> None:
    """With all of AudioSet's classes, too: sums and figures, nothing of a single segment."""
    names = read_class_names(PACKAGED_CLASS_LIST) | {DOG: HOSTILE}
    sample.classes = [
        ChosenClass(index, mid, name, 0.5) for index, (mid, name) in enumerate(names.items())
    ]
    for index, mid in enumerate(names):
        sample.add(f"Video_{index:05}", mid, DOG, title="A title of theirs")
    sample.write()
    text = write(sample).read_text("utf-8")
    assert len(text.encode()) < 6_000_000
    own = text.rpartition("</main>")[0]
    for never in (
        "secret-place",
        "Video_00001",
        "A title of theirs",
        "A channel",
        "clips/",
        HOSTILE,
    ):
        assert never not in own, never
    assert "/missing" not in own  # no address of `serve`


def test_the_dataset_stays_what_it_was(sample: Sample, tmp_path: Path) -> None:
    """Checksums hold, `verify` has no complaint of it, and the next writing leaves it there."""
    path = write(sample)
    before = path.read_bytes()
    for line in sample.path("SHA256SUMS").read_text("utf-8").splitlines():
        sha256, _, name = line.partition("  ")
        if name.startswith("dataset/"):
            assert hashlib.sha256((sample.folder / name).read_bytes()).hexdigest() == sha256
    _, problems = verify(sample.folder, "no-ffmpeg")
    assert {problem.kind for problem in problems} <= {"missing"}  # samples have no sounds
    sample.write()
    assert path.read_bytes() == before
    assert write(sample, "--out", str(tmp_path / "where.html")).read_bytes() == before


def test_it_opens_without_any_server(sample: Sample, window: Callable[..., Window]) -> None:
    """From the disk, offline: it draws, sorts, complains of nothing and asks nobody."""
    leave(sample.folder, None, list(history(1_800_000_000, 40))[20:])
    path = write(sample)
    seen = window(390, offline=True)
    asked: list[str] = []
    seen.page.on("request", lambda request: asked.append(request.url))
    page = seen.open(path.as_uri())
    page.wait_for_selector("#class-map .treemaplayer .slice")
    page.wait_for_selector("#flow-1 .sankey-node")
    line = page.locator("#over-time .js-line").first.bounding_box()
    assert line is not None
    assert 0 < line["x"] < line["x"] + line["width"] < 390  # inside its plot
    assert line["width"] > 200
    page.get_by_role("button", name="Quality").click()
    page.get_by_label("Filter by name or MID").fill("alert(1)")
    assert page.locator("#class-table tbody tr:visible th").all_inner_texts() == [HOSTILE]
    for width, scheme in ((390, "dark"), (1280, "light")):
        seen.becomes(width, scheme)
        seen.assert_fits()
        seen.assert_accessible()
    assert asked == [path.as_uri()]


def test_it_says_what_it_needs(
    sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dataset, a file to write to, and the extra; a history that is damaged is left out."""
    empty = run_here(["report", "--set", f"output.dir={tmp_path / 'empty'}"])
    assert (empty.returncode, "no dataset here yet" in empty.stderr) == (1, True)
    folder = run_here(["report", "--set", f"output.dir={sample.folder}", "--out", str(tmp_path)])
    assert (folder.returncode, "name a file" in folder.stderr) == (2, True)
    typo = ["--out", str(tmp_path / "typo" / "r.html")]
    nowhere = run_here(["report", "--set", f"output.dir={sample.folder}", *typo])
    assert (nowhere.returncode, "there is no folder" in nowhere.stderr) == (2, True)
    (sample.folder / JOURNAL_NAME).write_bytes(b"no journal at all" * 1000)
    damaged = run_here(["report", "--set", f"output.dir={sample.folder}"])
    assert (damaged.returncode, "The history is not in it" in damaged.stdout) == (0, True)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    missing = run_here(["report"])
    assert missing.returncode == 2
    assert "pip install 'ascc-async[web]'" in missing.stderr
