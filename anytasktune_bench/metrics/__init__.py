"""Scoring: an answer and a gold -> values in [0, 1]; rows' scores -> the sub-task's primary score.

Scoring is a pure function of (spec, language, answer, gold): no model, no state, no randomness. An answer that cannot be read scores 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from anytasktune_bench.errors import SpecError
from anytasktune_bench.metrics.labels import macro_f1
from anytasktune_bench.metrics.sets import set_f1
from anytasktune_bench.metrics.slots import slot_f1
from anytasktune_bench.outputs import Parsed, parse
from anytasktune_bench.spec import Lang, Metric, MetricName, SubTask
from anytasktune_bench.text import rouge_l

__all__ = ["SCORER_VERSION", "Score", "aggregate", "check_supported", "primary", "score_answer"]

SCORER_VERSION = "1"
"""Raised when any score could change; part of every fingerprint."""

_ROW_METRICS: dict[MetricName, Callable[[SubTask, Lang, Metric, Parsed, dict[str, Any]], dict[str, float]]] = {
    "slot_f1": slot_f1,
    "set_f1": set_f1,
}


@dataclass(frozen=True)
class Score:
    """The score of one answer."""

    score: float
    """The primary metric on this row alone; for label metrics 1 for the right label, else 0."""
    values: dict[str, float]
    """Secondary values in [0, 1], among them `format_valid` and `rouge_l`."""
    labels: dict[str, tuple[str, str | None]]
    """For each label metric (by field, "" for the whole answer): gold id and predicted id, None where invalid."""
    parts: dict[str, float]
    """The value of each row metric in the metric tree, by `_key`."""
    parsed: Parsed


def _leaves(metric: Metric) -> Iterator[Metric]:
    if metric.of:
        for part in metric.of:
            yield from _leaves(part)
    else:
        yield metric


def _key(metric: Metric) -> str:
    return f"{metric.name}:{metric.field or ''}"


def check_supported(spec: SubTask) -> None:
    """Raise a SpecError if this version cannot score the spec's metric or read its output kind."""
    parse(spec, "en", "")
    for leaf in _leaves(spec.metric):
        if leaf.name != "macro_f1" and leaf.name not in _ROW_METRICS:
            raise SpecError(f"{spec.code}: metric {leaf.name!r} is not in this version; there are macro_f1, mean, {', '.join(_ROW_METRICS)}.")


def score_answer(spec: SubTask, lang: Lang, answer: str, gold: dict[str, Any], reference: str = "") -> Score:
    """Score one answer.

    Args:
        spec: the sub-task.
        lang: language of the row.
        answer: what the model wrote, any string.
        gold: the row's gold.
        reference: the row's `output`, for ROUGE-L.

    Returns:
        The score; every value lies in [0, 1].
    """
    parsed = parse(spec, lang, answer)
    values: dict[str, float] = {"format_valid": float(parsed.valid), "rouge_l": rouge_l(parsed.cleaned, reference, lang)}
    labels: dict[str, tuple[str, str | None]] = {}
    parts: dict[str, float] = {}
    for leaf in _leaves(spec.metric):
        if leaf.name == "macro_f1":
            expected, predicted = _label_pair(leaf, parsed, gold)
            labels[leaf.field or ""] = (expected, predicted)
            parts[_key(leaf)] = float(expected == predicted)
            values["accuracy" if leaf.field is None else f"accuracy_{leaf.field}"] = float(expected == predicted)
        else:
            found = _ROW_METRICS[leaf.name](spec, lang, leaf, parsed, gold)
            parts[_key(leaf)] = found.pop(leaf.name)
            values |= found
    return Score(_combine(spec.metric, parts), values, labels, parts, parsed)


def _label_pair(leaf: Metric, parsed: Parsed, gold: dict[str, Any]) -> tuple[str, str | None]:
    if leaf.field is None:
        return gold["label"], parsed.value
    raise SpecError(f"metric macro_f1 on the field {leaf.field!r} is not in this version.")


def _combine(metric: Metric, parts: dict[str, float]) -> float:
    if not metric.of:
        return parts[_key(metric)]
    weights = metric.weights or (1.0,) * len(metric.of)
    return sum(w * _combine(part, parts) for w, part in zip(weights, metric.of, strict=True)) / sum(weights)


def primary(spec: SubTask, scores: Sequence[Score], weights: np.ndarray | None = None) -> np.ndarray:
    """The sub-task's primary score over rows, for one or many weightings of the rows.

    Args:
        spec: the sub-task.
        scores: n row scores (n >= 1).
        weights: (B, n) row weights; all ones if None.

    Returns:
        (B,) values in [0, 1]; (1,) without weights.
    """
    return _primary(spec.metric, scores, weights)


def _primary(metric: Metric, scores: Sequence[Score], weights: np.ndarray | None) -> np.ndarray:
    if metric.of:
        shares = metric.weights or (1.0,) * len(metric.of)
        return sum(w * _primary(part, scores, weights) for w, part in zip(shares, metric.of, strict=True)) / sum(shares)  # type: ignore[return-value]
    if metric.name == "macro_f1":
        pairs = [score.labels[metric.field or ""] for score in scores]
        return macro_f1([gold for gold, _ in pairs], [predicted for _, predicted in pairs], weights)
    values = np.array([score.parts[_key(metric)] for score in scores])
    return np.asarray(values.mean(keepdims=True) if weights is None else (weights @ values) / weights.sum(axis=1))


def aggregate(spec: SubTask, scores: Sequence[Score]) -> dict[str, float]:
    """All figures of a sub-task over its rows: `score` (primary) and the mean of each secondary value."""
    names = scores[0].values if scores else {}
    return {"score": float(primary(spec, scores)[0])} | {name: float(np.mean([s.values[name] for s in scores])) for name in names}
