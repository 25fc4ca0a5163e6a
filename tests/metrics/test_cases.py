"""Hand-judged answers in `tests/cases/*.yaml`: every one is scored inside the range that a person gave it."""

from __future__ import annotations

from collections import Counter

import pytest

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.gold import check_gold, render
from anytasktune_bench.metrics import score_answer
from anytasktune_bench.spec import LANGS, Lang
from tests.judged import FILES

ROWS = [(code, lang, i) for code, found in FILES.items() for lang in LANGS for i in range(len(found[lang]))]
CASES = [(code, lang, i, j) for code, lang, i in ROWS for j in range(len(FILES[code][lang][i]["answers"]))]


def test_there_are_cases_for_every_sub_task_and_language() -> None:
    counts = Counter((code, lang) for code, lang, _, _ in CASES)
    assert sum(counts.values()) >= 300
    assert {(spec.code, lang) for spec in load_catalog().specs for lang in LANGS if counts[spec.code, lang] < 5} == set()
    assert all(counts[spec.code, "zh"] + counts[spec.code, "en"] >= 10 for spec in load_catalog().specs)


@pytest.mark.parametrize(("code", "lang", "row"), ROWS)
def test_the_judged_rows_are_well_formed(code: str, lang: Lang, row: int) -> None:
    spec, case = load_catalog().get(code), FILES[code][lang][row]
    assert check_gold(spec, case["gold"]) == []
    assert render(spec, lang, case["gold"]) == case["output"]
    assert score_answer(spec, lang, case["output"], case["gold"], case["output"], case["input"]).score == 1.0
    low, high = spec.input.bounds(lang)
    assert low <= len("".join(case["input"].split()) if lang == "zh" else case["input"].split()) <= high


@pytest.mark.parametrize(("code", "lang", "row", "answer"), CASES)
def test_an_answer_scores_within_its_judged_range(code: str, lang: Lang, row: int, answer: int) -> None:
    spec, case = load_catalog().get(code), FILES[code][lang][row]
    judged = case["answers"][answer]
    low, high = judged["score"]
    found = score_answer(spec, lang, judged["answer"], case["gold"], case["output"], case["input"])
    assert low - 1e-9 <= found.score <= high + 1e-9, f"{judged['why']}: {found.score:.4f}, judged [{low}, {high}]\n" + "\n".join(map(str, found.notes))
