"""A folder that cannot be written is the user's to mend, and no bug."""

from __future__ import annotations

from pathlib import Path

import pytest
from learning_samples import Dataset

from ascc_async.standin.released import sequence_example, tfrecord


@pytest.mark.parametrize(
    ("command", "folder"),
    [
        (("features", "wave16k"), "exports/features/wave16k"),
        (("few-shot", "--min-clips", "1"), "exports/few_shot"),
        (("join", "google.tfrecord"), "exports/vggish"),
        (("join", "audioset_eval_strong.tsv"), "exports/strong"),
    ],
)
def test_a_file_where_a_folder_should_be_is_named(
    tmp_path: Path, command: tuple[str, ...], folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In place of the command's own folder, or of all exports."""
    dataset = Dataset(tmp_path)
    dataset.add("-0abcdefghi", "Frog")
    dataset.write()
    record = sequence_example("-0abcdefghi", 30, 40, (0,), [bytes(128)] * 10)
    (tmp_path / "google.tfrecord").write_bytes(tfrecord([record]))
    (tmp_path / "audioset_eval_strong.tsv").write_text(
        "segment_id\tstart_time_seconds\tend_time_seconds\tlabel\n"
        "-0abcdefghi_30000\t0.000\t1.000\t/m/09x0r\n"
    )
    monkeypatch.chdir(tmp_path)
    for occupied in (tmp_path / "exports", tmp_path / folder):
        occupied.parent.mkdir(parents=True, exist_ok=True)
        occupied.write_text("not a folder")
        code, said = dataset.command(*command)
        assert (code, f"cannot write in {tmp_path / 'exports'}" in said) == (1, True), said
        assert "which is a bug" not in said
        occupied.unlink()
