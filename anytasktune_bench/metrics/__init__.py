"""Scoring: an answer and a gold -> values in [0, 1]; rows' scores -> the sub-task's primary score.

Scoring is a pure function of (spec, language, answer, gold, input): no model, no state, no randomness. An answer that cannot be read scores 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from anytasktune_bench.metrics.labels import label_pair, macro_f1, macro_f1_part
from anytasktune_bench.metrics.numbers import adjusted_balanced, balanced_accuracy, log_tol
from anytasktune_bench.metrics.part import Graded, Note, Part
from anytasktune_bench.metrics.secondary import secondary_value
from anytasktune_bench.metrics.sets import pair_f1, set_f1
from anytasktune_bench.metrics.slots import aspect_score, field_accuracy, slot_f1
from anytasktune_bench.metrics.structure import json_slot_f1
from anytasktune_bench.metrics.texts import issue_f1, key_points
from anytasktune_bench.outputs import Parsed, parse
from anytasktune_bench.spec import Lang, Metric, MetricName, SubTask
from anytasktune_bench.text import length, rouge_l

__all__ = ["SCORER_VERSION", "Note", "Score", "aggregate", "part_key", "primary", "score_answer"]

SCORER_VERSION = "4"
"""Raised when any score could change; part of every fingerprint."""

_METRICS: Mapping[MetricName, Callable[[Graded, Metric], Part]] = {
    "slot_f1": slot_f1,
    "set_f1": set_f1,
    "pair_f1": pair_f1,
    "macro_f1": macro_f1_part,
    "log_tol": log_tol,
    "aspect_score": aspect_score,
    "key_points": key_points,
    "issue_f1": issue_f1,
    "field_accuracy": field_accuracy,
    "balanced_accuracy": balanced_accuracy,
    "json_slot_f1": json_slot_f1,
}


@dataclass(frozen=True)
class Score:
    """The score of one answer."""

    score: float
    """The primary metric on this row alone; for label metrics 1 for the right label, else 0."""
    values: dict[str, float]
    """Secondary values in [0, 1], among them `format_valid` and `rouge_l`."""
    parts: dict[str, float]
    """The value of each row metric in the metric tree, by `part_key`."""
    labels: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    """For each label metric (by field, "" for the whole answer): gold id and answered id, None where invalid."""
    stats: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """For each other corpus metric, by `part_key`: what is summed over rows."""
    parsed: Parsed = field(default_factory=lambda: Parsed(False, None, ""))
    notes: tuple[Note, ...] = ()
    """Why: what hit and what missed."""


def part_key(metric: Metric) -> str:
    """Name of a leaf of the metric tree in `Score.parts` and `Score.stats`."""
    return f"{metric.name}:{metric.field or ','.join(metric.fields)}"


def score_answer(spec: SubTask, lang: Lang, answer: str, gold: dict[str, Any], reference: str = "", source: str = "") -> Score:
    """Score one answer.

    Args:
        spec: the sub-task.
        lang: language of the row.
        answer: what the model wrote, any string.
        gold: the row's gold.
        reference: the row's `output`, for ROUGE-L; golds with `references` bring their own.
        source: the row's input. Metrics that look for copied runs or compare lengths need it; without it nothing counts as copied or too long.

    Returns:
        The score; every value lies in [0, 1].
    """
    parsed = parse(spec, lang, answer)
    graded = Graded(spec, lang, parsed, gold, source)
    references: list[str] = gold.get("references") or [reference]
    values: dict[str, float] = {"format_valid": float(parsed.valid), "rouge_l": max(rouge_l(parsed.cleaned, text, lang) for text in references)}
    labels: dict[str, tuple[str, str | None]] = {}
    stats: dict[str, tuple[float, ...]] = {}
    parts: dict[str, float] = {}
    notes: list[Note] = []
    for leaf in spec.leaves:
        found = _METRICS[leaf.name](graded, leaf)
        parts[part_key(leaf)] = found.value
        values |= found.extra
        notes += found.notes
        if found.pair is not None:
            labels[leaf.field or ""] = found.pair
        if found.stats is not None:
            stats[part_key(leaf)] = found.stats
    if len(labels) > 1:
        values["joint_accuracy"] = float(all(expected == answered for expected, answered in labels.values()))
    labels |= {wanted.field or "": label_pair(graded, wanted.field) for wanted in spec.secondary if (wanted.field or "") not in labels}
    if spec.output.kind == "label":
        values["invalid_rate"] = float(labels[""][1] is None)
    if spec.output.kind == "numbered" and source:
        values["length_ratio"] = min(length(parsed.cleaned, lang) / max(length(source, lang), 1), 1.0)
    return Score(_combine(spec.metric, parts), values, parts, labels, stats, parsed, tuple(notes))


def _combine(metric: Metric, parts: dict[str, float]) -> float:
    if not metric.of:
        return parts[part_key(metric)]
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
    if metric.name == "balanced_accuracy":
        return adjusted_balanced(np.array([score.stats[part_key(metric)] for score in scores], dtype=float), weights)
    values = np.array([score.parts[part_key(metric)] for score in scores])
    return np.asarray(values.mean(keepdims=True) if weights is None else (weights @ values) / weights.sum(axis=1))


def aggregate(spec: SubTask, scores: Sequence[Score]) -> dict[str, float]:
    """All figures of a sub-task over its rows: `score` (primary), the mean of each secondary value, and the corpus figures of `spec.secondary`."""
    if not scores:
        return {"score": 0.0}
    found = {"score": float(primary(spec, scores)[0])} | {name: float(np.mean([s.values[name] for s in scores])) for name in scores[0].values}
    if len(spec.leaves) > 1:
        found |= {leaf.name + (f"_{leaf.field}" if leaf.field else ""): float(_primary(leaf, scores, None)[0]) for leaf in spec.leaves}
    return found | {wanted.name: secondary_value(wanted, [score.labels[wanted.field or ""] for score in scores]) for wanted in spec.secondary}
