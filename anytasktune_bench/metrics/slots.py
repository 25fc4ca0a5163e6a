"""Metrics over `Key: value` lines: `slot_f1`, `aspect_score`, `field_accuracy`."""

from __future__ import annotations

from typing import Any

from anytasktune_bench.metrics.matching import best_total, f1, similarity_matrix
from anytasktune_bench.metrics.part import Graded, Note, Part, number
from anytasktune_bench.outputs import Line, match_label, split_items
from anytasktune_bench.spec import Lang, Metric, OutputField, SubTask
from anytasktune_bench.text import best_sim, length
from anytasktune_bench.values import parse_quantity, same_date, same_quantity, without


def slot_f1(graded: Graded, metric: Metric) -> Part:
    """Soft F1 over the slots of one row.

    Each line with a known key earns a credit in [0, 1]: the similarity of its value (text; 0 below `params.threshold`), the soft F1 of its
    items (list), or 0/1 (numbers, dates, exact text, labels). Precision is the sum of credits over the number of lines, recall over the
    number of gold slots. Lines without a known key, repeated keys, values over the cap and lines beyond `max_items` earn nothing and count
    as predicted; `params.min_predicted` is the least number of lines counted.

    Returns:
        Secondary: `strict_slot_f1` (credit only for 1.0), `key_f1`, `unknown_key_rate`, and `accuracy_<field>` of label and number fields.
    """
    lines: tuple[Line, ...] = graded.parsed.value
    slots: dict[str, Any] = graded.gold["fields"]
    limit = graded.spec.output.max_items or len(lines)
    threshold = number(metric, "threshold", 0.0)
    credits = [_credit(graded, line, threshold) if place < limit else 0.0 for place, line in enumerate(lines)]
    predicted = max(len(lines), int(number(metric, "min_predicted", 0)))
    keys = {line.field.id for line in lines[:limit] if line.field}
    by_field = {line.field.id: credit for line, credit in zip(lines, credits, strict=True) if line.field}
    exact = [field for field in graded.spec.output.fields if field.compare in ("label", "exact") and field.kind in ("label", "number")]
    notes = tuple(
        [Note(line.key or "line without a key", credit, line.value, wanted(slots.get(line.field.id) if line.field else None)) for line, credit in zip(lines, credits, strict=True)]
        + [Note(graded.spec.field(name).name(graded.lang), 0.0, "", wanted(value)) for name, value in slots.items() if name not in keys]
    )
    return Part(
        f1(sum(credits), predicted, len(slots)),
        {
            "strict_slot_f1": f1(sum(credit == 1.0 for credit in credits), predicted, len(slots)),
            "key_f1": f1(len(keys & set(slots)), predicted, len(slots)),
            "unknown_key_rate": sum(line.field is None for line in lines) / len(lines) if lines else 0.0,
        }
        | {f"accuracy_{field.id}": float(by_field.get(field.id, 0.0) == 1.0 or (field.id not in slots and field.id not in keys)) for field in exact},
        notes,
    )


def _credit(graded: Graded, line: Line, threshold: float) -> float:
    slots = graded.gold["fields"]
    if line.field is None or line.field.id not in slots or not fits(graded.spec, graded.lang, line.field, line.value):
        return 0.0
    credit = value_credit(line.field, line.value, slots[line.field.id], graded.lang, graded.spec.output.separators_accepted)
    return credit if credit >= threshold else 0.0


def fits(spec: SubTask, lang: Lang, field: OutputField, value: str) -> bool:
    """Whether a value keeps its field's length limit."""
    cap = spec.output.field_cap(field.id, lang)
    return cap is None or length(value, lang) <= cap


def wanted(value: Any) -> str:
    """A gold value in one line."""
    if isinstance(value, list):
        return " / ".join(value) if all(isinstance(alias, str) for alias in value) else "; ".join(" / ".join(item) for item in value)
    return "" if value is None else str(value)


def value_credit(field: OutputField, value: str, gold: Any, lang: Lang, separators: tuple[str, ...]) -> float:
    """Credit in [0, 1] of one value against the gold of its field."""
    if field.kind == "label":
        return float(match_label(field.labels, lang, value) == gold)
    if field.kind == "list":
        items = split_items(value, separators)
        # An alias may itself be written with a separator inside, so the uncut value is tried too.
        cut = f1(best_total(similarity_matrix(items, gold, lang)), len(items), len(gold))
        return max(cut, best_sim(value, gold[0], lang) if len(gold) == 1 else 0.0)
    if field.kind == "number":
        bare = without(value, field.around(lang), lang)
        return float(any(same_quantity(value, alias, lang) or same_quantity(bare, alias, lang) for alias in gold))
    if field.kind == "date":
        return float(any(same_date(value, alias, lang) for alias in gold) or best_sim(value, gold, lang) == 1.0)
    similarity = best_sim(value, gold, lang)
    return similarity if field.compare == "soft" else float(similarity == 1.0)


