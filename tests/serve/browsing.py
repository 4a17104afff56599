"""What people do on the page, in a real browser."""

import re
import shutil

import pytest

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NEEDS_BROWSER = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (Debian: apt-get install chromium)"),
]
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
PATIENCE_MS = 60_000


def say(page, words):
    """Say something and wait until it is answered with its reasons."""
    page.locator("#words").fill(words)
    page.keyboard.press("Enter")
    answered(page)


def answered(page):
    page.locator("#stop").wait_for(state="hidden")
    page.locator(".turn.assistant .said").last.wait_for()


def press(page, name, place=0):
    page.get_by_role("button", name=re.compile(f"^{name}")).nth(place).click()


def check_axe(page):
    found = axe.Axe().run(page).response["violations"]
    serious = [
        (entry["id"], entry["nodes"][0]["html"]) for entry in found if entry["impact"] in ("serious", "critical")
    ]
    assert serious == []


def person(page):
    return page.evaluate("JSON.parse(localStorage.getItem('genrec')).person")
