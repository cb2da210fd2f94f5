"""Sound encoded once, for every video: masters of which streams of any length are put together.

See `timecode`: blocks differ in their bursts alone, and bursts keep away from the borders of
slots. So the frames of block 17 (digits 2 and 5) are those of encoded block 2 in even slots and
of encoded block 5 in odd ones. A master is six encoded blocks, two minutes, less than 2 s of work.
The bundled ffmpeg encodes; what it makes is kept in a folder that all stand-ins share.
"""

from __future__ import annotations

import hashlib
import os
import struct
import subprocess
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import numpy.typing as npt

from ascc_async.standin import timecode
from ascc_async.standin.timecode import BASE, BLOCK_SECONDS, SLOTS, digit, synth_samples

Frames = tuple[bytes, ...]
Indices = npt.NDArray[np.int64]
AAC_FRAME, OPUS_FRAME = 1024, 960  # samples
OPUS_PRE_SKIP = 312  # samples at 48 kHz that libopus puts before the sound
_PREROLL = 24  # frames encoded before a block and thrown away: the encoder finds its feet
_RUN_OUT = 6
_TIME_LIMIT_SECONDS = 120
# The quick coder without its tools: a third of the time, and closer to the original, too.
_AAC_TOOLS_OFF = ["-aac_pns", "0", "-aac_tns", "0", "-aac_ms", "0", "-aac_is", "0"]
_AAC = ["aac", "-aac_coder", "fast", *_AAC_TOOLS_OFF]
_OPUS = ["libopus", "-vbr", "constrained", "-compression_level", "0"]


def run_ffmpeg(arguments: Sequence[str], stdin: bytes = b"") -> bytes:
    """What ffmpeg writes to its standard output. Raises RuntimeError with its last words."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=_TIME_LIMIT_SECONDS)
    if done.returncode:
        raise RuntimeError(done.stderr.decode(errors="replace")[-500:])
    return done.stdout


@dataclass(frozen=True, slots=True)
class Flavour:
    """What one sound master holds. `codec` is "aac" or "opus".

    AAC frame i covers samples (i - 1) * 1024 to (i + 1) * 1024; Opus packet i those from
    i * 960 - 312 on.
    """

    codec: str
    sample_rate: int
    channels: int
    bitrate: int
    silent: bool

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
        """Fit for a file name; names the maker too, as another one makes other frames."""
        maker = imageio_ffmpeg.get_ffmpeg_exe().encode()
        for source in (__file__, timecode.__file__):
            maker += Path(source).read_bytes()
        made_by = hashlib.sha256(maker).hexdigest()[:8]
        sound = "silent" if self.silent else "timecode"
        return f"{self.codec}-{self.sample_rate}-{self.channels}-{self.bitrate}-{sound}-{made_by}"


class SoundMaster:
    """Six encoded blocks of one flavour, from the folder or encoded here."""

    def __init__(self, flavour: Flavour, folder: Path) -> None:
        self._flavour, self._folder = flavour, folder
        paths = [folder / f"{flavour.name}-{number}" for number in range(BASE)]
        encode = [partial(_encode_block, flavour, number) for number in range(BASE)]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            self._blocks = list(pool.map(_kept, paths, encode))
        self._sizes = np.array([[len(frame) for frame in block] for block in self._blocks])
        self._digits = np.array([digit(slot) for slot in range(SLOTS * BASE * BASE)], np.int64)

    def sizes(self, first: int, count: int) -> npt.NDArray[np.int64]:
        """Sizes in bytes of the stream's frames `first` and on."""
        return self._sizes[self._block_and_index(first, count)]

    def frames(self, first: int, count: int) -> list[bytes]:
        """The stream's frames `first` and on."""
        blocks, indices = self._block_and_index(first, count)
        pairs = zip(blocks.tolist(), indices.tolist(), strict=True)
        return [self._blocks[block][index] for block, index in pairs]

    def mp4_head(self, *, edit_list: bool) -> bytes:
        """`ftyp` and `moov` as ffmpeg writes them for this sound.

        `edit_list`: it cuts the encoder's priming off.
        """
        flavour = self._flavour

        def make() -> list[bytes]:
            layout = "mono" if flavour.channels == 1 else "stereo"
            silence = f"anullsrc=r={flavour.sample_rate}:cl={layout}:d=0.5"
            # Only a late `moov` knows of the encoder's priming.
            moov = "delay_moov" if edit_list else "empty_moov"
            stream = run_ffmpeg(
                ["-f", "lavfi", "-i", silence, "-c:a", *_AAC, "-b:a", str(flavour.bitrate),
                 "-fflags", "+bitexact", "-f", "mp4", "-movflags", f"{moov}+dash", "-"]
            )  # fmt: skip
            return [stream[: stream.index(b"sidx") - 4]]

        kind = "primed" if edit_list else "plain"
        return _kept(self._folder / f"{flavour.name}-{kind}-head", make)[0]

    def _block_and_index(self, first: int, count: int) -> tuple[Indices, Indices]:
        """Of each frame: which encoded block holds it, and where in it."""
        frame, length = np.arange(first, first + count, dtype=np.int64), self._sizes.shape[1]
        # twice the frame's middle: AAC frames are centred on their number, Opus ones between
        middle = 2 * frame + (self._flavour.codec == "opus")
        slot = middle * SLOTS // (2 * length)
        return self._digits[slot % len(self._digits)], frame % length


