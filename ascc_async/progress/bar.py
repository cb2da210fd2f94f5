"""How far something has come whose steps are counted: a bar on a terminal, nothing elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

T = TypeVar("T")


def progress_bar(items: Iterable[T], text: str, total: int) -> Iterator[T]:
    """The items, with a bar on standard error while they are taken."""
    with counted_bar(text) as show:
        for done, item in enumerate(items, 1):
            yield item
            show(done, total)


@contextmanager
def counted_bar(text: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error; what this gives is told how many are done, of how many."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    hidden = not console.is_terminal
    with Progress(
        *columns, TimeRemainingColumn(), console=console, transient=True, disable=hidden
    ) as bar:
        task = bar.add_task(text, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
