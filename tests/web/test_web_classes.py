"""The pages about classes and about what is missing, in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from dataset_samples import DOG, SPEECH, full
from test_web_class_map import ONTOLOGY

from ascc_async.audioset.selection import ChosenClass

if TYPE_CHECKING:
    from conftest import Window
    from playwright.sync_api import Page

HOSTILE = "<script>alert(1)</script> \u202eevil"
Open = Callable[..., "Window"]


@pytest.fixture
def url(serve: Callable[..., str], tmp_path: Path) -> str:
    """A dataset with an ontology, hostile names and no journal, served."""
    sample = full(tmp_path / "out")
    sample.classes = [
        ChosenClass(0, SPEECH, "Speech", 1.0),
        ChosenClass(1, DOG, HOSTILE, 0.3),
        ChosenClass(2, "/m/none", "Yodeling", 0.9),
    ]
    sample.add("Hostile1111", DOG, title=HOSTILE, channel=HOSTILE)
    sample.write()
    (tmp_path / "out" / "ontology.json").write_text(json.dumps(ONTOLOGY))
    metadata = f"audioset.metadata_dir={tmp_path / 'out'}"
    return serve(tmp_path / "out", "--set", metadata).rstrip("/")


def names(page: Page) -> list[str]:
    """The classes in the table, from above."""
    return page.locator("#class-table tbody tr:visible th").all_inner_texts()


def test_the_classes_are_a_map_and_a_table_to_sort_and_filter(url: str, window: Open) -> None:
    """By keyboard alone; on a phone and in the dark nothing is lost."""
    seen = window(390, scheme="dark")
    page = seen.open(f"{url}/classes")
    page.wait_for_selector("#class-map .treemaplayer .slice")
    seen.assert_fits()
    seen.assert_accessible()
    seen.becomes(1280, "light")
    safe = HOSTILE.replace("\u202e", "")
    assert names(page) == [safe, "Speech", "Yodeling"]
    page.get_by_role("button", name="Class").focus()
    page.keyboard.press("Enter")
    assert names(page) == [safe, "Speech", "Yodeling"]
    page.keyboard.press("Enter")
    assert names(page) == ["Yodeling", "Speech", safe]
    assert page.locator("th[aria-sort]").all_inner_texts() == ["Class"]
    page.get_by_label("Filter by name or MID").fill("SPEE")
    assert names(page) == ["Speech"]
    assert page.locator("output").inner_text() == "1 of 3"
    seen.assert_fits()
    seen.assert_accessible()


@pytest.mark.slow
def test_a_class_leads_to_those_above_and_to_what_became_of_its_segments(
    url: str, window: Open
) -> None:
    """From the map to a class, to the class above, and to a list of segments; so does the flow."""
    seen = window(scheme="dark")
    page = seen.open(f"{url}/classes")
    page.locator(".treemaplayer .slice", has_text="evil").last.click()
    page.wait_for_url(f"**/classes{DOG}")
    assert "expect many clips in which it is not to be heard" in page.inner_text("main")
    assert page.get_by_role("link", name="Listen").get_attribute("href") == (f"/clips?class={DOG}")
    seen.assert_accessible()
    page.get_by_role("link", name="Human sounds").click()
    assert "not among the chosen classes" in page.inner_text("main")
    seen.open(f"{url}/classes{SPEECH}")
    page.locator(".steps").get_by_role("link", name="private").click()
    assert page.inner_text("h1") == "Private · Speech"
    assert page.locator("tbody th").all_inner_texts() == ["Private1111_30000"]
    assert page.locator(".notice").inner_text() == "Gone for good: nothing can be done."
    seen.assert_accessible()
    for nowhere in ("classes/m/none-such", "missing/list?reason=bored", "missing/list?page=0"):
        assert page.request.get(f"{url}/{nowhere}").status == 404
    # By a click on a step of the flow; titles from outside stay text.
    seen.becomes(390, "light")
    page = seen.open(f"{url}/missing")
    seen.assert_fits()
    seen.assert_accessible()
    seen.becomes(1280, "dark")
    seen.assert_accessible()
    page.locator(".sankey-node", has_text="clips 4").locator("rect").first.click()
    page.wait_for_url("**/missing/list?*")
    assert HOSTILE.replace("\u202e", "") in page.locator("td bdi").all_inner_texts()
    assert re.search("4 segments", page.inner_text("main"))
