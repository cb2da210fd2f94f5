"""The console: prints text as it is, and survives a reader that has gone (`… | head`)."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO

from rich.console import Console, RenderableType
from rich.text import Text


class PlainConsole(Console):
    """A rich console that interprets nothing in texts: no markup, no emoji, no highlighting.

    `gone` turns true when the reader at the other end has left; from then on it is silent.
    """

    def __init__(self, file: TextIO | None = None, width: int | None = None) -> None:
        super().__init__(file=file or sys.stdout, width=width, highlight=False, emoji=False)
        self.gone = False

    @property
    def draws(self) -> bool:
        """Whether the dashboard can be redrawn: a terminal that can move its cursor."""
        return self.is_terminal and not self.is_dumb_terminal

    def tell(self, text: str, style: str = "") -> None:
        """Print plain text; long lines are left to the terminal to wrap."""
        self.show(Text(text, style=style), wrap=False)

    def show(self, what: RenderableType, *, wrap: bool = True) -> None:
        """Print something rendered."""
        if self.gone:
            return
        try:
            self.print(what, soft_wrap=not wrap)
        except OSError:  # a terminal that was closed
            self.on_broken_pipe()

    def on_broken_pipe(self) -> None:
        """The reader has gone: fall silent. The owner of the run decides what that means."""
        self.gone = self.quiet = True
        # Python itself complains at its end when what is still buffered goes nowhere.
        with suppress(OSError, ValueError):
            descriptor = os.open(os.devnull, os.O_WRONLY)
            os.dup2(descriptor, self.file.fileno())
            os.close(descriptor)
