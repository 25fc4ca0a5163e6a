"""What must hold for every sub-task, and hand-worked cases of each metric."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.data.baselines import limit_of
from anytasktune_bench.data.degenerate import corrupt, everything, sentences
from anytasktune_bench.data.tables import source_rows
from anytasktune_bench.metrics import aggregate, primary, score_answer
from anytasktune_bench.metrics.labels import macro_f1
from anytasktune_bench.metrics.matching import best_total, f1
from anytasktune_bench.rows import SPLITS
from tests.conftest import SPECS
from tests.judged import ALL, ALL_IDS, judged_rows, known_rows

M1, S1, L4 = (load_catalog().get(code) for code in ("M1", "S1", "L4"))
REFUSALS = {"en": ["I'm sorry, but I can't help with that.", "As an AI model I cannot answer."], "zh": ["抱歉，我无法回答这个问题。", "作为人工智能，我不能提供建议。"]}


every_sub_task = pytest.mark.parametrize(("spec", "lang"), ALL, ids=ALL_IDS)


def scored(spec, lang, rows, answers):
    return [score_answer(spec, lang, answer, row.gold, row.output, row.input) for row, answer in zip(rows, answers, strict=True)]


@every_sub_task
def test_gold_scores_exactly_one(spec, lang) -> None:
    rows = [*judged_rows(spec, lang), *(row for split in SPLITS for row in (source_rows(spec, split, lang) if spec in SPECS else ()))]
    scores = scored(spec, lang, rows, [row.output for row in rows])
    assert [row.id for row, score in zip(rows, scores, strict=True) if score.score != 1.0 or not score.parsed.valid] == []
    assert float(primary(spec, scores)[0]) == 1.0
    assert all(score.values["rouge_l"] == 1.0 for score in scores)


@every_sub_task
def test_corrupted_gold_scores_less(spec, lang) -> None:
    rows = known_rows(spec, lang)
    assert all(score.score < 1.0 for score in scored(spec, lang, rows, [corrupt(spec, row) for row in rows]))


@every_sub_task
def test_empty_answers_and_refusals_score_zero(spec, lang) -> None:
    rows = known_rows(spec, lang)
    for answer in ["", "  \n ", *REFUSALS[lang]]:
        assert float(primary(spec, scored(spec, lang, rows, [answer] * len(rows)))[0]) == 0.0


@every_sub_task
def test_degenerate_answers_earn_little(spec, lang) -> None:
    rows = known_rows(spec, lang)
    answers = {
        "copy": [row.input for row in rows],
        "first 60 %": [row.input[: len(row.input) * 6 // 10] for row in rows],
        "sentences twice": ["\n".join(sentences(row.input) * 2) for row in rows],
        **{f"everything {i}": found for i, found in enumerate(everything(spec, lang, rows))},
    }
    earned = {name: round(float(primary(spec, scored(spec, lang, rows, found))[0]), 3) for name, found in answers.items()}
    assert {name: score for name, score in earned.items() if score > limit_of(spec)} == {}


@every_sub_task
def test_scoring_is_deterministic(spec, lang) -> None:
    rows = known_rows(spec, lang)
    answers = [other.output for other in rows[1:] + rows[:1]]
    first, second = ([score.values for score in scored(spec, lang, rows, answers)] for _ in range(2))
    assert first == second


@every_sub_task
def test_every_answer_reports_the_same_figures(spec, lang) -> None:
    rows = known_rows(spec, lang)
    names = {frozenset(score.values) for answer in ("", "x", "1. a: b?") for score in scored(spec, lang, rows, [answer] * len(rows))}
    assert names == {frozenset(score.values) for score in scored(spec, lang, rows, [row.output for row in rows])}
    figures = aggregate(spec, scored(spec, lang, rows, [row.output for row in rows]))
    assert {wanted.name for wanted in spec.secondary} <= set(figures)


def test_slot_f1_by_hand() -> None:
    gold = {"fields": {"symptom": ["cough"], "duration": ["two weeks"], "medication": [["syrup"], ["honey"]], "help": ["what to do"]}}
    # Two of four slots right: P = 2/3 (at least three lines count), R = 2/4.
    assert score_answer(M1, "en", "Symptom Description: cough\nDuration: 2 weeks", gold).score == pytest.approx(2 * 2 / (3 + 4))
    # One of two list items: item F1 2/3; symptom 1; so (1 + 2/3) over 3 lines and 4 slots.
    assert score_answer(M1, "en", "Symptom Description: cough\nMedication Taken: syrup\nBody Site: chest", gold).score == pytest.approx(2 * (1 + 2 / 3) / (3 + 4))
    # A number that differs earns nothing, however alike the words are.
    assert score_answer(M1, "en", "Symptom Description: cough\nDuration: three weeks\nHelp Sought: what to do", gold).score == pytest.approx(2 * 2 / (3 + 4))


def test_slot_f1_counts_what_does_not_belong() -> None:
    gold = {"fields": {"symptom": ["cough"], "duration": ["two weeks"], "help": ["what to do"]}}
    right = "Symptom Description: cough\nDuration: two weeks\nHelp Sought: what to do"
    assert score_answer(M1, "en", right + "\nPulse: 80", gold).score == pytest.approx(6 / 7)
    assert score_answer(M1, "en", right + "\nSymptom Description: cough", gold).score == pytest.approx(6 / 7)
    assert score_answer(M1, "en", right.replace("two weeks", "two weeks " + "and more " * 10), gold).score == pytest.approx(4 / 6)
    padding = "\n".join(f"{key}: unclear thing" for key in ("Body Site", "Severity", "Possible Cause", "Medical History", "Test Results"))
    assert score_answer(M1, "en", padding + "\n" + right, gold).score == pytest.approx(2 * 1 / (8 + 3))  # lines after the sixth earn nothing


def test_set_f1_by_hand() -> None:
    gold = {"items": [["greasy"], ["white cast"], ["poor packaging", "packaging poor"]]}
    assert score_answer(S1, "en", "greasy, packaging poor", gold).score == pytest.approx(2 * 2 / 5)
    assert score_answer(S1, "en", "not greasy, white cast", gold).score == pytest.approx(2 * 1 / 5)
    assert score_answer(S1, "en", "greasy, greasy, greasy", gold).score == pytest.approx(2 * 1 / 6)
    assert score_answer(S1, "en", ", ".join(["greasy"] * 7), gold).score == 0.0
    assert score_answer(S1, "en", "none", gold).score == 0.0
    assert score_answer(S1, "en", "none", {"items": []}).score == 1.0
    assert score_answer(S1, "en", "fine", {"items": []}).score == 0.0
    assert score_answer(S1, "en", "it left a really quite white cast, greasy", gold).score == pytest.approx(2 * 1 / 5)


@given(st.lists(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=3, max_size=3), min_size=1, max_size=4))
def test_matching_is_optimal(rows: list[list[float]]) -> None:
    weights = np.array(rows)
    k = min(weights.shape)
    by_hand = max(
        sum(weights[r, c] for r, c in zip(chosen, columns, strict=True))
        for chosen in itertools.combinations(range(weights.shape[0]), k)
        for columns in itertools.permutations(range(weights.shape[1]), k)
    )
    assert best_total(weights) == pytest.approx(by_hand)


def test_f1_of_nothing_is_zero() -> None:
    assert f1(0, 0, 0) == 0.0


LABELS = st.sampled_from(["a", "b", "c", "d"])


@given(st.lists(st.tuples(LABELS, st.one_of(LABELS, st.none())), min_size=1, max_size=40))
def test_macro_f1_equals_scikit_learn(pairs: list[tuple[str, str | None]]) -> None:
    gold, predicted = [g for g, _ in pairs], [p for _, p in pairs]
    names = sorted(set(gold))
    expected = f1_score(gold, [p or "invalid" for p in predicted], labels=names, average="macro", zero_division=0)
    assert macro_f1(gold, predicted)[0] == pytest.approx(expected)


@given(st.lists(st.tuples(LABELS, LABELS, st.integers(0, 3)), min_size=1, max_size=20))
def test_row_weights_are_repetitions(rows: list[tuple[str, str, int]]) -> None:
    repeated = [(g, p) for g, p, n in rows for _ in range(n)]
    if repeated:
        weighted = macro_f1([g for g, _, _ in rows], [p for _, p, _ in rows], np.array([[n for _, _, n in rows]]))
        assert weighted[0] == pytest.approx(macro_f1([g for g, _ in repeated], [p for _, p in repeated])[0])


def test_aggregate_names_the_primary_score() -> None:
    rows = source_rows(L4, "test", "en")
    found = aggregate(L4, [score_answer(L4, "en", row.output if i % 2 else "nonsense", row.gold) for i, row in enumerate(rows)])
    assert found["accuracy"] == 0.5 and found["format_valid"] == 0.5 and 0 < found["score"] < 1
