"""One-to-one matching of predicted against gold items."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anytasktune_bench.spec import Lang
from anytasktune_bench.text import best_sim


def similarity_matrix(predicted: Sequence[str], gold: Sequence[Sequence[str]], lang: Lang) -> np.ndarray:
    """`sim` of each predicted item against each gold item's best alias, shape (len(predicted), len(gold)), values in [0, 1]."""
    return np.array([[best_sim(item, aliases, lang) for aliases in gold] for item in predicted], dtype=float).reshape(len(predicted), len(gold))


def best_total(weights: np.ndarray) -> float:
    """The greatest sum of weights over one-to-one pairings of rows with columns (Hungarian method, by scipy)."""
    if not weights.any():
        return 0.0
    if min(weights.shape) == 1:
        return float(weights.max())
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(weights, maximize=True)
    return float(weights[rows, columns].sum())


def f1(hits: float, predicted: float, gold: float) -> float:
    """Harmonic mean of hits/predicted and hits/gold; 0 without hits."""
    return 2 * hits / (predicted + gold) if hits else 0.0
