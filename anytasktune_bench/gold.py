"""Golds: their form by output kind, and writing the best answer from one.

Values that are copied or chosen stand in `gold` as lists of accepted wordings, the first being the one that is written; open wording is graded by key
points. A point is a list of groups that must all be met, a group a list of alternatives of which one must be found.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from anytasktune_bench.spec import Lang, OutputField, OutputKind, SubTask
from anytasktune_bench.text import tokens


def render(spec: SubTask, lang: Lang, gold: Mapping[str, Any]) -> str:
    """The best answer for a gold: the first reference where there is open wording, else the first aliases in the spec's format."""
    if "references" in gold:
        return str(gold["references"][0])
    return _WRITERS[spec.output.kind](spec, lang, gold)


def _colon(lang: Lang) -> str:
    return "：" if lang == "zh" else ": "


def _name(spec: SubTask, lang: Lang, label: str, field: OutputField | None = None) -> str:
    return next(known.name(lang) for known in (field.labels if field else spec.output.labels) if known.id == label)


def _write_label(spec: SubTask, lang: Lang, gold: Mapping[str, Any]) -> str:
    return _name(spec, lang, gold["label"])


def _write_list(spec: SubTask, lang: Lang, gold: Mapping[str, Any]) -> str:
    return _joined(spec, lang, [aliases[0] for aliases in gold["items"]])


def _joined(spec: SubTask, lang: Lang, items: list[str]) -> str:
    if not items and spec.output.empty_literal:
        return spec.output.empty_literal[lang]
    return (spec.output.separator[lang] if spec.output.separator else ", ").join(items)


def _write_fields(spec: SubTask, lang: Lang, gold: Mapping[str, Any]) -> str:
    lines = []
    for field in spec.output.fields:
        if field.id in gold["fields"]:
            value = gold["fields"][field.id]
            if field.labels:
                text = _joined(spec, lang, [_name(spec, lang, label, field) for label in value]) if field.kind == "list" else _name(spec, lang, value, field)
            else:
                text = _joined(spec, lang, [item[0] for item in value]) if field.kind == "list" else value[0]
            lines.append(f"{field.name(lang)}{_colon(lang)}{text}")
    return "\n".join(lines)


def _write_pairs(spec: SubTask, lang: Lang, gold: Mapping[str, Any]) -> str:
    arrow = spec.output.separator[lang] if spec.output.separator else " -> "
    return "\n".join(f"{pair['expression'][0]}{arrow}{pair['term'][0]}" for pair in gold["pairs"])


def _write_number(spec: SubTask, lang: Lang, gold: Mapping[str, Any]) -> str:
    unit = spec.output.unit[lang] if spec.output.unit else ""
    gap = " " if unit and lang == "en" else ""
    head = f"{spec.output.fields[0].name(lang)}{_colon(lang)}" if spec.output.fields else ""
    return f"{head}{gold['number']}{gap}{unit}"


def _write_json(spec: SubTask, lang: Lang, gold: Mapping[str, Any]) -> str:
    def first(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: first(part) for key, part in value.items()}
        if isinstance(value, list):
            return value[0] if value and all(isinstance(part, str) for part in value) else [first(part) for part in value]
        return value

    return json.dumps(first(gold["json"]), ensure_ascii=False)


_WRITERS: Mapping[OutputKind, Callable[[SubTask, Lang, Mapping[str, Any]], str]] = {
    "label": _write_label,
    "list": _write_list,
    "fields": _write_fields,
    "headed": _write_fields,
    "pairs": _write_pairs,
    "number": _write_number,
    "json": _write_json,
}


def check_gold(spec: SubTask, gold: Mapping[str, Any]) -> list[str]:
    """What is wrong with the form of a gold, as sentences; empty where nothing is."""
    expected = gold_keys(spec)
    optional = {"must_point"}
    if missing := sorted(expected - set(gold)):
        return [f"gold lacks {', '.join(map(repr, missing))}; it must hold {', '.join(sorted(expected))}"]
    if unknown := sorted(set(gold) - expected - optional):
        return [f"gold has the unknown key {unknown[0]!r}; it may hold {', '.join(sorted(expected))}"]
    return [problem for key in sorted(expected) for problem in _CHECKS[key](spec, gold[key])]


