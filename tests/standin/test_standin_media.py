"""The stand-in's media: containers true to their bytes, sound that tells the time."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from ascc_async.standin.media import ITAGS, Stream, StreamSpec, make_stream
from ascc_async.standin.media_containers import IndexForm
from ascc_async.standin.media_masters import Flavour, SoundMaster, run_ffmpeg
from tests.timecode_reading import Pcm, measure_drift, measure_start, mono

CLUSTER, CUES = b"\x1f\x43\xb6\x75", b"\x1c\x53\xbb\x6b"


def boxes(data: bytes) -> list[tuple[bytes, int, int]]:
    """Kind, first byte and size of the boxes in a row."""
    found, at = [], 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        found.append((kind, at, size))
        at += size
    assert at == len(data)
    return found


def decode(media: bytes) -> tuple[Pcm, int]:
    """The whole sound of a stream as ffmpeg decodes it: (samples, channels), sample rate."""
    sound = run_ffmpeg(["-i", "-", "-map", "0:a:0", "-c:a", "pcm_f32be", "-f", "au", "-"], media)
    start, _, _, rate, channels = struct.unpack_from(">5I", sound, 4)
    samples = np.frombuffer(sound, ">f4", offset=start)
    return samples.astype(np.float32).reshape(-1, channels), rate


def read_picture(grey: npt.NDArray[np.uint8]) -> int:
    """The number that a decoded picture (height, width) shows."""
    height, width = grey.shape
    columns = grey.reshape(height, 16, width // 16).mean(axis=2)
    bright = columns[: height // 3].mean(axis=0) > columns[-height // 3 :].mean(axis=0)
    return int("".join("1" if bit else "0" for bit in bright), 2)


def sidx(data: bytes, at: int) -> tuple[int, list[tuple[int, float]]]:
    """Where the referenced bytes begin; size and seconds of each reference."""
    size, _, version, timescale = struct.unpack_from(">I4sB7xI", data, at)
    after = at + 20 + (16 if version else 8)
    offset = int.from_bytes(data[after - (8 if version else 4) : after], "big")
    (count,) = struct.unpack_from(">2xH", data, after)
    triples = [struct.unpack_from(">III", data, after + 4 + 12 * i) for i in range(count)]
    assert at + size == after + 4 + 12 * count
    return at + size + offset, [(length, ticks / timescale) for length, ticks, _ in triples]


def cue_points(cues: bytes) -> list[tuple[float, int]]:
    """Seconds and place within the Segment of each cue."""
    four = b"\x01" + bytes(6) + b"\x04"  # the length of a number of four bytes
    points = cues.split(b"\xb3" + four)[1:]
    return [
        (
            int.from_bytes(point[:4], "big") / 1000,
            int.from_bytes(point.split(b"\xf1" + four)[1][:4], "big"),
        )
        for point in points
    ]


@pytest.mark.parametrize("itag", ITAGS)
def test_facts_of_a_stream_are_true(itag: int) -> None:
    """Size, duration and ranges agree with the bytes, for every itag on offer."""
    stream = make_stream(StreamSpec(34_500), itag)
    data = stream.read()
    assert len(data) == stream.size
    assert stream.duration_ms == pytest.approx(34_500, abs=45)
    assert stream.bitrate == pytest.approx(8000 * stream.size / stream.duration_ms, rel=0.01)
    assert stream.init_range[0] == 0
    assert stream.index_range is not None
    assert stream.init_range[1] + 1 == stream.index_range[0]
    head = data[stream.index_range[0] : stream.index_range[0] + 8]
    assert head[:4] == CUES if "webm" in stream.mime else head[4:] == b"sidx"


@pytest.mark.parametrize("itag", [140, 251, 160])
def test_any_range_is_the_same_bytes_as_in_the_whole(itag: int) -> None:
    """Reads at random places give what the whole stream has there, past the end nothing."""
    stream = make_stream(StreamSpec(61_000), itag)
    data = stream.read()
    for first, last in np.sort(np.random.default_rng(itag).integers(0, len(data), (40, 2))):
        assert stream.read(int(first), int(last)) == data[first : last + 1]
    assert stream.read(len(data) - 5) == data[-5:]
    assert stream.read(0, 10 * len(data)) == data
    assert stream.read(len(data), len(data) + 9) == b""


@pytest.mark.parametrize(
    ("itag", "form"),
    [(140, IndexForm.NORMAL), (140, IndexForm.WIDE), (140, IndexForm.GAP), (160, IndexForm.NORMAL)],
)
def test_sidx_points_at_fragments(itag: int, form: IndexForm) -> None:
    """Each reference covers one `moof` and its `mdat`; together they last as long as the stream."""
    stream = make_stream(StreamSpec(64_000, index=form), itag)
    data = stream.read()
    begins = {at: kind for kind, at, _ in boxes(data)}
    assert stream.index_range is not None
    at, references = sidx(data, stream.index_range[0])
    for size, seconds in references:
        assert begins[at] == b"moof"
        assert seconds <= 10
        at += size
    assert at == len(data)
    assert sum(seconds for _, seconds in references) == pytest.approx(64, abs=0.1)


@pytest.mark.parametrize(
    "form", [IndexForm.NORMAL, IndexForm.GAP, IndexForm.TAIL, IndexForm.UNKNOWN_SIZES]
)
def test_cues_point_at_clusters(form: IndexForm) -> None:
    """Each cue leads to a cluster that begins at the cue's time."""
    stream = make_stream(StreamSpec(45_000, index=form), 251)
    data = stream.read()
    segment = data.index(b"\x18\x53\x80\x67") + 12
    assert stream.index_range is not None
    cues = data[stream.index_range[0] : stream.index_range[1] + 1]
    assert cues[:4] == CUES
    assert (stream.index_range[1] + 1 == len(data)) == (form is IndexForm.TAIL)
    points = cue_points(cues)
    assert [seconds for seconds, _ in points] == [0, 10, 20, 30, 40]
    for seconds, place in points:
        cluster = data[segment + place :][:25]
        assert (cluster[:4], cluster[12:13]) == (CLUSTER, b"\xe7")
        assert int.from_bytes(cluster[21:25], "big") == 1000 * seconds


