"""The demo as a process, and a headless Chromium in front of it."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's own: no browser is downloaded. Gone with the module: playwright's loop would be in the way of others."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here: Debian and Ubuntu have it as `sudo apt-get install chromium`")
    expect.set_options(timeout=15_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[str]:
    """The address that `bridge demo` prints; it must end by SIGTERM, with 0 and without a word of trouble."""
    with subprocess.Popen(
        [sys.executable, "-m", "bridge", "demo", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.send_signal(signal.SIGTERM)
        _, trouble = process.communicate(timeout=15)
    assert process.returncode == 0
    assert trouble == ""
    assert list(tmp_path.iterdir()) == [], "the demo leaves nothing behind"


@pytest.fixture
def open_page(browser: Browser, demo: str) -> Iterator[OpenPage]:
    """Opens the demo in a window of that size and scheme; anything that the page throws fails the test."""
    errors: list[str] = []
    pages = []

    def open_(width: int = 1360, height: int = 860, scheme: str = "light", **options: object) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
            reduced_motion="reduce",
            **options,  # type: ignore[arg-type]
        )
        page = context.new_page()
        page.set_default_timeout(12_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith(demo) else errors.append(request.url))
        page.goto(demo)
        pages.append(context)
        return page

    yield open_
    for context in pages:
        context.close()
    assert errors == [], "errors of the page, or something fetched from elsewhere"


@pytest.fixture
def keep_picture() -> Callable[[Page, str], None]:
    """Keeps a picture for the README when BRIDGE_SCREENSHOTS names a folder; always checks that one can be made."""
    folder = os.environ.get("BRIDGE_SCREENSHOTS")

    def keep(page: Page, name: str) -> None:
        picture = page.screenshot()
        assert picture.startswith(b"\x89PNG")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            Path(folder, f"{name}.png").write_bytes(picture)

    return keep
