"""A headless Chromium that looks at Airflow's UI."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import _absent

CHROMIUM = "/usr/bin/chromium"


@contextmanager
def chromium():
    """Run a browser; without one, the test is skipped."""
    playwright = pytest.importorskip("playwright.sync_api")
    if not Path(CHROMIUM).exists():
        _absent(f"no Chromium at {CHROMIUM} (apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@contextmanager
def pages_of(browser):
    """
    Return a way to open pages of Airflow's UI as a user of a server. What goes wrong in a script fails the test.

    :param browser: the browser.
    """
    contexts, wrong = [], []

    def open_as(user, path="", *, at, theme="light", width=1280):
        context = browser.new_context(viewport={"width": width, "height": 1000}, color_scheme=theme, timezone_id="UTC")
        contexts.append(context)
        context.add_cookies([{"name": "_token", "value": at.token(user), "url": at.url}])
        context.add_init_script(f"localStorage.setItem('theme', '{theme}')")
        page = context.new_page()
        page.set_default_timeout(120_000)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(f"{at.url}/{path}")
        return page

    yield open_as
    for context in contexts:
        context.close()
    assert not wrong


def picture(page, name):
    """Keep what the browser shows for the docs: ``HEAP_PICTURES=docs/pictures`` says where."""
    if folder := os.environ.get("HEAP_PICTURES"):
        page.wait_for_timeout(700)  # for what moves to its place
        page.screenshot(path=Path(folder) / f"{name}.png")


def row(page, name):
    """Return the row of a sync in the list."""
    return page.get_by_role("table", name="Syncs").get_by_role("row").filter(has_text=name)


def status_words(page, *names):
    """Return what the list says of some syncs."""
    return {name: row(page, name).locator(".hp-badge").first.inner_text() for name in names}


def too_wide(page):
    """Return the elements of the page Heap that do not fit into the window."""
    return page.evaluate(
        "[...document.querySelectorAll('.hp *')].filter(e => !e.closest('.hp-chart, pre, .hp-sr') && "
        "e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 200))"
    )


def contrast(page, selector):
    """Return the contrast of a text with Airflow's background, as WCAG has it."""
    return page.evaluate(
        """selector => {
        const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
        const light = color => {
            canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
            const parts = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map(value => value / 255)
                .map(value => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
            return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
        };
        const text = light(getComputedStyle(document.querySelector(selector)).color);
        const back = light(getComputedStyle(document.querySelector('.hp')).getPropertyValue('--hp-bg'));
        return (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05);
    }""",
        selector,
    )
