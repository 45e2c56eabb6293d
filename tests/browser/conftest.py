"""A real browser, from where one is; without one the tests are skipped with a sentence, or fail where one is required."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_MISSING = (
    "No Chromium was found: install one (apt-get install chromium), run “playwright install chromium”, or name it in "
    "BROWSER_PATH."
)


# The browser's event loop runs in the tests' thread for the rest of the session, and Django would refuse to talk to the
# database there, also in the tests that come after.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")


def _find_browser(playwright: Playwright) -> str | None:
    if given := os.environ.get("BROWSER_PATH"):
        return given
    own = playwright.chromium.executable_path
    if own and Path(own).exists():
        return own
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any], playwright: Playwright) -> dict[str, Any]:
    executable = _find_browser(playwright)
    if executable is None:
        if os.environ.get("COUNTERFOIL_REQUIRE_BROWSER") == "1":
            pytest.fail(_MISSING)
        pytest.skip(_MISSING)
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
    return {**browser_type_launch_args, "executable_path": executable, "headless": True, "args": arguments}


@pytest.fixture
def context(context: BrowserContext) -> BrowserContext:
    """Wait twice as long as usual: a machine may have more to do than these tests."""
    context.set_default_timeout(60_000)
    return context
