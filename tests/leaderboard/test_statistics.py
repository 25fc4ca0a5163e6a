"""Intervals and tests, against worked cases, scipy and simulation. Scores come from real rows of M1, S1 (row means) and L4 (macro-F1)."""

from __future__ import annotations

import functools
import itertools
import random

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.data.tables import source_rows
from anytasktune_bench.leaderboard.statistics import cluster_bootstrap, holm, paired_difference, wilson
from anytasktune_bench.metrics import Score, primary, score_answer
from anytasktune_bench.rows import Row
from anytasktune_bench.spec import SubTask

CATALOG = load_catalog()
M1, S1, L4 = CATALOG.get("M1"), CATALOG.get("S1"), CATALOG.get("L4")


@functools.cache
def bank(code: str) -> tuple[tuple[Row, Score, tuple[Score, ...]], ...]:
    """Every English test row with the score of its own output, and those of the other rows' different outputs."""
    spec = CATALOG.get(code)
    rows = source_rows(spec, "test", "en")
    outputs = sorted({row.output for row in rows})
    return tuple(
        (
            row,
            score_answer(spec, "en", row.output, row.gold, row.output),
            tuple(score_answer(spec, "en", output, row.gold, row.output) for output in outputs if output != row.output),
        )
        for row in rows
    )


def rows_of(spec: SubTask, n: int | None = None) -> list[Row]:
    return [row for row, _, _ in bank(spec.code)][:n]


def answered(spec: SubTask, rows: list[Row], right: list[bool] | float, seed: int = 0) -> list[Score]:
    """Scores of the rows' own outputs where `right`, else of another row's output."""
    draw = random.Random(seed)
    known = {row.id: (own, others) for row, own, others in bank(spec.code)}
    scores = []
    for i, row in enumerate(rows):
        good = draw.random() < right if isinstance(right, float) else right[i]
        own, others = known[row.id]
        scores.append(own if good else draw.choice(others))
    return scores


def singles(rows: list[Row]) -> list[str]:
    return [row.id for row in rows]


def test_bootstrap_of_two_rows_has_the_three_worked_values() -> None:
    rows = rows_of(S1, 5)[3:5]
    scores = answered(S1, rows, [True, False])
    assert [score.score for score in scores] == [1.0, 0.0]
    # Resamples: (1,1), (1,0), (0,1), (0,0): means 1, 1/2, 0 with chances 1/4, 1/2, 1/4.
    assert cluster_bootstrap(S1, scores, singles(rows)) == (0.0, 1.0)
    assert cluster_bootstrap(S1, scores, singles(rows), level=0.4) == (0.5, 0.5)


@pytest.mark.parametrize("spec", [M1, S1, L4], ids=lambda spec: spec.code)
def test_rows_of_a_group_move_together(spec: SubTask) -> None:
    rows = rows_of(spec)
    scores = answered(spec, rows, 0.6)
    twice = [score for score in scores for _ in range(2)]
    doubled = cluster_bootstrap(spec, twice, [name for name in singles(rows) for _ in range(2)])
    assert doubled == pytest.approx(cluster_bootstrap(spec, scores, singles(rows)))
    as_if_independent = cluster_bootstrap(spec, twice, [str(i) for i in range(2 * len(rows))])
    assert as_if_independent[1] - as_if_independent[0] < 0.85 * (doubled[1] - doubled[0])


@pytest.mark.parametrize("spec", [M1, S1, L4], ids=lambda spec: spec.code)
def test_bootstrap_agrees_with_scipy(spec: SubTask) -> None:
    rows = rows_of(spec)
    scores = answered(spec, rows, 0.7)

    def statistic(index: np.ndarray) -> float:
        return float(primary(spec, [scores[i] for i in index.astype(int)])[0])

    theirs = stats.bootstrap((np.arange(len(rows)),), statistic, n_resamples=2000, vectorized=False, method="percentile", rng=np.random.default_rng(1))
    assert cluster_bootstrap(spec, scores, singles(rows)) == pytest.approx(tuple(theirs.confidence_interval), abs=0.02)


