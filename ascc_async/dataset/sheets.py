"""All files of the dataset while they grow row by row, and those made of them at the end."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Self

from ascc_async.dataset.attribution import ATTRIBUTION_COLUMNS, Attribution, Changes
from ascc_async.dataset.card import CardFacts, card
from ascc_async.dataset.cases import Case
from ascc_async.dataset.counts import Counts, Tally
from ascc_async.dataset.decision import Decision
from ascc_async.dataset.extras import (
    QUALITY_COLUMNS,
    UNAVAILABLE_COLUMNS,
    QualityTable,
    UnavailableTable,
)
from ascc_async.dataset.files import Publication
from ascc_async.dataset.labels import (
    ClassLists,
    LabelTable,
    label_columns,
    write_suitable_classes,
)
from ascc_async.dataset.manifest import COLUMNS, ManifestRow, manifest_row
from ascc_async.dataset.roster import Roster
from ascc_async.dataset.run_record import RunFacts, run_record
from ascc_async.model import Outcome


class Sheets:
    """Inside the block: `add` every segment in order. After it: `write_rest`."""

    def __init__(self, publication: Publication, roster: Roster, facts: RunFacts) -> None:
        self._publication, self._roster, self._facts = publication, roster, facts
        self._files = ExitStack()
        self._tally = Tally()

    def __enter__(self) -> Self:
        open_table = self._publication.table
        enter = self._files.enter_context
        classes = self._roster.classes
        labels = ("segment_id", *label_columns(classes))
        self._manifest = enter(open_table("manifest.csv", COLUMNS))
        self._labels = LabelTable(enter(open_table("labels.csv", labels)), classes)
        self._classes = ClassLists(classes)
        self._unavailable = UnavailableTable(
            enter(open_table("unavailable.csv", UNAVAILABLE_COLUMNS))
        )
        self._quality = QualityTable(enter(open_table("quality.csv", QUALITY_COLUMNS)))
        attribution = enter(open_table("ATTRIBUTION.csv", ATTRIBUTION_COLUMNS))
        self._attribution = Attribution(attribution, Changes(self._facts.settings.clips))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._files.__exit__(kind, error, trace)

    def add(self, case: Case, decision: Decision) -> None:
        """One segment."""
        row = manifest_row(case.entry, case.answer, case.clip, decision)
        self._manifest.writerow(row)
        self._tally.add(row)
        if row.reason:
            self._unavailable.add(row, case.answer, case.clip)
        if decision.outcome is Outcome.CLIP:
            self._add_clip(case, row)

    def _add_clip(self, case: Case, row: ManifestRow) -> None:
        assert case.clip is not None
        assert case.clip.clip is not None
        self._labels.add(row)
        self._classes.add(row)
        self._quality.add(row, case.clip.clip.quality)
        self._attribution.add(row, case.clip.clip.note)

    def write_rest(self) -> Counts:
        """The files that need all rows; the sums."""
        counts = self._tally.counts()
        publication, settings = self._publication, self._facts.settings
        self._classes.write(publication)
        write_suitable_classes(publication, self._roster.classes)
        with publication.text("CREDITS.md") as file:
            self._attribution.write_credits(file)
        facts = CardFacts(
            self._roster.classes,
            settings.clips,
            settings.license.recheck_after_days,
            settings.sampling.max_per_class,
        )
        with publication.text("README.md") as file:
            file.write(card(counts, facts))
        with publication.text("run.json") as file:
            file.write(run_record(self._facts))
        return counts