def _encode_block(flavour: Flavour, number: int) -> list[bytes]:
    """The frames of a block both of whose digits are `number`."""
    length, rate, channels = flavour.frame_samples, flavour.sample_rate, flavour.channels
    wanted = flavour.block_frames
    first, count = number * (BASE + 1) * wanted - _PREROLL, wanted + _PREROLL + _RUN_OUT
    pcm = synth_samples(first * length, count * length, rate, channels)
    if flavour.silent:
        # Not the last frame, behind what is wanted: frames of one size would not be listed.
        pcm[:-length] = 0
    codec = _AAC if flavour.codec == "aac" else _OPUS
    stream = run_ffmpeg(
        ["-f", "f32le", "-ar", str(rate), "-ac", str(channels), "-i", "-", "-threads", "1",
         "-b:a", str(flavour.bitrate), "-c:a", *codec, "-f", "mp4", "-movflags", "empty_moov", "-"],
        pcm.astype("<f4").tobytes(),
    )  # fmt: skip
    # One fragment: the rows of `trun` hold each frame's size, after its duration if they differ.
    at = stream.index(b"trun") + 4
    flags, count = struct.unpack_from(">II", stream, at)
    columns = (flags >> 8 & 15).bit_count()
    rows = np.frombuffer(stream, ">u4", count * columns, at + 12).reshape(count, columns)
    ends = np.cumsum([stream.index(b"mdat") + 4, *rows[:, flags >> 8 & 1].tolist()]).tolist()
    return [stream[begin:end] for begin, end in pairwise(ends)][_PREROLL : _PREROLL + wanted]


def _kept(path: Path, make: Callable[[], list[bytes]]) -> Frames:
    """The frames in the file; without one, what `make` makes, written there for the next.

    The file: the number of frames, their sizes (32 bits each), the frames.
    """
    if path.exists():
        data = path.read_bytes()
        count = int.from_bytes(data[:4], "little")
        sizes = np.frombuffer(data, "<u4", count, 4).tolist()
        ends = np.cumsum([4 + 4 * count, *sizes]).tolist()
        return tuple(data[begin:end] for begin, end in pairwise(ends))
    frames = tuple(make())
    head = np.array([len(frames), *(len(frame) for frame in frames)], "<u4")
    # Several stand-ins may start at once: each writes a file of its own, the last one stays.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{id(frames)}")
    temporary.write_bytes(head.tobytes() + b"".join(frames))
    temporary.replace(path)
    return frames
