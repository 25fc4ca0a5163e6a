"""`macro_f1`: a corpus metric over closed labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def macro_f1(gold: Sequence[str], predicted: Sequence[str | None], weights: np.ndarray | None = None) -> np.ndarray:
    """Mean over the labels that `gold` holds of their F1 = 2tp / (2tp + fp + fn); an invalid answer (None) is a miss.

    Equal to scikit-learn's `f1_score(average="macro", labels=sorted(set(gold)), zero_division=0)` (tested); written out because a
    bootstrap needs it for thousands of row weightings at once.

    Args:
        gold: n label ids.
        predicted: n label ids or None.
        weights: (B, n) row weights, for example counts of a bootstrap sample; all ones if None. A label whose gold rows all weigh 0 is left out.

    Returns:
        (B,) values in [0, 1]; (1,) without weights.
    """
    n = len(gold)
    w = np.ones((1, n)) if weights is None else np.asarray(weights, dtype=float)
    names = sorted(set(gold))
    is_gold = np.array([[g == name for name in names] for g in gold], dtype=float).reshape(n, len(names))
    is_predicted = np.array([[p == name for name in names] for p in predicted], dtype=float).reshape(n, len(names))
    hits = w @ (is_gold * is_predicted)
    gold_total = w @ is_gold
    denominator = gold_total + w @ is_predicted
    per_label = np.divide(2 * hits, denominator, out=np.zeros_like(hits), where=denominator > 0)
    present = gold_total > 0
    result: np.ndarray = (per_label * present).sum(axis=1) / np.maximum(present.sum(axis=1), 1)
    return result
