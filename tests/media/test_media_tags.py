"""Tags inside clips: read back by ffmpeg and mutagen, and harmless to the sound."""

from __future__ import annotations

import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from media_helpers import Memory, resolved, segment, track
from peers_python import run_peer

from ascc_async.files import sha256_of
from ascc_async.media.cut import Cutter
from ascc_async.media.encoding import Tags
from ascc_async.media.ranges import Ranges
from ascc_async.model import ClipFile
from ascc_async.standin.media import StreamSpec

MP4 = 140
SPEC = StreamSpec(45_000, 44_100, 2)
SOURCE, DEED = "https://www.youtube.com/watch?v=x&t=20s", "https://creativecommons.org/"
LABELS = ("Dog", "Male speech, man")
# Words that an option, a file of ffmpeg's or a shell might take for something else.
TAGS = Tags(
    "-y =1+1; 'Ключ' \\ \"x\" 😀",
    "@artist=b",
    SOURCE,
    "CC BY 3.0",
    DEED,
    LABELS,
)
GENRE = "Dog; Male speech, man"
FORMS = ["flac", "wav", "opus", "m4a", "mp3"]
Make = Callable[..., Awaitable[ClipFile]]


@pytest.fixture
def make(cutter: Callable[..., Cutter], stream: Callable[[StreamSpec, int], bytes]) -> Make:
    """Makes one clip."""

    async def made(tags: Tags | None, **settings: object) -> ClipFile:
        ranges = Ranges(Memory({"sound": stream(SPEC, MP4)}))
        return await cutter(**settings).make(ranges, resolved(track()), segment(20_000), tags)

    return made


def read_back(ffmpeg: str, path: Path) -> dict[str, str]:
    """All tags of a file as ffmpeg knows them, of the file and of its first stream."""
    command = [ffmpeg, "-v", "error", "-i", path, "-map_metadata", "0", "-map_metadata", "0:s:0",
               "-map_metadata:g", "0:g", "-f", "ffmetadata", "-"]  # fmt: skip
    said = subprocess.run(command, capture_output=True, check=True, timeout=30).stdout.decode()
    pairs = (line.split("=", 1) for line in said.splitlines()[1:] if "=" in line)
    return {key.lower(): value for key, value in pairs}


@pytest.mark.parametrize("form", FORMS)
async def test_a_clip_alone_carries_its_credit(form: str, make: Make, tmp_path: Path) -> None:
    """Title, artist, source, license, its link and the labels, word for word, by mutagen."""
    clip = await make(TAGS, format=form)
    said = run_peer(
        "mutagen",
        "import sys, mutagen\n"
        "tags = mutagen.File(sys.argv[1]).tags\n"
        "for key in tags.keys():\n"
        "    value = tags[key]\n"
        "    text = value.text[0] if hasattr(value, 'text') else value[0]\n"
        "    print(key.lower(), text, sep='\\t')\n",
        tmp_path / clip.path,
    ) if form != "wav" else ""  # fmt: skip
    found = dict(line.split("\t") for line in said.splitlines())
    if form in ("flac", "opus"):
        assert found == {
            "title": TAGS.title, "artist": TAGS.artist, "genre": GENRE, "source": SOURCE,
            "license": "CC BY 3.0", "license_link": DEED,
        } | ({"encoder": found["encoder"]} if "encoder" in found else {})  # fmt: skip
    elif form == "mp3":
        assert (found["tit2"], found["tpe1"]) == (TAGS.title, TAGS.artist)
        assert (found["txxx:source"], found["txxx:license"]) == (SOURCE, "CC BY 3.0")
        assert (found["txxx:license_link"], found["tcon"]) == (DEED, GENRE)
    elif form == "m4a":
        assert (found["©nam"], found["©art"]) == (TAGS.title, TAGS.artist)
        assert (found["©cmt"], found["cprt"]) == (SOURCE, f"CC BY 3.0, {DEED}")
        assert found["©gen"] == GENRE


@pytest.mark.parametrize("form", FORMS)
async def test_tags_change_nothing_of_the_sound(
    form: str, make: Make, ffmpeg_path: str, tmp_path: Path
) -> None:
    """As many samples, the same levels; the same words make the same bytes."""
    plain = await make(None, format=form)
    assert "artist" not in read_back(ffmpeg_path, tmp_path / plain.path)
    tagged = await make(TAGS, format=form)
    assert (tagged.frames, tagged.quality) == (plain.frames, plain.quality)
    assert tagged.sha256 != plain.sha256
    assert (await make(TAGS, format=form)).sha256 == tagged.sha256
    found = read_back(ffmpeg_path, tmp_path / tagged.path)
    assert (found["artist"], found["genre"].replace("\\", "")) == ("@artist\\=b", GENRE)


async def test_a_conversion_has_the_tags_of_a_clip_from_the_video(
    make: Make, cutter: Callable[..., Cutter], tmp_path: Path
) -> None:
    """WAV made from FLAC is the very file; the words are those of now, not those in the FLAC."""
    direct = await make(TAGS, format="wav")
    lossless = await make(None)
    converted = await cutter(format="wav").make_from(lossless, segment(20_000), TAGS)
    assert converted.sha256 == direct.sha256 == sha256_of(tmp_path / converted.path)
