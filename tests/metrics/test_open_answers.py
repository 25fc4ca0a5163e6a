"""Open wording: a good answer in words of its own scores well and a vague one does not (`tests/open_answers/*.jsonl`, hand-made)."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.metrics import score_answer
from tests.judged import known_rows

FOLDER = Path(__file__).parents[1] / "open_answers"
PAIRS = [json.loads(line) for path in sorted(FOLDER.glob("*.jsonl")) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
WITH_ROWS = {spec.code for spec in load_catalog().with_rows}
PAIRS = [pair for pair in PAIRS if pair["id"].split("-")[0] in WITH_ROWS]


def test_there_are_ten_of_each_per_sub_task_and_language() -> None:
    counts = Counter(pair["id"].rpartition("-")[0] for pair in PAIRS)
    assert {name: n for name, n in counts.items() if n < 10} == {}


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair["id"])
def test_a_good_answer_scores_well_and_a_vague_one_does_not(pair: dict[str, str]) -> None:
    code, lang, _ = pair["id"].split("-")
    spec = load_catalog().get(code)
    row = next(row for row in known_rows(spec, "zh" if lang == "zh" else "en") if row.id == pair["id"])
    good, vague = (score_answer(spec, row.lang, pair[kind], row.gold, row.output, row.input) for kind in ("good", "vague"))
    assert good.score >= 0.8, good.notes
    assert vague.score < 0.4, vague.notes
