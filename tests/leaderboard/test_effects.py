"""Language gap, transfer, seeds and GRIM, against worked cases, scipy and what they are made of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from anytasktune_bench.leaderboard.effects import PairedTest, is_possible_mean, language_gap, mean_difference, seed_spread
from anytasktune_bench.leaderboard.statistics import DRAWS, bootstrap_draws, paired_difference, percentiles
from anytasktune_bench.metrics import primary
from tests.leaderboard.test_statistics import L4, M1, S1, answered, rows_of, singles


def test_the_language_gap_is_the_paired_difference_of_twins() -> None:
    rows = rows_of(S1)
    zh, en = answered(S1, rows, 0.8, 1), answered(S1, rows, 0.5, 2)
    pairs = [row.pair_id for row in rows]
    groups = {row.pair_id: row.group for row in rows}
    by_pair = dict(sorted(zip(pairs, zip(zh, en, strict=True), strict=True), reverse=True))
    found = language_gap(S1, {pair: a for pair, (a, _) in by_pair.items()}, {pair: b for pair, (_, b) in by_pair.items()}, groups)
    assert found == paired_difference(S1, zh, en, [groups[pair] for pair in pairs])


def test_only_twins_count_in_the_language_gap() -> None:
    rows = rows_of(S1)
    scores = answered(S1, rows, [i < 10 for i in range(len(rows))])
    named = dict(zip(singles(rows), scores, strict=True))
    groups = {name: name for name in named}
    first = dict(list(named.items())[:10])
    found = language_gap(S1, first, named, groups)
    assert found is not None and (found.delta, found.p_value) == (0.0, 1.0)
    assert language_gap(S1, first, dict(list(named.items())[10:]), groups) is None


def test_a_transfer_mean_is_the_mean_of_the_differences() -> None:
    tests = [PairedTest(spec, answered(spec, rows_of(spec), 0.8, 1), answered(spec, rows_of(spec), 0.4, 2), singles(rows_of(spec))) for spec in (M1, L4)]
    found = mean_difference(tests)
    deltas = [float(primary(test.spec, test.scores_a)[0] - primary(test.spec, test.scores_b)[0]) for test in tests]
    assert (found.delta, found.tests) == (pytest.approx(np.mean(deltas)), 2)
    assert found.low < found.delta < found.high
    one = mean_difference(tests[:1])
    assert found.high - found.low < one.high - one.low  # two independent tests know more than one


def test_twins_of_two_languages_are_no_independent_evidence() -> None:
    test = PairedTest(S1, answered(S1, rows_of(S1), 0.8, 1), answered(S1, rows_of(S1), 0.4, 2), singles(rows_of(S1)))
    once, twice = mean_difference([test]), mean_difference([test, test])
    assert (twice.low, twice.high) == pytest.approx((once.low, once.high))


def test_the_interval_of_one_test_is_that_of_its_bootstrap() -> None:
    rows = rows_of(M1)
    a, b = answered(M1, rows, 0.8, 1), answered(M1, rows, 0.4, 2)
    found = mean_difference([PairedTest(M1, a, b, singles(rows))])
    expected = paired_difference(M1, a, b, singles(rows))
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.03)
    theirs = stats.bootstrap(
        ([x.score - y.score for x, y in zip(a, b, strict=True)],), np.mean, n_resamples=DRAWS, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=0.03)


def test_a_test_with_one_group_makes_the_interval_say_nothing() -> None:
    rows = rows_of(S1)
    test = PairedTest(S1, answered(S1, rows, 0.8, 1), answered(S1, rows, 0.4, 2), ["all"] * len(rows))
    assert (mean_difference([test]).low, mean_difference([test]).high) == (-1.0, 1.0)


def test_seeds_by_hand_and_by_scipy() -> None:
    found = seed_spread([0.4, 0.5, 0.6])
    assert found is not None
    # sd 0.1; t(2) at 97.5 % is 4.3027; half the width is 4.3027 x 0.1 / sqrt(3).
    assert (found.n, found.mean, found.sd) == (3, pytest.approx(0.5), pytest.approx(0.1))
    assert (found.low, found.high) == pytest.approx((0.5 - 0.24841, 0.5 + 0.24841), abs=1e-5)
    theirs = stats.ttest_1samp([0.4, 0.5, 0.6], 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high))
    assert seed_spread([0.4]) is None and seed_spread([]) is None


@pytest.mark.parametrize(
    ("mean", "n", "decimals", "grains", "possible"),
    [
        (0.33, 3, 2, 1, True),
        (0.34, 3, 2, 1, False),
        (0.5, 40, 3, 1, True),
        (0.513, 40, 3, 1, False),  # 20 / 40 = 0.5, 21 / 40 = 0.525
        (0.513, 39, 3, 1, True),  # 20 / 39 = 0.51282
        (0.19, 28, 2, 1, False),  # as 5.19 for 28 integers in the paper: 5 / 28 = 0.179, 6 / 28 = 0.214
        (0.19, 28, 2, 100, True),
        (0.0, 7, 3, 1, True),
        (1.0, 7, 3, 1, True),
    ],
)
def test_grim_by_hand(mean: float, n: int, decimals: int, grains: int, possible: bool) -> None:
    assert is_possible_mean(mean, n, decimals, grains) is possible


@given(st.integers(1, 400), st.integers(1, 4), st.integers(1, 4), st.data())
def test_every_true_mean_is_possible(n: int, grains: int, decimals: int, data: st.DataObject) -> None:
    total = data.draw(st.integers(0, n * grains))
    assert is_possible_mean(round(total / (n * grains), decimals), n, decimals, grains)


@given(st.integers(1, 90), st.integers(0, 100))
def test_grim_agrees_with_trying_every_sum(n: int, hundredths: int) -> None:
    mean = hundredths / 100
    assert is_possible_mean(mean, n, 2) == any(abs(k / n - mean) <= 0.005 + 1e-12 for k in range(n + 1))


def test_bootstrap_draws_of_twins_are_paired() -> None:
    rows = rows_of(S1)
    a = answered(S1, rows, 0.7, 1)
    one, other = (bootstrap_draws(S1, a, singles(rows), seed=5) for _ in range(2))
    assert one is not None and other is not None and (one == other).all()
    assert percentiles(one)[0] < percentiles(one)[1]
