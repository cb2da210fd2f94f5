"""Imports flow one way, and each foreign thing is named in one place only."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "ascc_async"
# A module may import from its own part and from any part above it in this list. Parts on one line
# do not know each other, unless `MAY` says so.
LAYERS = (
    ("model", "errors", "__init__"),
    ("files", "settings", "settings_loader"),
    ("throttle", "concurrency", "network", "journal", "media"),
    ("audioset",),
    ("youtube",),
    ("dataset",),
    ("pipeline", "learning"),
    ("cluster", "standin"),
    ("progress", "exports"),
    ("web",),
    ("commands",),
    ("cli",),
    ("__main__",),
)
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}
MAY = {("settings_loader", "settings"), ("errors", "model")}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def part(path: Path) -> str:
    """The top-level part of the package that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def imports(path: Path) -> tuple[str, ...]:
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours(path: Path) -> set[str]:
    """The parts of our own package that a file imports."""
    parts = {name.split(".")[1] for name in imports(path) if name.startswith("ascc_async.")}
    return parts & set(RANK)


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_module_imports_from_above(path: Path) -> None:
    """A lower layer knows nothing of a higher one."""
    me = part(path)
    assert me in RANK, f"{me} has no place in the layers: give it one"
    lower = {name for name in ours(path) if RANK[name] < RANK[me] or (me, name) in MAY}
    assert ours(path) - lower <= {me}


def users_of(*packages: str) -> set[str]:
    return {
        part(path) for path in modules() for name in imports(path) if name.split(".")[0] in packages
    }


def test_each_foreign_package_is_named_in_its_place_only() -> None:
    """yt-dlp and aiohttp stay behind the seams; pandas and SQL have their own rooms."""
    assert users_of("yt_dlp") <= {"youtube"}
    assert users_of("aiohttp") <= {"network", "standin", "web"}
    assert users_of("jinja2", "plotly", "prometheus_client") <= {"web"}
    assert users_of("pandas") <= {"audioset", "dataset"}
    assert users_of("pyarrow") <= {"exports"}
    assert users_of("distributed", "dask") <= {"cluster"}
    assert users_of("apprise") <= {"progress"}
    assert users_of("sqlite3") <= {"journal"}
    assert users_of("rich") <= {"progress", "commands"}
    assert users_of("imageio_ffmpeg") <= {"media", "standin"}


def test_the_product_has_no_trace_of_the_stand_in() -> None:
    """Only the demo command starts it; nothing else imports or names it."""
    for path in modules():
        if part(path) != "standin" and path.name != "demo.py":
            assert "standin" not in ours(path), path
    high = {"standin", "commands", "cli", "__main__", "pipeline", "dataset", "progress"}
    text = "".join(p.read_text(encoding="utf-8") for p in modules() if part(p) not in high)
    assert "standin" not in text
    assert "127.0.0.1" not in text


def test_only_the_screen_prints() -> None:
    """`print` belongs to the command line and to progress."""
    for path in modules():
        calls = [
            node
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "print"
        ]
        assert not calls or part(path) in ("cli", "commands", "progress"), path


def test_what_is_declared_is_imported_and_what_is_imported_declared() -> None:
    """What nobody imports is not installed at the users' either, nor by an extra; what comes along
    with another package today need not tomorrow.
    """
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text("utf-8"))["project"]
    declared = names_of(project["dependencies"])
    extras = names_of(
        requirement
        for extra, requirements in project["optional-dependencies"].items()
        if extra not in ("test", "peers", "dev")
        for requirement in requirements
    )
    distributions = packages_distributions()
    imported = set[str]()
    for path in modules():
        for name in imports(path):
            providers = names_of(distributions.get(name.split(".")[0], ())) - {project["name"]}
            assert not providers or providers & (declared | extras), f"{path}: {name}"
            # The stand-in is of the demo's: what it alone imports a run does not need.
            imported |= providers if part(path) != "standin" else set()
    # The demo command, a part of the product, runs the stand-in: only that one makes certificates.
    # Of plotly only the script for browsers is used.
    assert (declared | extras) - imported == {"trustme", "plotly"}


def names_of(requirements: Iterable[str]) -> set[str]:
    """The packages' names, in the one form that stands for all."""
    names = (re.split(r"[\[<>=~! ;]", requirement)[0] for requirement in requirements)
    return {name.lower().replace("_", "-") for name in names}


def test_every_error_of_ours_is_in_the_tree() -> None:
    """The tree at the top of `errors.py` names them all, wherever they live."""
    classes = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef) and part(path) != "standin"
    }
    ours, grown = set[str](), {"AsccError"}
    while grown:
        ours |= grown
        grown = {name for name, bases in classes.items() if bases & ours} - ours
    tree = ast.get_docstring(ast.parse((PACKAGE / "errors.py").read_text(encoding="utf-8"))) or ""
    assert {name for name in ours if not re.search(rf"^[│├└─ ]*{name}\b", tree, re.M)} == set()
