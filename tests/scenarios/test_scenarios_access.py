"""Cookies given later open what was barred before, at once."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from scenario import Place, reach

from ascc_async.standin.process import StandinProcess
from ascc_async.standin.world_settings import WorldSettings
from tests.expected import expected

HELPED = {"sign_in_required", "age_restricted"}


def cookies(path: Path) -> Path:
    ends = int(time.time()) + 10_000_000
    names = ("LOGIN_INFO", "SAPISID", "__Secure-3PAPISID", "__Secure-3PSID")
    lines = [f".youtube.com\tTRUE\t/\tTRUE\t{ends}\t{name}\tvalue-of-{name}" for name in names]
    path.write_text("# Netscape HTTP Cookie File\n" + "\n".join(lines) + "\n", encoding="utf-8")
    path.chmod(0o600)
    return path


@pytest.mark.slow
def test_cookies_added_between_runs_open_barred_videos(tmp_path: Path) -> None:
    """Without waiting for recheck_after_days; what cookies cannot open stays as it was."""
    with StandinProcess(WorldSettings(seed=5, videos=40, length_seconds=(12, 60))) as youtube:
        own = (
            *reach(youtube),
            "audioset.splits=[balanced_train]",
            f"audioset.metadata_dir={tmp_path / 'metadata'}",
        )
        guest = Place(tmp_path / "out", own)
        code, said = guest.run()
        assert code == 0, said
        barred = {row["video_id"] for row in guest.manifest() if row["reason"] in HELPED}
        assert barred
        file = cookies(tmp_path / "cookies.txt")
        signed_in = replace(guest, settings=(*own, f"network.cookies_file={file}"))
        code, said = signed_in.run()
        assert code == 0, said
        for row in signed_in.manifest():
            start_ms = int(row["segment_id"].rsplit("_", 1)[1])
            truth = expected(youtube.world, row["video_id"], start_ms, signed_in=True)
            assert (row["outcome"], row["reason"]) == (truth.outcome.value, truth.reason or "")
        assert "value-of-" not in said
        assert file.read_text(encoding="utf-8").count("value-of-") == 4
