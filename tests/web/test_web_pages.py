"""Every page in a real browser: it fits, it complains of nothing, everybody can use it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PAGES = ("/", "/classes", "/missing", "/clips")


@pytest.mark.slow
def test_every_page_of_an_empty_folder_is_in_order(
    serve: Callable[..., str], window: Callable[..., Any], tmp_path: Path
) -> None:
    """Nothing there yet is no error; light on a phone, dark on a wide screen."""
    url = serve(tmp_path / "out")
    seen = window()
    for path in PAGES:
        page = seen.open(url.rstrip("/") + path)
        assert page.locator("nav a[aria-current]").get_attribute("href") == path
        for width, scheme in ((390, "light"), (1920, "dark")):
            seen.becomes(width, scheme)
            seen.assert_fits()
        seen.assert_accessible()
