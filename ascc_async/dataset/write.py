"""Writes everything under `dataset/` from the journal, in one pass over the selected segments."""

from __future__ import annotations

import filecmp
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import TypeVar

import numpy as np

from ascc_async.audioset.metadata_files import InputFile
from ascc_async.audioset.sampling import RowState, spare
from ascc_async.audioset.segments import gather
from ascc_async.audioset.selection import Selection
from ascc_async.dataset.card import card
from ascc_async.dataset.counts import Counts, Kinds, RowKind, counts_of
from ascc_async.dataset.credits import Attribution, attribution_of, write_credits
from ascc_async.dataset.eligibility import CLIP, PENDING, SPARE, Decision, Terms, decide
from ascc_async.dataset.evidence import EVIDENCE_FILE, EvidenceWriter
from ascc_async.dataset.manifest import COLUMNS, DATASET_FOLDER, ManifestRow, manifest_row
from ascc_async.dataset.tables import (
    QUALITY_COLUMNS,
    UNAVAILABLE_COLUMNS,
    open_table,
    quality_row,
    unavailable_row,
    write_class_tables,
    write_table,
)
from ascc_async.dataset.terms import CITATION_FILE, LICENSE_FILE
from ascc_async.files import sha256_of, sync
from ascc_async.journal.reader import Reader
from ascc_async.journal.records import AnswerRow, ClipRow
from ascc_async.model import License, Segment
from ascc_async.settings import Settings

_STAGING = ".staging-"
_INPUT_KEYS = ("name", "sha256", "git_blob_sha1", "bytes", "official")  # in run.json
Row = TypeVar("Row")
Decided = tuple[Segment, AnswerRow | None, ClipRow | None, Decision]
_AT_ONCE = 8192  # segments of which arrays become Python objects at a time


@dataclass(frozen=True)
class RunFacts:
    """What the files say besides the journal.

    `versions` names what the clips are made with: `ascc_async`, `python`, `yt-dlp`, `ffmpeg`.
    `rebuilt_from` is the SHA-256 of the manifest that a rebuild went by, else "".
    """

    settings: Settings
    versions: Mapping[str, str]
    inputs: tuple[InputFile, ...] = ()
    rebuilt_from: str = ""


def write_dataset(
    output_dir: Path,
    selection: Selection,
    journal: Reader,
    terms: Terms,
    facts: RunFacts,
    checkpoint: Callable[[], object] = lambda: None,
) -> Counts:
    """Write every file of `output_dir/dataset/`; those that would not change are not touched.

    Two million segments take about a minute and little memory, so run it in a thread or process
    of its own, one at a time per folder. `checkpoint` is called now and then: what it raises ends
    the writing. Raises OSError. After an exception all files are as they were.
    """

    def decided() -> Iterator[Decided]:
        return _decided(selection, journal, terms, checkpoint)

    limited = None
    if selection.max_per_class is not None:
        # Who is beyond the limit is known only when all were looked at once.
        limited = _limited(selection, (decision is CLIP for *_, decision in decided()))
    with _staged(output_dir / DATASET_FOLDER) as folder:
        kinds, clips = _write_segments(folder, decided(), journal, limited)
        # In memory: of two million segments only some thousand are clips.
        credited = [attribution_of(row, note, facts.settings.clips) for row, note in clips]
        write_table(folder / "ATTRIBUTION.csv", Attribution._fields, credited)
        write_credits(folder / "CREDITS.md", credited)
        clip_rows = [row for row, _ in clips]
        write_class_tables(folder, clip_rows, selection.chosen)
        counts = counts_of(kinds, clip_rows)
        text = card(counts, selection.chosen, facts.settings)
        for name, content in (
            ("README.md", text),
            ("run.json", _run_record(facts)),
            ("LICENSE.md", LICENSE_FILE),
            ("CITATION.cff", CITATION_FILE),
        ):
            (folder / name).write_text(content, encoding="utf-8", newline="")
        sums = {row.path: row.sha256 for row in clip_rows}
        for path in folder.rglob("*"):
            if path.is_file():
                name = f"{DATASET_FOLDER}/{path.relative_to(folder).as_posix()}"
                sums[name] = sha256_of(path)
        # As `sha256sum -c` reads it, in the folder that holds dataset/ and clips/.
        lines = (f"{sha256}  {name}\n" for name, sha256 in sorted(sums.items()))
        (folder / "SHA256SUMS").write_text("".join(lines), encoding="utf-8", newline="")
    return counts


def _decided(
    selection: Selection, journal: Reader, terms: Terms, checkpoint: Callable[[], object]
) -> Iterator[Decided]:
    """What becomes of every selected segment, in the order of their ids."""
    answer_of = in_step(chain.from_iterable(journal.answers()), attrgetter("video_id"))
    clips = chain.from_iterable(journal.clips(terms.encoding))
    clip_of = in_step(clips, attrgetter("segment_id"))
    table = selection.segments
    selected = table.sorted_rows(selection.rows)
    for first in range(0, len(selected), _AT_ONCE):
        checkpoint()
        rows = selected[first : first + _AT_ONCE]
        codes = table.label_codes[gather(table.label_offsets, rows)]
        mids = iter([table.mids[code] for code in codes.tolist()])
        for video_id, start, end, split, labels in zip(
            table.ids[rows].astype("U11").tolist(),
            table.start_ms[rows].tolist(),
            table.end_ms[rows].tolist(),
            table.split[rows].tolist(),
            (table.label_offsets[rows + 1] - table.label_offsets[rows]).tolist(),
            strict=True,
        ):
            own = tuple([next(mids) for _ in range(labels)])
            segment = Segment(video_id, start, end, table.splits[split], own)
            segment_id = segment.segment_id
            answer, clip = answer_of(video_id), clip_of(segment_id)
            yield segment, answer, clip, decide(segment_id, answer, clip, terms)


