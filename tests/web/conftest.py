"""The real `serve` as a process, and one Chromium for all tests that look at its pages."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

Serve = Callable[..., str]
_WATCH = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`Content-Security-Policy: ${event.violatedDirective} ${event.blockedURI}`));
"""


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts `serve` on an output folder, at a port that is free; returns the address it says."""
    processes = []

    def start(output: Path, *arguments: str) -> str:
        command = ["serve", "--listen", "127.0.0.1:0", "--set", f"output.dir={output}", *arguments]
        process = subprocess.Popen(
            [sys.executable, "-m", "ascc_async", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=tmp_path,
        )
        processes.append(process)
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.search(r"http://\S+", said)
        assert found, said + process.stdout.read()
        return found[0]

    def stop() -> None:
        for process in processes:
            process.terminate()
            said, _ = process.communicate(timeout=60)
            assert process.returncode == 0, said
            assert "Traceback" not in said, said
        processes.clear()

    start.stop = stop  # type: ignore[attr-defined]
    yield start
    stop()


@pytest.fixture(scope="session")
def chromium() -> Iterator[tuple[Browser, asyncio.AbstractEventLoop]]:
    """One browser for all; without one these tests are skipped and say so."""
    sync = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install it")
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    with sync.sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium refuses it to root
        foreign = "--host-resolver-rules=MAP evil.example 127.0.0.1"  # as DNS rebinding does
        args = [*sandbox, foreign, "--disable-gpu"]
        try:
            browser = playwright.chromium.launch(executable_path=program, args=args)
        except sync.Error:  # on a machine that has much to do
            browser = playwright.chromium.launch(executable_path=program, args=args)
        # Playwright leaves its event loop running, in the way of every later test with a loop of
        # its own: so it counts as running only while a window is open.
        loop = asyncio.get_running_loop()
        asyncio._set_running_loop(None)
        yield browser, loop
        asyncio._set_running_loop(loop)
        browser.close()


@dataclass
class Window:
    """A browser's tab that notes every complaint: of the console, of a script, of the policy."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def open(self, url: str) -> Page:
        """Go there, and wait until everything is loaded."""
        self.page.goto(url, wait_until="load")
        return self.page

    def becomes(self, width: int, scheme: str) -> None:
        """Another size, light or dark: the page stays and follows. A load takes a second."""
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]

    def assert_accessible(self) -> None:
        """axe-core finds nothing wrong."""
        axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
        found: list[dict[str, Any]] = axe.run(self.page).response["violations"]
        assert [(each["id"], [node["target"] for node in each["nodes"]]) for each in found] == []

    def assert_fits(self) -> None:
        """Nothing is wider than the window: whatever is scrolls inside itself."""
        wide = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide <= 0, f"{wide} px too wide"


@pytest.fixture
def window(
    chromium: tuple[Browser, asyncio.AbstractEventLoop],
) -> Iterator[Callable[..., Window]]:
    """Opens a window of this size, light or dark. At the end none may have complained."""
    browser, loop = chromium
    asyncio._set_running_loop(loop)
    opened: list[Window] = []

    def make(width: int = 1280, height: int = 900, scheme: str = "light", **options: Any) -> Window:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,  # type: ignore[arg-type]
            **options,
        )
        context.add_init_script(_WATCH)
        seen = Window(context.new_page())
        seen.page.set_default_timeout(30_000)  # a machine may have much else to do
        seen.page.on(
            "console",
            lambda message: (
                seen.complaints.append(message.text)
                if message.type in ("error", "warning")
                else None
            ),
        )
        seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        opened.append(seen)
        return seen

    yield make
    complaints = [complaint for each in opened for complaint in each.complaints]
    for each in opened:
        with contextlib.suppress(Exception):
            each.page.context.close()
    asyncio._set_running_loop(None)
    assert complaints == []
