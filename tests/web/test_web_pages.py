"""Every page in a real browser: it fits, it complains of nothing, everybody can use it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

PAGES = ("/", "/classes", "/missing", "/clips")
# What a page may want drawn, to see that the policy lets Plotly do so without eval.
FIGURES = {
    "scatter": {"data": [{"x": [1, 2], "y": [3, 1]}], "layout": {}},
    "sunburst": {
        "data": [{"type": "sunburst", "labels": ["a", "b"], "parents": ["", "a"]}],
        "layout": {},
    },
    "sankey": {
        "data": [
            {
                "type": "sankey",
                "node": {"label": ["a", "b"]},
                "link": {"source": [0], "target": [1], "value": [1]},
            }
        ],
        "layout": {},
    },
}
# Later, as a page's own script would: what the test itself evaluates the policy does not bind.
_DRAW = """([name, figure]) => setTimeout(async () => {
  const place = document.createElement("div");
  place.className = "chart";
  document.querySelector("main").append(place);
  await ascc.draw(place, figure);
  place.id = name;
})"""


def test_every_page_of_an_empty_folder_is_in_order(
    serve: Callable[..., str], window: Callable[..., object], tmp_path: Path
) -> None:
    """Nothing there yet is no error; light on a phone, dark on a wide screen."""
    url = serve(tmp_path / "out")
    for width, scheme in ((390, "light"), (1920, "dark")):
        seen = window(width, scheme=scheme)
        for path in PAGES:
            page = seen.open(url.rstrip("/") + path)
            assert page.locator("nav a[aria-current]").get_attribute("href") == path
            seen.assert_fits()
            seen.assert_accessible()


def test_plotly_draws_under_the_strict_policy(
    serve: Callable[..., str], window: Callable[..., object], tmp_path: Path
) -> None:
    """Its script comes from the installed package and needs no eval."""
    page = window().open(serve(tmp_path / "out"))
    page.add_script_tag(url="/static/plotly.js")
    for name, figure in FIGURES.items():
        page.evaluate(_DRAW, [name, figure])
        page.wait_for_selector(f"#{name} svg")
