"""Every reason has its meaning and its remedy."""

from __future__ import annotations

from ascc_async.dataset.reasons import REASON_FACTS
from ascc_async.model import Reason


def test_every_reason_of_the_closed_list_has_its_facts() -> None:
    """A reason without them would end a run when the dataset card is written."""
    assert set(REASON_FACTS) == set(Reason)
    assert all(facts.meaning and facts.remedy for facts in REASON_FACTS.values())
