"""Encoded once, used for every video: masters of which streams of any length are put together.

See `timecode`: blocks differ in their bursts alone, and bursts keep away from the borders of
slots. So the frames of block 17 (digits 2 and 5) are those of encoded block 2 in even slots and
of encoded block 5 in odd ones. A master is six encoded blocks, two minutes, less than 2 s of work.
The bundled ffmpeg encodes; what it makes is kept in a folder that all stand-ins share.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock

import imageio_ffmpeg
import numpy as np
import numpy.typing as npt

from ascc_async.standin.timecode import BASE, BLOCK_SECONDS, SLOTS, Pcm, digit, synth_samples

Frames = tuple[bytes, ...]
Indices = npt.NDArray[np.int64]
AAC_FRAME, OPUS_FRAME = 1024, 960  # samples
OPUS_PRE_SKIP = 312  # samples at 48 kHz that libopus puts before the sound
FPS, KEY_SECONDS = 12, 5
PICTURE_TICKS = 1000  # units of a picture's duration
SILENT_FRAMES = 32
BITS, PICTURE_ROWS = 16, 9
_RUN_IN = 24  # frames encoded before a block and thrown away: the encoder finds its feet
_RUN_OUT = 3
_TIME_LIMIT_SECONDS = 120
# The quick coder without its tools: a third of the time, and closer to the original, too.
_AAC_TOOLS_OFF = ["-aac_pns", "0", "-aac_tns", "0", "-aac_ms", "0", "-aac_is", "0"]
_AAC = ["aac", "-aac_coder", "fast", *_AAC_TOOLS_OFF]
_OPUS = ["libopus", "-vbr", "constrained", "-compression_level", "0"]


class MediaNotMade(RuntimeError):
    """ffmpeg failed; the message holds its last words."""


def run_ffmpeg(arguments: Sequence[str], stdin: bytes = b"") -> bytes:
    """What ffmpeg writes to its standard output. Raises MediaNotMade."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=_TIME_LIMIT_SECONDS)
    if done.returncode:
        raise MediaNotMade(done.stderr.decode(errors="replace")[-500:])
    return done.stdout


@dataclass(frozen=True, slots=True)
class Flavour:
    """What one sound master holds. `codec` is "aac" or "opus".

    AAC frame i covers samples (i - 1) * 1024 to (i + 1) * 1024; Opus packet i those from
    i * 960 - 312 on.
    """

    codec: str
    sample_rate: int = 48_000
    channels: int = 2
    bitrate: int = 128_000
    silent: bool = False

    @property
    def frame_samples(self) -> int:
        """Length of a frame in units of `sample_rate`."""
        return AAC_FRAME if self.codec == "aac" else OPUS_FRAME

    @property
    def block_frames(self) -> int:
        """Frames to a block: a whole number at every sample rate in use."""
        return round(BLOCK_SECONDS * self.sample_rate / self.frame_samples)

    @property
    def name(self) -> str:
        """Fit for a file name; names the encoder too, as another one makes other frames."""
        encoder = hashlib.sha256(imageio_ffmpeg.get_ffmpeg_exe().encode()).hexdigest()[:8]
        sound = "silent" if self.silent else "timecode"
        return f"{self.codec}-{self.sample_rate}-{self.channels}-{self.bitrate}-{sound}-{encoder}"


