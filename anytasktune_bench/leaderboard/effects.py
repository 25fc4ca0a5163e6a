"""Differences beside that from the base model: between languages, over whole domains, between seeds; and what a reported mean can be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from anytasktune_bench.leaderboard.statistics import DRAWS, Difference, bootstrap_draws, paired_difference, percentiles
from anytasktune_bench.metrics import Score, primary
from anytasktune_bench.spec import SubTask


def language_gap(spec: SubTask, zh: Mapping[str, Score], en: Mapping[str, Score], groups: Mapping[str, str], *, draws: int = DRAWS, seed: int = 0) -> Difference | None:
    """How far one system scores higher in Chinese than in English on the twins that it answered in both.

    The two languages are the two sides of `statistics.paired_difference`: twins are pairs, whole groups are resampled and swapped.

    Args:
        spec: the sub-task.
        zh: `pair_id` -> score in Chinese.
        en: `pair_id` -> score in English.
        groups: `pair_id` -> group.
        draws: resamples, and permutations.
        seed: of both.

    Returns:
        primary(zh) - primary(en) over the common pairs, with interval and p-value; None where there is no common pair.
    """
    pairs = sorted(zh.keys() & en.keys())
    if not pairs:
        return None
    return paired_difference(spec, [zh[pair] for pair in pairs], [en[pair] for pair in pairs], [groups[pair] for pair in pairs], draws=draws, seed=seed)


@dataclass(frozen=True)
class PairedTest:
    """Two systems on the same rows of one test."""

    spec: SubTask
    scores_a: Sequence[Score]
    scores_b: Sequence[Score]
    groups: Sequence[str]


@dataclass(frozen=True)
class MeanDifference:
    """A mean of paired differences over tests."""

    delta: float
    """In [-1, 1]."""
    low: float
    high: float
    """95 % percentile interval, in [-1, 1]."""
    tests: int
    """Sub-tasks times languages that it is over."""


def mean_difference(tests: Sequence[PairedTest], *, draws: int = DRAWS, level: float = 0.95) -> MeanDifference:
    """How far system a lies above system b on average over tests, each weighing the same; one cell of the transfer matrix.

    Each test's difference is resampled as in `statistics.paired_difference` and the draws are averaged as the differences are: sub-tasks are
    resampled independently, the two languages of one with the same groups, since their rows are twins. The interval is about these tests; it does not
    say how other sub-tasks of the domain would come out.

    Args:
        tests: at least one.
        draws: resamples.
        level: nominal coverage, in (0, 1).

    Returns:
        Mean and interval; a test with a single group, whose resamples say nothing, gives (-1, 1).
    """
    deltas, resampled = [], []
    for test in tests:
        a, b = (bootstrap_draws(test.spec, scores, test.groups, draws=draws) for scores in (test.scores_a, test.scores_b))
        deltas.append(float(primary(test.spec, test.scores_a)[0] - primary(test.spec, test.scores_b)[0]))
        resampled.append(None if a is None or b is None else a - b)
    known = [values for values in resampled if values is not None]
    low, high = percentiles(np.mean(known, axis=0), level) if len(known) == len(tests) else (-1.0, 1.0)
    return MeanDifference(float(np.mean(deltas)), low, high, len(tests))


@dataclass(frozen=True)
class Spread:
    """Scores of one recipe under several seeds."""

    n: int
    """Runs, at least 2."""
    mean: float
    sd: float
    """Standard deviation between runs, with n - 1 in the denominator."""
    low: float
    high: float
    """Interval of the mean over seeds; it can leave [0, 1]."""


def seed_spread(scores: Sequence[float], level: float = 0.95) -> Spread | None:
    """Mean and spread of n runs that differ in their seed alone, with Student's t interval (Student 1908): mean ± t(n - 1) sd / sqrt(n).

    It is about training again on the same data, not about other test rows, which the interval of each run's cell is about.

    Args:
        scores: n primary scores.
        level: nominal coverage, in (0, 1).

    Returns:
        The spread; None for fewer than two runs.
    """
    if len(scores) < 2:
        return None
    from scipy.stats import t

    values = np.array(scores, dtype=float)
    mean, sd = float(values.mean()), float(values.std(ddof=1))
    half = float(t.ppf((1 + level) / 2, len(values) - 1)) * sd / math.sqrt(len(values))
    return Spread(len(values), mean, sd, mean - half, mean + half)


def is_possible_mean(mean: float, n: int, decimals: int, grains: int = 1) -> bool:
    """Whether a mean, as printed, can be one of n values that are multiples of 1 / grains: the GRIM test (Brown and Heathers 2017).

    A sum of such values is a whole number of grains, so the mean is k / (n x grains); it is possible if one of them lies within half a unit of the
    last decimal, whichever way halves are rounded.

    Args:
        mean: as printed, in [0, 1].
        n: values (n >= 1).
        decimals: digits after the point that were printed.
        grains: parts of a point that one value is counted in; 1 for accuracy.

    Returns:
        False where no n values have that mean; True says little where n x grains is 10 ** decimals or more, since then every mean is possible.
    """
    nearest = round(mean * n * grains) / (n * grains)
    return abs(nearest - mean) <= 0.5 * 10.0**-decimals + 1e-12
