"""The built wheel is complete: rows, specs, lm-eval tasks and templates load from it alone."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

PROBE = """
import json, pathlib, sys
import anytasktune_bench
from anytasktune_bench import load_dataset
from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.evaluation.export import drift, tasks_path
assert sys.argv[1] in anytasktune_bench.__file__, anytasktune_bench.__file__
assert load_dataset("M1", "zh", "test").num_rows == 40
assert sys.argv[1] in str(tasks_path()) and drift(load_catalog().with_rows, tasks_path()) == []
from anytasktune_bench.data.cards import card
from anytasktune_bench.data.content import survey
from anytasktune_bench.data.prose import sources_path
assert sys.argv[1] in str(sources_path()) and "## 15. Citation" in card([survey(load_catalog().get("S1"), "en")])
root = pathlib.Path(anytasktune_bench.__file__).parent
from anytasktune_bench.data.prose import summary
from anytasktune_bench.leaderboard.site import static_files
from anytasktune_bench.leaderboard.site.paper import read_paper
from anytasktune_bench.leaderboard.site.texts import texts
assert list(root.glob("leaderboard/site/templates/*.j2")) and len(list(static_files())) == 6 and read_paper().rows and texts("zh")
assert set(summary()) == {spec.code for spec in load_catalog().with_rows}
assert (root / "training" / "adapter_card.md.j2").is_file() and (root / "actions.yaml").is_file()
print("complete")
"""


@pytest.mark.slow
def test_the_wheel_is_complete(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)], check=True, capture_output=True)
    wheel = next(tmp_path.glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    found = subprocess.run([sys.executable, "-c", PROBE, str(tmp_path)], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert found.stdout.strip() == "complete", found.stderr
