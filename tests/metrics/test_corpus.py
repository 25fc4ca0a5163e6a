"""Corpus metrics and secondary figures against hand-worked cases and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.metrics import aggregate, primary, score_answer
from anytasktune_bench.metrics.numbers import adjusted_balanced, balanced
from anytasktune_bench.metrics.secondary import secondary_value
from anytasktune_bench.spec import Secondary

PAIRS: list[tuple[str, str | None]] = [("none", "none"), ("low", "medium"), ("high", None), ("high", "high"), ("medium", "low")]


@pytest.mark.parametrize(
    ("wanted", "value"),
    [
        (Secondary(name="r", kind="recall", labels=("high",)), 1 / 2),
        (Secondary(name="r", kind="recall", labels=("low", "medium")), 1.0),
        (Secondary(name="c", kind="confusion", labels=("low", "medium")), 1.0),
        (Secondary(name="g", kind="group_accuracy", groups=(("low", "medium"), ("high", "none"))), 2 / 4),
        (Secondary(name="x", kind="recall", labels=("absent",)), 0.0),
    ],
)
def test_secondary_figures_by_hand(wanted: Secondary, value: float) -> None:
    assert secondary_value(wanted, PAIRS) == pytest.approx(value)


def test_correlations_reward_order_and_survive_one_label() -> None:
    kappa = Secondary(name="k", kind="quadratic_kappa", labels=("none", "low", "medium", "high"))
    near, far = [("high", "medium"), ("none", "none"), ("low", "low")], [("high", "none"), ("none", "none"), ("low", "low")]
    assert secondary_value(kappa, near) > secondary_value(kappa, far)
    assert secondary_value(kappa, [("high", "high")]) == 0.0
    assert secondary_value(Secondary(name="m", kind="mcc"), [("a", "a"), ("b", "b")]) == 1.0


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=40).filter(lambda found: len({met for met, _ in found}) == 2))
def test_balanced_accuracy_equals_scikit_learn(requirements: list[tuple[bool, bool]]) -> None:
    stats = np.array([[met, met and right, not met, not met and right] for met, right in requirements], dtype=float)
    expected = balanced_accuracy_score([met for met, _ in requirements], [met if right else not met for met, right in requirements])
    assert balanced(stats.sum(axis=0, keepdims=True))[0] == pytest.approx(expected)
    assert adjusted_balanced(stats, None)[0] == pytest.approx(max(0.0, 2 * expected - 1))


def test_weights_are_repetitions_for_balanced_accuracy() -> None:
    spec = load_catalog().get("H3")
    example = spec.example.en
    answers = [example.output, "Met: 1, 2, 3, 4, 5\nMissing: none\nFit: Strong", ""]
    scores = [score_answer(spec, "en", answer, example.gold, example.output, example.input) for answer in answers]
    weighted = primary(spec, scores, np.array([[2.0, 1.0, 0.0]]))[0]
    assert weighted == pytest.approx(primary(spec, [scores[0], scores[0], scores[1]])[0])


def test_a_constant_answer_earns_nothing_on_requirements() -> None:
    spec = load_catalog().get("H3")
    example = spec.example.zh
    everything = score_answer(spec, "zh", "满足：1、2、3、4、5\n缺失：无\n匹配：高", example.gold, example.output, example.input)
    assert primary(spec, [everything])[0] == 0.0
    assert aggregate(spec, [everything])["requirement_accuracy"] == pytest.approx(3 / 5)
