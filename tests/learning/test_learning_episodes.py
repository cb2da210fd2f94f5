"""Tasks are drawn the same everywhere, and support and query share no clip."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from ascc_async.learning import Episodes

LABELS = [number % 7 for number in range(100)]


def test_a_task_is_support_then_query_class_by_class() -> None:
    """Each class once, its clips its own, none twice."""
    for task in Episodes(LABELS, ways=3, shots=2, queries=4, tasks=200):
        labels = [LABELS[index] for index in task]
        support, query = labels[:6], labels[6:]
        classes = support[::2]
        assert len(set(classes)) == 3
        assert support == [label for label in classes for _ in range(2)]
        assert query == [label for label in classes for _ in range(4)]
        assert len(set(task)) == 18


def test_seed_and_epoch_say_all() -> None:
    """The same tasks on every machine and for ever; another epoch has others."""
    episodes = Episodes(LABELS, ways=2, shots=1, queries=1, tasks=3, seed=5)
    first = list(episodes)
    assert first == list(episodes) == [[16, 57, 30, 15], [66, 96, 45, 12], [59, 2, 66, 37]]
    episodes.set_epoch(1)
    second = list(episodes)
    assert second != first
    episodes.set_epoch(0)
    assert list(episodes) == first
    assert list(Episodes(LABELS, 2, 1, 1, 3, seed=6)) not in (first, second)
    assert len(episodes) == 3


def test_every_clip_has_its_turn() -> None:
    """All about as often."""
    drawn = Counter(index for task in Episodes(LABELS, 5, 1, 2, tasks=4000) for index in task)
    assert len(drawn) == len(LABELS)
    assert max(drawn.values()) < 1.5 * min(drawn.values())


def test_classes_with_too_few_clips_take_no_part() -> None:
    """They are not in `classes`; where too few are left, the error says what to ask for."""
    labels = [0] * 5 + [1] * 6 + [2] * 6
    episodes = Episodes(labels, ways=2, shots=1, queries=5, tasks=20)
    assert episodes.classes == [1, 2]
    assert all(labels[index] for task in episodes for index in task)
    with pytest.raises(ValueError, match="2 of 3 classes have the 6 clips"):
        Episodes(labels, ways=3, shots=1, queries=5)
    with pytest.raises(ValueError, match="1 or more"):
        Episodes(labels, ways=0)


def test_what_makes_no_task_is_said_at_once() -> None:
    """Halves of clips, and several classes for each clip."""
    with pytest.raises(ValueError, match="must be whole numbers"):
        Episodes(LABELS, shots=1.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="labels='one'"):
        Episodes(np.ones((9, 3), np.float32))  # type: ignore[arg-type]
