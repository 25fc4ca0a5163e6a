"""The site in a real browser: readable on a phone without JavaScript, by keyboard, in light and dark, with nothing fetched from elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.leaderboard.test_site import HOSTILE, build
from tests.leaderboard.test_table import BASE, TUNED, make

CHROMIUM = Path("/usr/bin/chromium")
REQUIRE = "ANYTASKTUNE_REQUIRE_BROWSER"
PAGES = ["index.html", "zh/index.html"]

CONTRASTS = """() => {
  const parse = c => c.match(/[\\d.]+/g).map(Number);
  const luminance = c => {
    const [r, g, b] = c.slice(0, 3).map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = e => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  const found = {};
  for (const e of document.querySelectorAll("body *")) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())) continue;
    const [a, b] = [luminance(parse(getComputedStyle(e).color)), luminance(ground(e))].sort((x, y) => y - x);
    found[`${e.tagName}.${e.className}`] = Math.min(found[`${e.tagName}.${e.className}`] ?? 99, (a + 0.05) / (b + 0.05));
  }
  return found;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    missing = "" if CHROMIUM.exists() else f"{CHROMIUM} does not exist (apt-get install chromium)"
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing = missing or "playwright is not installed (pip install playwright)"
    if missing:
        if os.environ.get(REQUIRE) == "1":
            pytest.fail(f"{REQUIRE}=1, but {missing}")
        pytest.skip(missing)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    hostile = [make(name, codes=("S1",), langs=("en",), base=name, source=name) for name in HOSTILE]
    return build(tmp_path_factory.mktemp("browser"), BASE, TUNED, make("Old", fingerprint="f" * 64, version="0.0.9", base="Base"), *hostile)


@pytest.fixture
def opened(browser: Any, site: Path) -> Iterator[Any]:
    """Opens a page of the site; every request of it must be for a file of the site, and nothing may be reported on the console."""
    contexts: list[Any] = []
    requests: list[str] = []
    messages: list[str] = []

    def open_page(name: str, width: int = 375, scheme: str = "light", javascript: bool = False) -> Any:
        context = browser.new_context(java_script_enabled=javascript, color_scheme=scheme, viewport={"width": width, "height": 700})
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: messages.append(message.text))
        page.on("dialog", lambda dialog: messages.append(dialog.message))
        page.goto((site / name).as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert requests
    assert set(requests) <= {(site / name).as_uri() for name in (*PAGES, "style.css")}
    assert messages == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_readable_on_a_phone_without_javascript(opened: Any, name: str, scheme: str) -> None:
    page = opened(name, scheme=scheme)
    table = page.locator("table").first
    assert table.is_visible()
    assert table.locator("tbody th[scope=row]").count() == 3 + len(HOSTILE)
    assert table.get_by_text("Tuned", exact=True).is_visible()
    assert page.locator("table").first.locator("td.figure").first.inner_text().startswith("0.")
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    assert page.evaluate("document.body.scrollWidth") <= 375
    assert page.evaluate("parseFloat(getComputedStyle(document.querySelector('td')).fontSize)") >= 14


def test_nothing_overflows_with_all_details_open(opened: Any) -> None:
    page = opened("index.html")
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    assert page.evaluate("document.documentElement.scrollWidth") == 375


def test_the_model_column_stays_while_the_table_is_scrolled_by_keyboard(opened: Any) -> None:
    page = opened("index.html")
    region = page.locator(".scroll").first
    model, category = page.locator("th[scope=row]").first, page.locator("tr.category span").first
    left = (model.bounding_box()["x"], category.bounding_box()["x"])
    region.focus()
    for _ in range(100):  # scrolling is animated, and waiting functions need JavaScript in the page
        page.keyboard.press("ArrowRight")
        if page.evaluate("document.querySelector('.scroll').scrollLeft") > 50:
            break
        page.wait_for_timeout(50)
    assert page.evaluate("document.querySelector('.scroll').scrollLeft") > 50
    assert (model.bounding_box()["x"], category.bounding_box()["x"]) == pytest.approx(left, abs=4)


def test_details_open_by_keyboard_and_show_the_intervals(opened: Any) -> None:
    page = opened("index.html")
    details = page.locator("details").filter(has_text="Tuned").first
    assert not details.get_by_text("95 % CI").is_visible()
    details.locator("summary").focus()
    page.keyboard.press("Enter")
    assert details.get_by_text("95 % CI").is_visible()
    assert details.locator("tbody tr").count() == 6


def test_tab_reaches_the_skip_link_first(opened: Any) -> None:
    page = opened("index.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#results"
    assert page.locator(".skip").bounding_box()["x"] >= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_contrast_is_at_least_aa(opened: Any, scheme: str) -> None:
    page = opened("index.html", width=1280, scheme=scheme)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(21, 24, 28)")
    contrasts = page.evaluate(CONTRASTS)
    assert {"SPAN.arrow up", "SPAN.arrow down", "TD.figure own", "SMALL."} <= set(contrasts)
    assert {name: ratio for name, ratio in contrasts.items() if ratio < 4.5} == {}


def test_hostile_names_do_nothing_with_javascript_on(opened: Any) -> None:
    page = opened("index.html", javascript=True)
    assert page.evaluate("document.scripts.length + document.images.length") == 0
    widths = page.evaluate("[...document.querySelectorAll('tbody th[scope=row]')].map(e => e.getBoundingClientRect().width)")
    assert max(widths) <= 260
    heights = page.evaluate("[...document.querySelectorAll('table.wide tbody tr')].map(e => e.getBoundingClientRect().height)")
    assert max(heights) <= 500


def test_the_language_link_leads_to_the_other_page_and_back(opened: Any) -> None:
    page = opened("index.html")
    page.get_by_role("link", name="中文").click()
    assert page.locator("html").get_attribute("lang") == "zh-Hans"
    page.get_by_role("link", name="English").click()
    assert page.locator("html").get_attribute("lang") == "en"
