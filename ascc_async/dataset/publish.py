"""Writes everything under `dataset/` from the journal, in one pass over the selected segments."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ascc_async.dataset.cases import Case, Journal, cases
from ascc_async.dataset.counts import Counts
from ascc_async.dataset.decision import Hold, Terms
from ascc_async.dataset.files import Publication
from ascc_async.dataset.labels import CLASSES_FOLDER
from ascc_async.dataset.roster import Roster
from ascc_async.dataset.run_record import RunFacts
from ascc_async.dataset.sampled import Sampled
from ascc_async.dataset.sheets import Sheets

DATASET_FOLDER = "dataset"


@dataclass(frozen=True, slots=True)
class Held:
    """A finished clip that is kept out of the dataset; `path` as in the journal."""

    segment_id: str
    path: str
    hold: Hold


@dataclass(frozen=True, slots=True)
class Written:
    """What a writing did: the sums, the clips kept out and why, the files that changed."""

    counts: Counts
    held: tuple[Held, ...]
    changed: tuple[str, ...]


def write_dataset(
    output_dir: Path, roster: Roster, journal: Journal, terms: Terms, facts: RunFacts
) -> Written:
    """Write every file of `output_dir/dataset/`; those that would not change are not touched.

    Two million segments take about half a minute and little memory, so run it in a thread or
    process of its own, one at a time per folder. Raises OSError, after which all files are as
    they were.
    """
    sampled = _sampled(roster, journal, terms)
    held: list[Held] = []
    with Publication(output_dir / DATASET_FOLDER) as publication:
        with Sheets(publication, roster, facts) as sheets:
            for place, case in enumerate(cases(roster, journal, terms.form)):
                decision = case.decided(terms)
                if sampled is not None:
                    decision = sampled.settle(place, decision)
                sheets.add(case, decision)
                if decision.hold is not None:
                    held.append(_held(case, decision.hold))
        counts = sheets.write_rest()
        changed = publication.commit()
        changed += publication.drop_others(CLASSES_FOLDER, "*.csv")
    return Written(counts, tuple(held), changed)


def _sampled(roster: Roster, journal: Journal, terms: Terms) -> Sampled | None:
    """Who is beyond `max_per_class`: known only when all were looked at once. None: no limit."""
    if roster.spares is None:
        return None
    return Sampled.of(roster, cases(roster, journal, terms.form), terms)


def _held(case: Case, hold: Hold) -> Held:
    assert case.clip is not None
    assert case.clip.clip is not None
    return Held(case.entry.segment_id, case.clip.clip.path, hold)
