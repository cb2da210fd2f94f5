"""From «selected» to «clip»: what became of the segments, as a tree and as a figure of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from ascc_async.dataset.card import OUTCOME_MEANINGS
from ascc_async.dataset.counts import Kinds, RowKind
from ascc_async.dataset.reasons import REASON_FACTS
from ascc_async.model import License, Outcome, Reason
from ascc_async.progress.formatting import count
from ascc_async.progress.report import (
    OUTCOME_NAMES,
    UNFINISHED,
    UNFINISHED_REMEDY,
    UNTRIED,
    UNTRIED_REMEDY,
)

# Of each license its name, and the outcome that goes without saying.
_LICENSES: dict[str, tuple[str, Outcome | None]] = {
    "": ("not asked yet", Outcome.PENDING),
    License.CREATIVE_COMMONS: ("Creative Commons", None),
    License.STANDARD: ("standard license", Outcome.NOT_SHAREABLE),
    License.UNAVAILABLE: ("not available", Outcome.UNAVAILABLE),
    License.UNKNOWN: ("license unknown", Outcome.NOT_SHAREABLE),
}
# Of those that had a license; those that had none are «not available» already.
_OUTCOMES = OUTCOME_NAMES | {Outcome.UNAVAILABLE: "sound not available"}
_THIN = 0.2
_LEFT_OUT = "asked to be left out"
_UNKNOWN = REASON_FACTS[Reason.LICENSE_UNKNOWN]
# Of each step what it means and what to do about it, in the words of card and report.
_FACTS: dict[str, tuple[str, str]] = {
    "not asked yet": (OUTCOME_MEANINGS[Outcome.PENDING], UNTRIED_REMEDY),
    "standard license": (OUTCOME_MEANINGS[Outcome.NOT_SHAREABLE], ""),
    "license unknown": (_UNKNOWN.meaning, _UNKNOWN.remedy),
    _LEFT_OUT: ("removals.txt names them", ""),
    UNTRIED: (OUTCOME_MEANINGS[Outcome.PENDING], UNTRIED_REMEDY),
    UNFINISHED: (OUTCOME_MEANINGS[Outcome.PENDING], UNFINISHED_REMEDY),
    **{OUTCOME_NAMES[outcome]: (words, "") for outcome, words in OUTCOME_MEANINGS.items()},
    "sound not available": ("the license was seen, the sound then could not be had", ""),
    **{reason: (facts.meaning, facts.remedy) for reason, facts in REASON_FACTS.items()},
}
# Names in the style sheet. What is still to come is told apart from what is lost.
_COLOURS: dict[str, str] = {
    "clips": "--good",
    "Creative Commons": "--accent",
    **dict.fromkeys(("pending", "not asked yet", "license unknown", UNTRIED, UNFINISHED), "--warn"),
}


@dataclass
class Step:
    """Some segments: how many came to here. `query` says which rows of the manifest they are."""

    name: str
    query: Mapping[str, str]
    number: int = 0
    steps: dict[str, Step] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Where they are listed."""
        return f"/missing/list?{urlencode(self.query)}"

    @property
    def meaning(self) -> str:
        """What it means to be here, "" where the name says it."""
        return _FACTS.get(self.name, ("", ""))[0]

    @property
    def remedy(self) -> str:
        """What to do about it, "" for nothing."""
        return _FACTS.get(self.name, ("", ""))[1]

    def walk(self, depth: int = 0) -> Iterator[tuple[int, Step]]:
        """The step and all below it, each with its depth: first where most went to."""
        yield depth, self
        for step in sorted(self.steps.values(), key=lambda step: (-step.number, step.name)):
            yield from step.walk(depth + 1)


def steps(kinds: Kinds, mid: str | None = None) -> Step:
    """The tree from «selected» down. `mid`: the rows are those of this class alone."""
    root = Step("selected", {"class": mid} if mid else {})
    for kind, number in kinds.items():
        step = root
        step.number += number
        for name, query in _path(kind):
            step = step.steps.setdefault(name, Step(name, {**root.query, **query}))
            step.number += number
    return root


def _path(kind: RowKind) -> Iterator[tuple[str, dict[str, str]]]:
    """The steps of one kind of row, with what tells its rows from others."""
    name, usual = _LICENSES[kind.license]
    query = {"license": kind.license}
    yield name, query
    query |= {"outcome": kind.outcome}
    if kind.outcome == Outcome.NOT_SHAREABLE and not kind.reason and name != "standard license":
        yield _LEFT_OUT, query | {"reason": ""}
        return
    if kind.outcome != usual:
        yield _OUTCOMES[Outcome(kind.outcome)], dict(query)
    query |= {"reason": kind.reason}
    if kind.reason and kind.reason != Reason.LICENSE_UNKNOWN:
        yield kind.reason, query
    elif kind.outcome == Outcome.PENDING and kind.license:
        tried = "yes" if kind.tried else "no"
        yield UNFINISHED if kind.tried else UNTRIED, query | {"tried": tried}


def flow(root: Step, *, linked: bool = True) -> dict[str, Any] | None:
    """The tree as a figure of plotly's, colours by their names; None where nothing is below."""
    walked = list(root.walk())
    if len(walked) < 2:
        return None
    places = {id(step): place for place, (_, step) in enumerate(walked)}
    links = [(step, below) for _, step in walked for below in step.steps.values()]
    return {
        "data": [
            {
                "type": "sankey",
                "arrangement": "fixed",
                "valueformat": ",d",
                "node": {
                    "label": [f"{shown(step.name)} {count(step.number)}" for _, step in walked],
                    "color": [_COLOURS.get(step.name, "--dim") for _, step in walked],
                    "customdata": [step.address if linked else "" for _, step in walked],
                    "hovertemplate": "%{label}<extra></extra>",
                    "line": {"width": 0},
                    "pad": 14,
                    "align": "left",
                    "thickness": 14,
                },
                "link": {
                    "source": [places[id(step)] for step, _ in links],
                    "target": [places[id(below)] for _, below in links],
                    "value": [below.number for _, below in links],
                    "color": ["--track"] * len(links),
                    "customdata": [below.address if linked else "" for _, below in links],
                    "hovertemplate": "%{target.label}<extra></extra>",
                },
            }
        ],
        "layout": {"margin": {"l": 0, "r": 0, "t": 8, "b": 8}},
    }


def flows(root: Step, *, linked: bool = True) -> dict[str, dict[str, Any]]:
    """The figure and, where its part of Creative Commons is too thin to be seen, that one too.

    `linked`: steps have addresses.
    """
    shareable = root.steps.get("Creative Commons")
    parts = [root]
    if shareable and shareable.number < _THIN * root.number:
        parts.append(shareable)
    return {step.name: figure for step in parts if (figure := flow(step, linked=linked))}


def shown(name: str) -> str:
    """A reason as words."""
    return name.replace("_", " ")
