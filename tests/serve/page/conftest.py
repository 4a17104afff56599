"""A browser, and visits of the page that nothing may go wrong on."""

import re
from urllib.parse import urlsplit

import pytest
from browsing import CHROMIUM, DESKTOP, PATIENCE_MS


@pytest.fixture(scope="module")  # its event loop would be in the way of other files
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield opened
        opened.close()


@pytest.fixture
def visit(browser):
    """Opens the page in a browser that knows nothing yet; whatever goes wrong on it fails the test."""
    contexts, faults = [], []

    def visit(url, viewport=DESKTOP, *, expected=r"(?!)", **options):
        context = browser.new_context(viewport=viewport, reduced_motion="reduce", **options)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("dialog", lambda dialog: faults.append(dialog.message) or dialog.dismiss())

        def hear(message):
            if message.type in ("error", "warning") and not re.search(expected, message.text):
                faults.append(message.text)

        def watch(request):
            if request.url.startswith("http") and urlsplit(request.url).netloc != urlsplit(url).netloc:
                faults.append(request.url)

        page.on("console", hear)
        page.on("request", watch)
        page.goto(url)
        return page

    yield visit
    for context in contexts:
        for page in context.pages:
            page.unroute_all(behavior="ignoreErrors")
        context.close()
    assert faults == []
