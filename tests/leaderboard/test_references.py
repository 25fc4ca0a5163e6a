"""Scores for the dataset cards: those of whole test splits, with the instruction."""

from __future__ import annotations

from anytasktune_bench.leaderboard.references import reference_scores
from tests.leaderboard.test_table import make, table_of


def test_cells_are_taken_by_task_and_parts_of_a_split_are_left_out() -> None:
    usual, few, part = make("a"), make("b", settings={"num_fewshot": 3}), make("c", settings={"limit": 48})
    found = reference_scores(table_of(usual, few, part))
    assert list(found) == [f"anytasktune_{code}_{lang}" for code in ("m1", "l4", "s1") for lang in ("zh", "en")]
    assert {(line["model"], line["num_fewshot"]) for line in found["anytasktune_m1_zh"]} == {("a", 0), ("b", 3)}
    for line in found["anytasktune_m1_zh"]:
        assert line["low"] <= line["score"] <= line["high"] and line["n"] == 40
    assert found["anytasktune_m1_zh"][0]["eval_fingerprint"] == usual[0].results["anytasktune_m1_zh"].eval_fingerprint
