"""The site in a real browser: accessible on every kind of page, on a phone, without JavaScript, by keyboard, from a disk, with nothing fetched from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.leaderboard.test_site import HOSTILE, build, hostile_pairs, kinds
from tests.leaderboard.test_table import BASE, TUNED, make

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
LAW = make("Law 0.5B", {"L4": 0.9}, codes=("L4",), category="domain", parameters=494_000_000)
BIG = make("Big", 0.85, category="closed", parameters=70_000_000_000)
SHOTS = make("Base", 0.5, settings={"num_fewshot": 3}, parameters=135_000_000)

Opened = Callable[..., Any]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("browser"), BASE, TUNED, LAW, BIG, SHOTS, make("Old", fingerprint="f" * 64, version="0.0.9", base="Base"))


@pytest.fixture(scope="module")
def hostile_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("hostile"), *hostile_pairs())


def opener(browser: Any, site: Path) -> Iterator[Opened]:
    """Opens pages of a site from the disk; every request must be for a file of the site, and nothing may be reported on the console or pop up."""
    contexts: dict[tuple[int, str, bool], Any] = {}
    requests: list[str] = []
    messages: list[str] = []

    def open_page(name: str, width: int = 1280, scheme: str = "light", javascript: bool = True) -> Any:
        key = (width, scheme, javascript)
        if key not in contexts:
            contexts[key] = browser.new_context(java_script_enabled=javascript, color_scheme=scheme, viewport={"width": width, "height": 800}, reduced_motion="reduce")
        page = contexts[key].new_page()
        page.set_default_timeout(10_000)
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.on("dialog", lambda dialog: messages.append(dialog.message))
        path, _, query = name.partition("?")
        page.goto((site / path).as_uri() + (f"?{query}" if query else ""))
        return page

    yield open_page
    for context in contexts.values():
        context.close()
    assert bool(requests) == bool(contexts)
    outside = [url for url in requests if not url.startswith(f"{site.as_uri()}/")]
    assert outside == []
    assert messages == []


@pytest.fixture
def opened(browser: Any, site: Path) -> Iterator[Opened]:
    yield from opener(browser, site)


@pytest.fixture
def hostile(browser: Any, hostile_site: Path) -> Iterator[Opened]:
    yield from opener(browser, hostile_site)


def models(page: Any) -> list[str]:
    """The models that the board shows, from top to bottom."""
    return [text.split("\n")[0] for text in page.locator("#board tbody tr[data-slug]:visible th a").all_inner_texts()]


def slug_of(site: Path, start: str) -> str:
    return min(path.stem for path in (site / "model").glob(f"{start}-*.html"))


def samples_query(site: Path, start: str, **more: str) -> str:
    return f"samples.html?model={slug_of(site, start)}&test=anytasktune_l4_en" + "".join(f"&{key}={quote(value)}" for key, value in more.items())


def test_no_page_has_an_accessibility_violation(opened: Opened, site: Path, axe: str) -> None:
    tuned, base = slug_of(site, "tuned"), slug_of(site, "base")
    found = []
    for kind in kinds(site):
        query = {"compare.html": f"?m={tuned},{base}", "samples.html": f"?model={tuned}&test=anytasktune_l4_en&id=L4-en-0001"}.get(kind.removeprefix("zh/"), "")
        page = opened(kind + query)
        page.wait_for_load_state("load")
        page.evaluate(axe)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            result = page.evaluate("tags => axe.run(document, {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations'], preload: false})", WCAG)
            assert len(result["passes"]) > 5
            found += [(kind, scheme, violation["id"], violation["nodes"][0]["html"][:200]) for violation in result["violations"]]
        page.close()
    assert found == []


@pytest.mark.parametrize("lang", ["", "zh/"])
def test_every_kind_of_page_is_readable_on_a_phone_without_javascript(opened: Opened, site: Path, lang: str) -> None:
    page = opened("index.html", width=375, javascript=False)
    for kind in [name for name in kinds(site) if name.startswith("zh/") == bool(lang)]:
        page.goto((site / kind).as_uri())
        assert page.locator("h1").is_visible(), kind
        assert page.evaluate("document.documentElement.scrollWidth") == 375, kind
        assert page.locator("form:visible").count() == 0, kind


def test_the_table_without_javascript_has_every_figure(opened: Opened) -> None:
    page = opened("index.html", width=375, javascript=False)
    assert page.locator("#board tbody tr[data-slug]").count() == 6
    assert page.locator("#board td").first.is_visible()
    assert page.evaluate("parseFloat(getComputedStyle(document.querySelector('td')).fontSize)") >= 14
    figure = page.locator("#board td:has(i)").first
    figure.hover()
    assert "–" in figure.locator("i").inner_text()


def test_nothing_overflows_with_a_sample_open(opened: Opened, site: Path) -> None:
    page = opened(samples_query(site, "tuned", id="L4-en-0001"), width=375)
    page.locator("details[open] .sample").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == 375


def test_the_model_column_and_the_heads_stay_while_the_table_is_scrolled(opened: Opened) -> None:
    page = opened("index.html", width=375)
    where = "e => [e.getBoundingClientRect().x, e.getBoundingClientRect().y]"
    model, head = page.locator("#board th[scope=row]").first, page.locator("#board thead th").first
    before = (model.evaluate(where)[0], head.evaluate(where))
    page.evaluate("document.querySelector('.scroll').scrollBy(120, 0)")
    assert page.evaluate("document.querySelector('.scroll').scrollLeft") > 50
    assert (model.evaluate(where)[0], head.evaluate(where)) == (pytest.approx(before[0], abs=2), pytest.approx(before[1], abs=2))


def test_tab_reaches_the_skip_link_first(opened: Opened) -> None:
    page = opened("index.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#main"
    assert page.locator(".skip").bounding_box()["x"] >= 0


def test_sorting_by_keyboard_says_so_and_is_in_the_address(opened: Opened) -> None:
    page = opened("index.html")
    button = page.get_by_role("button", name="Medicine M1 zh")
    button.focus()
    page.keyboard.press("Enter")
    head = page.locator("th[data-key='M1 zh']")
    assert head.get_attribute("aria-sort") == "descending"
    assert "sort=M1+zh" in page.url

    def figures() -> list[float]:
        texts = page.locator("#board tbody tr[data-slug] td:nth-child(6)").all_inner_texts()
        return [float(text[:5]) if text.startswith("0") else float("nan") for text in texts]

    place = page.evaluate("[...document.querySelectorAll('[data-key]')].findIndex(th => th.dataset.key === 'M1 zh') + 1")
    texts = [text[:5] for text in page.locator(f"#board tbody:last-of-type tr[data-slug] td:nth-child({place})").all_inner_texts()]
    known = [text for text in texts if text.startswith("0")]
    assert known == sorted(known, reverse=True) and len(known) == 3
    assert texts == known + ["–"] * 2  # missing figures are last
    assert models(page)[0] == "Base"  # a base model stays on top
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    texts = [text[:5] for text in page.locator(f"#board tbody:last-of-type tr[data-slug] td:nth-child({place})").all_inner_texts()]
    assert texts == sorted(known) + ["–"] * 2
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") is None and "sort" not in page.url
    assert page.locator("#board tr.category:visible").count() == 5


def test_the_best_law_model_in_chinese_under_a_billion_parameters_and_the_link_to_it(opened: Opened) -> None:
    page = opened("index.html")
    for name, typed in (("domain", "Law"), ("lang", "Chinese"), ("max", "1B")):
        page.locator(f"select[name={name}]").focus()
        page.keyboard.type(typed)
    page.get_by_role("button", name="Law L4 zh").focus()
    page.keyboard.press("Enter")
    assert models(page) == ["Law 0.5B", "Base (3-shot)"]
    assert page.locator("#board thead th[data-key]:visible").evaluate_all("all => all.map(th => th.dataset.key)") == ["name", "size", "L4 zh"]
    assert page.locator("#count").inner_text() == "2 of 6 rows"
    again = opened(page.url.rpartition("/")[2])
    assert models(again) == ["Law 0.5B", "Base (3-shot)"]
    assert again.get_by_label("Size at most").input_value() == "1000"
    again.locator("#language").click()
    assert again.locator("html").get_attribute("lang") == "zh-Hans"
    assert models(again) == ["Law 0.5B", "Base（3 样例）"]


def test_a_base_stays_while_a_model_tuned_from_it_is_shown(opened: Opened) -> None:
    page = opened("index.html?q=tuned")
    assert models(page) == ["Base", "Tuned"] and page.locator("#count").inner_text() == "1 of 6 rows"
    page.get_by_role("button", name="Clear").click()
    assert len(models(page)) == 6 and "?" not in page.url


def test_plain_arrows_show_the_sign_alone(opened: Opened) -> None:
    page = opened("index.html?plain=1")
    shown = page.locator("#board b.up").first.evaluate("e => [getComputedStyle(e, '::after').content, getComputedStyle(e).fontSize]")
    assert shown == ['"↑"', "0px"]


def test_arrow_keys_move_through_the_table_and_show_the_interval(opened: Opened) -> None:
    page = opened("index.html")
    page.locator("#board tbody th[scope=row] a").first.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.tagName") == "TD"
    while not page.evaluate("document.activeElement.querySelector('i') !== null"):
        page.keyboard.press("ArrowRight")
    width = page.evaluate("document.activeElement.querySelector('i').getBoundingClientRect().width")
    assert width > 40


def test_why_a_sample_failed_and_the_link_to_it(opened: Opened, site: Path) -> None:
    page = opened(f"model/{slug_of(site, 'tuned')}.html")
    page.get_by_role("link", name="Samples: L4 en").click()
    page.locator("details").first.wait_for()
    page.get_by_label("Show").select_option("wrong")
    shown, _, total = page.locator("#count").inner_text().partition(" of ")
    assert 0 < int(shown) < int(total.split()[0]) == 60
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    sample = page.locator("details[open] .sample")
    sample.wait_for()
    texts = sample.inner_text()
    for part in ("Prompt", "Reference", "Answer as written", "What was read", "Why it earned its score", "Answer of the base model"):
        assert part in texts
    row = page.locator("details[open] .id").inner_text()
    failed = next(s for s in TUNED[1] if s.id == row)
    assert failed.score < 0.5 and failed.input[:40] in texts and failed.answer in texts and failed.reference in texts
    assert f"id={row}" in page.url
    again = opened(page.url.rpartition("/")[2])
    again.locator("details[open] .sample").wait_for()
    assert again.locator("details[open] .id").inner_text() == row


def test_samples_that_the_base_had_wrong_and_the_tuned_model_right(opened: Opened, site: Path) -> None:
    page = opened(samples_query(site, "tuned", show="gained"))
    page.locator("details").first.wait_for()
    scores = {pair[0].model.name: {s.id: s.score for s in pair[1]} for pair in (BASE, TUNED)}
    expected = sorted(name for name, score in scores["Tuned"].items() if name.startswith("L4-en") and score >= 0.5 > scores["Base"][name])
    assert page.locator(".id").all_inner_texts() == expected
    plain = opened(samples_query(site, "big"))
    plain.locator("details").first.wait_for()
    assert plain.locator("option[value=gained]").is_disabled()


def test_models_side_by_side(opened: Opened, site: Path) -> None:
    tuned, base, big = (slug_of(site, name) for name in ("tuned", "base", "big"))
    page = opened(f"compare.html?m={tuned},nonsense,{base}")
    assert page.locator("#chosen li").count() == 2
    page.get_by_label("Add a model").select_option(big)
    assert page.locator("#result thead th").all_inner_texts()[1:] == ["Tuned", page.locator("#chosen li").nth(1).inner_text().split("\n")[0], "Big"]
    assert page.url.endswith(f"?m={tuned},{base},{big}")
    cell = page.locator("#result tr", has_text="L4 zh").locator("td").first
    assert cell.inner_text().startswith(f"{TUNED[0].results['anytasktune_l4_zh'].metrics['score']:.3f}")
    page.get_by_role("button", name="Remove Big").click()
    assert page.locator("#chosen li").count() == 2 and big not in page.url


def test_hostile_names_and_answers_do_nothing(hostile: Opened, hostile_site: Path) -> None:
    page = hostile("index.html", width=375)
    assert page.evaluate("document.images.length") == 0 and page.locator("#board tr[data-slug]").count() == len(HOSTILE)
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    assert max(page.evaluate("[...document.querySelectorAll('#board tbody th[scope=row]')].map(e => e.getBoundingClientRect().width)")) <= 260
    assert max(page.evaluate("[...document.querySelectorAll('#board tbody tr')].map(e => e.getBoundingClientRect().height)")) <= 500
    first = min(s.id for s in hostile_pairs()[0][1])
    for path in sorted((hostile_site / "model").iterdir()):
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == 375, path.name
        page.goto((hostile_site / "samples.html").as_uri() + f"?model={path.stem}&test=anytasktune_s1_en&id={first}")
        page.locator("details[open] .sample").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") == 375, path.name
        assert page.evaluate("document.querySelectorAll('#list img, #list script').length") == 0


def test_an_address_that_names_nothing_loads_nothing(hostile: Opened) -> None:
    page = hostile("samples.html?model=../../../x&test=../y&id=%3Cimg%20src%3Dx%3E&q=%22%3E%3Cscript%3E")
    page.locator("#samples").wait_for()
    assert page.evaluate("[...document.scripts].every(s => /(common|samples|board|rows|answers)/.test(s.src) && !s.src.includes('..'))")
    assert hostile("compare.html?m=../../x,%3Cscript%3E").locator("#chosen li").count() == 0
    assert hostile("index.html?sort=__proto__&max=x&lang=%3Cb%3E").locator("#board tr[data-slug]").count() == len(HOSTILE)
