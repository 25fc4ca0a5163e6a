"""Metrics over sets of items: `set_f1` and `pair_f1`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from anytasktune_bench.metrics.matching import best_pairs, best_total, f1, similarity_matrix
from anytasktune_bench.metrics.part import Graded, Note, Part, number
from anytasktune_bench.metrics.points import canonical, says
from anytasktune_bench.outputs import Pair, Tagged, field_items, label_key, match_label, within_cap
from anytasktune_bench.spec import Metric
from anytasktune_bench.text import length, normalise, tokens


def set_f1(graded: Graded, metric: Metric) -> Part:
    """F1 of predicted against gold items under an optimal one-to-one matching.

    An item hits where its similarity to an alias is at least `params.threshold` (default 0.8); labels hit by identity. Items are counted
    before duplicates collapse, unless `params.unique`; an item over its length cap is a miss; with more than `max_items` items nothing is
    earned, unless `params.over_max` is "count". An empty gold scores 1 for the spec's literal alone.

    Over several fields (`metric.fields`) an item matches on its own line only, and hits, predictions and golds are pooled.
    """
    if graded.spec.output.kind == "tagged":
        return _tagged_f1(graded, metric)
    if metric.fields:
        return _typed_f1(graded, metric)
    if metric.field and graded.spec.field(metric.field).labels:
        return _label_set_f1(graded, metric.field)
    items, golds = graded.parsed.value, graded.gold["items"]
    if not items or not golds:
        right = float(not items and not golds and graded.parsed.valid)
        return Part(right, {"soft_set_f1": right, "count_in_range": float(graded.parsed.valid)}, _notes("item", items, golds, []))
    if metric.params.get("unique"):
        items = tuple({tokens(item, graded.lang): item for item in reversed(items)}.values())[::-1]
    limit = graded.spec.output.max_items or len(items)
    zero = len(items) > limit and metric.params.get("over_max") != "count"
    similarity = _similarity(graded, items, golds) * (not zero)
    pairs = best_pairs((similarity >= number(metric, "threshold", 0.8)).astype(float))
    return Part(
        f1(len(pairs), len(items), len(golds)),
        {"soft_set_f1": f1(best_total(similarity), len(items), len(golds)), "count_in_range": float(graded.parsed.valid)},
        _notes("item", items, golds, pairs),
    )


def _similarity(graded: Graded, items: Sequence[str], golds: Sequence[Sequence[str]]) -> np.ndarray:
    """Similarity of items to golds, 0 for items over the cap."""
    found = similarity_matrix(items, golds, graded.lang)
    for row, item in enumerate(items):
        if not within_cap(graded.spec, graded.lang, "item", item):
            found[row] = 0.0
    return found


def _notes(what: str, items: Sequence[str], golds: Sequence[Any], pairs: Sequence[tuple[int, int]]) -> tuple[Note, ...]:
    partner, met = dict(pairs), {column for _, column in pairs}
    shown = [gold if isinstance(gold, str) else " / ".join(gold) for gold in golds]
    return tuple(
        [Note(what, float(i in partner), item, shown[partner[i]] if i in partner else "") for i, item in enumerate(items)]
        + [Note(what, 0.0, "", shown[j]) for j in range(len(golds)) if j not in met]
    )


def _typed_f1(graded: Graded, metric: Metric) -> Part:
    threshold, limit = number(metric, "threshold", 0.8), graded.spec.output.max_items
    hits = predicted = total = 0
    extra: dict[str, float] = {}
    pooled_items: list[str] = []
    pooled_golds: list[list[str]] = []
    notes: list[Note] = []
    for name in metric.fields:
        field = graded.spec.field(name)
        items, golds = field_items(graded.spec, graded.lang, field, graded.parsed.value), graded.gold["fields"][name]
        found: Sequence[str] = items or ()
        similarity = _similarity(graded, found, golds)
        over = limit is not None and len(found) > limit
        pairs = [] if over else best_pairs((similarity >= threshold).astype(float))
        hits, predicted, total = hits + len(pairs), predicted + len(found), total + len(golds)
        extra[f"{name}_set_f1"] = f1(len(pairs), len(found), len(golds)) if found or golds else float(items is not None)
        pooled_items += [] if over else found
        pooled_golds += golds
        notes += _notes(field.name(graded.lang), found, golds, pairs)
    untyped = best_pairs((_similarity(graded, pooled_items, pooled_golds) >= threshold).astype(float))
    extra["untyped_set_f1"] = f1(len(untyped), predicted, total)
    extra["type_accuracy"] = min(hits / len(untyped), 1.0) if untyped else 0.0
    return Part(f1(hits, predicted, total), extra, tuple(notes))


def _label_set_f1(graded: Graded, name: str) -> Part:
    field = graded.spec.field(name)
    items, golds = field_items(graded.spec, graded.lang, field, graded.parsed.value) or (), graded.gold["fields"][name]
    low_high = graded.spec.output.caps.get(name)
    limit = low_high.bounds(graded.lang)[1] if low_high else (graded.spec.output.max_items or len(field.labels))
    found = [match_label(field.labels, graded.lang, item) for item in items]
    hits = len(set(found) & set(golds)) if len(found) <= limit else 0
    names = {label.id: label.name(graded.lang) for label in field.labels}
    first = {label: i for i, label in reversed(list(enumerate(found)))}
    pairs = [(first[gold], j) for j, gold in enumerate(golds) if gold in first and hits]
    value = f1(hits, len(found), len(golds))
    return Part(value, {f"{name}_set_f1": value}, _notes(field.name(graded.lang), items, [names[gold] for gold in golds], pairs))


def _tagged_f1(graded: Graded, metric: Metric) -> Part:
    lines: tuple[Tagged, ...] = graded.parsed.value
    golds: list[str] = graded.gold["labels"]
    names = {label.id: label.name(graded.lang) for label in graded.spec.output.labels}
    shown = [f"[{names.get(line.label or '', '?')}] {line.text}" for line in lines]
    labels = [line.label for line in lines if line.label]
    extra = {
        "complete_accuracy": float((not golds) == (not lines and graded.parsed.valid)),
        "duplicate_tag_rate": 1 - len(set(labels)) / len(labels) if labels else 0.0,
        "question_on_topic": _on_topic(graded, metric, lines),
    }
    if not lines or not golds:
        return Part(float(not lines and not golds and graded.parsed.valid), extra, _notes("line", shown, [names[gold] for gold in golds], []))
    limit = graded.spec.output.max_items or len(lines)
    real = _real_questions(graded, lines) if len(lines) <= limit else [False] * len(lines)
    first = {line.label: i for i, line in reversed(list(enumerate(lines))) if real[i]}
    pairs = [(first[gold], j) for j, gold in enumerate(golds) if gold in first]
    return Part(f1(len(pairs), len(lines), len(golds)), extra, _notes("line", shown, [names[gold] for gold in golds], pairs))


def _real_questions(graded: Graded, lines: Sequence[Tagged]) -> list[bool]:
    """A question is real if it ends in a question mark, keeps its length and is asked only once."""
    low, high = graded.spec.output.caps["question"].bounds(graded.lang)
    keys = [normalise(line.text, graded.lang) for line in lines]
    return [key.endswith("?") and low <= length(line.text.rstrip("?？"), graded.lang) <= high and keys.count(key) == 1 for line, key in zip(lines, keys, strict=True)]


def _on_topic(graded: Graded, metric: Metric, lines: Sequence[Tagged]) -> float:
    """Share of lines with a known item whose question holds a cue of that item (`params.cues`)."""
    cues: Any = metric.params.get("cues") or {}
    known = [line for line in lines if line.label]
    on = [any(says(canonical(line.text, graded.lang), cue, graded.lang) for cue in cues.get(line.label, {}).get(graded.lang, ())) for line in known]
    return sum(on) / len(on) if on else 0.0


def pair_f1(graded: Graded, metric: Metric) -> Part:
    """F1 over pairs (expression, term), matched one-to-one.

    A pair hits where its expression's similarity to an alias is at least `params.threshold` (default 0.8) and its term equals an alias
    after normalisation. Lines after `max_items`, lines that are no pair and pairs with a side over its cap earn nothing and count as predicted.

    Returns:
        Secondary: `expression_f1` and `term_f1` (one side alone).
    """
    pairs: tuple[Pair, ...] = graded.parsed.value
    golds: list[dict[str, list[str]]] = graded.gold["pairs"]
    shown, wanted = [f"{p.expression} -> {p.term or '?'}" for p in pairs], [f"{g['expression'][0]} -> {' / '.join(g['term'])}" for g in golds]
    if not pairs:
        return Part(0.0, {"expression_f1": 0.0, "term_f1": 0.0}, _notes("pair", shown, wanted, []))
    limit, lang = graded.spec.output.max_items or len(pairs), graded.lang
    counted = [
        place < limit and p.term is not None and within_cap(graded.spec, lang, "expression", p.expression) and within_cap(graded.spec, lang, "term", p.term)
        for place, p in enumerate(pairs)
    ]
    mask = np.array(counted, dtype=float)[:, None]
    expressions = (similarity_matrix([p.expression for p in pairs], [g["expression"] for g in golds], lang) >= number(metric, "threshold", 0.8)) * mask
    terms = np.array([[_same_term(p.term or "", g["term"], graded) for g in golds] for p in pairs], dtype=float) * mask
    matched = best_pairs(expressions * terms)
    return Part(
        f1(len(matched), len(pairs), len(golds)),
        {"expression_f1": f1(best_total(expressions), len(pairs), len(golds)), "term_f1": f1(best_total(terms), len(pairs), len(golds))},
        _notes("pair", shown, wanted, matched),
    )


def _same_term(term: str, aliases: Sequence[str], graded: Graded) -> bool:
    key = tokens(term, graded.lang)
    return bool(key) and bool(label_key(term, graded.lang)) and any(tokens(alias, graded.lang) == key for alias in aliases)