class SoundMaster:
    """Six encoded blocks of one flavour, from the folder or encoded when first needed."""

    def __init__(self, flavour: Flavour, folder: Path) -> None:
        self._flavour, self._folder = flavour, folder
        self._length = SILENT_FRAMES if flavour.silent else flavour.block_frames
        self._digits = np.array([digit(slot) for slot in range(SLOTS * BASE * BASE)], np.int64)
        self._blocks: dict[int, Frames] = {}
        self._sizes = np.zeros((BASE, self._length), np.int64)
        self._lock = Lock()

    def sizes(self, first: int, count: int) -> npt.NDArray[np.int64]:
        """Sizes in bytes of the stream's frames `first` and on. Raises MediaNotMade."""
        return self._sizes[self._block_and_index(first, count)]

    def frames(self, first: int, count: int) -> list[bytes]:
        """The stream's frames `first` and on. Raises MediaNotMade."""
        blocks, indices = self._block_and_index(first, count)
        pairs = zip(blocks.tolist(), indices.tolist(), strict=True)
        return [self._blocks[block][index] for block, index in pairs]

    def mp4_head(self, *, edit_list: bool) -> bytes:
        """What an MP4 of this sound begins with. `edit_list`: it cuts the encoder's priming off.

        Raises MediaNotMade.
        """
        kind = "primed" if edit_list else "plain"
        path = self._folder / f"{self._flavour.name}-{kind}-head"
        return _kept(path, partial(_aac_head, self._flavour, edit_list))[0]

    def _block_and_index(self, first: int, count: int) -> tuple[Indices, Indices]:
        """Of each frame: which encoded block holds it, and where in it."""
        frame = np.arange(first, first + count, dtype=np.int64)
        indices = frame % self._length
        if self._flavour.silent:
            blocks = np.zeros_like(frame)
        else:
            # twice the frame's middle: AAC frames are centred on their number, Opus ones between
            middle = 2 * frame + (self._flavour.codec == "opus")
            slot = middle * SLOTS // (2 * self._length)
            blocks = self._digits[slot % len(self._digits)]
        self._need(np.flatnonzero(np.bincount(blocks, minlength=BASE)).tolist())
        return blocks, indices

    def _need(self, numbers: list[int]) -> None:
        """Have these blocks: from memory, from the folder, or encoded, several at a time."""
        with self._lock:
            missing = [number for number in numbers if number not in self._blocks]
            if not missing:
                return
            paths = [self._folder / f"{self._flavour.name}-{number}" for number in missing]
            encode = [partial(_encode_block, self._flavour, number) for number in missing]
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                blocks = list(pool.map(_kept, paths, encode))
            for number, block in zip(missing, blocks, strict=True):
                self._sizes[number] = [len(frame) for frame in block]
                self._blocks[number] = block


def _encode_block(flavour: Flavour, number: int) -> list[bytes]:
    """The frames of a block both of whose digits are `number`; some of silence where silent."""
    length = flavour.frame_samples
    if flavour.silent:
        pcm = np.zeros((2 * SILENT_FRAMES * length, flavour.channels), np.float32)
        return _encode(flavour, pcm)[8 : 8 + SILENT_FRAMES]
    first = number * (BASE + 1) * flavour.block_frames - _RUN_IN
    count = flavour.block_frames + _RUN_IN + _RUN_OUT
    pcm = synth_samples(first * length, count * length, flavour.sample_rate, flavour.channels)
    return _encode(flavour, pcm)[_RUN_IN : _RUN_IN + flavour.block_frames]


def _encode(flavour: Flavour, pcm: Pcm) -> list[bytes]:
    source = ["-f", "f32le", "-ar", str(flavour.sample_rate), "-ac", str(flavour.channels)]
    codec, container = (_AAC, "adts") if flavour.codec == "aac" else (_OPUS, "ogg")
    stream = run_ffmpeg(
        [*source, "-i", "-", "-threads", "1", "-b:a", str(flavour.bitrate),
         "-c:a", *codec, "-f", container, "-"],
        pcm.astype("<f4").tobytes(),
    )  # fmt: skip
    # The first two packets of Ogg are Opus' head and tags.
    return _adts_frames(stream) if flavour.codec == "aac" else _ogg_packets(stream)[2:]


def _aac_head(flavour: Flavour, edit_list: bool) -> list[bytes]:
    layout = "mono" if flavour.channels == 1 else "stereo"
    silence = f"anullsrc=r={flavour.sample_rate}:cl={layout}:d=0.5"
    codec = ["-c:a", *_AAC, "-b:a", str(flavour.bitrate)]
    # Only a late `moov` knows of the encoder's priming, and cuts it off with an edit list.
    moov = "delay_moov" if edit_list else "empty_moov"
    return [_mp4_head(["-f", "lavfi", "-i", silence, *codec], moov)]


def _mp4_head(arguments: Sequence[str], moov: str, stdin: bytes = b"") -> bytes:
    """`ftyp` and `moov` as ffmpeg writes them for this source and codec."""
    plain = ["-fflags", "+bitexact", "-f", "mp4", "-movflags", f"{moov}+dash", "-"]
    stream = run_ffmpeg([*arguments, *plain], stdin)
    return stream[: stream.index(b"sidx") - 4]


def _adts_frames(stream: bytes) -> list[bytes]:
    frames, at = [], 0
    while at < len(stream):
        header = int.from_bytes(stream[at : at + 7], "big")
        length = header >> 13 & 0x1FFF
        frames.append(stream[at + 7 : at + length])
        at += length
    return frames


def _ogg_packets(stream: bytes) -> list[bytes]:
    packets, open_packet, at = [], b"", 0
    while at < len(stream):
        lacing = stream[at + 27 : at + 27 + stream[at + 26]]
        at += 27 + len(lacing)
        for length in lacing:
            open_packet += stream[at : at + length]
            at += length
            if length < 255:  # 255 says that the packet goes on
                packets.append(open_packet)
                open_packet = b""
    return packets


