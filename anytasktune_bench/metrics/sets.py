"""`set_f1`: how well a list of items matches a gold list."""

from __future__ import annotations

from typing import Any

from anytasktune_bench.metrics.matching import best_total, f1, similarity_matrix
from anytasktune_bench.outputs import Parsed, within_cap
from anytasktune_bench.spec import Lang, Metric, SubTask


def set_f1(spec: SubTask, lang: Lang, metric: Metric, parsed: Parsed, gold: dict[str, Any]) -> dict[str, float]:
    """F1 of predicted against gold items under an optimal one-to-one matching.

    An item hits where its similarity to an alias is at least `params.threshold` (default 0.8). Items are counted before duplicates
    collapse; an item over its length cap is a miss; more than `max_items` items make the answer score 0. An empty gold scores 1 for
    the spec's literal alone.

    Returns:
        `set_f1` and `soft_set_f1` (similarities instead of hits), each in [0, 1].
    """
    items: tuple[str, ...] = parsed.value
    golds: list[list[str]] = gold["items"]
    if not parsed.valid:
        return {"set_f1": 0.0, "soft_set_f1": 0.0}
    if not items or not golds:
        both = float(not items and not golds)
        return {"set_f1": both, "soft_set_f1": both}
    similarity = similarity_matrix(items, golds, lang)
    for row, item in enumerate(items):
        if not within_cap(spec, lang, "item", item):
            similarity[row] = 0.0
    hits = (similarity >= float(str(metric.params.get("threshold", 0.8)))).astype(float)
    return {
        "set_f1": f1(best_total(hits), len(items), len(golds)),
        "soft_set_f1": f1(best_total(similarity), len(items), len(golds)),
    }
