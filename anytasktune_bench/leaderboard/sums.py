"""The primary score as a function of sums over rows, so that any number of systems can exchange answers without scoring anything again.

Every metric of the benchmark is a function of sums: a mean of the sum of row values, macro-F1 of the hits and of the gold and answered rows of
each label, balanced accuracy of the hits on two lines. Where two systems exchange whole rows, each row still counts once, so what the gold alone decides
(n, gold rows per label, requirements per line) is constant.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anytasktune_bench.metrics import Score, part_key
from anytasktune_bench.spec import Metric, SubTask


class ScoreSums:
    """What is summed over the rows of one test, and the score that the sums give.

    Equal to `metrics.primary` for every weighting of two systems' rows that gives each row a total weight of 1 (tested for all sub-tasks).
    """

    def __init__(self, spec: SubTask, gold: Sequence[Score]) -> None:
        """Read the gold of a test.

        Args:
            spec: the sub-task.
            gold: n row scores of any one system (n >= 1); only their gold counts.
        """
        self._spec = spec
        self._n = len(gold)
        self._labels: dict[str, list[str]] = {}
        self._totals: dict[str, np.ndarray] = {}
        self._places: dict[str, slice] = {}
        start = 0
        for leaf in spec.leaves:
            key, width = part_key(leaf), 1
            if leaf.name == "macro_f1":
                self._labels[key] = sorted({score.labels[leaf.field or ""][0] for score in gold})
                width = 2 * len(self._labels[key])
            elif leaf.name == "balanced_accuracy":
                self._totals[key] = np.array([score.stats[key] for score in gold], dtype=float).sum(axis=0)[[0, 2]]
                width = 2
            self._places[key] = slice(start, start + width)
            start += width
        self.width = start

    def rows(self, scores: Sequence[Score]) -> np.ndarray:
        """What each row of one system adds.

        Args:
            scores: n row scores, in the order of the gold's.

        Returns:
            (n, width) array.
        """
        return np.hstack([self._rows(leaf, scores) for leaf in self._spec.leaves])

    def _rows(self, leaf: Metric, scores: Sequence[Score]) -> np.ndarray:
        key = part_key(leaf)
        if leaf.name == "macro_f1":
            pairs = [score.labels[leaf.field or ""] for score in scores]
            gold = np.array([[wanted == label for label in self._labels[key]] for wanted, _ in pairs], dtype=float)
            answered = np.array([[found == label for label in self._labels[key]] for _, found in pairs], dtype=float)
            return np.hstack([gold * answered, gold + answered])
        if leaf.name == "balanced_accuracy":
            return np.array([score.stats[key] for score in scores], dtype=float)[:, [1, 3]]
        return np.array([[score.parts[key]] for score in scores])

    def score(self, sums: np.ndarray) -> np.ndarray:
        """The primary score.

        Args:
            sums: (width, ...) sums of `rows` over the n rows.

        Returns:
            (...) values in [0, 1].
        """
        return self._score(self._spec.metric, sums)

    def _score(self, metric: Metric, sums: np.ndarray) -> np.ndarray:
        if metric.of:
            shares = metric.weights or (1.0,) * len(metric.of)
            parts = (share * self._score(part, sums) for share, part in zip(shares, metric.of, strict=True))
            return np.asarray(sum(parts) / sum(shares))
        key = part_key(metric)
        found = sums[self._places[key]]
        if metric.name == "macro_f1":
            count = len(self._labels[key])
            return np.asarray((2 * found[:count] / found[count:]).mean(axis=0))
        if metric.name == "balanced_accuracy":
            present = self._totals[key] > 0
            recalls = found[present] / self._totals[key][present].reshape(-1, *(1,) * (found.ndim - 1))
            return np.asarray(np.maximum(0.0, 2 * recalls.mean(axis=0) - 1)) if present.any() else np.zeros(found.shape[1:])
        return np.asarray(found[0] / self._n)