def test_bootstrap_of_a_mean_agrees_with_the_normal_form() -> None:
    rows = rows_of(M1)
    scores = answered(M1, rows, 0.5)
    values = np.array([score.score for score in scores])
    half = 1.96 * values.std() / len(values) ** 0.5
    assert cluster_bootstrap(M1, scores, singles(rows), draws=20_000) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.015)


@pytest.mark.parametrize(("spec", "right"), [(S1, 0.6), (M1, 0.6), (L4, 0.7)], ids=lambda value: getattr(value, "code", value))
def test_bootstrap_covers_the_expected_score(spec: SubTask, right: float) -> None:
    rows = rows_of(spec)
    intervals, points = [], []
    for seed in range(200):
        scores = answered(spec, rows, right, seed)
        points.append(float(primary(spec, scores)[0]))
        intervals.append(cluster_bootstrap(spec, scores, singles(rows), draws=500, seed=seed))
    expected = float(np.mean(points))
    covered = np.mean([low <= expected <= high for low, high in intervals])
    # Corpus macro-F1 over 20 labels with 3 rows each resamples to less than its own value, so its percentile interval covers less often.
    assert (0.84 if spec is L4 else 0.9) <= covered <= 0.99
    assert all(low <= point <= high for point, (low, high) in zip(points, intervals, strict=True))


def test_permutation_p_value_agrees_with_scipys_exact_one() -> None:
    rows = rows_of(M1, 10)
    a, b = answered(M1, rows, 0.9, 1), answered(M1, rows, 0.3, 2)
    exact = stats.permutation_test(
        ([s.score for s in a], [s.score for s in b]), lambda x, y, axis: np.mean(x - y, axis=axis), permutation_type="samples", vectorized=True, n_resamples=np.inf
    )
    ours = paired_difference(M1, a, b, singles(rows), draws=20_000)
    assert ours.delta == pytest.approx(exact.statistic)
    assert 0.01 < exact.pvalue < 0.9
    assert ours.p_value == pytest.approx(exact.pvalue, abs=0.012)


def test_permutation_of_macro_f1_agrees_with_all_swaps_by_hand() -> None:
    rows = rows_of(L4, 9)
    a, b = answered(L4, rows, 0.9, 1), answered(L4, rows, 0.3, 5)
    observed = float((primary(L4, a) - primary(L4, b))[0])
    extreme = 0
    for swaps in itertools.product([False, True], repeat=len(rows)):
        x = [second if swap else first for first, second, swap in zip(a, b, swaps, strict=True)]
        y = [first if swap else second for first, second, swap in zip(a, b, swaps, strict=True)]
        extreme += abs(float((primary(L4, x) - primary(L4, y))[0])) >= abs(observed) - 1e-12
    exact = extreme / 2 ** len(rows)
    assert 0.01 < exact < 0.9
    assert paired_difference(L4, a, b, singles(rows), draws=20_000).p_value == pytest.approx(exact, abs=0.012)


@pytest.mark.parametrize("spec", [M1, L4], ids=lambda spec: spec.code)
def test_whole_groups_are_swapped(spec: SubTask) -> None:
    rows = rows_of(spec)
    a, b = answered(spec, rows, 1.0), answered(spec, rows, 0.0)
    assert paired_difference(spec, a, b, singles(rows)).p_value == 1 / 2001
    two_groups = paired_difference(spec, a, b, ["x" if i % 2 else "y" for i in range(len(rows))]).p_value
    assert two_groups == pytest.approx(0.5, abs=0.05)  # 2 of the 4 swaps are as extreme as what was seen


@pytest.mark.parametrize("spec", [S1, L4], ids=lambda spec: spec.code)
def test_permutation_keeps_its_level(spec: SubTask) -> None:
    rows = rows_of(spec)
    p_values = [
        paired_difference(spec, answered(spec, rows, 0.6, seed), answered(spec, rows, 0.6, seed + 1000), singles(rows), draws=300, seed=seed).p_value for seed in range(200)
    ]
    assert np.mean(np.array(p_values) <= 0.05) <= 0.09


