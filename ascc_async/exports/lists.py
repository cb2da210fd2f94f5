"""`export lists`: the files with which other people's programs find the clips where they lie.

Paths are relative to `output.dir`, those of the playlist to itself.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from ascc_async.exports.folder import export_folder
from ascc_async.exports.rows import Published, Row
from ascc_async.files import ensure_room, put, remove_files

FOLDER = "lists"


def export(output_dir: Path, published: Published, min_free_gb: float) -> Path:
    """Write all of them, remove what an earlier call left; their folder.

    Raises SetupError where there is no clip or no room.
    """
    rows = published.rows
    files = {
        "README.md": _README.encode(),
        "manifest.m3u": "".join(_playlist(rows)).encode(),
        "lhotse/recordings.jsonl.gz": _json_lines(_recording(row) for row in rows),
        "lhotse/supervisions.jsonl.gz": _json_lines(_supervision(row) for row in rows),
        "ast/class_labels_indices.csv": _class_list(published.names),
    }
    by_split = attrgetter("split")
    for split, group in groupby(sorted(rows, key=attrgetter("split", "segment_id")), by_split):
        clips = [*group]
        data = [
            {"video_id": row.segment_id, "wav": row.path, "labels": ",".join(row.labels)}
            for row in clips
        ]
        files[f"ast/{split}.json"] = json.dumps({"data": data}, indent=1).encode() + b"\n"
        files[f"ast/{split}_weight.csv"] = _weights(clips)
        for name, values in (
            ("wav.scp", map(_kaldi_source, clips)),
            ("text", (" ".join(row.labels) for row in clips)),
            ("utt2spk", (row.segment_id for row in clips)),  # who speaks is not known
            ("spk2utt", (row.segment_id for row in clips)),
        ):
            # Sorted by bytes, as Kaldi wants it (LC_ALL=C): the ids are ASCII.
            lines = (
                f"{row.segment_id} {value}\n" for row, value in zip(clips, values, strict=True)
            )
            files[f"kaldi/{split}/{name}"] = "".join(lines).encode()
    with export_folder(output_dir, FOLDER, rows) as folder:
        # First of all: a clip that was removed may be named there.
        remove_files(
            path
            for path in [*folder.rglob("*")]
            if path.is_file()
            and path.read_bytes() != files.get(path.relative_to(folder).as_posix())
        )
        ensure_room(folder, sum(map(len, files.values())), min_free_gb)
        for name, content in files.items():
            put(folder / name, content)
    return folder


def _playlist(rows: Iterable[Row]) -> Iterator[str]:
    yield "#EXTM3U\n"
    for row in rows:
        labels = ", ".join(row.human_labels)
        yield f"#EXTINF:{row.duration_seconds:.0f},{row.author} - {row.title} ({labels})\n"
        yield f"../../{row.path}\n"


def _json_lines(records: Iterable[Mapping[str, object]]) -> bytes:
    """Compressed without a time: equal records are equal bytes."""
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    return gzip.compress(lines.encode(), mtime=0)


def _recording(row: Row) -> dict[str, object]:
    channels = [*range(row.channels)]
    samples = round(row.duration_seconds * row.sample_rate)
    return {
        "id": row.segment_id,
        "sources": [{"type": "file", "channels": channels, "source": row.path}],
        "sampling_rate": row.sample_rate,
        "num_samples": samples,
        "duration": samples / row.sample_rate,
        "channel_ids": channels,
    }


def _supervision(row: Row) -> dict[str, object]:
    names = (
        "labels", "human_labels", "label_indices", "split", "title", "author", "source_link",
        "license", "license_link", "evidence",
    )  # fmt: skip
    return {
        "id": row.segment_id,
        "recording_id": row.segment_id,
        "start": 0.0,
        "duration": round(row.duration_seconds * row.sample_rate) / row.sample_rate,
        "channel": [*range(row.channels)],
        "text": ", ".join(row.human_labels),
        "custom": {name: getattr(row, name) for name in names},
    }


def _class_list(names: Mapping[str, str]) -> bytes:
    """As Google writes it; AST and AudioMAE take the place of a label from it."""
    file = io.StringIO()
    file.write("index,mid,display_name\n")
    rows = ((index, mid, name) for index, (mid, name) in enumerate(names.items()))
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue().encode()


def _weights(clips: Sequence[Row]) -> bytes:
    """As AST's gen_weight_file.py: clips of rare classes are drawn more often."""
    uses = Counter(mid for row in clips for mid in row.labels)
    weights = (sum(1000 / (uses[mid] + 0.01) for mid in row.labels) for row in clips)
    return "".join(f"{weight:.18e}\n" for weight in weights).encode()


def _kaldi_source(row: Row) -> str:
    """Kaldi itself reads WAV only; what else there is it reads through a pipe."""
    if row.path.endswith(".wav"):
        return row.path
    return f"ffmpeg -nostdin -loglevel error -i {row.path} -f wav -c:a pcm_s16le - |"


_README = """\
# Lists of the clips
Paths are relative to the folder that holds `clips/`: start the programs there. Only clips that may
be shared are named; whom to credit is in `dataset/ATTRIBUTION.csv`.

- `lhotse/recordings.jsonl.gz`, `supervisions.jsonl.gz`: `RecordingSet.from_file` and
  `SupervisionSet.from_file` of lhotse.
- `ast/<split>.json`, `class_labels_indices.csv`: AST, AudioMAE and their kin (`--data-train`,
  `--label-csv`). `<split>_weight.csv` is what AST's `gen_weight_file.py` makes of the first.
- `kaldi/<split>/wav.scp`, `text` (MIDs), `utt2spk`, `spk2utt`: Kaldi, ESPnet. What is not WAV is
  read through ffmpeg, which must be on the PATH.
- `manifest.m3u`: any player.
"""
