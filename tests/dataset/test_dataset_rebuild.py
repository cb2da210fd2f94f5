"""From a manifest alone to the same dataset."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from dataset_samples import DOG, FORM, MAN, NOW, SPEECH, MemoryJournal, Sample, answer, clip, full

from ascc_async.dataset import diff, rebuilt
from ascc_async.dataset.decision import Terms
from ascc_async.dataset.publish import write_dataset
from ascc_async.dataset.reading import read_manifest
from ascc_async.dataset.rebuild import Recipe, read_recipe
from ascc_async.dataset.roster import roster_of
from ascc_async.dataset.run_record import RunFacts
from ascc_async.errors import MetadataError
from ascc_async.model import License, Outcome, Reason
from ascc_async.settings import ClipsSettings, Settings


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """A manifest with three clips among other rows."""
    sample = full(tmp_path / "first")
    sample.write()
    return sample.path("manifest.csv")


def alone(manifest: Path) -> Path:
    """A copy with nothing beside it."""
    copy = manifest.parent.parent / "elsewhere" / "some.csv"
    copy.parent.mkdir()
    copy.write_bytes(manifest.read_bytes())
    return copy


def test_only_clips_are_asked_for_again(manifest: Path) -> None:
    """With times to the millisecond, labels, splits and hashes."""
    recipe = read_recipe(manifest)
    assert [one.segment_id for one in recipe.segments] == sorted(recipe.hashes)
    assert [one.video_id for one in recipe.segments] == [
        "-bcdefghijk",
        "_SUM-A1-ijk",
        "half_second",
    ]
    assert recipe.segments[0].labels == (SPEECH, MAN)
    assert recipe.segments[0].split == "balanced_train"
    assert recipe.segments[2].start_ms == 30_500
    assert set(recipe.hashes.values()) == {"ab" * 32}


def test_the_selection_holds_just_these_segments(manifest: Path) -> None:
    """The run goes over it as over any other selection."""
    recipe = read_recipe(manifest)
    selection = recipe.selection()
    segments = [selection.segments.segment(row) for row in selection.rows]
    assert tuple(segments) == recipe.segments
    assert [one.mid for one in selection.chosen] == [SPEECH, MAN, DOG]
    assert selection.max_per_class is None


def test_classes_and_form_come_from_beside_the_manifest(manifest: Path) -> None:
    """`suitable_classes.csv` and `run.json` tell them exactly."""
    recipe = read_recipe(manifest)
    assert [(one.index, one.name, one.quality) for one in recipe.classes] == [
        (0, "Speech", 1.0), (1, "Male speech, man speaking", 0.9), (2, "Dog", None),
    ]  # fmt: skip
    assert recipe.clips == ClipsSettings()


def test_a_manifest_alone_is_enough(manifest: Path) -> None:
    """Classes are those the clips hold, the form is what the clips have in common."""
    recipe = read_recipe(alone(manifest), {DOG: "Dog", "/m/other": "Other"})
    assert [(one.mid, one.name) for one in recipe.classes] == [
        (DOG, "Dog"), (MAN, MAN), (SPEECH, SPEECH),
    ]  # fmt: skip
    # 44,100 and 48,000 Hz are mixed: as the sources have them; all have two channels.
    assert recipe.clips == ClipsSettings(sample_rate=None, channels=2)


def test_a_round_trip_differs_in_nothing(manifest: Path, tmp_path: Path) -> None:
    """A rebuild of what YouTube still has gives a manifest with an empty diff."""
    recipe = read_recipe(manifest)
    again = rebuilt_manifest(recipe, tmp_path / "again", [
        answer(one.video_id) for one in recipe.segments
    ])  # fmt: skip
    assert diff.diff(manifest, again).empty
    result = rebuilt.compare(recipe.hashes, read_manifest(again))
    assert result.identical == tuple(sorted(recipe.hashes))
    assert (result.different, result.lost, result.open) == ((), (), ())


def rebuilt_manifest(
    recipe: Recipe, folder: Path, answers: list, clips: list | None = None
) -> Path:
    """The dataset of a rebuild in which YouTube answered so."""
    if clips is None:
        by_id = {row.segment_id: row for row in read_manifest(recipe.path)}
        clips = [clip(one.segment_id) for one in recipe.segments]
        half = by_id["half_second_30500"]
        clips = [
            replace(row, clip=replace(row.clip, frames=350_000, sample_rate=48_000))
            if row.segment_id == half.segment_id else row
            for row in clips
        ]  # fmt: skip
    write_dataset(
        folder,
        roster_of(recipe.selection()),
        MemoryJournal(answers, clips),
        Terms(FORM, NOW, 30),
        RunFacts(Settings(), {}, rebuilt_from=recipe.sha256),
    )
    record = json.loads((folder / "dataset" / "run.json").read_text("utf-8"))
    assert record["rebuilt_from_manifest_sha256"] == recipe.sha256
    return folder / "dataset" / "manifest.csv"


def test_what_came_of_a_rebuild_is_told_clip_by_clip(manifest: Path, tmp_path: Path) -> None:
    """Other bytes are said to, what is gone is lost since, with the reason."""
    recipe = read_recipe(manifest)
    first, second, third = recipe.segments
    answers = [
        answer(first.video_id),
        answer(second.video_id, License.UNAVAILABLE, reason=Reason.REMOVED),
        answer(third.video_id),
    ]
    row = clip(first.segment_id)
    assert row.clip is not None
    clips = [replace(row, clip=replace(row.clip, sha256="cd" * 32))]
    folder = tmp_path / "again"
    result = rebuilt.compare(
        recipe.hashes, read_manifest(rebuilt_manifest(recipe, folder, answers, clips))
    )
    assert result.different == (rebuilt.Different(first.segment_id, "ab" * 32, "cd" * 32),)
    assert result.lost == (
        rebuilt.LostSince(second.segment_id, "ab" * 32, "unavailable", "removed"),
    )
    assert result.open == (third.segment_id,)
    text = rebuilt.as_text(result)
    assert f"{second.segment_id}  unavailable (removed)" in text
    assert "1 clip not finished" in text
    rebuilt.write_rebuilt(folder, result)
    lines = (folder / "dataset" / "rebuilt.csv").read_text("utf-8").splitlines()
    assert [line.split(",")[1] for line in lines] == ["result", "different", "lost", "open"]
    assert json.loads(rebuilt.as_json(result))["lost"][0]["reason"] == "removed"


def test_a_manifest_without_clips_cannot_be_rebuilt(tmp_path: Path) -> None:
    """Said at once."""
    sample = Sample(tmp_path)
    sample.add("aaaaaaaaaaa", license=License.STANDARD)
    sample.add("bbbbbbbbbbb", outcome=Outcome.PENDING)
    sample.write()
    with pytest.raises(MetadataError, match="nothing to rebuild"):
        read_recipe(sample.path("manifest.csv"))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("run.json", "{", r"run\.json: not a run\.json of ours"),
        ("run.json", '{"settings": {"clips": {"format": "ogg"}}}', r"run\.json: not a run\.json"),
        ("suitable_classes.csv", "a,b\r\n", r"suitable_classes\.csv:1: expected the columns"),
        (
            "suitable_classes.csv",
            "index,mid,display_name,quality\r\nx,/m/1,Dog,\r\n",
            r"suitable_classes\.csv:2: expected index",
        ),
    ],
)
def test_damaged_companions_are_told(manifest: Path, name: str, text: str, message: str) -> None:
    """With file, line and what to do."""
    (manifest.parent / name).write_text(text, "utf-8")
    with pytest.raises(MetadataError, match=message):
        read_recipe(manifest)


def test_one_rate_for_all_is_asked_for_again(tmp_path: Path) -> None:
    """Clips made at 16 kHz are rebuilt at 16 kHz, without `run.json` too."""
    sample = Sample(tmp_path / "first")
    sample.add("aaaaaaaaaaa", file={"sample_rate": 16_000, "channels": 1})
    sample.write()
    recipe = read_recipe(alone(sample.path("manifest.csv")))
    assert recipe.clips == ClipsSettings(sample_rate=16_000, channels=1)
