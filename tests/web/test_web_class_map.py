"""Classes as areas, and the figures they come from."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dataset_samples import DOG, MAN, SPEECH, Sample, full

from ascc_async.errors import MetadataError
from ascc_async.settings import Settings
from ascc_async.web import tally as tally_module
from ascc_async.web.class_map import class_map
from ascc_async.web.shown_folder import templates
from ascc_async.web.tally import Tallies, Tally, read_tally

VOICE, SOUNDS, PETS = "/m/09l8g", "/m/0dgw9r", "/m/068hy"
# Dog has two above it; the pets stand first.
ONTOLOGY = [
    {"id": SOUNDS, "name": "Human sounds", "child_ids": [VOICE, DOG], "restrictions": []},
    {"id": VOICE, "name": "Human voice", "child_ids": [SPEECH], "restrictions": ["abstract"]},
    {"id": SPEECH, "name": "Speech", "child_ids": [MAN], "restrictions": []},
    {"id": MAN, "name": "Male speech, man speaking", "child_ids": [], "restrictions": []},
    {"id": PETS, "name": "Pets", "child_ids": [DOG], "restrictions": []},
    {"id": DOG, "name": "Dog", "child_ids": [], "restrictions": []},
]


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    """One segment of each kind, and an ontology."""
    made = full(tmp_path)
    made.write()
    (tmp_path / "ontology.json").write_text(json.dumps(ONTOLOGY))
    return made


def settings_of(sample: Sample) -> Settings:
    folders = {"output": {"dir": sample.folder}, "audioset": {"metadata_dir": sample.folder}}
    return Settings.model_validate(folders)


def trace(tally: Tally) -> dict[str, Any]:
    """The map's only part."""
    figure = class_map(tally)
    assert figure is not None
    only: dict[str, Any] = figure["data"][0]
    return only


def test_each_class_has_its_counts(sample: Sample) -> None:
    """Unknown is no answer; a video that is gone is one."""
    tally = read_tally(settings_of(sample))
    speech, dog = tally.classes[SPEECH], tally.classes[DOG]
    assert (speech.segments, speech.answered, speech.shareable, speech.clips) == (7, 5, 3, 1)
    assert (dog.segments, dog.answered, dog.shareable, dog.clips) == (2, 2, 2, 2)
    assert (speech.quality, dog.quality) == (1.0, None)
    assert tally.held == 3
    pets = tally.of(PETS)
    assert pets is not None
    assert (pets.name, pets.segments, pets.share, tally.of("/m/none")) == ("Pets", 0, 0.0, None)


def test_areas_lie_inside_those_above_them_and_count_once(sample: Sample) -> None:
    """A class of two parents is drawn in the first; colours go by all that is inside."""
    drawn = trace(read_tally(settings_of(sample)))
    places = dict(zip(drawn["ids"], drawn["parents"], strict=True))
    assert places == {
        "all": "", SPEECH: VOICE, VOICE: SOUNDS, SOUNDS: "all", MAN: SPEECH, DOG: SOUNDS,
    }  # fmt: skip
    values = dict(zip(drawn["ids"], drawn["values"], strict=True))
    assert values == {"all": 0, SPEECH: 1, VOICE: 0, SOUNDS: 0, MAN: 1, DOG: 2}
    colours = dict(zip(drawn["ids"], drawn["marker"]["colors"], strict=True))
    assert (colours[DOG], colours[SPEECH], colours["all"]) == (1, round(4 / 6, 5), 0.75)
    words = dict(zip(drawn["ids"], drawn["customdata"], strict=True))
    assert words[SPEECH][:2] == [f"/classes{SPEECH}", "1 clips, 1 in the classes inside"]
    assert words[VOICE][:2] == ["", "2 in the classes inside"]
    labels = dict(zip(drawn["ids"], drawn["labels"], strict=True))
    assert (labels[VOICE], labels[DOG]) == ("Human voice 2", "Dog 2")


def test_without_metadata_all_classes_stand_side_by_side(sample: Sample) -> None:
    """A folder that was copied may lack it; the page says so."""

    def text(tally: Tally) -> str:
        page = templates().get_template("classes.html")
        return page.render(path="/classes", title="", tally=tally, figure=class_map(tally))

    assert "side by side" not in text(read_tally(settings_of(sample)))
    (sample.folder / "ontology.json").unlink()
    tally = read_tally(settings_of(sample))
    assert set(trace(tally)["parents"]) == {"", "all"}
    assert "side by side" in text(tally)


def test_without_clips_there_is_no_map(tmp_path: Path) -> None:
    """An empty frame would look like a fault: the page says so instead."""
    made = Sample(tmp_path)
    made.add("NotAsked111", license=None)
    made.write()
    tally = read_tally(settings_of(made))
    assert class_map(tally) is None
    page = templates().get_template("classes.html")
    text = page.render(path="/classes", title="Classes", tally=tally, figure=None)
    assert "No clip yet" in text


async def test_a_manifest_is_counted_once_and_the_old_count_is_shown_meanwhile(
    sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many ask, and whatever a run writes."""
    calls: list[asyncio.Future[Tally]] = []

    def work(function: Callable[..., Tally], *values: Any) -> asyncio.Future[Tally]:
        calls.append(asyncio.get_running_loop().create_future())
        return calls[-1]

    tallies = Tallies(settings_of(sample), work)
    monkeypatch.setattr(tally_module, "_PATIENCE", 0)
    with pytest.raises(tally_module.StillCounting):  # a page says so, and comes again
        await tallies.newest()
    monkeypatch.setattr(tally_module, "_PATIENCE", 30)
    both = asyncio.gather(tallies.newest(), tallies.newest())
    await asyncio.sleep(0)
    first = read_tally(settings_of(sample))
    calls[0].set_result(first)
    assert await both == [first, first]
    assert await tallies.newest() is first
    assert len(calls) == 1
    os.utime(sample.path("manifest.csv"), (1, 1))  # as if another had been put in its place
    assert [await tallies.newest() for _ in range(3)] == [first] * 3
    assert len(calls) == 2
    second = read_tally(settings_of(sample))
    calls[1].set_result(second)
    await asyncio.sleep(0)
    assert await tallies.newest() is second
    os.utime(sample.path("manifest.csv"), (2, 2))
    assert await tallies.newest() is second
    calls[2].set_exception(MetadataError(sample.path("manifest.csv"), 3, "damaged"))
    for _ in range(2):  # said each time, found out once
        await asyncio.sleep(0)
        with pytest.raises(MetadataError):
            await tallies.newest()
    assert len(calls) == 3
    sample.path("manifest.csv").unlink()
    assert await tallies.newest() is None
