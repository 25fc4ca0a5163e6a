"""Build time, weight and speed of the site at 30, 300 and 5,000 made-up models. Run with `python -m tests.bench_site`; sizes may be named.

Weights are gzip -9, as a server would send them. Times in the browser are from a click to the next painted frame, the median of five.
"""

from __future__ import annotations

import gzip
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from anytasktune_bench.leaderboard.site import write_site
from tests.browser import CHROMIUM
from tests.leaderboard.synthetic import synthetic_board

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


if __name__ == "__main__":
    for size in map(int, sys.argv[1:] or ["30", "300", "5000"]):
        sys.stdout.write(json.dumps(measure(size)) + "\n")
        sys.stdout.flush()
