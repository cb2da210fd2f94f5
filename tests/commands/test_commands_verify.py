"""Verification against files on disk."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile
from dataset_samples import Sample, evidence

from ascc_async.commands.verify import Problem, verify
from ascc_async.dataset.evidence import EVIDENCE_FILE
from ascc_async.errors import SetupError

RATE = 8_000
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
IDS = ("-bcdefghijk", "aaaaaaaaaaa", "bbbbbbbbbbb")


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    """Three real FLAC files and their manifest."""
    made = Sample(tmp_path)
    for place, video_id in enumerate(IDS):
        path = tmp_path / "clips" / video_id[:2] / f"{video_id}_30000.flac"
        path.parent.mkdir(parents=True)
        tone = 0.5 * np.sin(np.arange(RATE) * (place + 1) / 10)
        soundfile.write(path, tone, RATE, format="FLAC")
        made.add(video_id, file=facts(path))
    made.write()
    return made


def facts(path: Path) -> dict[str, object]:
    """What the journal knows of a file of one second."""
    data = path.read_bytes()
    return {
        "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "frames": RATE,
        "sample_rate": RATE, "channels": 1,
    }  # fmt: skip


def problems(sample: Sample, known: set[str] = frozenset()) -> list[Problem]:
    """All that is found wrong."""
    return verify(sample.folder, FFMPEG, known)[1]


def file_of(sample: Sample, video_id: str) -> Path:
    """Where a clip is."""
    return sample.folder / "clips" / video_id[:2] / f"{video_id}_30000.flac"


def test_a_whole_dataset_has_no_problem(sample: Sample) -> None:
    """Every clip is read, and the sizes add up."""
    checked, problems = verify(sample.folder, FFMPEG)
    total = sum(file_of(sample, video_id).stat().st_size for video_id in IDS)
    assert checked == (3, total)
    assert problems == []


def test_a_sample_looks_at_so_many_clips(sample: Sample) -> None:
    """Of the others nothing is read, and none of them counts as unlisted; more than all is all."""
    for video_id in IDS:
        file_of(sample, video_id).write_bytes(b"x")
    for wanted, looked_at in ((1, 1), (2, 2), (50, 3)):
        checked, problems = verify(sample.folder, FFMPEG, sample=wanted)
        assert checked.clips == looked_at
        assert [problem.kind for problem in problems] == ["size"] * looked_at


def test_each_kind_of_damage_is_reported(sample: Sample) -> None:
    """Missing, cut off, one bit turned, and a file nobody knows."""
    file_of(sample, IDS[0]).unlink()
    cut = file_of(sample, IDS[1])
    cut.write_bytes(cut.read_bytes()[:-100])
    flipped = file_of(sample, IDS[2])
    data = bytearray(flipped.read_bytes())
    data[len(data) // 2] ^= 1
    flipped.write_bytes(data)
    stranger = sample.folder / "clips" / "zz" / "zzzzzzzzzzz_1.flac"
    stranger.parent.mkdir()
    stranger.write_bytes(b"x")
    damaged = problems(sample)
    assert [(problem.path[-22:], problem.kind) for problem in damaged] == [
        ("-bcdefghijk_30000.flac", "missing"),
        ("aaaaaaaaaaa_30000.flac", "size"),
        ("bbbbbbbbbbb_30000.flac", "hash"),
        ("/zz/zzzzzzzzzzz_1.flac", "unlisted"),
    ]
    assert [problem.segment_id for problem in damaged] == [*(f"{each}_30000" for each in IDS), ""]


def test_evidence_that_cannot_be_shown_is_reported(sample: Sample) -> None:
    """It is no damage to a clip: nothing is fetched again because of it."""
    sample.journal.evidence_rows = [evidence(IDS[0])]
    sample.write()
    assert problems(sample) == []
    (sample.folder / "dataset" / EVIDENCE_FILE).write_bytes(b"")
    (found,) = problems(sample)
    assert (found.kind, found.segment_id, found.path) == (
        "evidence",
        "",
        f"dataset/{EVIDENCE_FILE}",
    )
    assert found.detail.startswith(f"{IDS[0]}: its record urn:uuid:")


def test_a_file_that_does_not_decode_is_reported_even_if_its_hash_is_right(sample: Sample) -> None:
    """The hash says the file is as it was recorded, not that it was any good."""
    path = file_of(sample, IDS[0])
    path.write_bytes(b"fLaC, but no more than that")
    sample.journal.clip_rows = [
        row for row in sample.journal.clip_rows if not row.segment_id.startswith(IDS[0])
    ]
    sample.segments = sample.segments[1:]
    sample.journal.answer_rows = sample.journal.answer_rows[1:]
    sample.add(IDS[0], file=facts(path))
    sample.write()
    assert [problem.kind for problem in problems(sample)] == ["undecodable"]


def test_a_bug_in_the_looking_is_no_missing_clip(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `--repair` it would have thrown the whole dataset away."""
    monkeypatch.setattr(
        "ascc_async.commands.verify.inspect_file", lambda *_, **__: Path("/no/file").read_bytes()
    )
    with pytest.raises(FileNotFoundError, match="/no/file"):
        problems(sample)


