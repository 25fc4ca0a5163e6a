"""Read an answer by output kind.

One reader per kind serves the data checks, scoring and `predict --parse`. A reader is tolerant where a careful grader would be (full-width
punctuation, code fences, a lead-in such as "Answer:", bullets, `<think>` text, key order, traditional characters) and never raises.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from anytasktune_bench.outputs.clean import clean_answer, drop_bullet, drop_lead_in_line, is_none_value, label_key, match_label, split_items
from anytasktune_bench.outputs.lines import Line, Pair, Tagged, read_fields, read_headed, read_numbered, read_pairs, read_tagged
from anytasktune_bench.outputs.structure import JsonObject, read_json
from anytasktune_bench.outputs.types import Parsed
from anytasktune_bench.spec import Lang, OutputField, OutputKind, SubTask
from anytasktune_bench.text import length, normalise
from anytasktune_bench.values import parse_months, parse_quantity

__all__ = [
    "JsonObject", "Line", "Pair", "Parsed", "Tagged", "clean_answer", "field_items", "is_none_value", "label_key", "match_label", "parse", "split_items", "to_json", "within_cap",
]  # fmt: skip


def parse(spec: SubTask, lang: Lang, answer: str) -> Parsed:
    """Read `answer` in the format of `spec`. Never raises on any string.

    Returns:
        What was found; `value` by output kind: `label` a label id or None · `list` tuple of str · `fields`, `headed` tuple of `Line` · `pairs` tuple
        of `Pair` · `number` int or None · `tagged` tuple of `Tagged` · `numbered` tuple of str (one per line, numbers taken off) · `json`
        a `JsonObject` or None.
    """
    return _READERS[spec.output.kind](spec, lang, clean_answer(answer))


def _read_label(spec: SubTask, lang: Lang, text: str) -> Parsed:
    found = match_label(spec.output.labels, lang, drop_lead_in_line(text))
    return Parsed(found is not None, found, text)


def _read_list(spec: SubTask, lang: Lang, text: str) -> Parsed:
    body = drop_lead_in_line(text)
    literal = spec.output.empty_literal
    if literal and label_key(body, lang) == normalise(literal[lang], lang):
        return Parsed(True, (), text)
    items = tuple(item for line in body.split("\n") for item in split_items(drop_bullet(line), spec.output.separators_accepted))
    low, high = max(spec.output.min_items or 0, 1), spec.output.max_items or len(items)
    return Parsed(low <= len(items) <= high, items, text)


def _read_number(spec: SubTask, lang: Lang, text: str) -> Parsed:
    body = drop_bullet(drop_lead_in_line(text)).strip()
    for field in spec.output.fields:
        for name in (field.zh, field.en):
            head = body[: len(name)]
            if head.casefold() == name.casefold():
                body = body[len(name) :].lstrip(" *").lstrip(":：").strip(" *")
    if spec.output.unit and spec.output.unit.en == "months":
        value = parse_months(body, lang)
    else:
        quantity = parse_quantity(body, lang)
        value = int(quantity.value) if quantity and quantity.value == int(quantity.value) else None
    return Parsed(value is not None, value, text)


def within_cap(spec: SubTask, lang: Lang, part: str, text: str) -> bool:
    """Whether `text` keeps the spec's length limit for `part` (characters without white space or words; punctuation counts in zh)."""
    cap = spec.output.cap(part, lang)
    return cap is None or length(text, lang) <= cap


def field_items(spec: SubTask, lang: Lang, field: OutputField, lines: tuple[Line, ...]) -> tuple[str, ...] | None:
    """The items of the first line of a list field; () for the literal of an empty list; None where the line is missing."""
    line = next((line for line in lines if line.field is field or (line.field and line.field.id == field.id)), None)
    if line is None:
        return None
    literal = spec.output.empty_literal
    if literal and label_key(line.value, lang) == normalise(literal[lang], lang):
        return ()
    return tuple(item for part in line.value.split("\n") for item in split_items(drop_bullet(part), spec.output.separators_accepted))


def to_json(spec: SubTask, lang: Lang, parsed: Parsed) -> Any:
    """A parsed answer as plain JSON values, for `predict --parse`: what a program that uses the answer would want."""
    return _TO_JSON[spec.output.kind](spec, lang, parsed.value)


def _label_name(spec: SubTask, lang: Lang, value: str | None) -> str | None:
    return next((label.name(lang) for label in spec.output.labels if label.id == value), None)


def _lines_to_json(spec: SubTask, lang: Lang, lines: tuple[Line, ...]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for line in lines:
        if line.field:
            result[line.field.name(lang)] = list(field_items(spec, lang, line.field, lines) or ()) if line.field.kind == "list" else line.value
    return result


_READERS: Mapping[OutputKind, Callable[[SubTask, Lang, str], Parsed]] = {
    "label": _read_label,
    "list": _read_list,
    "number": _read_number,
    "fields": read_fields,
    "headed": read_headed,
    "pairs": read_pairs,
    "tagged": read_tagged,
    "numbered": read_numbered,
    "json": read_json,
}
_TO_JSON: Mapping[OutputKind, Callable[[SubTask, Lang, Any], Any]] = {
    "label": _label_name,
    "list": lambda _spec, _lang, value: list(value),
    "number": lambda _spec, _lang, value: value,
    "fields": _lines_to_json,
    "headed": _lines_to_json,
    "pairs": lambda _spec, _lang, value: [{"expression": pair.expression, "term": pair.term} for pair in value],
    "tagged": lambda spec, lang, value: [{"item": _label_name(spec, lang, line.label), "question": line.text} for line in value],
    "numbered": lambda _spec, _lang, value: list(value),
    "json": lambda _spec, _lang, value: value,
}
