"""Something on a terminal that is drawn again and again: whole at any size, and gone at its end."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

from rich.console import Console, RenderableType

from ascc_async.progress.formatting import folded

# While a frame is written the cursor hides and nothing wraps; whatever ends us, both are back.
_BEFORE, _AFTER = "\x1b[?25l\x1b[?7l", "\x1b[?7h\x1b[?25h"


class Picture:
    """Owns a terminal while something goes on; Ctrl-Z gives it back to the shell.

    Many lines take the whole screen, as in `top`: among other lines torn pieces of them would stay
    where a terminal folds what is too wide now. One line stays where it is, the cursor at its
    beginning: terminals keep that in place however they fold.
    """

    def __init__(self, console: Console, *, one_line: bool = False) -> None:
        self._console, self._one_line = console, one_line
        self._begin = "" if one_line else "\x1b[?1049h"
        self._end = "\r\x1b[J" if one_line else "\x1b[H\x1b[J\x1b[?1049l"
        self.parts: tuple[str | RenderableType, ...] = ()  # what was drawn last
        self._below: Sequence[str] = ()
        self._shown = self._was_stopped = False
        self._frames = 0  # begun

    def __enter__(self) -> Self:
        handlers = {signal.SIGWINCH: self._draw_again, signal.SIGTSTP: self._stop}
        if signal.getsignal(signal.SIGTSTP) is signal.SIG_IGN:
            del handlers[signal.SIGTSTP]  # no shell is there to say `fg`
        self._before = {
            number: signal.signal(number, lambda *_, act=act: act())
            for number, act in handlers.items()
        }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._take_away()

    def draw(self, *parts: str | RenderableType, below: Sequence[str] = ()) -> None:
        """Draw these, and below them as many of the lines as there is room for, the last ones.

        Raises OSError for a terminal that was closed.
        """
        self.parts, self._below = parts, below
        self._frames += 1
        this_frame = self._frames
        if self._behind_a_shell():
            self._shown = False
            return
        columns, rows = os.get_terminal_size(self._console.file.fileno())
        columns, rows = columns or 80, rows or 24  # some do not say
        lines = self._rendered(parts, columns)
        if self._one_line:
            frame = f"\r\x1b[J{lines[0]}\r"
        else:
            if len(lines) > rows:
                lines[rows - 1 :] = ["…"]
            if (room := rows - len(lines) - 1) > 0:
                lines += ["", *self._rendered(below[-room:], columns)[-room:]]
            frame = "\x1b[H" + "\r\n".join(f"\x1b[2K{line}" for line in lines)
            frame += "\r\n\x1b[J" if len(lines) < rows else ""
        if this_frame != self._frames:
            return  # a signal came meanwhile: what it drew is newer, or we are in the background
        begin = "" if self._shown else self._begin
        self._shown = True
        self._write(f"{begin}{_BEFORE}{frame}{_AFTER}")

    def _rendered(self, parts: Sequence[str | RenderableType], columns: int) -> list[str]:
        # A console of its own: a signal may come while another frame is made.
        screen = Console(
            width=columns,
            force_terminal=True,
            markup=False,
            emoji=False,
            highlight=False,
            color_system=self._console.color_system,  # type: ignore[arg-type]
            no_color=self._console.no_color,
        )
        with screen.capture() as text:
            for part in parts:
                screen.print(folded(part, columns) if isinstance(part, str) else part)
        return text.get().split("\n")[:-1]

    def _behind_a_shell(self) -> bool:
        """Whether a shell has the terminal, after `bg` or `&`."""
        group = os.getpgrp()
        with suppress(OSError):  # not the terminal that we were started from
            in_front = os.tcgetpgrp(self._console.file.fileno()) == group
            # `timeout` and the like take their command to a group of its own, and only look on.
            return not in_front and (self._was_stopped or group == os.getpid())
        return False

    def _stop(self) -> None:
        self._take_away()
        handler = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTSTP)  # returns after `fg` or `bg`
        signal.signal(signal.SIGTSTP, handler)
        self._was_stopped = True
        self._draw_again()

    def _draw_again(self) -> None:
        if self.parts:
            with suppress(OSError):
                self.draw(*self.parts, below=self._below)

    def _take_away(self) -> None:
        if self._shown:
            self._shown = False
            with suppress(OSError):  # a terminal that was closed
                self._write(self._end)

    def _write(self, text: str) -> None:
        # Past all buffers, which a signal may find half written.
        data = text.encode("utf-8", "replace")
        while data:
            data = data[os.write(self._console.file.fileno(), data) :]