_OWN_KEY: Mapping[OutputKind, str] = {
    "label": "label",
    "list": "items",
    "pairs": "pairs",
    "number": "number",
    "json": "json",
    "tagged": "labels",
    "fields": "fields",
    "headed": "fields",
}
"""Output kind -> the key of its gold; `numbered` has points and issues alone."""


def gold_keys(spec: SubTask) -> set[str]:
    """The keys that every gold of the sub-task has."""
    kind = spec.output.kind
    keys = {_OWN_KEY[kind]} if kind in _OWN_KEY else set()
    if spec.open_parts:
        keys |= {"points", "anti_points", "references"}
    if any(leaf.name == "issue_f1" for leaf in spec.leaves):
        keys |= {"issues", "references"}
    if any(leaf.name == "balanced_accuracy" for leaf in spec.leaves):
        keys.add("must")
    if any(leaf.params.get("by_letter") for leaf in spec.leaves):
        keys.add("options")
    return keys | ({"references"} if kind == "tagged" else set())


def _is_aliases(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(alias, str) and tokens(alias, "zh") for alias in value)


def is_point(value: Any) -> bool:
    """Whether a value is a non-empty list of groups, each a non-empty list of alternatives."""
    return isinstance(value, list) and bool(value) and all(_is_aliases(group) for group in value)


def _check_count(spec: SubTask, found: list[Any], what: str) -> Iterator[str]:
    low, high = spec.output.min_items or 0, spec.output.max_items or len(found)
    if not low <= len(found) <= high:
        yield f"gold has {len(found)} {what}; {low} to {high} are allowed"


def _check_label(spec: SubTask, value: Any) -> Iterator[str]:
    ids = [label.id for label in spec.output.labels]
    if value not in ids:
        yield f"gold label {value!r} is none of {', '.join(ids)}"


def _check_labels(spec: SubTask, value: Any) -> Iterator[str]:
    ids = [label.id for label in spec.output.labels]
    if not isinstance(value, list) or any(label not in ids for label in value) or len(set(value)) != len(value):
        yield f"gold labels must be a list of different ids out of {', '.join(ids)}"
    else:
        yield from _check_count(spec, value, "labels")


def _check_items(spec: SubTask, value: Any) -> Iterator[str]:
    if not isinstance(value, list) or not all(_is_aliases(item) for item in value):
        yield "gold must be {items: [[alias, ...], ...]}"
    else:
        yield from _check_count(spec, value, "items")


def _check_pairs(spec: SubTask, value: Any) -> Iterator[str]:
    good = isinstance(value, list) and all(isinstance(p, dict) and set(p) == {"expression", "term"} and all(map(_is_aliases, p.values())) for p in value)
    if not good:
        yield "gold must be {pairs: [{expression: [alias, ...], term: [alias, ...]}, ...]}"
    else:
        yield from _check_count(spec, value, "pairs")


def _check_number(spec: SubTask, value: Any) -> Iterator[str]:
    if not isinstance(value, int) or isinstance(value, bool):
        yield "gold number must be a whole number"


def _check_fields(spec: SubTask, value: Any) -> Iterator[str]:
    if not isinstance(value, dict):
        yield "gold must be {fields: {field id: value}}"
        return
    known = {field.id: field for field in spec.output.fields if field.id not in spec.open_parts}
    yield from (f"gold has the unknown field {name!r}; there are {', '.join(known)}" for name in value if name not in known)
    yield from (f"gold lacks the required field {f.id!r}" for f in known.values() if f.required and f.id not in value)
    for name, found in value.items():
        if name in known and (problem := _field_problem(known[name], found)):
            yield f"gold field {name!r} must be {problem}"
    if spec.output.kind == "fields" and not any(field.kind == "list" and field.required for field in known.values()):
        yield from _check_count(spec, [*value, *spec.open_parts], "fields")


