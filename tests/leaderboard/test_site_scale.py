"""Boards of hundreds and thousands of made-up rows: weight, what a page holds itself, and tables of which only the rows in view are laid out."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from anytasktune_bench.leaderboard.site import data_files, pages, static_files, views
from anytasktune_bench.leaderboard.site.pages import Renderer
from tests.leaderboard.synthetic import synthetic_board
from tests.leaderboard.test_site import board_rows
from tests.leaderboard.test_site_browser import opener

KB = 1000


def overview(folder: Path, models: int) -> Path:
    """The overview of a synthetic board, with what it loads."""
    board = synthetic_board(models)
    for path, text in [*static_files(), *data_files(board), Renderer(board).overview("en")]:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


HELD, TOTAL = 70, 110
"""Rows that a page holds in the browser tests, and rows of the longer board: enough for both ways to show a long table, and quick to lay out."""


def held(folder: Path, models: int) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(views, "FULL", HELD)
        patch.setattr(pages, "FULL", HELD)
        return overview(folder, models)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return held(tmp_path_factory.mktemp("full"), HELD)


@pytest.fixture(scope="module")
def partial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return held(tmp_path_factory.mktemp("partial"), TOTAL)


@pytest.fixture
def opened(browser: Any, full: Path) -> Iterator[Callable[..., Any]]:
    yield from opener(browser, full)


@pytest.fixture
def opened_partial(browser: Any, partial: Path) -> Iterator[Callable[..., Any]]:
    yield from opener(browser, partial)


def packed(path: Path) -> int:
    return len(gzip.compress(path.read_bytes(), 9))


def test_the_overview_of_300_models_weighs_at_most_150_kb_and_its_scripts_15(tmp_path: Path) -> None:
    full = overview(tmp_path, 300)
    assert len(board_rows((full / "index.html").read_text(encoding="utf-8"))) == 300
    loaded = [full / name for name in ("index.html", "style.css", "early.js", "common.js", "board.js")]
    assert sum(map(packed, loaded)) <= 150 * KB
    assert sum(packed(path) for path in full.glob("*.js")) <= 15 * KB


def test_a_page_holds_the_first_rows_and_says_where_the_others_are(partial: Path, opened_partial: Callable[..., Any]) -> None:
    text = (partial / "index.html").read_text(encoding="utf-8")
    assert len(board_rows(text)) == HELD and f"The first {HELD} of {TOTAL} rows" in text
    page = opened_partial("index.html", javascript=False)
    assert page.locator("#board tr[data-slug]").count() == HELD and page.locator("#more").is_visible()


def places(page: Any) -> list[int]:
    return [int(text) for text in page.locator("#board tbody tr[aria-rowindex]").evaluate_all("all => all.map(tr => tr.getAttribute('aria-rowindex'))")]


@pytest.mark.parametrize("total", [HELD, TOTAL])
def test_a_long_table_is_sorted_and_scrolled_through_whole(opened: Callable[..., Any], opened_partial: Callable[..., Any], total: int) -> None:
    page = (opened_partial if total > HELD else opened)("index.html?sort=overall+both")
    page.locator("#controls").wait_for()
    assert page.locator("#more").count() == 0
    assert page.locator("#count").inner_text() == f"{total} of {total} rows"
    assert page.locator("#board").get_attribute("aria-rowcount") == str(total + 3)
    assert page.locator("#board tr[data-slug]").count() < 60
    shown: dict[int, str] = {}
    for _ in range(60):
        names = page.locator("#board tr[data-slug] td:nth-child(3)").all_inner_texts()
        shown |= dict(zip(places(page), names, strict=True))
        if page.evaluate("(() => { const r = document.querySelector('.scroll.tall'); const top = r.scrollTop; r.scrollBy(0, 600); return r.scrollTop === top; })()"):
            break
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    assert sorted(shown) == list(range(4, total + 4))
    figures = [shown[place] for place in sorted(shown)]
    known = [float(text.split()[0]) for text in figures if text != "–"]
    assert known == sorted(known, reverse=True)
    assert set(figures[len(known) :]) == {"–"} and len(known) < total


def test_rows_made_from_data_equal_the_rows_of_the_page(opened_partial: Callable[..., Any]) -> None:
    rows = "all => all.map(tr => [tr.dataset.slug, ...[...tr.cells].map(td => td.textContent.replace(/\\s+/g, ' '))]).slice(0, 20)"
    made = opened_partial("index.html")
    made.locator("#controls").wait_for()
    written = opened_partial("index.html", javascript=False)
    a, b = (page.locator("#board tr[data-slug]").evaluate_all(rows) for page in (made, written))
    classes = "all => all.slice(0, 20).map(tr => [...tr.cells].map(td => td.className.split(' ').sort().join(' ')))"
    assert a == b
    assert made.locator("#board tr[data-slug]").evaluate_all(classes) == written.locator("#board tr[data-slug]").evaluate_all(classes)


def test_arrow_keys_go_on_where_the_rows_in_view_end(opened: Callable[..., Any]) -> None:
    page = opened("index.html?sort=overall+both")
    page.locator("#controls").wait_for()
    page.locator("#board tbody th[scope=row] a").first.focus()
    for _ in range(60):
        page.keyboard.press("ArrowDown")
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    assert page.evaluate("Number(document.activeElement.closest('tr').getAttribute('aria-rowindex'))") == 4 + 60