@pytest.mark.parametrize("itag", [140, 251])
def test_without_index_there_is_none(itag: int) -> None:
    """IndexForm.NONE: no range is named, and no `sidx` or Cues stand at the head; it decodes."""
    stream = make_stream(StreamSpec(12_000, index=IndexForm.NONE), itag)
    after = stream.read(stream.init_range[1] + 1, stream.init_range[1] + 8)
    assert stream.index_range is None
    assert after[:4] == CLUSTER if itag == 251 else after[4:] == b"moof"
    assert len(decode(stream.read())[0]) > 0


@pytest.mark.parametrize(
    ("itag", "rate", "channels", "seconds"),
    [(140, 44_100, 2, 60), pytest.param(140, 22_050, 1, 600, marks=pytest.mark.slow),
     (140, 48_000, 1, 30),
     (251, 48_000, 2, 60), (251, 48_000, 1, 30)],
)  # fmt: skip
def test_decoded_sound_tells_the_time(itag: int, rate: int, channels: int, seconds: int) -> None:
    """At any point the pitch gives the position to a millisecond; no frame is lost."""
    spec = StreamSpec(1000 * seconds, rate, channels, offset_ms=100_000)
    stream = make_stream(spec, itag)
    pcm, decoded_rate = decode(stream.read())
    assert (decoded_rate, pcm.shape[1]) == (rate, channels)
    assert len(pcm) == pytest.approx(stream.duration_ms * rate / 1000, abs=rate / 1000)
    for second in (1, seconds // 2, seconds - 2):
        heard = measure_start(pcm[second * rate : (second + 1) * rate], rate)
        assert heard == pytest.approx(stream.timecode_at_zero + second, abs=0.001)
    assert measure_drift(pcm[rate : 25 * rate], rate) < 0.001


def test_without_edit_list_priming_is_heard() -> None:
    """Without an edit list the sound comes 1024 samples later, and the stream says so."""
    for edit_list in (True, False):
        stream = make_stream(StreamSpec(9000, offset_ms=30_000, edit_list=edit_list), 140)
        pcm, rate = decode(stream.read())
        heard = measure_start(pcm[rate : 3 * rate], rate) - 1
        assert heard == pytest.approx(stream.timecode_at_zero, abs=0.0005)
        assert len(pcm) == pytest.approx(9 * rate, abs=1024)


@pytest.mark.parametrize("length_ms", [40, 3000, 9990, 10_000, 20_017])
@pytest.mark.parametrize("itag", [140, 251])
def test_short_videos_have_their_length(itag: int, length_ms: int) -> None:
    """Lengths are met to one frame, down to the shortest."""
    stream = make_stream(StreamSpec(length_ms), itag)
    pcm, rate = decode(stream.read())
    assert 1000 * len(pcm) / rate == pytest.approx(length_ms, abs=24)
    assert stream.duration_ms == pytest.approx(1000 * len(pcm) / rate, abs=1)


@pytest.mark.parametrize("itag", [140, 251])
def test_silence_decodes_to_zeros(itag: int) -> None:
    """Digital silence is exactly zero after decoding, and no shorter."""
    pcm, rate = decode(make_stream(StreamSpec(45_000, silent=True), itag).read())
    assert len(pcm) == pytest.approx(45 * rate, abs=1024)
    assert not pcm.any()


@pytest.mark.parametrize("itag", [140, 251])
def test_damage_spoils_media_but_not_the_index(itag: int) -> None:
    """Head and index of damaged streams are those of the sound one; the sound is not."""
    good = make_stream(StreamSpec(35_000), itag)
    bad = make_stream(StreamSpec(35_000, damaged=True), itag)
    head = (good.index_range or (0, 0))[1]
    assert bad.read(0, head) == good.read(0, head)
    assert bad.read() == bad.read() != good.read()
    assert bad.size == good.size
    assert sounding_seconds(bad) < 34


def sounding_seconds(stream: Stream) -> float:
    """How much of the stream still comes out of ffmpeg without a complaint."""
    command = ["-xerror", "-err_detect", "explode", "-i", "-", "-f", "f32le", "-"]
    try:
        raw = run_ffmpeg(command, stream.read())
    except RuntimeError:
        return 0
    return float(np.count_nonzero(mono(np.frombuffer(raw, "<f4").reshape(-1, 2))) / 44_100)


def test_pictures_show_their_number() -> None:
    """Every picture of a decoded stream tells which it is."""
    stream = make_stream(StreamSpec(17_000), 160)
    raw = run_ffmpeg(["-i", "-", "-f", "rawvideo", "-pix_fmt", "gray", "-"], stream.read())
    pictures = np.frombuffer(raw, np.uint8).reshape(-1, 144, 256)
    assert [read_picture(picture) for picture in pictures] == list(range(17 * 12))


def test_masters_are_shared_by_folder(tmp_path: Path) -> None:
    """A second master in the same folder gives the same frames and encodes nothing again."""
    flavour = Flavour("opus", 48_000, 2, 128_000, silent=True)
    frames = SoundMaster(flavour, tmp_path).frames(0, 50)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert SoundMaster(flavour, tmp_path).frames(0, 50) == frames
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
