"""Clips through the real command: every format, short segments, bad lines, other licenses."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import imageio_ffmpeg
import pytest
import soundfile
from scenario import Place, Row, decoded, misplaced, wrong

from ascc_async.errors import JournalError
from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import Fault
from benchmarks.chaos_run import Job

FEW = "audioset.splits=[eval]"
TROUBLE = (
    Fault(name="cut_body", share=0.3, endpoints=("media",)),
    Fault(name="cut_before", share=0.2, endpoints=("media",)),
    Fault(name="server_error", share=0.2, endpoints=("media",)),
    Fault(name="range_ignored", share=0.2, endpoints=("media",)),
    Fault(name="forbidden", share=0.1, endpoints=("media",)),
)


def having(place: Place, *settings: str) -> Place:
    return replace(place, settings=(*place.settings, *settings))


def clips(place: Place) -> list[Row]:
    found = [row for row in place.manifest() if row["outcome"] == "clip"]
    assert found
    return found


def answered(job: Job) -> int:
    try:
        return len(job.known()[0])
    except JournalError:  # it is just being made
        return 0


def leftovers(place: Place) -> list[Path]:
    return [path for path in place.output.rglob("*") if ".part-" in path.name]


@pytest.mark.slow
def test_resampled_mono_wav_over_bad_lines(place: Place, calm: StandinProcess) -> None:
    """Connections cut, 5xx, ranges ignored, links refused once: every clip is where it belongs, of
    the rate and channels asked for, and nothing unfinished is left.
    """
    calm.set_faults(*TROUBLE)
    mine = having(place, FEW, "clips.format=wav", "clips.sample_rate=16000", "clips.channels=1")
    code, said = mine.run()
    assert code == 0, said
    assert sum(calm.counters()["faults"].values()) > 3
    assert wrong(mine.manifest(), calm.world) == []
    assert misplaced(mine, calm) == []
    for row in clips(mine):
        about = soundfile.info(str(mine.output / row["path"]))
        assert (about.format, about.samplerate, about.channels) == ("WAV", 16_000, 1)
        assert about.frames == round(float(row["duration_seconds"]) * 16_000)
        assert (row["sample_rate"], row["channels"]) == ("16000", "1")
    assert leftovers(mine) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "ending"), [("opus", ".opus"), ("m4a", ".m4a"), ("mp3", ".mp3"), ("flac", ".flac")]
)
def test_every_format_is_what_it_says_and_in_its_place(
    place: Place, calm: StandinProcess, form: str, ending: str
) -> None:
    """Ten seconds of the right ten seconds, in the codec that was asked for."""
    mine = having(place, FEW, f"clips.format={form}")
    code, said = mine.run()
    assert code == 0, said
    assert wrong(mine.manifest(), calm.world) == []
    assert misplaced(mine, calm) == []
    codec = {"m4a": "aac"}.get(form, form)
    for row in clips(mine):
        path = mine.output / row["path"]
        assert path.suffix == ending
        streams = subprocess.run(
            [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(path)],
            capture_output=True, text=True, check=False,
        ).stderr  # fmt: skip
        assert f"Audio: {codec}" in streams
        sound, rate = decoded(path)
        # Lossy codecs work in frames: at most one more than the segment.
        assert abs(len(sound) / rate - float(row["duration_seconds"])) < 0.06


@pytest.mark.slow
def test_video_has_picture_and_sound_cut_alike(place: Place, calm: StandinProcess) -> None:
    """MP4 with both, no higher than asked for."""
    calm.set(media={"pictures": True})
    mine = having(place, FEW, "clips.media=video", "clips.max_height=144")
    code, said = mine.run(timeout=200)
    assert code == 0, said
    assert misplaced(mine, calm) == []
    for row in clips(mine):
        streams = subprocess.run(
            [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(mine.output / row["path"])],
            capture_output=True, text=True, check=False,
        ).stderr  # fmt: skip
        assert "Video: h264" in streams
        assert "Audio: aac" in streams


@pytest.mark.slow
def test_an_ffmpeg_that_crashes_twice_costs_no_clip(
    place: Place, calm: StandinProcess, tmp_path: Path
) -> None:
    """Media that kills it is tried again; what the run makes is whole, and nothing is left."""
    count = tmp_path / "count"
    count.mkdir()
    wrapper = tmp_path / "ffmpeg"
    wrapper.write_text(
        "#!/bin/bash\n"
        f'case "$*" in *atrim*) mkdir "{count}/$$"; n=$(ls "{count}" | wc -l)\n'
        "[ $n = 2 -o $n = 5 ] && kill -SEGV $$;; esac\n"
        f'exec "{imageio_ffmpeg.get_ffmpeg_exe()}" "$@"\n'
    )
    wrapper.chmod(0o755)
    mine = replace(having(place, FEW), environment={"IMAGEIO_FFMPEG_EXE": str(wrapper)})
    code, said = mine.run()
    assert code == 0, said
    assert len(list(count.iterdir())) > 8
    assert wrong(mine.manifest(), calm.world) == []
    assert misplaced(mine, calm) == []
    assert leftovers(mine) == []


@pytest.mark.slow
def test_an_ffmpeg_that_always_crashes_costs_the_clips_and_says_so(
    place: Place, tmp_path: Path
) -> None:
    """No clip is blamed for good: all are pending, and the next run makes them."""
    wrapper = tmp_path / "ffmpeg"
    real = imageio_ffmpeg.get_ffmpeg_exe()
    wrapper.write_text(
        f'#!/bin/bash\ncase "$*" in *atrim*) kill -SEGV $$;; esac\nexec "{real}" "$@"\n'
    )
    wrapper.chmod(0o755)
    mine = replace(having(place, FEW), environment={"IMAGEIO_FFMPEG_EXE": str(wrapper)})
    code, said = mine.run()
    assert code == 0, said
    assert "signal 11" in said
    rows = mine.manifest()
    assert not [row for row in rows if row["outcome"] == "clip"]
    assert {row["outcome"] for row in rows if row["reason"] == "tool_failed"} == {"pending"}
    well = having(place, FEW)
    code, said = well.run()
    assert code == 0, said
    assert clips(well)


@pytest.mark.slow
def test_sound_that_cannot_be_read_is_taken_from_another_container(
    place: Place, calm: StandinProcess
) -> None:
    """Every MP4 is damaged: where there is WebM too, the clip is made of that."""
    calm.set(media={"damaged": [140]})
    mine = having(place, FEW)
    code, said = mine.run()
    assert code == 0, said
    both = {row["video_id"] for row in mine.manifest()
            if {140, 251} <= set(calm.world.video(row["video_id"]).itags)}  # fmt: skip
    assert {row["source_format"][:3] for row in clips(mine)} == {"251"}
    assert [row for row in clips(mine) if row["video_id"] in both]
    assert not [one for one in wrong(mine.manifest(), calm.world) if one[:11] in both]
    assert misplaced(mine, calm) == []
    assert "another file format" in said


@pytest.mark.slow
def test_a_license_that_changed_before_the_clip_stops_it(
    tmp_path: Path, calm: StandinProcess
) -> None:
    """Creative Commons in the sweep, not any more when the clip is to be made: no clip."""
    calm.set_faults(Fault(name="stall", share=1, times=0, endpoints=("media",)))
    job = Job(tmp_path, calm, FEW.replace("eval", "unbalanced_train"))
    assert job.leg(lambda: answered(job) >= 60) == -9
    changing = {one for one in job.known()[0] if calm.world.video(one).kind == "license_changed"}
    calm.set_faults()
    calm.set(licenses_changed=True)
    assert job.leg() == 0, job.ends.said
    rows = {row["video_id"]: row for row in job.place.manifest()}
    assert changing
    for one in changing:
        assert (rows[one]["outcome"], rows[one]["reason"]) == ("not_shareable", "license_changed")
    assert job.leftovers() == []
    assert job.ends.orphans == []
