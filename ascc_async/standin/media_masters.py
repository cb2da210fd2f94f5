"""Encoded once, used for every video: masters of which streams of any length are put together.

See `timecode`: blocks differ in their bursts alone, and bursts keep away from the borders of
slots. So the frames of block 17 (digits 2 and 5) are those of encoded block 2 in even slots and
of encoded block 5 in odd ones. A master is six encoded blocks, two minutes, less than 2 s of work.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock

import numpy as np
import numpy.typing as npt

from ascc_async.standin.media_codecs import (
    AAC_FRAME,
    OPUS_FRAME,
    encode_aac,
    encode_h264,
    encode_opus,
    ffmpeg_path,
)
from ascc_async.standin.timecode import BASE, BLOCK_SECONDS, SLOTS, digit, synth_samples

Frames = tuple[bytes, ...]
Places = npt.NDArray[np.int64]
FPS, KEY_SECONDS = 12, 5
SILENT_FRAMES = 32
_RUN_IN = 24  # frames encoded before a block and thrown away: the encoder finds its feet
_RUN_OUT = 3
BITS, PICTURE_ROWS = 16, 9


@dataclass(frozen=True, slots=True)
class Flavour:
    """What one master holds. `codec` is "aac", "opus" or "h264"; video has a `height`."""

    codec: str
    sample_rate: int = 48_000
    channels: int = 2
    bitrate: int = 128_000
    silent: bool = False
    height: int = 0

    @property
    def frame_samples(self) -> int:
        """Length of a frame in units of `sample_rate`."""
        return AAC_FRAME if self.codec == "aac" else OPUS_FRAME

    @property
    def name(self) -> str:
        """Fit for a file name; names the encoder too, as another one makes other frames."""
        encoder = hashlib.sha256(str(ffmpeg_path()).encode()).hexdigest()[:8]
        sound = "silent" if self.silent else "timecode"
        return f"{self.codec}-{self.sample_rate}-{self.channels}-{self.bitrate}-{sound}-{encoder}"


class SoundMaster:
    """Six encoded blocks of one flavour, from the folder or encoded when first needed."""

    def __init__(self, flavour: Flavour, folder: Path) -> None:
        self._flavour, self._folder = flavour, folder
        length = round(BLOCK_SECONDS * flavour.sample_rate / flavour.frame_samples)
        self._length = SILENT_FRAMES if flavour.silent else length
        self._digits = np.array([digit(slot) for slot in range(SLOTS * BASE * BASE)], np.int64)
        self._blocks: dict[int, Frames] = {}
        self._sizes = np.zeros((BASE, self._length), np.int64)
        self._lock = Lock()

    def sizes(self, first: int, count: int) -> npt.NDArray[np.int64]:
        """Sizes in bytes of the stream's frames `first` and on. Raises MediaNotMade."""
        return self._sizes[self._places(first, count)]

    def frames(self, first: int, count: int) -> list[bytes]:
        """The stream's frames `first` and on. Raises MediaNotMade."""
        numbers, within = self._places(first, count)
        places = zip(numbers.tolist(), within.tolist(), strict=True)
        return [self._blocks[number][place] for number, place in places]

    def _places(self, first: int, count: int) -> tuple[Places, Places]:
        """In which encoded block each of these frames stands, and where in it."""
        frame = np.arange(first, first + count, dtype=np.int64)
        within = frame % self._length
        if self._flavour.silent:
            numbers = np.zeros_like(frame)
        else:
            # twice the frame's middle: AAC frames are centred on their number, Opus ones between
            middle = 2 * frame + (self._flavour.codec == "opus")
            slot = middle * SLOTS // (2 * self._length)
            numbers = self._digits[slot % len(self._digits)]
        self._fetch(np.flatnonzero(np.bincount(numbers, minlength=BASE)).tolist())
        return numbers, within

    def _fetch(self, numbers: Iterable[int]) -> None:
        with self._lock:
            missing = [number for number in numbers if number not in self._blocks]
            if not missing:
                return
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                for number, block in zip(missing, pool.map(self._block, missing), strict=True):
                    self._sizes[number] = [len(frame) for frame in block]
                    self._blocks[number] = block

    def _block(self, number: int) -> Frames:
        path = self._folder / f"{self._flavour.name}-{number}"
        if self._flavour.silent:
            return _kept(path, partial(_silence, self._flavour))
        return _kept(path, partial(_encode_block, self._flavour, number))


