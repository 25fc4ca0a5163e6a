"""What the browser tests need: Debian's Chromium through Playwright, and axe-core from npm. Both are for tests only.

Where one is missing the tests skip and say so; with ANYTASKTUNE_REQUIRE_BROWSER=1 that is an error.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

CHROMIUM = Path("/usr/bin/chromium")
REQUIRE = "ANYTASKTUNE_REQUIRE_BROWSER"
AXE = "axe-core@4.14.1"
CACHE = Path(__file__).parents[1] / ".cache" / "axe-core"


def missing(reason: str) -> NoReturn:
    """Skip, or fail where a browser is required."""
    if os.environ.get(REQUIRE) == "1":
        pytest.fail(f"{REQUIRE}=1, but {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One Chromium for all tests."""
    if not CHROMIUM.exists():
        missing(f"{CHROMIUM} does not exist (apt-get install chromium)")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright is not installed (pip install playwright)")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The text of axe-core, taken from npm once and kept in `.cache`."""
    kept = CACHE / f"{AXE}.js"
    if not kept.exists():
        npm = shutil.which("npm")
        if npm is None:
            missing("npm, which axe-core comes from, is not installed (apt-get install npm)")
        with tempfile.TemporaryDirectory() as name:
            packed = subprocess.run([npm, "pack", "--silent", AXE], cwd=name, capture_output=True, text=True)
            if packed.returncode:
                missing(f"`npm pack {AXE}` failed: {packed.stderr.strip()[-300:]}")
            with tarfile.open(next(Path(name).glob("*.tgz"))) as archive:
                found = archive.extractfile("package/axe.min.js")
                assert found is not None
                CACHE.mkdir(parents=True, exist_ok=True)
                partial = kept.with_suffix(f".{os.getpid()}")
                partial.write_bytes(found.read())
                partial.replace(kept)
    return kept.read_text(encoding="utf-8")