@pytest.mark.parametrize("spec", [M1, S1, L4], ids=lambda spec: spec.code)
def test_equal_answers_differ_by_nothing(spec: SubTask) -> None:
    rows = rows_of(spec)
    a = answered(spec, rows, 0.6)
    found = paired_difference(spec, a, list(a), singles(rows))
    assert (found.delta, found.low, found.high, found.p_value) == (0.0, 0.0, 0.0, 1.0)


@pytest.mark.parametrize("spec", [M1, S1, L4], ids=lambda spec: spec.code)
def test_exchanging_the_systems_turns_the_sign(spec: SubTask) -> None:
    rows = rows_of(spec)
    a, b = answered(spec, rows, 0.8, 1), answered(spec, rows, 0.5, 2)
    one, other = paired_difference(spec, a, b, singles(rows)), paired_difference(spec, b, a, singles(rows))
    assert one.low < one.delta < one.high
    assert (one.delta, one.p_value) == pytest.approx((-other.delta, other.p_value))
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))


def test_the_seed_alone_decides() -> None:
    rows = rows_of(L4)
    a, b = answered(L4, rows, 0.8, 1), answered(L4, rows, 0.6, 2)
    assert paired_difference(L4, a, b, singles(rows), seed=3) == paired_difference(L4, a, b, singles(rows), seed=3)
    assert paired_difference(L4, a, b, singles(rows), seed=3) != paired_difference(L4, a, b, singles(rows), seed=4)
    assert cluster_bootstrap(L4, a, singles(rows), seed=3) != cluster_bootstrap(L4, a, singles(rows), seed=4)


def test_one_group_says_nothing_about_the_spread() -> None:
    rows = rows_of(S1)
    a, b = answered(S1, rows, 0.8, 1), answered(S1, rows, 0.6, 2)
    assert cluster_bootstrap(S1, a, ["all"] * len(rows)) == (0.0, 1.0)
    found = paired_difference(S1, a, b, ["all"] * len(rows))
    assert (found.low, found.high, found.p_value) == (-1.0, 1.0, 1.0)


def test_lists_of_unequal_length_are_refused() -> None:
    rows = rows_of(S1)
    scores = answered(S1, rows, 0.8)
    with pytest.raises(ValueError, match=f"{len(rows) - 1} groups for {len(rows)} scores"):
        cluster_bootstrap(S1, scores, singles(rows)[1:])
    with pytest.raises(ValueError, match="no pairs"):
        paired_difference(S1, scores, scores[1:], singles(rows))
    with pytest.raises(ValueError, match="at least one"):
        cluster_bootstrap(S1, [], [])


@pytest.mark.parametrize(
    ("given", "adjusted"),
    [
        ([], []),
        ([0.04], [0.04]),
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),  # 3 x 0.01; 2 x 0.03; 1 x 0.04 raised to its forerunner
        ([0.5, 0.5, 0.001], [1.0, 1.0, 0.003]),
        ([0.02, 0.02], [0.04, 0.04]),
    ],
)
def test_holm_by_hand(given: list[float], adjusted: list[float]) -> None:
    assert holm(given) == pytest.approx(adjusted)


def test_holm_agrees_with_statsmodels() -> None:
    for seed in range(20):
        p_values = np.random.default_rng(seed).random(seed + 1) ** 3
        assert holm(p_values.tolist()) == pytest.approx(multipletests(p_values, method="holm")[1])


@pytest.mark.parametrize("n", [1, 7, 40, 1000])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_wilson_agrees_with_scipy_and_statsmodels(n: int, level: float) -> None:
    for successes in {0, 1, n // 2, n - 1, n}:
        theirs = stats.binomtest(successes, n).proportion_ci(level, method="wilson")
        assert wilson(successes, n, level) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
        assert wilson(successes, n, level) == pytest.approx(proportion_confint(successes, n, 1 - level, method="wilson"), abs=1e-12)


def test_wilson_without_trials_is_the_whole_range() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
