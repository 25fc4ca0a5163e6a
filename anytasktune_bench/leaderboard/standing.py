"""Where systems stand among each other on one test: which are told apart, rank intervals, and what difference the test can detect."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from anytasktune_bench.leaderboard.statistics import DRAWS, TOLERANCE, bootstrap_draws, group_index, swaps
from anytasktune_bench.leaderboard.sums import ScoreSums
from anytasktune_bench.metrics import Score, primary
from anytasktune_bench.spec import SubTask

_BLOCK = 1 << 18
"""Numbers in one array of the pairwise tests; more would leave the processor's cache."""


@dataclass(frozen=True)
class Standing:
    """Where one system stands among M systems on the same rows."""

    rank: int
    """1 + the number of systems with a higher score."""
    low: int
    """1 + the number of systems that are significantly better."""
    high: int
    """M - the number of systems that are significantly worse."""

    @property
    def is_best(self) -> bool:
        """Whether it is not separated from the best: no system is significantly better."""
        return self.low == 1


def separation(spec: SubTask, systems: Sequence[Sequence[Score]], groups: Sequence[str], *, draws: int = DRAWS, seed: int = 0, alpha: float = 0.05) -> list[Standing]:
    """Rank intervals of M systems from paired permutation tests of all pairs.

    Each pair is tested as in `statistics.paired_difference`, with the same swaps for all pairs. A system's M - 1 comparisons are one family: with t the
    difference over its standard deviation under swapping, a comparison is significant where at most a share alpha of the draws has a largest
    |t| in the family that reaches the observed one (single-step max-T: Westfall and Young 1993). So the chance that a system's interval misses its
    rank is about alpha, and so is the chance that a best system is not marked (0.047 to 0.061 for alpha = 0.05 in simulations of eight equal systems). Mogstad, Romano,
    Shaikh and Wilhelm (2024) build intervals for ranks from pairwise bootstrap tests in this way. Holm over a family needs p-values below alpha / (M - 1), which
    2000 draws cannot give for more than a hundred systems; max-T needs no more draws for more systems, and uses that the comparisons are correlated.

    Args:
        spec: the sub-task.
        systems: M lists of n row scores each, in one order of rows.
        groups: n group names.
        draws: permutations.
        seed: of them.
        alpha: chance of an error in one system's family, in (0, 1).

    Returns:
        M standings in the given order. Time grows with draws x M^2, for label metrics also with the number of labels.
    """
    if not systems:
        return []
    sums = ScoreSums(spec, systems[0])
    swapped = swaps(group_index(groups, len(systems[0])), draws, seed)
    rows = [sums.rows(scores) for scores in systems]
    whole = np.array([found.sum(axis=0) for found in rows]).T
    moved = np.array([(swapped @ found).T for found in rows]).transpose(1, 0, 2)
    scores = np.array([float(primary(spec, found)[0]) for found in systems])
    count = len(systems)
    largest = np.zeros((count, draws))
    observed = np.zeros((count, count))
    for one in range(count - 1):
        step = max(1, _BLOCK // (draws * sums.width))
        for start in range(one + 1, count, step):
            others = slice(start, min(start + step, count))
            difference = np.abs(_exchanged(sums, whole, moved, one, others))
            scale = np.sqrt((difference**2).mean(axis=1, keepdims=True))
            np.divide(difference, scale, out=difference, where=scale > TOLERANCE)
            largest[one] = np.maximum(largest[one], difference.max(axis=0))
            largest[others] = np.maximum(largest[others], difference)
            delta = scores[one] - scores[others]
            observed[one, others] = np.divide(delta, scale[:, 0], out=np.zeros_like(delta), where=scale[:, 0] > TOLERANCE)
    observed -= observed.T
    return [_standing(i, scores, observed[i], np.sort(largest[i]), alpha) for i in range(count)]


def _exchanged(sums: ScoreSums, whole: np.ndarray, moved: np.ndarray, one: int, others: slice) -> np.ndarray:
    """(m, draws) differences of one system from m others after the rows of the swapped groups changed sides.

    Args:
        sums: of the test.
        whole: (width, M) sums over all rows.
        moved: (width, M, draws) sums over the rows of swapped groups.
        one: a system.
        others: m systems.
    """
    kept = whole[:, :, None]
    first = kept[:, one, None] - moved[:, one, None] + moved[:, others]
    second = moved[:, one, None] + (kept[:, others] - moved[:, others])
    return np.asarray(sums.score(first) - sums.score(second))


def _standing(place: int, scores: np.ndarray, observed: np.ndarray, largest: np.ndarray, alpha: float) -> Standing:
    reached = len(largest) - np.searchsorted(largest, np.abs(observed) - TOLERANCE)
    significant = (1 + reached) / (1 + len(largest)) <= alpha
    significant[place] = False
    better = int((scores > scores[place] + TOLERANCE).sum())
    return Standing(1 + better, 1 + int((significant & (observed < 0)).sum()), len(scores) - int((significant & (observed > 0)).sum()))


def minimum_detectable_effect(
    spec: SubTask, systems: Sequence[Sequence[Score]], groups: Sequence[str], *, draws: int = DRAWS, seed: int = 0, alpha: float = 0.05, power: float = 0.8
) -> float | None:
    """The smallest true difference of two systems that a paired two-sided test on these rows finds with the given chance.

    (z(1 - alpha / 2) + z(power)) x SE, with SE the standard error of a paired difference, is the usual form (Bloom 1995), but too small for the permutation
    test: swapping G groups moves the difference by sqrt(SE^2 + d^2 / G) when the true one is d, since what is swapped holds d. So d solves
    d - z(1 - alpha / 2) sqrt(SE^2 + d^2 / G) = z(power) SE, which tends to the usual form for many groups (3.01 x SE for 40 groups, 2.80 x SE without end).
    SE is that of the cluster bootstrap with the same resamples for all systems, var(a - b) = var(a) + var(b) - 2 cov(a, b); of the M (M - 1) / 2 pairs the median
    is taken, leaving out pairs whose difference never varies.

    Args:
        spec: the sub-task.
        systems: M lists of n row scores each, in one order of rows.
        groups: n group names.
        draws: resamples.
        seed: of them.
        alpha: level of the test, in (0, 1).
        power: chance to find the difference, in (alpha, 1).

    Returns:
        A difference of primary scores, > 0; None with fewer than two systems that differ, or with so few groups (three for alpha = 0.05) that no difference is found so often.
    """
    found = [bootstrap_draws(spec, scores, groups, draws=draws, seed=seed) for scores in systems]
    known = [values for values in found if values is not None]
    if len(known) < 2:
        return None
    covariance = np.cov(np.array(known))
    variance = covariance.diagonal()
    pairs = (variance[:, None] + variance - 2 * covariance)[np.triu_indices(len(known), 1)]
    varying = pairs[pairs > TOLERANCE]
    a, b = NormalDist().inv_cdf(1 - alpha / 2), NormalDist().inv_cdf(power)
    kept = 1 - a**2 / len(set(groups))
    if not len(varying) or kept <= 0:
        return None
    return float((b + math.sqrt(b**2 + kept * (a**2 - b**2))) / kept * np.sqrt(np.median(varying)))
