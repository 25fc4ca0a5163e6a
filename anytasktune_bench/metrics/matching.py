"""One-to-one matching of predicted against gold items."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anytasktune_bench.spec import Lang
from anytasktune_bench.text import best_sim


def similarity_matrix(predicted: Sequence[str], gold: Sequence[Sequence[str]], lang: Lang) -> np.ndarray:
    """`sim` of each predicted item against each gold item's best alias, shape (len(predicted), len(gold)), values in [0, 1]."""
    return np.array([[best_sim(item, aliases, lang) for aliases in gold] for item in predicted], dtype=float).reshape(len(predicted), len(gold))


def best_pairs(weights: np.ndarray) -> list[tuple[int, int]]:
    """The one-to-one pairing of rows with columns that has the greatest sum of weights (Hungarian method, by scipy), without pairs of weight 0."""
    if not weights.any():
        return []
    if min(weights.shape) == 1:
        best = int(weights.argmax())
        return [divmod(best, weights.shape[1])]
    from scipy.optimize import linear_sum_assignment

    return [(int(row), int(column)) for row, column in zip(*linear_sum_assignment(weights, maximize=True), strict=True) if weights[row, column] > 0]


def best_total(weights: np.ndarray) -> float:
    """The greatest sum of weights over one-to-one pairings of rows with columns."""
    return float(sum(weights[row, column] for row, column in best_pairs(weights)))


def f1(hits: float, predicted: float, gold: float) -> float:
    """Harmonic mean of hits/predicted and hits/gold; 0 without hits."""
    return 2 * hits / (predicted + gold) if hits else 0.0
