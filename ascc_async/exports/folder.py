"""The folder of an export: held against a second call, never without a clip, with its evidence."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ascc_async.dataset.evidence import EVIDENCE_FILE, copy_evidence
from ascc_async.dataset.published_clips import EXPORTS_FOLDER, write_credits_of
from ascc_async.dataset.terms import CITATION_FILE
from ascc_async.errors import SetupError
from ascc_async.exports.rows import Row
from ascc_async.files import held, put, replacing, sha256_of

SUMS = "SHA256SUMS"


@dataclass(frozen=True, slots=True)
class Exported:
    """What is in a folder now: clips in so many files, and how many of these this call wrote."""

    folder: Path
    clips: int
    files: int
    new: int


@contextmanager
def export_folder(output_dir: Path, name: str, rows: Sequence[Row]) -> Iterator[Path]:
    """The folder to export these clips to, while no other call works there.

    Raises SetupError where there is no clip, and then leaves nothing of an earlier export.
    """
    folder = output_dir / EXPORTS_FOLDER / name
    with held(folder):
        if not rows:
            shutil.rmtree(folder, ignore_errors=True)  # all were asked to be left out
            raise SetupError(
                f"{output_dir}: this dataset holds no clip, so there is nothing to export"
            )
        yield folder


@contextmanager
def never_stale(*paths: Path) -> Iterator[None]:
    """Where these cannot be written the old ones go: a clip that was removed may be named there."""
    try:
        yield
    except BaseException:
        for path in paths:
            path.unlink(missing_ok=True)
        raise


def write_beside(
    folder: Path, output_dir: Path, rows: Iterable[Row], records: Iterable[str]
) -> dict[str, str]:
    """Credits, the evidence of these ids, and how to cite: their checksums. Comes before the
    sounds, so that none is ever here without. Raises MetadataError where records are not there.
    """
    paths = [folder / name for name in ("ATTRIBUTION.csv", "CREDITS.md", EVIDENCE_FILE)]
    evidence, wanted = paths[-1], {urn for urn in records if urn}
    with never_stale(*paths[:2]):
        write_credits_of(folder, output_dir, rows)
    if wanted:
        with never_stale(evidence), replacing(evidence) as part:
            copy_evidence(output_dir / "dataset" / EVIDENCE_FILE, part, wanted)
    else:
        evidence.unlink(missing_ok=True)
    sums = {path.name: sha256_of(path) for path in paths if path.exists()}
    return sums | {"CITATION.cff": put(folder / "CITATION.cff", CITATION_FILE.encode())}


def write_sums(folder: Path, sums: Mapping[str, str]) -> None:
    """`SHA256SUMS`, given the checksum of every other file."""
    lines = "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(sums.items()))
    put(folder / SUMS, lines.encode())


def code_to_read(path: str, content: str) -> str:
    """Python that makes `samples, rate` of a clip's file of this name."""
    if not path.endswith((".m4a", ".mp4")):
        return f"samples, rate = soundfile.read(io.BytesIO({content}))"
    return (
        "import subprocess  # soundfile reads neither M4A nor MP4\n"
        'ffmpeg = ["ffmpeg", "-loglevel", "error", "-i", "cache:pipe:0", "-f", "wav", "-"]\n'
        f"wav = subprocess.run(ffmpeg, input={content}, capture_output=True, check=True)\n"
        "samples, rate = soundfile.read(io.BytesIO(wav.stdout))"
    )