def in_step(rows: Iterable[Row], key: Callable[[Row], str]) -> Callable[[str], Row | None]:
    """Finds rows by their key; they come sorted by it, and are asked for in the same order."""
    left = iter(rows)
    row = next(left, None)

    def find(wanted: str) -> Row | None:
        nonlocal row
        while row is not None and key(row) < wanted:
            row = next(left, None)
        return row if row is not None and key(row) == wanted else None

    return find


def _limited(selection: Selection, are_clips: Iterable[bool]) -> list[Decision]:
    """What each segment is, at most: a clip, or a spare one beyond `max_per_class`, or pending."""
    rows = selection.segments.sorted_rows(selection.rows)
    is_clip = np.fromiter(are_clips, bool, len(rows))
    states = np.zeros(len(selection.segments), np.uint8)
    states[rows[is_clip]] = RowState.CLIP
    pairs = zip(is_clip.tolist(), spare(selection, states)[rows].tolist(), strict=True)
    return [SPARE if beyond else CLIP if made else PENDING for made, beyond in pairs]


def _write_segments(
    folder: Path, decided: Iterable[Decided], journal: Reader, limited: Sequence[Decision] | None
) -> tuple[Kinds, list[tuple[ManifestRow, str]]]:
    """Manifest, quality, evidence and what could not be had; gives the clips with their notes."""
    kinds: dict[RowKind, int] = {}
    clips: list[tuple[ManifestRow, str]] = []
    with (
        open_table(folder / "manifest.csv", COLUMNS) as add_manifest_row,
        open_table(folder / "unavailable.csv", UNAVAILABLE_COLUMNS) as add_unavailable,
        open_table(folder / "quality.csv", QUALITY_COLUMNS) as add_quality,
        (folder / EVIDENCE_FILE).open("wb") as evidence_file,
    ):
        evidence_writer = EvidenceWriter(evidence_file)
        evidence_of = in_step(chain.from_iterable(journal.evidence()), attrgetter("video_id"))
        for index, (segment, answer, clip, decision) in enumerate(decided):
            if decision is CLIP and limited is not None:
                # A clip that came since all were looked at waits for the next writing: taken in
                # uncounted it could be one too many.
                decision = limited[index]
            shared = answer is not None and answer.license is License.CREATIVE_COMMONS
            evidence = evidence_of(segment.video_id) if shared and not decision.removed else None
            record = evidence_writer.add(evidence) if evidence else ""
            row = manifest_row(segment, answer, clip, decision, record)
            add_manifest_row(row)
            kind = RowKind(row.split, row.license, row.outcome, row.reason, row.attempts != "0")
            kinds[kind] = kinds.get(kind, 0) + 1  # twice as fast as a Counter
            if row.reason:
                add_unavailable(unavailable_row(row, answer, clip))
            if decision is CLIP and clip is not None and clip.clip is not None:
                add_quality(quality_row(row, clip.clip.quality))
                clips.append((row, clip.clip.note))
    return kinds, clips


def _run_record(facts: RunFacts) -> str:
    """`run.json`: what the dataset was made with. No times: it changes only with one of these."""
    record = {
        "seed": facts.settings.sampling.seed,
        "settings": facts.settings.public(),
        "versions": dict(sorted(facts.versions.items())),
        "inputs": [{key: getattr(item, key) for key in _INPUT_KEYS} for item in facts.inputs],
    }
    if facts.rebuilt_from:
        record["rebuilt_from_manifest_sha256"] = facts.rebuilt_from
    return json.dumps(record, ensure_ascii=False, indent=2) + "\n"


@contextmanager
def _staged(folder: Path) -> Iterator[Path]:
    """A folder to write files in; at the end those that are new or changed go to `folder`.

    After an exception nothing was put in place. Lists of classes that were not written are removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in folder.glob(f"{_STAGING}*"):  # of a writing that was killed
        shutil.rmtree(leftover, ignore_errors=True)
    # Beside the files, as renaming is atomic only within one file system.
    with tempfile.TemporaryDirectory(prefix=_STAGING, dir=folder) as name:
        staging = Path(name)
        yield staging
        written = [path.relative_to(staging) for path in staging.rglob("*") if path.is_file()]
        changed = [
            path
            for path in written
            if not (folder / path).is_file()
            or not filecmp.cmp(staging / path, folder / path, shallow=False)
        ]
        # All synced before the first is renamed: a full disk shows itself while nothing is lost.
        for path in changed:
            sync(staging / path)
        for path in changed:
            (folder / path).parent.mkdir(exist_ok=True)
            os.replace(staging / path, folder / path)
        for parent in {(folder / path).parent for path in changed}:
            sync(parent)
        for path in (folder / "classes").glob("*.csv"):
            if path.relative_to(folder) not in written:
                path.unlink()
