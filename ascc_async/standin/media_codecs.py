"""Raw codec frames out of the bundled ffmpeg: AAC, Opus and H.264, without a container."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import numpy.typing as npt

from ascc_async.standin.timecode import Pcm

_TIME_LIMIT_SECONDS = 120
AAC_FRAME, OPUS_FRAME = 1024, 960  # samples
OPUS_PRE_SKIP = 312  # samples at 48 kHz that libopus puts before the sound
_LENGTH_BYTES = 4


class MediaNotMade(RuntimeError):
    """ffmpeg failed; the message holds its last words."""


def ffmpeg_path() -> Path:
    """The ffmpeg that comes with imageio-ffmpeg."""
    return Path(imageio_ffmpeg.get_ffmpeg_exe())


def run_ffmpeg(arguments: Sequence[str], stdin: bytes = b"") -> bytes:
    """What ffmpeg writes to its standard output. Raises MediaNotMade."""
    command = [str(ffmpeg_path()), "-v", "error", "-nostdin", *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=_TIME_LIMIT_SECONDS)
    if done.returncode:
        raise MediaNotMade(done.stderr.decode(errors="replace")[-500:])
    return done.stdout


def encode_aac(pcm: Pcm, sample_rate: int, bitrate: int) -> list[bytes]:
    """AAC LC frames. Frame i covers samples (i - 1) * 1024 to (i + 1) * 1024.

    The quick coder without its tools: a third of the time, and closer to the original, too.
    """
    tools = ["-aac_pns", "0", "-aac_tns", "0", "-aac_ms", "0", "-aac_is", "0"]
    codec = ["-c:a", "aac", "-b:a", str(bitrate), "-aac_coder", "fast", *tools]
    return list(_adts_frames(_encode_sound(pcm, sample_rate, codec, "adts")))


def encode_opus(pcm: Pcm, bitrate: int) -> list[bytes]:
    """Opus packets of 20 ms at 48 kHz. Packet i covers samples i * 960 - 312 and on."""
    codec = ["-c:a", "libopus", "-b:a", str(bitrate)]
    codec += ["-vbr", "constrained", "-compression_level", "0"]
    return _ogg_packets(_encode_sound(pcm, 48_000, codec, "ogg"))[2:]


def encode_h264(pictures: npt.NDArray[np.uint8], fps: int, size: tuple[int, int]) -> list[bytes]:
    """H.264 access units in annex B, each with its delimiter, no B-frames, one key frame.

    `pictures` are small grey ones (count, height, width), blown up to `size` without smoothing.
    """
    width, height = size
    small = f"{pictures.shape[2]}x{pictures.shape[1]}"
    source = ["-f", "rawvideo", "-pix_fmt", "gray", "-s", small, "-r", str(fps), "-i", "-"]
    scale = ["-vf", f"scale={width}:{height}:flags=neighbor,format=yuv420p"]
    codec = ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "30", "-bf", "0", "-threads", "1"]
    codec += ["-x264-params", f"keyint={len(pictures)}:scenecut=0:repeat-headers=1:aud=1"]
    stream = run_ffmpeg([*source, *scale, *codec, "-f", "h264", "-"], pictures.tobytes())
    delimiter = b"\x00\x00\x00\x01\x09"
    return [delimiter + unit for unit in stream.split(delimiter)[1:]]


def _encode_sound(pcm: Pcm, sample_rate: int, codec: Sequence[str], container: str) -> bytes:
    source = ["-f", "f32le", "-ar", str(sample_rate), "-ac", str(pcm.shape[1]), "-i", "-"]
    return run_ffmpeg(
        [*source, "-threads", "1", *codec, "-f", container, "-"], pcm.astype("<f4").tobytes()
    )


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
            if length < 255:
                packets.append(open_packet)
                open_packet = b""
    return packets


def with_lengths(unit: bytes) -> tuple[list[bytes], bytes]:
    """An annex B access unit as MP4 has it: its parameter sets, and the rest with lengths."""
    pieces = unit.replace(b"\x00\x00\x00\x01", b"\x00\x00\x01").split(b"\x00\x00\x01")
    units = [piece for piece in pieces if piece]
    headers = [piece for piece in units if piece[0] & 31 in (7, 8)]
    rest = [piece for piece in units if piece[0] & 31 not in (6, 7, 8, 9)]
    return headers, b"".join(len(piece).to_bytes(_LENGTH_BYTES, "big") + piece for piece in rest)


def decode(media: bytes | Path) -> tuple[Pcm, int]:
    """The whole sound of a stream as ffmpeg decodes it: (samples, channels), sample rate.

    The reference that cuts are compared with. Damaged parts are left out, as ffmpeg does.
    """
    source = "-" if isinstance(media, bytes) else str(media)
    stdin = media if isinstance(media, bytes) else b""
    sound = run_ffmpeg(["-i", source, "-map", "0:a:0", "-c:a", "pcm_f32be", "-f", "au", "-"], stdin)
    start = int.from_bytes(sound[4:8], "big")
    rate, channels = (int.from_bytes(sound[at : at + 4], "big") for at in (16, 20))
    samples = np.frombuffer(sound, ">f4", offset=start)
    return samples.astype(np.float32).reshape(-1, channels), rate
