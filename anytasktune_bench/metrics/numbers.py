"""Metrics over numbers: `log_tol` (a length of time) and `balanced_accuracy` (numbered requirements)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from anytasktune_bench.metrics.part import Graded, Note, Part, number
from anytasktune_bench.outputs import field_items, match_label
from anytasktune_bench.spec import Metric
from anytasktune_bench.text import normalise

BRACKETS = (6, 9, 12, 24, 36, 60, 84, 120)
"""Upper ends in months of the brackets of prison terms that legal judgment prediction commonly uses (CAIL 2018, Xiao et al., arXiv:1807.02478)."""


def log_tol(graded: Graded, metric: Metric) -> Part:
    """max(0, 1 - |ln((p + 1) / (g + 1))| / ln `params.base`), p the answered and g the gold number; 0 for an answer that is no number.

    Returns:
        Secondary: `nlog` (the same with base 216, the looser scale of the paper's field), `within_20_percent`, `same_bracket`, `abstention`.
    """
    gold, answer = int(graded.gold["number"]), graded.parsed.value
    note = Note("number", 0.0, "" if answer is None else str(answer), str(gold))
    if answer is None or answer < 0:
        return Part(0.0, {"nlog": 0.0, "within_20_percent": 0.0, "same_bracket": 0.0, "abstention": 1.0}, (note,))
    distance = abs(math.log((answer + 1) / (gold + 1)))
    value = max(0.0, 1 - distance / math.log(number(metric, "base", 2.5)))
    extra = {
        "nlog": max(0.0, 1 - distance / math.log(216)),
        "within_20_percent": float(abs(answer - gold) <= 0.2 * gold),
        "same_bracket": float(_bracket(answer) == _bracket(gold)),
        "abstention": 0.0,
    }
    return Part(value, extra, (Note("number", value, str(answer), str(gold)),))


def _bracket(months: int) -> int:
    return sum(months > end for end in BRACKETS)


def balanced_accuracy(graded: Graded, metric: Metric) -> Part:
    """Corpus metric over numbered requirements that stand on one of two lines (`metric.fields`): max(0, 2 x balanced accuracy - 1).

    A requirement is right if its number stands on its gold line and not on the other one. An answer with anything that is no number of the
    row gets all its requirements wrong. Balanced accuracy is the mean of the two lines' recalls (Brodersen et al. 2010), pooled over all
    rows, so that a constant and a guess earn 0.

    Returns:
        `stats`: (requirements on the first gold line, right ones, on the second, right ones). Secondary: `requirement_accuracy`; beside
        a label field also `must_have_accuracy`, `fit_follows_own_lines` and `all_correct` (gold `must` has the must-haves).
    """
    gold = [{int(item[0]) for item in graded.gold["fields"][name]} for name in metric.fields]
    answered = [_numbers(graded, name) for name in metric.fields]
    known = gold[0] | gold[1]
    valid = all(found is not None and found <= known for found in answered)
    right = set()
    if valid:
        lines = [found or set() for found in answered]
        right = {n for mine, other, wanted in ((lines[0], lines[1], gold[0]), (lines[1], lines[0], gold[1])) for n in wanted if n in mine and n not in other}
    stats = (len(gold[0]), len(gold[0] & right), len(gold[1]), len(gold[1] & right))
    names = [graded.spec.field(name).name(graded.lang) for name in metric.fields]
    notes = tuple(Note(f"requirement {n}", float(n in right), _where(n, answered, names), names[0] if n in gold[0] else names[1]) for n in sorted(known))
    extra = {"requirement_accuracy": len(right) / len(known) if known else 0.0}
    return Part(float(adjusted_balanced(np.array([stats], dtype=float), None)[0]), extra | _must(graded, metric, right, answered, known, valid), notes, stats=stats)


def _numbers(graded: Graded, name: str) -> set[int] | None:
    """The numbers on a line; None where the line is missing or holds anything else."""
    items = field_items(graded.spec, graded.lang, graded.spec.field(name), graded.parsed.value)
    if items is None:
        return None
    found = set()
    for item in items:
        bare = normalise(item, graded.lang).strip(" .第号条项()[]#")
        if not bare.isascii() or not bare.isdigit() or len(bare) > 3:
            return None
        found.add(int(bare))
    return found


def _where(n: int, answered: Sequence[set[int] | None], names: Sequence[str]) -> str:
    return " and ".join(name for found, name in zip(answered, names, strict=True) if found and n in found)


def _must(graded: Graded, metric: Metric, right: set[int], answered: Sequence[set[int] | None], known: set[int], valid: bool) -> dict[str, float]:
    must: list[int] = graded.gold["must"]
    fit: Any = next((field for field in graded.spec.output.fields if field.kind == "label"), None)
    if fit is None:
        return {}
    line = graded.line(fit.id)
    label = match_label(fit.labels, graded.lang, line.value) if line else None
    lacking = sum(n not in (answered[0] or set()) for n in must)
    own = fit.labels[min(lacking, len(fit.labels) - 1)].id
    return {
        "must_have_accuracy": sum(n in right for n in must) / len(must),
        "fit_follows_own_lines": float(valid and label == own),
        "all_correct": float(right == known and label == graded.gold["fields"][fit.id]),
    }


def adjusted_balanced(stats: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """max(0, 2 x balanced accuracy - 1) from row sums, for one or many weightings of the rows.

    Args:
        stats: (n, 4) as `balanced_accuracy` gives them.
        weights: (B, n) row weights; all ones if None.

    Returns:
        (B,) values in [0, 1]; a line that no row has is left out of the mean.
    """
    sums = stats.sum(axis=0, keepdims=True) if weights is None else weights @ stats
    return np.asarray(np.maximum(0.0, 2 * balanced(sums) - 1))


def balanced(sums: np.ndarray) -> np.ndarray:
    """Mean recall of the two lines from (B, 4) sums; 0 where neither line has anything."""
    totals, hits = sums[:, [0, 2]], sums[:, [1, 3]]
    recall = np.divide(hits, totals, out=np.zeros_like(hits), where=totals > 0)
    present = (totals > 0).sum(axis=1)
    return np.asarray(recall.sum(axis=1) / np.maximum(present, 1))
