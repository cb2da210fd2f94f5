"""Journal and files are brought together; most of it is shown by `tests/scenarios`."""

from __future__ import annotations

from pathlib import Path

import pytest

from ascc_async.dataset.removals import Removals
from ascc_async.errors import SetupError
from ascc_async.journal.reader import Reader
from ascc_async.journal.writer import JOURNAL_NAME, Journal
from ascc_async.pipeline.reconcile import UNCLAIMED, Records, reconcile


async def test_a_file_that_cannot_be_moved_is_no_bug(tmp_path: Path) -> None:
    """As in a folder of somebody else's; here the name that it would get is too long."""
    for folder in ("aa", UNCLAIMED):
        (tmp_path / "clips" / folder).mkdir(parents=True)
        (tmp_path / "clips" / folder / ("a" * 255)).touch()
    async with Journal(tmp_path / JOURNAL_NAME) as journal:
        reader = Reader(journal.path)
        with pytest.raises(SetupError, match="give yourself the right"):
            await reconcile(Records(journal, reader, Removals(), None), "flac")
        reader.close()
