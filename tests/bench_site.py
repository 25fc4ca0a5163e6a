"""Build time, weight and speed of the site at 30, 300 and 5,000 made-up models. Run with `python -m tests.bench_site`; sizes may be named.

Weights are gzip -9, as a server would send them. Times in the browser are from a click to the next painted frame, the median of five. Rendering takes
boards of drawn figures; what it costs to score answers and compute a board's statistics is measured at 30 models, whose answers are those of the committed
record of most tests, with a drawn share of them right (scored once before the clock starts, so that the scorer's caches are warm).
"""

from __future__ import annotations

import gzip
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.leaderboard.editions import Editions
from anytasktune_bench.leaderboard.results import find_results, read_results
from anytasktune_bench.leaderboard.site import write_site
from anytasktune_bench.leaderboard.table import build_table
from anytasktune_bench.records import rescore
from tests.browser import CHROMIUM
from tests.leaderboard.synthetic import synthetic_board

RESULTS = Path(__file__).parents[1] / "leaderboard" / "results"
SCRIPTS = ["early.js", "common.js", "board.js", "style.css"]

TIME = """async ([selector, event]) => {
  const frame = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  await frame();
  const start = performance.now();
  const found = document.querySelector(selector);
  if (event === 'click') found.click(); else { found.value = event; found.dispatchEvent(new Event('input', {bubbles: true})); }
  await frame();
  return performance.now() - start;
}"""


def packed(path: Path) -> int:
    return len(gzip.compress(path.read_bytes(), 9))


def measure(models: int) -> dict[str, Any]:
    """Figures at one size."""
    board = synthetic_board(models)
    with tempfile.TemporaryDirectory() as name:
        started = time.perf_counter()
        site = write_site(board, Path(name) / "site").parent
        found: dict[str, Any] = {"models": models, "build_s": round(time.perf_counter() - started, 1)}
        paths = [path for path in site.rglob("*") if path.is_file()]
        found |= {"files": len(paths), "site_mb": round(sum(path.stat().st_size for path in paths) / 1e6, 1)}
        shared = sum(packed(site / script) for script in SCRIPTS)
        found["overview_kb_gz"] = round((packed(site / "index.html") + shared) / 1000, 1)
        found["scripts_kb_gz"] = round(sum(packed(path) for path in site.glob("*.js")) / 1000, 1)
        found["data_kb_gz"] = round(packed(site / "data" / "board.js") / 1000, 1)
        found["model_page_kb_gz"] = round(packed(next((site / "model").iterdir())) / 1000, 1)
        if CHROMIUM.exists():
            found |= _in_browser(site)
    return found


def _in_browser(site: Path) -> dict[str, Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        started = time.perf_counter()
        page.goto((site / "index.html").as_uri())
        page.locator("#controls").wait_for()
        found: dict[str, Any] = {"open_s": round(time.perf_counter() - started, 2)}
        keys: Sequence[str] = ["overall both", "law both", "M1 zh", "L4 en", "S1 zh"]
        found["sort_ms"] = round(statistics.median(page.evaluate(TIME, [f"th[data-key='{key}'] button", "click"]) for key in keys))
        found["filter_ms"] = round(statistics.median(page.evaluate(TIME, ["input[name=q]", text]) for text in ["1", "12", "123", "12", ""]))
        found["language_ms"] = round(statistics.median(page.evaluate(TIME, ["select[name=lang]", text]) for text in ["zh", "en", "", "zh", ""]))
        found["rows_in_page"] = page.locator("#board tbody tr[data-slug]").count()
        browser.close()
    return found


def statistics_of(models: int) -> dict[str, Any]:
    """Seconds from samples to the table of a board."""
    catalog = load_catalog()
    filed = max(read_results(find_results(RESULTS), Editions(catalog)), key=lambda found: len(found.samples))
    draw, pairs = random.Random(0), []
    for i in range(models):
        right = draw.random()
        samples = [sample.model_copy(update={"answer": sample.reference}) if draw.random() < right else sample for sample in filed.samples]
        scores = rescore(filed.record, samples, catalog.get)
        results = {name: result.model_copy(update={"metrics": scores[name]}) for name, result in filed.record.results.items()}
        model = filed.record.model.model_copy(update={"name": f"Copy-{i}"})
        pairs.append((filed.record.model_copy(update={"model": model, "results": results, "samples_sha256": f"{i:064x}"}), samples))
    started = time.perf_counter()
    table = build_table(pairs, catalog)
    return {"models": models, "tests": len(table.columns), "answers": sum(len(samples) for _, samples in pairs), "statistics_s": round(time.perf_counter() - started, 1)}


if __name__ == "__main__":
    for size in map(int, sys.argv[1:] or ["30", "300", "5000"]):
        sys.stdout.write(json.dumps(measure(size)) + "\n")
        sys.stdout.flush()
    sys.stdout.write(json.dumps(statistics_of(30)) + "\n")