def aspect_score(graded: Graded, metric: Metric) -> Part:
    """Soft F1 over scored aspects: a named aspect earns max(0, 1 - |difference| / `params.tolerance`).

    A score off the list `params.values` earns nothing, so a value between two levels cannot hedge. The first of equal keys counts; the
    summary and other fields in free wording are no aspects.

    Returns:
        Secondary: `aspect_set_f1` (aspects alone), `mae_matched_aspects` (mean absolute difference over matched aspects / 100; 0 without any).
    """
    tolerance, allowed = number(metric, "tolerance", 25.0), metric.params.get("values")
    closed = set(graded.spec.open_parts)
    slots = {name: value for name, value in graded.gold["fields"].items() if name not in closed}
    lines = [line for line in graded.parsed.value if not (line.field and line.field.id in closed)]
    credits, differences, notes = [], [], []
    for line in lines:
        quantity = parse_quantity(line.value, graded.lang) if line.field else None
        given = float(quantity.value) if quantity and quantity.unit in ("", "分") else None
        gold = slots.get(line.field.id) if line.field else None
        off_list = isinstance(allowed, list) and given not in allowed
        credit = 0.0
        if gold is not None and given is not None:
            difference = abs(given - float(gold[0]))
            differences.append(difference)
            credit = 0.0 if off_list else max(0.0, 1 - difference / tolerance)
        credits.append(credit)
        notes.append(Note(line.key or "line without a key", credit, line.value, wanted(gold)))
    named = {line.field.id for line in lines if line.field}
    notes += [Note(graded.spec.field(name).name(graded.lang), 0.0, "", wanted(value)) for name, value in slots.items() if name not in named]
    return Part(
        f1(sum(credits), len(lines), len(slots)),
        {
            "aspect_set_f1": f1(len(named & set(slots)), len(lines), len(slots)),
            "mae_matched_aspects": min(sum(differences) / len(differences) / 100, 1.0) if differences else 0.0,
        },
        tuple(notes),
    )


def field_accuracy(graded: Graded, metric: Metric) -> Part:
    """Share of the fields `metric.fields` (or `metric.field`) that are right.

    Labels, numbers (within `params.tolerance`) and dates are compared exactly. With `params.gate`, nothing counts unless that field is right.

    Returns:
        Secondary: `accuracy_<field>` for each, and with several fields `all_fields_accuracy`.
    """
    names = metric.fields or ((metric.field,) if metric.field else ())
    slots, right, notes = graded.gold["fields"], {}, []
    for name in names:
        field, line = graded.spec.field(name), graded.line(name)
        right[name] = line is not None and _equal(field, line.value, slots[name], graded.lang, number(metric, "tolerance", 0.0))
        notes.append(Note(field.name(graded.lang), float(right[name]), line.value if line else "", wanted(slots[name])))
    gate = metric.params.get("gate")
    value = 0.0 if gate and not right[str(gate)] else sum(right.values()) / len(names)
    extra = {f"accuracy_{name}": float(ok) for name, ok in right.items()}
    if len(names) > 1:
        extra["all_fields_accuracy"] = float(all(right.values()))
    return Part(value, extra | _by_letter(graded, metric, names), tuple(notes))


def _equal(field: OutputField, value: str, gold: Any, lang: Lang, tolerance: float) -> bool:
    if field.kind == "number":
        return any(same_quantity(value, alias, lang, tolerance) for alias in gold)
    return value_credit(field, value, gold, lang, ()) == 1.0


def _by_letter(graded: Graded, metric: Metric, names: tuple[str, ...]) -> dict[str, float]:
    """With `params.by_letter`, where gold says which type each option shows: whether the chosen option's type agrees with the right one, letter by letter."""
    if not metric.params.get("by_letter"):
        return {}
    options: dict[str, str] = graded.gold["options"]
    line = graded.line(names[0])
    chosen = match_label(graded.spec.field(names[0]).labels, graded.lang, line.value) if line else None
    right = options[graded.gold["fields"][names[0]]]
    letters = options.get(chosen, "????") if chosen else "????"
    return {f"letter_accuracy_{axis}": float(letters[i] == right[i]) for i, axis in enumerate(("ei", "sn", "tf", "jp"))}
