"""Draws the screen of the run in a folder, as it stood at its last look, as SVG of 80 columns.

python docs/screen.py demo > docs/screen.svg    (while `python -m ascc_async demo` works)
"""

from __future__ import annotations

import io
import sys
from contextlib import closing
from pathlib import Path

from rich.console import Console

from ascc_async.journal.reader import Reader
from ascc_async.journal.writer import JOURNAL_NAME
from ascc_async.pipeline.snapshot import SNAPSHOT, RunSnapshot, snapshot_from
from ascc_async.progress.dashboard import Dashboard

# rich's own, without the fonts that it would load from elsewhere
_SVG = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg"><style>{styles}
.{unique_id}-matrix {{ font: {char_height}px monospace; line-height: {line_height}px }}</style>
<defs><clipPath id="{unique_id}-clip-terminal"><rect width="{terminal_width}"
height="{terminal_height}"/></clipPath>{lines}</defs>
{chrome}<g transform="translate({terminal_x}, {terminal_y})"
clip-path="url(#{unique_id}-clip-terminal)">{backgrounds}
<g class="{unique_id}-matrix">{matrix}</g></g></svg>
"""


def screen(snapshot: RunSnapshot) -> str:
    """The dashboard, as a picture."""
    console = Console(record=True, width=80, file=io.StringIO(), force_terminal=True)
    console.print(Dashboard(snapshot))
    return console.export_svg(title="python -m ascc_async", code_format=_SVG, unique_id="screen")


if __name__ == "__main__":
    with closing(Reader(Path(sys.argv[1], JOURNAL_NAME))) as reader:
        snapshot = snapshot_from(reader.learned(SNAPSHOT).get(""))
    assert snapshot is not None, "no run has worked there"
    sys.stdout.write(screen(snapshot))
