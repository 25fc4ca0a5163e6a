"""`json_slot_f1`: how well a JSON object matches a gold object."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from anytasktune_bench.metrics.matching import best_pairs, f1
from anytasktune_bench.metrics.part import Graded, Note, Part, number
from anytasktune_bench.outputs import JsonObject, within_cap
from anytasktune_bench.spec import Metric, OutputField
from anytasktune_bench.text import best_sim


def json_slot_f1(graded: Graded, metric: Metric) -> Part:
    """F1 over the filled values of a JSON object.

    A text earns its similarity to the best alias (0 below `params.threshold`), a number or date 0 or 1 (a number in quotation marks equals
    the number, 2021-4 equals 2021-04). Items of a list are aligned one-to-one so that the row's total is greatest. null and empty values
    are dropped on both sides. Unknown keys, repeated keys, values of the wrong form and over the cap count as predicted and earn nothing.

    Returns:
        Secondary: `json_valid`, `strict_json_slot_f1` (credit only for 1.0), `<key>_f1` of each list, `filled_null_rate` (share of gold's
        top-level nulls that the answer filled).
    """
    gold: dict[str, Any] = graded.gold["json"]
    answer: JsonObject | None = graded.parsed.value
    tops = {field.id: field for field in graded.spec.output.fields if "[]." not in field.id}
    lists = [name for name, field in tops.items() if field.kind == "list"]
    if answer is None:
        names = ("json_valid", "strict_json_slot_f1", *(f"{name}_f1" for name in lists), "filled_null_rate")
        return Part(0.0, dict.fromkeys(names, 0.0), (Note("answer", 0.0, "is no JSON object", ""),))
    total = strict = 0.0
    predicted = sum(_count(value) for value in answer.repeated)
    wanted, extra, notes = 0, {}, []
    for name, field in tops.items():
        found = _Slot(graded, metric, field).compare(answer.get(name), gold[name])
        total, strict, predicted, wanted = total + found.credit, strict + found.strict, predicted + found.predicted, wanted + found.gold
        notes += found.notes
        if field.kind == "list":
            extra[f"{name}_f1"] = f1(found.credit, found.predicted, found.gold) if found.predicted or found.gold else 1.0
    for key, value in answer.items():
        if key not in tops:
            predicted += _count(value)
            notes.append(Note(f"unknown key {key[:40]}", 0.0, str(value)[:80], ""))
    nulls = [name for name in tops if gold[name] is None]
    extra["filled_null_rate"] = sum(_count(answer.get(name)) > 0 for name in nulls) / len(nulls) if nulls else 0.0
    value = f1(total, predicted, wanted)
    return Part(value, {"json_valid": 1.0, "strict_json_slot_f1": f1(strict, predicted, wanted), **extra}, tuple(notes))


def _count(value: Any) -> int:
    """Filled values in any JSON value."""
    if isinstance(value, dict):
        return sum(map(_count, value.values())) + sum(map(_count, getattr(value, "repeated", ())))
    if isinstance(value, list):
        return sum(map(_count, value))
    return int(value is not None and value != "")


class _Tally:
    """Sums over the values of one key."""

    def __init__(self) -> None:
        self.credit = self.strict = 0.0
        self.predicted = self.gold = 0
        self.notes: list[Note] = []


class _Slot:
    """Compares the value of one top-level key."""

    def __init__(self, graded: Graded, metric: Metric, field: OutputField) -> None:
        self.graded, self.field, self.threshold = graded, field, number(metric, "threshold", 0.5)
        self.parts = {f.id.split("[].")[1]: f for f in graded.spec.output.fields if f.id.startswith(f"{field.id}[].")}

    def compare(self, answer: Any, gold: Any) -> _Tally:
        tally = _Tally()
        tally.predicted = _count(answer)
        if self.field.kind != "list":
            self._add(tally, self.field.id, [(answer, gold, self.field)])
            return tally
        items = answer if isinstance(answer, list) else []
        pairs = best_pairs(
            np.array([[sum(credit for _, credit, _, _ in self._leaves(item, wanted)) for wanted in gold] for item in items], dtype=float).reshape(len(items), len(gold))
        )
        for i, item in enumerate(items):
            partner = next((gold[column] for row, column in pairs if row == i), None)
            self._note_and_sum(tally, self._leaves(item, partner))
        for j, wanted in enumerate(gold):
            if j not in {column for _, column in pairs}:
                self._note_and_sum(tally, self._leaves(None, wanted))
        tally.gold = sum(1 for wanted in gold for _ in self._gold_leaves(wanted))
        return tally

    def _add(self, tally: _Tally, name: str, leaves: list[tuple[Any, Any, OutputField]]) -> None:
        tally.gold += sum(gold is not None for _, gold, _ in leaves)
        self._note_and_sum(tally, [(name, self._credit(answer, gold, field), answer, gold) for answer, gold, field in leaves])

    @staticmethod
    def _note_and_sum(tally: _Tally, leaves: list[tuple[str, float, Any, Any]]) -> None:
        for name, credit, answer, gold in leaves:
            tally.credit += credit
            tally.strict += credit == 1.0
            if _count(answer) or gold is not None:
                shown = "" if gold is None else " / ".join(gold) if isinstance(gold, list) else str(gold)
                tally.notes.append(Note(name, credit, "" if answer is None else str(answer)[:80], shown))

    def _gold_leaves(self, gold: Any) -> Iterator[Any]:
        yield from (value for value in (gold.values() if self.parts else [gold]) if value is not None)

    def _leaves(self, item: Any, gold: Any) -> list[tuple[str, float, Any, Any]]:
        """(name, credit, answer, gold) of each value of one list item."""
        if not self.parts:
            return [(self.field.id, self._credit(item, gold, self.field), item, gold)]
        mine = item if isinstance(item, dict) else {}
        wanted = gold or {}
        found = [(f"{self.field.id}.{name}", self._credit(mine.get(name), wanted.get(name), part), mine.get(name), wanted.get(name)) for name, part in self.parts.items()]
        found += [(f"{self.field.id}: unknown key {str(key)[:40]}", 0.0, value, None) for key, value in mine.items() if key not in self.parts]
        return found if isinstance(item, dict) or item is None else [*found, (self.field.id, 0.0, item, None)]

    def _credit(self, answer: Any, gold: Any, field: OutputField) -> float:
        if answer is None or gold is None or isinstance(answer, bool | list | dict):
            return 0.0
        if field.kind == "number":
            return float(_as_number(answer) == float(gold))
        if field.kind == "date":
            return float(isinstance(answer, str | int) and _as_date(str(answer)) == _as_date(str(gold)))
        if not isinstance(answer, str) or not within_cap(self.graded.spec, self.graded.lang, "value", answer):
            return 0.0
        similarity = best_sim(answer, gold, self.graded.lang)
        return similarity if similarity >= self.threshold else 0.0


def _as_number(value: Any) -> float | None:
    try:
        return float(value) if not isinstance(value, str) or re.fullmatch(r"\s*\d{1,12}(?:\.\d{1,6})?\s*", value) else None
    except (OverflowError, ValueError):
        return None


def _as_date(value: str) -> str:
    """`YYYY-MM`, `YYYY` or `present` in one form; anything else as it stands."""
    match = re.fullmatch(r"(\d{4})-(\d{1,2})", value.strip())
    return f"{match[1]}-{int(match[2]):02d}" if match else value.strip().casefold()
