"""README, docs, `--help` and the program agree."""

from __future__ import annotations

import importlib.util
import re
from itertools import chain
from pathlib import Path

import pytest
from settings_page import settings_page

from ascc_async.cli import parser
from ascc_async.commands.help import HELP
from ascc_async.dataset.credits import Attribution
from ascc_async.dataset.manifest import COLUMNS
from ascc_async.dataset.tables import (
    CLASS_COLUMNS,
    QUALITY_COLUMNS,
    SUITABLE_COLUMNS,
    UNAVAILABLE_COLUMNS,
)
from ascc_async.model import License, Outcome, Reason
from ascc_async.settings import Settings

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
README = (ROOT / "README.md").read_text(encoding="utf-8")
TABLES = {
    "## `dataset/manifest.csv`": COLUMNS,
    "## `dataset/classes/<display name>.csv`": CLASS_COLUMNS,
    "## `dataset/suitable_classes.csv`": SUITABLE_COLUMNS,
    "## `dataset/unavailable.csv`": UNAVAILABLE_COLUMNS,
    "## `dataset/quality.csv`": QUALITY_COLUMNS,
    "## `dataset/ATTRIBUTION.csv`, `dataset/CREDITS.md`": Attribution._fields,
}


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def test_the_settings_page_is_what_the_models_say() -> None:
    """`python docs/settings_page.py > docs/settings.md` would change nothing."""
    assert page("settings.md") == settings_page()


@pytest.mark.parametrize("heading", TABLES)
def test_the_columns_of_each_table_are_documented_in_their_order(heading: str) -> None:
    """docs/files.md names the very columns that the files have."""
    section = page("files.md").split(heading + "\n", 1)[1].split("\n## ")[0].split("\n### ")[0]
    assert tuple(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == TABLES[heading]


def test_every_license_outcome_and_reason_is_documented() -> None:
    """The closed lists stand in docs/files.md, whole."""
    text = page("files.md")
    assert [name for name in chain(License, Outcome, Reason) if f"`{name}`" not in text] == []


def test_the_readme_begins_with_its_two_commands() -> None:
    """Install and demo, then install and test, each on one line."""
    first, second = (block.strip() for block in blocks(README, "sh")[:2])
    assert first == "pip install . && python -m ascc_async demo"
    assert second == "pip install '.[test]' && python -m pytest"


def test_every_command_named_anywhere_exists() -> None:
    """README and docs call no command that there is not."""
    text = "\n".join([README, *(path.read_text(encoding="utf-8") for path in PAGES)])
    named = re.findall(r"(?:python -m ascc_async|ascc-async) ([a-z-]+)", text)
    assert named
    assert set(named) <= set(HELP)


@pytest.mark.parametrize("name", HELP)
def test_every_command_is_there_and_in_the_readme(name: str) -> None:
    """Each has a module with a `main`, a line in the README, and an example that parses."""
    assert importlib.util.find_spec(f"ascc_async.commands.{name.replace('-', '_')}") is not None
    assert re.search(rf"\b{name}\b", README)
    assert HELP[name].example.split()[0] == name


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_and_settings_named_in_the_docs_exist(path: Path) -> None:
    """No page points at a file or at a setting that is not there."""
    text = path.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#:]+)\)", text)
    assert [target for target in targets if not (path.parent / target).exists()] == []
    known = {f"{section}.{key}" for section, field in Settings.model_fields.items()
             for key in field.annotation.model_fields}  # type: ignore[union-attr]  # fmt: skip
    named = set(re.findall(rf"`((?:{'|'.join(Settings.model_fields)})\.\w+)`", text))
    files = {name for name in named if name.endswith((".py", ".yaml", ".json", ".csv"))}
    assert named - known - files == set()


def test_pages_that_the_readme_names_exist() -> None:
    """By name: it is the page on PyPI too, where relative links lead nowhere."""
    assert re.findall(r"\]\(([^)#:]+)\)", README) == []
    pages = re.findall(r"`(docs/[^`]+|[A-Z]+\.md)`", README)
    assert [name for name in pages if not (ROOT / name).exists()] == ["CREDITS.md", "LICENSE.md"]


def test_every_module_stands_in_the_map() -> None:
    """The README's map names each part of the package."""
    text = README.split("## Map of modules")[1]
    parts = {path.name for path in (ROOT / "ascc_async").iterdir()
             if path.suffix == ".py" or (path / "__init__.py").exists()}  # fmt: skip
    assert {part for part in parts - {"__init__.py"} if part not in text} == set()


def test_the_parser_knows_exactly_these_commands() -> None:
    """No command is lost or added unseen."""
    actions = [action for action in parser()._actions if action.dest == "command"]
    assert list(actions[0].choices or ()) == [
        "run", "demo", "init", "plan", "status", "serve", "report", "doctor", "verify", "rebuild",
        "diff", "features", "few-shot", "join", "export",
    ]  # fmt: skip