def _encode_block(flavour: Flavour, number: int) -> list[bytes]:
    """The frames of a block both of whose digits are `number`."""
    block = round(BLOCK_SECONDS * flavour.sample_rate / flavour.frame_samples)
    first = number * (BASE + 1) * block - _RUN_IN
    count = block + _RUN_IN + _RUN_OUT
    length = flavour.frame_samples
    pcm = synth_samples(first * length, count * length, flavour.sample_rate, flavour.channels)
    return _encode(flavour, pcm)[_RUN_IN : _RUN_IN + block]


def _silence(flavour: Flavour) -> list[bytes]:
    pcm = np.zeros((2 * SILENT_FRAMES * flavour.frame_samples, flavour.channels), np.float32)
    return _encode(flavour, pcm)[8 : 8 + SILENT_FRAMES]


def _encode(flavour: Flavour, pcm: npt.NDArray[np.float32]) -> list[bytes]:
    if flavour.codec == "aac":
        return encode_aac(pcm, flavour.sample_rate, flavour.bitrate)
    return encode_opus(pcm, flavour.bitrate)


class PictureMaster:
    """Pictures that show their number, encoded a key frame's stretch at a time, as needed."""

    def __init__(self, height: int, folder: Path) -> None:
        self._height, self._folder = height, folder
        self._stretches: list[Frames] = []

    def frames(self, first: int, count: int) -> list[bytes]:
        """Access units `first` and on (annex B); encodes what is missing. Raises MediaNotMade."""
        length = FPS * KEY_SECONDS
        wanted = -(-(first + count) // length)
        missing = range(len(self._stretches), wanted)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            self._stretches += pool.map(self._stretch, missing)
        return [self._stretches[i // length][i % length] for i in range(first, first + count)]

    def _stretch(self, number: int) -> Frames:
        length = FPS * KEY_SECONDS
        shown = np.arange(number * length, (number + 1) * length)
        size = (self._height * 16 // 9 // 2 * 2, self._height)
        path = self._folder / f"h264-{self._height}-{number}"
        return _kept(path, partial(encode_h264, draw(shown), FPS, size))


def draw(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Pictures (count, 9, 16): 16 bits from left to right, bright is 1; below inverted."""
    bits = (numbers[:, None] >> np.arange(BITS)[::-1]) & 1
    rows = np.arange(PICTURE_ROWS)[None, :, None] < PICTURE_ROWS // 2
    shown = np.where(rows, bits[:, None, :], 1 - bits[:, None, :])
    return (40 + 180 * shown).astype(np.uint8)


def read_picture(grey: npt.NDArray[np.uint8]) -> int:
    """The number that a decoded picture (height, width) shows."""
    height, width = grey.shape
    columns = grey.reshape(height, BITS, width // BITS).mean(axis=2)
    bright = columns[: height // 3].mean(axis=0) > columns[-height // 3 :].mean(axis=0)
    return int("".join("1" if bit else "0" for bit in bright), 2)


def _kept(path: Path, make: Callable[[], list[bytes]]) -> Frames:
    """The frames in the file; without one, what `make` makes, written there for the next."""
    frames = _load(path)
    if frames is None:
        frames = tuple(make())
        _save(path, frames)
    return frames


def _save(path: Path, frames: Frames) -> None:
    sizes = np.array([len(frames), *(len(frame) for frame in frames)], "<u4")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{id(frames)}")
    temporary.write_bytes(sizes.tobytes() + b"".join(frames))
    temporary.replace(path)


def _load(path: Path) -> Frames | None:
    if not path.exists():
        return None
    data = path.read_bytes()
    count = int.from_bytes(data[:4], "little")
    sizes = np.frombuffer(data, "<u4", count, 4).astype(np.int64)
    ends = 4 + 4 * count + np.cumsum(sizes)
    starts = ends - sizes
    return tuple(data[a:b] for a, b in zip(starts.tolist(), ends.tolist(), strict=True))
