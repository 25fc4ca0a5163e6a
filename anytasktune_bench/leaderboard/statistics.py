"""Intervals and tests over row scores. All of it is vectorised over the draws and deterministic by seed.

Rows written from one situation share a `group` and are not independent, so every resampling moves whole groups: the bootstrap draws groups,
the permutation test swaps groups.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

from anytasktune_bench.metrics import Score, primary
from anytasktune_bench.spec import SubTask

DRAWS = 2000
"""Resamples of a bootstrap and of a permutation test."""

TOLERANCE = 1e-12
"""Two differences closer than this are equal; summing in another order moves a difference by less."""


@dataclass(frozen=True)
class Difference:
    """A paired difference of primary scores."""

    delta: float
    """primary(a) - primary(b), in [-1, 1]."""
    low: float
    high: float
    """Bounds of its interval, in [-1, 1]."""
    p_value: float
    """Two-sided, in [1 / (1 + draws), 1]."""


def cluster_bootstrap(spec: SubTask, scores: Sequence[Score], groups: Sequence[str], *, draws: int = DRAWS, seed: int = 0, level: float = 0.95) -> tuple[float, float]:
    """Percentile interval of the primary score under resampling of whole groups.

    With G groups, each draw takes G of them with replacement and counts every row as often as its group was taken; the primary metric,
    corpus metrics included, is computed anew on each draw (percentile method: Efron 1979; resampling of clusters: Davison and Hinkley 1997,
    section 3.8). The interval has no width where every row scores the same, and it is
    too narrow for few groups (coverage of 0.66 to 0.78 in simulations with 10 groups, nine in ten of them all right).
    For macro-F1 over many labels with few rows each it is too narrow and lies low, because a resample often loses labels (coverage of 0.87 to
    0.94 in simulations with 20 labels of 3 rows); the permutation test below is not affected.

    Args:
        spec: the sub-task.
        scores: n row scores (n >= 1).
        groups: n group names.
        draws: resamples.
        seed: of the resampling.
        level: nominal coverage, in (0, 1).

    Returns:
        (low, high) in [0, 1]; (0, 1) with a single group, whose resamples say nothing.
    """
    found = bootstrap_draws(spec, scores, groups, draws=draws, seed=seed)
    return (0.0, 1.0) if found is None else percentiles(found, level)


def bootstrap_draws(spec: SubTask, scores: Sequence[Score], groups: Sequence[str], *, draws: int = DRAWS, seed: int = 0) -> np.ndarray | None:
    """(draws,) primary scores under resampling of whole groups, as in `cluster_bootstrap`; None with a single group.

    Equal groups of one sub-task get equal resamples for one seed, so that draws of several systems, and of twins in two languages, are paired; those of
    different sub-tasks are independent.
    """
    index = group_index(groups, len(scores))
    return None if index.max() == 0 else primary(spec, scores, _resampled(spec, index, draws, seed))


def paired_difference(
    spec: SubTask,
    scores_a: Sequence[Score],
    scores_b: Sequence[Score],
    groups: Sequence[str],
    *,
    draws: int = DRAWS,
    seed: int = 0,
    level: float = 0.95,
) -> Difference:
    """How far system a lies above system b on the same rows.

    The interval is that of `cluster_bootstrap`, with the same resamples for both systems. The p-value is that of an approximate randomisation
    test (Noreen 1989): under the null hypothesis the two systems' answers within a group can be exchanged, so each draw swaps them in a random
    half of the groups. The 2n scores are weighted by (1 - s, s) for one side and (s, 1 - s) for the other, which serves corpus metrics as it
    does means. p = (1 + #{|permuted| >= |observed|}) / (1 + draws), which never is 0 and keeps the level (Phipson and Smyth 2010).

    Args:
        spec: the sub-task.
        scores_a: n row scores of the one system.
        scores_b: n row scores of the other, in the same order of rows; gold is the same on both sides.
        groups: n group names.
        draws: resamples, and permutations.
        seed: of both.
        level: nominal coverage of the interval, in (0, 1).

    Returns:
        Difference, interval and p-value; the interval is (-1, 1) with a single group.
    """
    if len(scores_a) != len(scores_b):
        raise ValueError(f"{len(scores_a)} and {len(scores_b)} scores are no pairs")
    index = group_index(groups, len(scores_a))
    delta = float(primary(spec, scores_a)[0] - primary(spec, scores_b)[0])
    low, high = -1.0, 1.0
    if index.max() > 0:
        weights = _resampled(spec, index, draws, seed)
        low, high = percentiles(primary(spec, scores_a, weights) - primary(spec, scores_b, weights), level)
    swap = swaps(index, draws, seed)
    both = [*scores_a, *scores_b]
    permuted = primary(spec, both, np.hstack([1 - swap, swap])) - primary(spec, both, np.hstack([swap, 1 - swap]))
    extreme = int((np.abs(permuted) >= abs(delta) - TOLERANCE).sum())
    return Difference(0.0 if abs(delta) < TOLERANCE else delta, low, high, (1 + extreme) / (1 + draws))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values of m tests, in the given order (Holm 1979): the i-th smallest times m - i + 1, never below a smaller one's, at most 1.

    Rejecting where the adjusted value is at most alpha keeps the chance of any false rejection among the m at alpha.
    """
    adjusted = [0.0] * len(p_values)
    running = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = running
    return adjusted


def wilson(successes: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """Score interval of a proportion of n independent trials (Wilson 1927), without continuity correction.

    Args:
        successes: in [0, n].
        n: trials; (0, 1) is returned for none.
        level: nominal coverage, in (0, 1).

    Returns:
        (low, high) in [0, 1].
    """
    if n == 0:
        return 0.0, 1.0
    z2 = NormalDist().inv_cdf((1 + level) / 2) ** 2
    share = successes / n
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = (z2 * (share * (1 - share) / n + z2 / (4 * n * n))) ** 0.5 / (1 + z2 / n)
    return (0.0 if successes <= 0 else max(0.0, centre - half)), (1.0 if successes >= n else min(1.0, centre + half))


def swaps(index: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """(draws, n) of 0 and 1: whether each row changes sides, all rows of a group alike.

    Args:
        index: (n,) number of each row's group, as `group_index` gives it.
        draws: permutations.
        seed: of them.
    """
    return _by_group(index, "swaps", draws, (seed, 1))


def group_index(groups: Sequence[str], n: int) -> np.ndarray:
    """The number of each row's group, (n,), groups numbered in the order of their names."""
    if not groups or len(groups) != n:
        raise ValueError(f"{len(groups)} groups for {n} scores: give one for each, and at least one")
    return np.unique(np.array(groups, dtype=object), return_inverse=True)[1].reshape(n)


def _resampled(spec: SubTask, index: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """(draws, n) row weights: how often each row's group was drawn when as many groups as there are were drawn with replacement."""
    return _by_group(index, "resamples", draws, (seed, 0, zlib.crc32(spec.full_id.encode())))


def _by_group(index: np.ndarray, kind: Literal["resamples", "swaps"], draws: int, seed: tuple[int, ...]) -> np.ndarray:
    return _drawn(kind, int(index.max()) + 1, draws, seed)[:, index]


@functools.lru_cache(maxsize=64)
def _drawn(kind: Literal["resamples", "swaps"], groups: int, draws: int, seed: tuple[int, ...]) -> np.ndarray:
    """(draws, groups) random numbers; kept, since every system of a test needs the same."""
    if kind == "resamples":
        found = np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), size=draws).astype(float)
    else:
        found = np.random.default_rng(seed).integers(0, 2, size=(draws, groups)).astype(float)
    found.setflags(write=False)
    return found


def percentiles(values: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """The percentile interval of some draws."""
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
