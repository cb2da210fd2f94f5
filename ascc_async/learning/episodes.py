"""Episodes for few-shot learning: which clips are support and query of each task."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from numbers import Integral


class Episodes:
    """A batch sampler: one task a batch, `tasks` of them an epoch.

    A task has `ways` classes, drawn again each time; the batch is the indices of `shots` clips of
    the first class, of the second and so on, then those of `queries` others of each, in the same
    order. Seed and epoch say all: the same tasks on every machine. Raises ValueError where fewer
    than `ways` classes have shots + queries clips (`classes` are those that have), and for labels
    that are not one class for each clip.
    """

    def __init__(
        self,
        labels: Sequence[int],
        ways: int = 5,
        shots: int = 1,
        queries: int = 5,
        tasks: int = 100,
        seed: int = 0,
    ) -> None:
        whole = all(isinstance(one, Integral) for one in (ways, shots, queries, tasks))
        if not whole or min(ways, shots, tasks) < 1 or queries < 0:
            raise ValueError(
                "ways, shots and tasks must be whole numbers, 1 or more, and queries 0 or more"
            )
        clips: dict[int, list[int]] = defaultdict(list)
        for index, label in enumerate(labels):
            try:
                clips[int(label)].append(index)
            except TypeError as error:
                raise ValueError(
                    "a task needs one class for each clip, as Clips gives with labels='one'"
                ) from error
        self._clips = {
            label: clips[label] for label in sorted(clips) if len(clips[label]) >= shots + queries
        }
        self.classes = list(self._clips)
        if len(self.classes) < ways:
            raise ValueError(
                f"{len(self.classes)} of {len(clips)} classes have the {shots + queries} clips that"
                f" {shots} shots and {queries} queries take, and {ways} ways need {ways}: ask for"
                " fewer, or keep larger classes only (few-shot --min-clips)"
            )
        self._ways, self._shots, self._queries = ways, shots, queries
        self._tasks, self._seed, self._epoch = tasks, seed, 0

    def __len__(self) -> int:
        return self._tasks

    def set_epoch(self, epoch: int) -> None:
        """Another epoch, other tasks; without it every epoch has the same."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[list[int]]:
        # Of all that `random` offers only `random()` gives the same in every version of Python.
        draw = random.Random(f"{self._seed} {self._epoch}").random

        def pick(items: Sequence[int], count: int) -> list[int]:
            left = list(items)
            for place in range(count):
                other = place + int(draw() * (len(left) - place))
                left[place], left[other] = left[other], left[place]
            return left[:count]

        shots = self._shots
        for _ in range(self._tasks):
            drawn = [
                pick(self._clips[label], shots + self._queries)
                for label in pick(self.classes, self._ways)
            ]
            support = [index for clips in drawn for index in clips[:shots]]
            yield support + [index for clips in drawn for index in clips[shots:]]