class PictureMaster:
    """Pictures that show their number, encoded a key frame's stretch at a time, as needed."""

    def __init__(self, height: int, folder: Path) -> None:
        self._height, self._folder = height, folder
        self._stretches: list[Frames] = []

    def frames(self, first: int, count: int) -> list[bytes]:
        """Access units `first` and on (annex B); encodes what is missing. Raises MediaNotMade."""
        length = FPS * KEY_SECONDS
        wanted = -(-(first + count) // length)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            self._stretches += pool.map(self._stretch, range(len(self._stretches), wanted))
        return [self._stretches[i // length][i % length] for i in range(first, first + count)]

    def mp4_head(self) -> bytes:
        """What an MP4 of these pictures begins with. Raises MediaNotMade."""
        path = self._folder / f"h264-{self._height}-head"
        return _kept(path, partial(_h264_head, self._stretch(0)))[0]

    def _stretch(self, number: int) -> Frames:
        path = self._folder / f"h264-{self._height}-{number}"
        return _kept(path, partial(_encode_pictures, number, self._height))


def draw(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Pictures (count, 9, 16): 16 bits from left to right, bright is 1; below inverted."""
    bits = (numbers[:, None] >> np.arange(BITS)[::-1]) & 1
    rows = np.arange(PICTURE_ROWS)[None, :, None] < PICTURE_ROWS // 2
    shown = np.where(rows, bits[:, None, :], 1 - bits[:, None, :])
    return (40 + 180 * shown).astype(np.uint8)


def picture_size(height: int) -> tuple[int, int]:
    """Width and height: 16 to 9, and even, as the codec wants it."""
    return height * 16 // 9 // 2 * 2, height


def _encode_pictures(stretch: int, height: int) -> list[bytes]:
    """H.264 access units in annex B, each with its delimiter, no B-frames, one key frame."""
    length = FPS * KEY_SECONDS
    width, height = picture_size(height)
    small = draw(np.arange(stretch * length, (stretch + 1) * length))
    source = ["-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{BITS}x{PICTURE_ROWS}"]
    scale = ["-vf", f"scale={width}:{height}:flags=neighbor,format=yuv420p"]
    codec = ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "30", "-bf", "0", "-threads", "1"]
    codec += ["-x264-params", f"keyint={length}:scenecut=0:repeat-headers=1:aud=1"]
    stream = run_ffmpeg(
        [*source, "-r", str(FPS), "-i", "-", *scale, *codec, "-f", "h264", "-"], small.tobytes()
    )
    delimiter = b"\x00\x00\x00\x01\x09"
    return [delimiter + unit for unit in stream.split(delimiter)[1:]]


def _h264_head(frames: Frames) -> list[bytes]:
    source = ["-f", "h264", "-r", str(FPS), "-i", "-", "-c", "copy"]
    timescale = ["-video_track_timescale", str(FPS * PICTURE_TICKS)]
    return [_mp4_head([*source, *timescale], "empty_moov", b"".join(frames))]


def with_lengths(unit: bytes) -> bytes:
    """An annex B access unit as MP4 has it: lengths for start codes, parameter sets in the head."""
    pieces = unit.replace(b"\x00\x00\x00\x01", b"\x00\x00\x01").split(b"\x00\x00\x01")
    # Without supplements (6), parameter sets (7, 8) and the delimiter (9).
    kept = [piece for piece in pieces if piece and piece[0] & 31 not in (6, 7, 8, 9)]
    return b"".join(len(piece).to_bytes(4, "big") + piece for piece in kept)


def _kept(path: Path, make: Callable[[], list[bytes]]) -> Frames:
    """The frames in the file; without one, what `make` makes, written there for the next.

    The file: the number of frames, their sizes (32 bits each), the frames.
    """
    if path.exists():
        data = path.read_bytes()
        count = int.from_bytes(data[:4], "little")
        sizes = np.frombuffer(data, "<u4", count, 4).astype(np.int64)
        ends = 4 + 4 * count + np.cumsum(sizes)
        bounds = zip((ends - sizes).tolist(), ends.tolist(), strict=True)
        return tuple(data[begin:end] for begin, end in bounds)
    frames = tuple(make())
    head = np.array([len(frames), *(len(frame) for frame in frames)], "<u4")
    # Several stand-ins may start at once: each writes a file of its own, the last one stays.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{id(frames)}")
    temporary.write_bytes(head.tobytes() + b"".join(frames))
    temporary.replace(path)
    return frames
