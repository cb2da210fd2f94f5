"""From a manifest alone to the same dataset."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from dataset_samples import (
    DOG,
    ENCODING,
    MAN,
    NOW,
    SPEECH,
    MemoryJournal,
    Sample,
    answer,
    clip,
    full,
)

from ascc_async.dataset.diff import diff
from ascc_async.dataset.eligibility import Terms
from ascc_async.dataset.rebuild import Recipe, as_text, compare, read_recipe, write_rebuilt
from ascc_async.dataset.write import RunFacts, write_dataset
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


def test_the_selection_holds_just_the_clips(manifest: Path) -> None:
    """With times to the millisecond, labels and splits; the run goes over it as over any other."""
    selection = read_recipe(manifest).selection()
    segments = [selection.segments.segment(row) for row in selection.rows]
    assert [item.video_id for item in segments] == ["-bcdefghijk", "_SUM-A1-ijk", "half_second"]
    assert segments[0].labels == (SPEECH, MAN)
    assert segments[0].split == "balanced_train"
    assert (segments[2].start_ms, segments[2].end_ms) == (30_500, 40_500)
    assert selection.max_per_class is None


def test_classes_and_form_come_from_beside_the_manifest(manifest: Path) -> None:
    """`suitable_classes.csv` and `run.json` tell them exactly."""
    recipe = read_recipe(manifest)
    assert [
        (item.index, item.mid, item.name, item.quality) for item in recipe.selection().chosen
    ] == [
        (0, SPEECH, "Speech", 1.0),
        (1, MAN, "Male speech, man speaking", 0.9),
        (2, DOG, "Dog", None),
    ]
    assert recipe.clips == ClipsSettings()


def test_clips_of_a_version_without_tags_are_rebuilt_without(manifest: Path) -> None:
    """`run.json` of that time knows no `clips.tags`: the bytes are to be the same."""
    path = manifest.parent / "run.json"
    record = json.loads(path.read_text("utf-8"))
    del record["settings"]["clips"]["tags"]
    path.write_text(json.dumps(record), "utf-8")
    assert read_recipe(manifest).clips == ClipsSettings(tags=False)


def test_the_words_of_then_are_the_titles_and_channels_of_the_manifest(tmp_path: Path) -> None:
    """Without the apostrophe that protects the table."""
    sample = Sample(tmp_path)
    sample.add("aaaaaaaaaaa", title="=1+1", channel="'x'")
    sample.write()
    words = read_recipe(sample.path("manifest.csv")).credits()
    assert {name: (each.title, each.channel) for name, each in words.items()} == {
        "aaaaaaaaaaa_30000": ("=1+1", "'x'")
    }


def test_a_manifest_alone_is_enough(manifest: Path) -> None:
    """Classes are those the clips hold, the form is what the clips have in common."""
    recipe = read_recipe(alone(manifest))
    chosen = recipe.selection().chosen
    assert [(item.mid, item.name) for item in chosen] == [(m, m) for m in (MAN, SPEECH, DOG)]
    # 44,100 and 48,000 Hz are mixed: as the sources have them; all have two channels.
    assert recipe.clips == ClipsSettings(sample_rate=None, channels=2, min_seconds=0)


def test_one_rate_for_all_is_asked_for_again(tmp_path: Path) -> None:
    """Clips made at 16 kHz are rebuilt at 16 kHz, without `run.json` too."""
    sample = Sample(tmp_path / "first")
    sample.add("aaaaaaaaaaa", file={"sample_rate": 16_000, "channels": 1})
    sample.write()
    recipe = read_recipe(alone(sample.path("manifest.csv")))
    assert recipe.clips == ClipsSettings(sample_rate=16_000, channels=1, min_seconds=0)


def rebuilt_manifest(recipe: Recipe, folder: Path, answers: list, clips: list) -> Path:
    """The dataset of a rebuild in which YouTube answered so."""
    write_dataset(
        folder,
        recipe.selection(),
        MemoryJournal(answers, clips),
        Terms(ENCODING, NOW, 30),
        RunFacts(Settings(), {}, rebuilt_from=recipe.sha256),
    )
    record = json.loads((folder / "dataset" / "run.json").read_text("utf-8"))
    assert record["rebuilt_from_manifest_sha256"] == recipe.sha256
    return folder / "dataset" / "manifest.csv"


def test_a_round_trip_differs_in_nothing(manifest: Path, tmp_path: Path) -> None:
    """A rebuild of what YouTube still has gives a manifest with an empty diff."""
    recipe, sample = read_recipe(manifest), full(tmp_path)
    answers = [answer(row.video_id) for row in recipe.rows]
    again = rebuilt_manifest(recipe, tmp_path / "again", answers, sample.journal.clip_rows)
    assert diff(manifest, again).empty
    assert [row.result for row in compare(recipe, again)] == ["identical"] * 3


def test_a_clip_whose_license_is_not_told_now_is_open(manifest: Path, tmp_path: Path) -> None:
    """A block is no loss: the same command asks again."""
    recipe = read_recipe(manifest)
    answers = [answer(row.video_id, License.UNKNOWN) for row in recipe.rows]
    result = compare(recipe, rebuilt_manifest(recipe, tmp_path / "again", answers, []))
    assert [row.result for row in result] == ["open"] * 3


def test_what_came_of_a_rebuild_is_reported_clip_by_clip(manifest: Path, tmp_path: Path) -> None:
    """Clips with other bytes are listed, and lost ones with the reason."""
    recipe = read_recipe(manifest)
    first, second, third = (row.segment_id for row in recipe.rows)
    answers = [
        answer(first[:11]),
        answer(second[:11], License.UNAVAILABLE, reason=Reason.REMOVED),
        answer(third[:11]),
    ]
    row = clip(first)
    assert row.clip is not None
    clips = [replace(row, clip=replace(row.clip, sha256="cd" * 32))]
    folder = tmp_path / "again"
    result = compare(recipe, rebuilt_manifest(recipe, folder, answers, clips))
    text = as_text(result)
    assert "0 clips rebuilt, byte for byte the same" in text
    assert f"1 clip rebuilt, with other bytes\n  {first}\n" in text
    assert f"1 clip lost since\n  {second}  unavailable (removed)\n" in text
    assert "1 clip not finished" in text
    write_rebuilt(folder, result)
    assert (folder / "dataset" / "rebuilt.csv").read_bytes().decode().split("\r\n") == [
        "segment_id,result,outcome,reason,sha256_then,sha256_now",
        f"{first},different,clip,,{'ab' * 32},{'cd' * 32}",
        f"{second},lost,unavailable,removed,{'ab' * 32},",
        f"{third},open,pending,,,",
        "",
    ]


def test_a_manifest_without_clips_cannot_be_rebuilt(tmp_path: Path) -> None:
    """Said at once."""
    sample = Sample(tmp_path)
    sample.add("aaaaaaaaaaa", license=License.STANDARD)
    sample.add("bbbbbbbbbbb", outcome=Outcome.PENDING)
    sample.write()
    with pytest.raises(MetadataError, match="nothing to rebuild"):
        read_recipe(sample.path("manifest.csv"))


def test_two_clips_of_one_video_are_refused(tmp_path: Path) -> None:
    """AudioSet has one segment a video; a manifest that has two is not of ours."""
    sample = Sample(tmp_path)
    for start_ms in (30_000, 50_000):
        sample.add("aaaaaaaaaaa", start_ms=start_ms)
    sample.write()
    with pytest.raises(MetadataError, match=r"manifest\.csv:3: video_id 'aaaa.*only once"):
        read_recipe(sample.path("manifest.csv"))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("run.json", "{", r"run\.json: not as ascc_async writes it"),
        ("run.json", '{"settings": {"clips": {"format": "ogg"}}}', r"run\.json: not as ascc_async"),
        ("suitable_classes.csv", "a,b\r\n", r"suitable_classes\.csv: .*expected the columns"),
        (
            "suitable_classes.csv",
            "index,mid,display_name,quality\r\nx,/m/1,Dog,\r\n",
            r"suitable_classes\.csv: not as .*'x'",
        ),
    ],
)
def test_damaged_companions_are_reported(
    manifest: Path, name: str, text: str, message: str
) -> None:
    """With the file, what is wrong and what to do."""
    (manifest.parent / name).write_text(text, "utf-8")
    with pytest.raises(MetadataError, match=message):
        read_recipe(manifest)
