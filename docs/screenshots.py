"""Makes the two pictures of `serve` in README.md, of the demo while it works and when it is done.

python docs/screenshots.py    (needs '.[test]' and Debian's Chromium; takes four minutes)
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from urllib.request import urlopen

from playwright.sync_api import Page, ViewportSize, sync_playwright

SIZE: ViewportSize = {"width": 960, "height": 880}
SLOWLY = ("throttle.requests_per_second=2", "throttle.max_requests_per_second=2.5")
CLIPS = 40  # so many are made when the first picture is taken, with some minutes of history
MOST_BYTES = 150_000


@contextmanager
def command(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """One of ours, as a process that ends with the block."""
    line = [sys.executable, "-m", "ascc_async", *arguments]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


def clips_made(address: str) -> int:
    """How many the run has so far."""
    with urlopen(f"{address}status.json") as answer:
        picture = json.load(answer)["picture"] or {}
    return int(picture.get("clips", 0))


def keep(page: Page, name: str) -> None:
    """The window, once all in it is drawn, as a picture beside this file."""
    page.wait_for_timeout(1500)
    path = Path(__file__).parent / name
    page.screenshot(path=path)
    size = path.stat().st_size
    assert size < MOST_BYTES, f"{path}: {size} bytes are too much for a README"


def main() -> None:
    """Run the demo, serve it, look at it."""
    with (
        tempfile.TemporaryDirectory() as folder,
        command("demo", "-q", "--dir", folder, *chain(*(("--set", one) for one in SLOWLY))) as demo,
        command("serve", "--listen", "127.0.0.1:0", "--set", f"output.dir={folder}") as serve,
        sync_playwright() as playwright,
    ):
        assert serve.stdout is not None
        found = re.search(r"http://\S+", serve.stdout.readline())
        assert found is not None, "serve did not start"
        address = found[0]
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox"],
            ignore_default_args=["--hide-scrollbars"],  # whose place is kept free
        )
        page = browser.new_page(viewport=SIZE, color_scheme="light")
        page.goto(address)
        while clips_made(address) < CLIPS:
            time.sleep(0.2)
        keep(page, "serve-overview.png")
        demo.wait()
        page = browser.new_page(viewport=SIZE, color_scheme="dark")
        page.goto(f"{address}clips")
        page.locator("tbody a").first.click()
        keep(page, "serve-clip.png")


if __name__ == "__main__":
    main()