def test_a_sound_of_another_length_is_reported(sample: Sample) -> None:
    """What is heard must be what the manifest says."""
    row = next(row for row in sample.journal.clip_rows if row.segment_id.startswith(IDS[0]))
    others = [other for other in sample.journal.clip_rows if other is not row]
    sample.journal.clip_rows = others
    sample.journal.answer_rows = sample.journal.answer_rows[1:]
    sample.segments = sample.segments[1:]
    sample.add(IDS[0], file=facts(file_of(sample, IDS[0])) | {"frames": 5 * RATE})
    sample.write()
    (problem,) = problems(sample)
    assert problem.kind == "undecodable"
    assert problem.detail == "1.000 s long, not 5.000 s"


def test_files_the_journal_accounts_for_are_no_strangers(sample: Sample) -> None:
    """Nor is what was set aside or is just being written."""
    clips = sample.folder / "clips"
    for name in ("aa/known.flac", "aa/.part-1234", "unclaimed/x.flac", "other_forms/x/y.flac"):
        (clips / name).parent.mkdir(parents=True, exist_ok=True)
        (clips / name).write_bytes(b"x")
    assert problems(sample, known={"clips/aa/known.flac"}) == []


@pytest.mark.parametrize(
    ("seconds", "kept", "problem"),
    [(1, None, ""), (3, None, "1.000 s long, not 3.000 s"), (1, 200, "ffmpeg does not decode it")],
)
def test_formats_libsndfile_lacks_are_decoded_by_ffmpeg(
    tmp_path: Path, seconds: int, kept: int | None, problem: str
) -> None:
    """A whole M4A file is fine, one of another length or cut off is not."""
    name = f"clips/aa/{IDS[1]}_30000.m4a"
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    tone = ["-f", "lavfi", "-i", f"sine=frequency=440:sample_rate={RATE}:duration=1"]
    subprocess.run([FFMPEG, "-loglevel", "error", *tone, "-f", "ipod", str(path)], check=True)
    path.write_bytes(path.read_bytes()[:kept])
    made = Sample(tmp_path)
    made.add(IDS[1], file=facts(path) | {"path": name, "frames": seconds * RATE})
    made.write()
    details = [problem.detail for problem in problems(made)]
    assert len(details) == bool(problem)
    assert all(detail.startswith(problem) for detail in details)


def test_without_a_manifest_there_is_nothing_to_verify(tmp_path: Path) -> None:
    """Said as an error, not as success."""
    with pytest.raises(SetupError, match="no dataset here yet"):
        verify(tmp_path, FFMPEG)
