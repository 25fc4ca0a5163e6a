"""Rank intervals and detectable differences, against worked cases, the pairwise test, Holm, and simulation."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from statsmodels.stats.power import TTestPower

from anytasktune_bench.leaderboard.standing import Standing, minimum_detectable_effect, separation
from anytasktune_bench.leaderboard.statistics import holm, paired_difference
from anytasktune_bench.metrics import Score, primary
from anytasktune_bench.spec import SubTask
from tests.leaderboard.test_statistics import CATALOG, L4, M1, S1, answered, rows_of, singles

L5, H3 = CATALOG.get("L5"), CATALOG.get("H3")


def systems_of(spec: SubTask, *right: float) -> list[list[Score]]:
    return [answered(spec, rows_of(spec), share, seed) for seed, share in enumerate(right)]


def test_three_systems_by_hand() -> None:
    rows = rows_of(S1)
    every, none = answered(S1, rows, 1.0), answered(S1, rows, 0.0)
    # All answers right, the same again, and none right: the twins differ by nothing, the last from both by everything.
    assert separation(S1, [every, none, every], singles(rows)) == [Standing(1, 1, 2), Standing(3, 3, 3), Standing(1, 1, 2)]


def test_one_system_stands_alone_and_none_gives_none() -> None:
    rows = rows_of(S1)
    assert separation(S1, [answered(S1, rows, 0.5)], singles(rows)) == [Standing(1, 1, 1)]
    assert separation(S1, [], []) == []


def test_one_group_separates_nobody() -> None:
    rows = rows_of(S1)
    found = separation(S1, [answered(S1, rows, 1.0), answered(S1, rows, 0.0)], ["all"] * len(rows))
    assert found == [Standing(1, 1, 2), Standing(2, 1, 2)]


@pytest.mark.parametrize("spec", [M1, L4, L5, H3], ids=lambda spec: spec.code)
def test_two_systems_are_separated_where_the_paired_test_is_significant(spec: SubTask) -> None:
    rows = rows_of(spec)
    seen = set()
    for seed in range(12):
        a, b = answered(spec, rows, 0.75, seed), answered(spec, rows, 0.45, seed + 100)
        difference = paired_difference(spec, a, b, singles(rows))
        significant = difference.p_value <= 0.05
        first, second = separation(spec, [a, b], singles(rows))
        better, worse = (first, second) if difference.delta > 0 else (second, first)
        assert (better, worse) == ((Standing(1, 1, 1), Standing(2, 2, 2)) if significant else (Standing(1, 1, 2), Standing(2, 1, 2)))
        seen.add(significant)
    assert True in seen


@pytest.mark.parametrize("spec", [M1, L4], ids=lambda spec: spec.code)
def test_many_systems_are_separated_about_as_by_holm(spec: SubTask) -> None:
    rows = rows_of(spec)
    systems = systems_of(spec, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    found = separation(spec, systems, singles(rows))
    scores = [float(primary(spec, scores)[0]) for scores in systems]
    for place, one in enumerate(found):
        others = [other for other in range(len(systems)) if other != place]
        tests = [paired_difference(spec, systems[place], systems[other], singles(rows)) for other in others]
        adjusted = holm([test.p_value for test in tests])
        low = 1 + sum(p <= 0.05 and test.delta < 0 for p, test in zip(adjusted, tests, strict=True))
        high = len(systems) - sum(p <= 0.05 and test.delta > 0 for p, test in zip(adjusted, tests, strict=True))
        assert one.rank == 1 + sum(score > scores[place] for score in scores)
        assert one.low <= one.rank <= one.high
        assert abs(one.low - low) <= 1 and abs(one.high - high) <= 1
    assert found[0].high == len(systems) and found[-1].is_best and not found[0].is_best


def test_order_and_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, systems = rows_of(L4), systems_of(L4, 0.9, 0.2, 0.6, 0.5, 0.8)
    found = separation(L4, systems, singles(rows))
    assert separation(L4, systems[::-1], singles(rows)) == found[::-1]
    monkeypatch.setattr("anytasktune_bench.leaderboard.standing._BLOCK", 1)
    assert separation(L4, systems, singles(rows)) == found


def test_a_system_is_wrongly_ranked_no_more_often_than_stated() -> None:
    rows = rows_of(S1)
    wrong = 0
    for seed in range(120):
        alike = [answered(S1, rows, 0.5, 10 * seed + place) for place in range(6)]
        wrong += separation(S1, alike, singles(rows), draws=400, seed=seed)[0] != Standing(separation(S1, alike, singles(rows), draws=1)[0].rank, 1, 6)
    # Six equally good systems: an interval short of 1 to 6 is an error. 5 % of 120 are 6; 13 or more have a chance of under 1 %.
    assert wrong <= 12


def test_the_best_of_clearly_better_systems_are_marked() -> None:
    rows = rows_of(S1)
    found = separation(S1, systems_of(S1, 0.9, 0.9, 0.1, 0.1, 0.1), singles(rows))
    assert [one.is_best for one in found] == [True, True, False, False, False]


def test_the_detectable_effect_of_a_mean_is_that_of_a_paired_t_test() -> None:
    rows = rows_of(M1)
    systems = systems_of(M1, 0.8, 0.5)
    found = minimum_detectable_effect(M1, systems, singles(rows), draws=20_000)
    differences = np.array([a.score - b.score for a, b in zip(*systems, strict=True)])
    effect = TTestPower().solve_power(nobs=len(rows), alpha=0.05, power=0.8) * differences.std(ddof=1)
    assert found == pytest.approx(effect, rel=0.08)  # the t distribution's tails against the normal's


def test_the_detectable_effect_is_found_as_often_as_stated() -> None:
    rows, shares = rows_of(S1), (0.7, 0.4)
    effects = [minimum_detectable_effect(S1, [answered(S1, rows, share, seed + 50 * i) for i, share in enumerate(shares)], singles(rows), draws=300) for seed in range(20)]
    expected = float(np.mean([effect for effect in effects if effect]))
    outputs, draw = rows_of(S1), random.Random(4)
    own, wrong = answered(S1, outputs, 1.0), answered(S1, outputs, 0.0)
    gain = expected / float(np.mean([a.score - b.score for a, b in zip(own, wrong, strict=True)]))
    found = 0
    for seed in range(150):
        base = [draw.random() < 0.4 for _ in rows]
        tuned = [draw.random() < 0.4 + gain for _ in rows]
        found += paired_difference(S1, answered(S1, rows, tuned, seed), answered(S1, rows, base, seed), singles(rows), draws=300).p_value <= 0.05
    assert 0.68 <= found / 150 <= 0.9  # 0.8 less what steps of 1 / 40 and 300 draws cost


def test_more_rows_detect_less_and_rows_of_a_group_count_once() -> None:
    rows, systems = rows_of(S1), systems_of(S1, 0.8, 0.5, 0.6)
    few, all_of_them = (minimum_detectable_effect(S1, [scores[:n] for scores in systems], singles(rows[:n])) for n in (10, 40))
    doubled = minimum_detectable_effect(S1, [[score for score in scores for _ in "ab"] for scores in systems], [name for name in singles(rows) for _ in "ab"])
    assert few and all_of_them and few > all_of_them
    assert doubled == pytest.approx(all_of_them)


def test_nothing_is_detectable_without_two_systems_that_differ() -> None:
    rows, (a, b) = rows_of(S1), systems_of(S1, 0.8, 0.5)
    assert minimum_detectable_effect(S1, [], singles(rows)) is None
    assert minimum_detectable_effect(S1, [a], singles(rows)) is None
    assert minimum_detectable_effect(S1, [a, a], singles(rows)) is None
    assert minimum_detectable_effect(S1, [a, b], ["all"] * len(rows)) is None
    assert minimum_detectable_effect(S1, [a, b], [str(i % 3) for i in range(len(rows))]) is None


def test_equal_ranks_share_a_place() -> None:
    rows = rows_of(S1)
    a, b = answered(S1, rows, 0.6, 1), answered(S1, rows, 0.1, 2)
    assert [one.rank for one in separation(S1, [b, a, a, b], singles(rows))] == [3, 1, 1, 3]
    assert {(one.low, one.high) for one in separation(S1, list(itertools.repeat(a, 5)), singles(rows))} == {(1, 5)}
