"""Other settings than last time: what is done is used, the dataset follows the settings of now."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import soundfile
from scenario import Row, decoded, misplaced

from benchmarks.chaos_run import Job

pytestmark = pytest.mark.slow


def clips(job: Job) -> dict[str, Row]:
    return {one["segment_id"]: one for one in job.place.manifest() if one["outcome"] == "clip"}


def again(job: Job, *settings: str) -> dict[str, Row]:
    """Run once more with these settings beside the first; the clips then."""
    job.place.settings = (*job.first, *settings)
    job.youtube.reset_counters()
    assert job.leg() == 0, job.ends.said
    return clips(job)


def fetched_for(made: dict[str, Row], job: Job) -> set[str]:
    """The videos of these clips whose media were asked for."""
    lines = [*job.youtube.requests("media"), *job.youtube.requests("player")]
    videos = {row["video_id"] for row in made.values()}
    return videos & {video for line in lines for video in line["videos"]}


def ending_late(job: Job, rows: list[Row]) -> set[str]:
    """Let two segments of the metadata end 4 s after their video does; their new segment ids."""
    path = job.output.parent / "metadata" / "eval_segments.csv"
    text, found = path.read_text(encoding="utf-8"), set()
    usable = [row for row in rows if row["outcome"] == "clip" and row["split"] == "eval"]
    for row in usable[:2]:
        line = next(one for one in text.splitlines() if one.startswith(row["video_id"]))
        start = job.youtube.world.video(row["video_id"]).length_ms // 1000 - 6
        times = f"{row['video_id']}, {start}.000, {start + 10}.000, "
        text = text.replace(line, times + line.split(", ", 3)[3])
        found.add(f"{row['video_id']}_{start * 1000}")
    path.write_text(text, encoding="utf-8")
    return found


def test_another_treatment_of_short_clips_makes_just_those_anew(
    done: Callable[[], Job], undisturbed: list[Row]
) -> None:
    """keep, drop, pad: the few clips that differ follow the setting of now, the others stay."""
    job = done()
    short = ending_late(job, undisturbed)
    kept = again(job)
    dropped = again(job, "clips.shorter_than_segment=drop")
    assert short == set(kept) - set(dropped)
    assert all(dropped[one] == kept[one] for one in dropped)
    assert "clips.shorter_than_segment: keep → drop" in job.ends.said
    padded = again(job, "clips.shorter_than_segment=pad")
    assert short <= set(padded)
    for one in short:
        row = padded[one]
        sound = soundfile.info(str(job.output / row["path"]))
        length = float(row["end_seconds"]) - float(row["start_seconds"])
        assert sound.frames == round(length * sound.samplerate)
    fetched = {v for line in job.youtube.requests("media") for v in line["videos"]}
    assert fetched == {one[:11] for one in short}


def test_another_format_is_not_mixed_in_and_the_old_one_is_kept(done: Callable[[], Job]) -> None:
    """wav instead of flac, and back: nothing is asked again, nor fetched, there or back."""
    job = done()
    before = clips(job)
    only = "audioset.splits=[eval]"
    wav = again(job, "clips.format=wav", only)
    assert wav
    assert not fetched_for(wav, job)
    kept = job.output / "clips/other_forms/audio/flac/source/source"
    for segment_id, row in wav.items():
        flac, _ = decoded(kept / before[segment_id]["path"].removeprefix("clips/"))
        assert (decoded(job.output / row["path"])[0] == flac).all()
    assert {row["path"].rpartition(".")[2] for row in wav.values()} == {"wav"}
    assert {row["split"] for row in job.place.manifest()} == {"eval"}
    assert "clips.format: flac → wav" in job.ends.said
    back = again(job, "license.retry_unknown=0")
    assert back == before
    assert job.youtube.requests("media") == []
    assert list((job.output / "clips/other_forms").rglob("*.wav"))
    assert not list((job.output / "clips").glob("??/*.wav"))


def test_a_lossless_clip_becomes_any_other_without_asking_youtube(
    done: Callable[[], Job],
) -> None:
    """flac, opus at 48 kHz, wav at 16 kHz mono, killed on the way, and back: none is fetched."""
    job = done()
    only = "audioset.splits=[eval]"
    before = {name: row for name, row in clips(job).items() if row["split"] == "eval"}
    opus = (only, "clips.format=opus", "clips.sample_rate=48000")
    mono = (only, "clips.format=wav", "clips.sample_rate=16000", "clips.channels=1")
    job.place.settings = (*job.first, *opus)
    _, planned = job.place.run("plan")
    sentence = f"{len(before)} clips will be made again, {len(before)} from the lossless ones here"
    assert f"{sentence}, none fetched" in planned
    job.leg(lambda: len(list((job.output / "clips").glob("??/*.opus"))) > 2)
    for settings, rate in ((opus, "48000"), (mono, "16000"), ((only,), "")):
        made = again(job, *settings)
        assert ("from the lossless ones here, none fetched" in job.ends.said) is bool(rate)
        assert not fetched_for(made, job)
        assert made.keys() == before.keys()
        assert misplaced(job.place, job.youtube) == []
        kept = "title", "channel", "channel_id", "source_format"
        for segment_id, row in made.items():
            assert [row[name] for name in kept] == [before[segment_id][name] for name in kept]
            assert row["sample_rate"] == (rate or before[segment_id]["sample_rate"])
    assert made == before


def test_who_asks_to_be_removed_is_gone_from_dataset_and_clips(done: Callable[[], Job]) -> None:
    """A segment, a video, a channel on the list: set aside, not fetched again, and back after."""
    job = done()
    before = clips(job)
    rows = list(before.values())
    channel = rows[2]["channel_id"]
    gone = {rows[0]["segment_id"], rows[1]["segment_id"]}
    gone |= {one["segment_id"] for one in rows if one["channel_id"] == channel}
    removals = job.output / "removals.txt"
    removals.write_text(f"{rows[0]['segment_id']}\n{rows[1]['video_id']}\n{channel}\n")
    assert set(again(job)) == set(before) - gone
    assert job.youtube.requests("media") == []
    for one in gone:
        path = before[one]["path"]
        assert not (job.output / path).exists()
        assert (job.output / path.replace("clips/", "clips/withdrawn/")).exists()
    removals.unlink()
    assert again(job) == before
    assert job.youtube.requests("media") == []
