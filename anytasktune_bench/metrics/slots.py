"""`slot_f1`: how well `Key: value` lines match a gold of slots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anytasktune_bench.metrics.matching import best_total, f1, similarity_matrix
from anytasktune_bench.outputs import Line, Parsed, match_label, split_items, within_cap
from anytasktune_bench.spec import Lang, Metric, OutputField, SubTask
from anytasktune_bench.text import best_sim


def slot_f1(spec: SubTask, lang: Lang, metric: Metric, parsed: Parsed, gold: dict[str, Any]) -> dict[str, float]:
    """Soft F1 over the slots of one row.

    Each line with a known key earns a credit in [0, 1]: the similarity of its value (text), the soft F1 of its items (list), or 0/1
    (exact and label fields). Precision is the sum of credits over the number of lines, recall over the number of gold slots. Lines
    without a known key, repeated keys, values over the cap and lines beyond `max_items` earn nothing and count as predicted;
    `params.min_predicted` is the least number of lines counted.

    Returns:
        `slot_f1`, `strict_slot_f1` (credit only for 1.0), `key_f1`, `unknown_key_rate`, each in [0, 1].
    """
    lines: tuple[Line, ...] = parsed.value
    slots: dict[str, Any] = gold["fields"]
    limit = spec.output.max_items or len(lines)
    credits = [_credit(spec, lang, line, slots) if number < limit else 0.0 for number, line in enumerate(lines)]
    predicted = max(len(lines), int(str(metric.params.get("min_predicted", 0))))
    keys = {line.field.id for line in lines[:limit] if line.field}
    return {
        "slot_f1": f1(sum(credits), predicted, len(slots)),
        "strict_slot_f1": f1(sum(credit == 1.0 for credit in credits), predicted, len(slots)),
        "key_f1": f1(len(keys & set(slots)), predicted, len(slots)),
        "unknown_key_rate": sum(line.field is None for line in lines) / len(lines) if lines else 0.0,
    }


def _credit(spec: SubTask, lang: Lang, line: Line, slots: dict[str, Any]) -> float:
    if line.field is None or line.field.id not in slots or not within_cap(spec, lang, "value", line.value):
        return 0.0
    return value_credit(line.field, line.value, slots[line.field.id], lang, spec.output.separators_accepted)


def value_credit(field: OutputField, value: str, gold: Any, lang: Lang, separators: Sequence[str]) -> float:
    """Credit in [0, 1] of one value against the gold of its field."""
    if field.compare == "label":
        return float(match_label(field.labels, lang, value) == gold)
    if field.kind == "list":
        items = split_items(value, tuple(separators))
        # An alias may itself be written with a separator inside, so the uncut value is tried too.
        cut = f1(best_total(similarity_matrix(items, gold, lang)), len(items), len(gold))
        return max(cut, best_sim(value, gold[0], lang) if len(gold) == 1 else 0.0)
    similarity = best_sim(value, gold, lang)
    return similarity if field.compare == "soft" else float(similarity == 1.0)
