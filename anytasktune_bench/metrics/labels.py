"""`macro_f1`: a corpus metric over closed labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anytasktune_bench.metrics.part import Graded, Note, Part
from anytasktune_bench.outputs import match_label
from anytasktune_bench.spec import Metric
from anytasktune_bench.text import normalise


def macro_f1_part(graded: Graded, metric: Metric) -> Part:
    """The label of one answer: of the whole answer, or of the first line with `metric.field`. A label beside anything else is none."""
    gold, answered = label_pair(graded, metric.field)
    right = float(gold == answered)
    what, text = "label", graded.parsed.cleaned
    if metric.field is not None:
        line = graded.line(metric.field)
        what, text = graded.spec.field(metric.field).name(graded.lang), line.value if line else ""
    name = next(label.name(graded.lang) for label in graded.spec.label_set(metric.field) if label.id == gold)
    extra = {"accuracy" if metric.field is None else f"accuracy_{metric.field}": right}
    return Part(right, extra, (Note(what, right, text[:200], name),), pair=(gold, answered))


def label_pair(graded: Graded, field: str | None) -> tuple[str, str | None]:
    """Gold id and answered id (None where invalid) of the whole answer or of one label field."""
    if field is None:
        return graded.gold["label"], graded.parsed.value
    known, line = graded.spec.field(field), graded.line(field)
    if line is None or _contradicted(graded, known.name(graded.lang), line.value):
        return graded.gold["fields"][field], None
    return graded.gold["fields"][field], match_label(known.labels, graded.lang, line.value)


def _contradicted(graded: Graded, key: str, value: str) -> bool:
    """Whether the same key stands again with another value: two answers are none."""
    name = normalise(key, graded.lang)
    again = [line.value for line in graded.parsed.value if line.field is None and normalise(line.key, graded.lang) == name]
    return any(normalise(other, graded.lang) != normalise(value, graded.lang) for other in again)


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
