"""What became of the segments: the tree, its figure, and the rows behind each step."""

from __future__ import annotations

from pathlib import Path

import pytest
from dataset_samples import DOG, Sample, full, removals

from ascc_async.dataset.counts import RowKind
from ascc_async.settings import Settings
from ascc_async.web.flow import Step, flow, flows, steps
from ascc_async.web.missing import listed_rows, trail_to
from ascc_async.web.shown_folder import templates
from ascc_async.web.tally import Tally, read_tally


@pytest.fixture
def tally(tmp_path: Path) -> Tally:
    """One segment of each kind, and one that was asked to be left out."""
    sample = full(tmp_path)
    sample.add("LeftOut1111", DOG)
    sample.write(removals=removals("LeftOut1111"))
    return tally_of(sample)


def tally_of(sample: Sample) -> Tally:
    """The sample's figures, without metadata."""
    folders = {"output": {"dir": sample.folder}, "audioset": {"metadata_dir": sample.folder}}
    return read_tally(Settings.model_validate(folders))


def lines(root: Step) -> list[str]:
    """The tree as an outline."""
    return [f"{'  ' * depth}{step.name} {step.number}" for depth, step in root.walk()]


def test_every_segment_is_somewhere_in_the_tree(tally: Tally) -> None:
    """Licenses, then outcomes, then reasons; no step that only repeats the one before."""
    assert lines(steps(tally.index.kinds)) == [
        "selected 10",
        "  Creative Commons 6",
        "    clips 3",
        "    asked to be left out 1",
        "    pending 1",
        "      network 1",
        "    rejected 1",
        "      silent 1",
        "  license unknown 1",
        "  not asked yet 1",
        "  not available 1",
        "    private 1",
        "  standard license 1",
    ]


def test_behind_each_step_are_as_many_rows_as_it_says(tally: Tally) -> None:
    """Of all segments and of one class; each step is found again by its address."""
    for mid in (None, DOG):
        for _, step in steps(tally.index.classes[DOG] if mid else tally.index.kinds, mid).walk():
            rows, total = listed_rows(tally, step.query, 1)
            assert (len(rows), total) == (step.number, step.number)
            assert trail_to(tally, step.query)[-1] == step
            assert mid is None or all(DOG in row.labels for row in rows)
    assert trail_to(tally, {"license": "creative_commons", "outcome": "spare"}) == []


def test_the_figure_loses_nobody_on_the_way(tally: Tally) -> None:
    """What flows into a step flows out of it, but for where it ends."""
    figure = flow(steps(tally.index.kinds))
    assert figure is not None
    node, link = figure["data"][0]["node"], figure["data"][0]["link"]
    assert node["label"][:2] == ["selected 10", "Creative Commons 6"]
    for place in set(link["source"]) - {0}:
        into = sum(v for v, t in zip(link["value"], link["target"], strict=True) if t == place)
        out = sum(v for v, s in zip(link["value"], link["source"], strict=True) if s == place)
        assert into == out
    assert flow(Step("selected", {})) is None


def test_a_few_shareable_among_many_have_a_figure_of_their_own() -> None:
    """On YouTube they are one in a hundred and forty: a hair in the first figure."""
    many = RowKind("eval", "standard", "not_shareable", "", False)
    few = RowKind("eval", "creative_commons", "clip", "", True)
    assert [*flows(steps({many: 100, few: 1}))] == ["selected", "Creative Commons"]
    assert [*flows(steps({many: 1, few: 1}))] == ["selected"]


def test_each_step_says_what_it_means_and_what_to_do(tally: Tally) -> None:
    """In the words of the card and of the report."""
    by_name = {step.name: step for _, step in steps(tally.index.kinds).walk()}
    assert by_name["private"].meaning == "the video is private"
    assert by_name["network"].remedy == "run again later: they are tried again"
    assert "run the same command again" in by_name["not asked yet"].remedy
    assert "removals.txt" in by_name["asked to be left out"].meaning
    kind = RowKind("eval", "creative_commons", "unavailable", "live", True)
    assert "sound not available 1" in lines(steps({kind: 1}))[2]


def test_what_it_says_is_a_sentence_with_code_in_it() -> None:
    """On every page alike; nothing where there is nothing to say."""
    page = templates().from_string(
        '{% import "figures.html" as figures %}[{{ figures.sentence(said) }}]'
    )
    assert page.render(said="see `<x>` there") == "[See <code>&lt;x&gt;</code> there.]"
    assert page.render(said="") == "[]"