def _field_problem(field: OutputField, value: Any) -> str:
    ids = [label.id for label in field.labels]
    if field.kind == "list" and ids:
        return "" if isinstance(value, list) and value and all(label in ids for label in value) else f"a list of ids out of {', '.join(ids)}"
    if ids:
        return "" if value in ids else f"one of {', '.join(ids)}"
    if field.kind == "list":
        may_be_empty = field.required
        return "" if isinstance(value, list) and (value or may_be_empty) and all(map(_is_aliases, value)) else "a list of items, each a list of aliases"
    return "" if _is_aliases(value) else "a list of aliases"


def _check_points(spec: SubTask, value: Any) -> Iterator[str]:
    yield from _points_problem(spec, value, "points")
    if isinstance(value, dict) and set(value) != set(spec.open_parts):
        yield f"gold points must have exactly the parts {', '.join(spec.open_parts)}"


def _check_anti_points(spec: SubTask, value: Any) -> Iterator[str]:
    yield from _points_problem(spec, value, "anti_points")


def _points_problem(spec: SubTask, value: Any, what: str) -> Iterator[str]:
    good = isinstance(value, dict) and set(value) <= set(spec.open_parts) and all(isinstance(found, list) and all(map(is_point, found)) for found in value.values())
    if not good:
        yield f"gold {what} must map parts ({', '.join(spec.open_parts)}) to lists of points, each a list of groups of alternatives"


def _check_issues(spec: SubTask, value: Any) -> Iterator[str]:
    if not isinstance(value, list) or not all(map(is_point, value)):
        yield "gold issues must be a list of points, each a list of groups of alternatives"
    else:
        yield from _check_count(spec, value, "issues")


def _check_must(spec: SubTask, value: Any) -> Iterator[str]:
    if not isinstance(value, list) or not value or not all(isinstance(number, int) for number in value):
        yield "gold must: list the numbers of the must-have requirements"


def _check_options(spec: SubTask, value: Any) -> Iterator[str]:
    if not isinstance(value, dict) or not all(isinstance(found, str) and len(found) == 4 for found in value.values()):
        yield "gold options must map each option to its type of four letters"


def _check_references(spec: SubTask, value: Any) -> Iterator[str]:
    if not isinstance(value, list) or not value or not all(isinstance(text, str) and text.strip() for text in value):
        yield "gold references must be a list of texts, the first being the row's output"


def _check_json(spec: SubTask, value: Any) -> Iterator[str]:
    top = {field.id: field for field in spec.output.fields if "[]." not in field.id}
    if not isinstance(value, dict) or set(value) != set(top):
        yield f"gold json must have the keys {', '.join(top)}"
        return
    for name, field in top.items():
        found = value[name]
        parts = {f.id.split("[].")[1]: f for f in spec.output.fields if f.id.startswith(f"{name}[].")}
        if parts:
            items = found if isinstance(found, list) else [None]
            if not all(isinstance(item, dict) and set(item) == set(parts) and all(_leaf_good(parts[k], v) for k, v in item.items()) for item in items):
                yield f"gold json {name!r} must be a list of objects with {', '.join(parts)}"
        elif field.kind == "list":
            if not isinstance(found, list) or not all(map(_is_aliases, found)):
                yield f"gold json {name!r} must be a list of lists of aliases"
        elif not _leaf_good(field, found):
            yield f"gold json {name!r} has the wrong form"


def _leaf_good(field: OutputField, value: Any) -> bool:
    if value is None:
        return True
    if field.kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str) if field.kind == "date" else _is_aliases(value)


_CHECKS: Mapping[str, Callable[[SubTask, Any], Iterator[str]]] = {
    "label": _check_label,
    "labels": _check_labels,
    "items": _check_items,
    "pairs": _check_pairs,
    "number": _check_number,
    "fields": _check_fields,
    "json": _check_json,
    "points": _check_points,
    "anti_points": _check_anti_points,
    "issues": _check_issues,
    "references": _check_references,
    "must": _check_must,
    "options": _check_options,
}
