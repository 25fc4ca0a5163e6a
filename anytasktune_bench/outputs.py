"""Read an answer, and write a gold, by output kind.

One reader per kind serves the data checks, scoring and `predict --parse`. A reader is tolerant where a careful grader would be (full-width
punctuation, code fences, a lead-in such as "Answer:", bullets, `<think>` text, key order, traditional characters) and never raises.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from anytasktune_bench.errors import SpecError
from anytasktune_bench.spec import Label, Lang, OutputField, OutputKind, SubTask
from anytasktune_bench.text import length, normalise, tokens

MAX_ANSWER = 100_000
"""Characters of an answer that are read; the rest is cut."""

_FENCE = re.compile(r"^```[\w-]*[ \t]*\n(.*?)\n?```$", re.DOTALL)
_LEAD_IN = re.compile(r"^\s*(?:\*\*)?(?:final answer|answer|output|result|答案|回答|输出|結果|结果|答)(?:\*\*)?\s*[:：]\s*(?:\*\*)?\s*", re.IGNORECASE)
_BULLET = re.compile(r"^\s*(?:[-*•·‧▪]\s+|\(?\d{1,2}[.、)）]\s*)")
_NONE_VALUES = {"无", "没有", "未提及", "未提到", "不详", "none", "n/a", "null", "not mentioned", "not stated", "unknown"}
_EDGES = " \t\r\n\"'“”‘’「」『』*`"


@dataclass(frozen=True)
class Line:
    """One line of a `fields` answer."""

    field: OutputField | None
    """None for a line without a known key, and for a key that stood before."""
    value: str
    key: str
    """The key as written; empty for a line without one."""


@dataclass(frozen=True)
class Parsed:
    """What a reader found in an answer."""

    valid: bool
    """Whether the answer has the format that the instruction asks for."""
    value: Any
    """By kind: `fields` tuple of `Line`; `list` tuple of str; `label` a label id or None."""
    cleaned: str
    """The answer without thinking text, fence and lead-in."""


def clean_answer(answer: str) -> str:
    """The answer proper: without thinking text, an enclosing code fence, and a lead-in such as "Answer:"."""
    text = answer[:MAX_ANSWER].replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "</think>" in text:
        text = text.rsplit("</think>", 1)[1]
    elif text.lstrip().startswith("<think>"):
        text = ""
    text = text.strip()
    if fenced := _FENCE.match(text):
        text = fenced[1].strip()
    return _LEAD_IN.sub("", text, count=1).strip()


def parse(spec: SubTask, lang: Lang, answer: str) -> Parsed:
    """Read `answer` in the format of `spec`. Never raises on any string.

    Raises:
        SpecError: this version has no reader for the spec's output kind.
    """
    reader = _READERS.get(spec.output.kind)
    if reader is None:
        raise SpecError(f"{spec.code}: output kind {spec.output.kind!r} has no reader in this version; there are {', '.join(_READERS)}.")
    return reader(spec, lang, clean_answer(answer))


def _parse_label(spec: SubTask, lang: Lang, text: str) -> Parsed:
    found = match_label(spec.output.labels, lang, text)
    return Parsed(found is not None, found, text)


def match_label(labels: tuple[Label, ...], lang: Lang, text: str) -> str | None:
    """The id of the label that `text` as a whole is, or None. A label inside a longer text is no answer."""
    wanted = _label_key(text, lang)
    if wanted:
        for label in labels:
            if any(_label_key(name, lang) == wanted for name in label.names(lang)):
                return label.id
    return None


def _label_key(text: str, lang: Lang) -> str:
    if len(text) > 200:
        return ""
    return normalise(_BULLET.sub("", text), lang).strip(_EDGES + ".,;:!?[]()<>")


def _parse_list(spec: SubTask, lang: Lang, text: str) -> Parsed:
    literal = spec.output.empty_literal
    if literal and _label_key(text, lang) == normalise(literal[lang], lang):
        return Parsed(True, (), text)
    items = tuple(item for line in text.split("\n") for item in split_items(_BULLET.sub("", line), spec.output.separators_accepted))
    limit = spec.output.max_items
    return Parsed(bool(items) and (limit is None or len(items) <= limit), items, text)


def split_items(text: str, separators: tuple[str, ...]) -> list[str]:
    """The non-empty items of `text`, cut at every separator that is not inside a number (1,000), with quotes and full stops off their ends."""
    pattern = "|".join(r"(?<!\d),|,(?!\d{3}(?!\d))" if s == "," else re.escape(s.strip() or s) for s in separators)
    parts = (part.strip(_EDGES).strip(".。").strip(_EDGES) for part in re.split(pattern, text))
    return [part for part in parts if part]


def _parse_fields(spec: SubTask, lang: Lang, text: str) -> Parsed:
    lines: list[Line] = []
    seen: set[str] = set()
    for number, raw in enumerate(line for line in text.split("\n") if line.strip()):
        bare = _BULLET.sub("", raw).strip(_EDGES)
        key, colon, value = _split_key(bare)
        field = _field_of(spec, lang, key) if colon else None
        if field is None and not (colon and value) and number == 0:
            continue  # a lead-in sentence before the first key
        if field is not None and is_none_value(value, lang) and not field.labels:
            seen.add(field.id)
            continue  # a key that is said to hold nothing
        lines.append(Line(None if field and field.id in seen else field, value if colon else bare, key if colon else ""))
        if field:
            seen.add(field.id)
    limit = spec.output.max_items
    required = {field.id for field in spec.output.fields if field.required}
    valid = bool(lines) and all(line.field for line in lines) and required <= seen and (limit is None or len(lines) <= limit)
    valid = valid and len(lines) >= (spec.output.min_items or 0)
    return Parsed(valid, tuple(lines), text)


def _split_key(line: str) -> tuple[str, bool, str]:
    match = re.match(r"([^:：]{1,60})[:：](.*)$", line, re.DOTALL)
    return (match[1].strip(_EDGES), True, match[2].strip(_EDGES)) if match else ("", False, line)


def _field_of(spec: SubTask, lang: Lang, key: str) -> OutputField | None:
    wanted = normalise(key, lang).replace(" ", "")
    return next((f for f in spec.output.fields if normalise(f.name(lang), lang).replace(" ", "") == wanted), None)


def is_none_value(value: str, lang: Lang) -> bool:
    """Whether a value says that there is nothing (无, none, not mentioned, ...)."""
    return not value.strip() or (len(value) <= 40 and normalise(value, lang).strip(_EDGES + ".,;:()[]-") in _NONE_VALUES)


def within_cap(spec: SubTask, lang: Lang, part: str, text: str) -> bool:
    """Whether `text` keeps the spec's length limit for `part` (characters without white space or words; punctuation counts in zh)."""
    cap = spec.output.cap(part, lang)
    return cap is None or length(text, lang) <= cap


def to_json(spec: SubTask, lang: Lang, parsed: Parsed) -> Any:
    """A parsed answer as plain JSON values, for `predict --parse`: field names -> text or list, a list of items, or a label."""
    if spec.output.kind == "fields":
        result: dict[str, Any] = {}
        for line in parsed.value:
            if line.field:
                is_list = line.field.kind == "list"
                result[line.field.name(lang)] = split_items(line.value, spec.output.separators_accepted) if is_list else line.value
        return result
    if spec.output.kind == "list":
        return list(parsed.value)
    return next((label.name(lang) for label in spec.output.labels if label.id == parsed.value), None)


def render(spec: SubTask, lang: Lang, gold: dict[str, Any]) -> str:
    """The best answer for a gold: first aliases in the spec's format.

    Raises:
        SpecError: this version has no writer for the spec's output kind.
    """
    writer = _WRITERS.get(spec.output.kind)
    if writer is None:
        raise SpecError(f"{spec.code}: output kind {spec.output.kind!r} has no writer in this version; there are {', '.join(_WRITERS)}.")
    return writer(spec, lang, gold)


def _render_label(spec: SubTask, lang: Lang, gold: dict[str, Any]) -> str:
    return next(label.name(lang) for label in spec.output.labels if label.id == gold["label"])


def _render_list(spec: SubTask, lang: Lang, gold: dict[str, Any]) -> str:
    assert spec.output.separator
    if not gold["items"]:
        assert spec.output.empty_literal
        return spec.output.empty_literal[lang]
    return spec.output.separator[lang].join(aliases[0] for aliases in gold["items"])


def _render_fields(spec: SubTask, lang: Lang, gold: dict[str, Any]) -> str:
    colon = "：" if lang == "zh" else ": "
    lines = []
    for field in spec.output.fields:
        if field.id in gold["fields"]:
            value = gold["fields"][field.id]
            separator = spec.output.separator[lang] if spec.output.separator else ", "
            lines.append(f"{field.name(lang)}{colon}{separator.join(item[0] for item in value) if field.kind == 'list' else value[0]}")
    return "\n".join(lines)


def check_gold(spec: SubTask, gold: dict[str, Any]) -> list[str]:
    """What is wrong with the form of a gold, as sentences; empty where nothing is."""
    kind = spec.output.kind
    if kind == "label":
        ids = [label.id for label in spec.output.labels]
        return [] if set(gold) == {"label"} and gold["label"] in ids else [f"gold must be {{label: id}} with one of {', '.join(ids)}"]
    if kind == "list":
        items = gold.get("items")
        if set(gold) != {"items"} or not isinstance(items, list) or not all(_is_aliases(item) for item in items):
            return ["gold must be {items: [[alias, ...], ...]}"]
        limit, least = spec.output.max_items, spec.output.min_items or 0
        return [] if least <= len(items) <= (limit or len(items)) else [f"gold has {len(items)} items; {least} to {limit} are allowed"]
    if kind == "fields":
        return _check_gold_fields(spec, gold)
    raise SpecError(f"{spec.code}: output kind {kind!r} has no gold form in this version.")


def _check_gold_fields(spec: SubTask, gold: dict[str, Any]) -> list[str]:
    values = gold.get("fields")
    if set(gold) != {"fields"} or not isinstance(values, dict):
        return ["gold must be {fields: {field id: aliases}}"]
    known = {field.id: field for field in spec.output.fields}
    problems = [f"gold has the unknown field {name!r}; there are {', '.join(known)}" for name in values if name not in known]
    problems += [f"gold lacks the required field {f.id!r}" for f in spec.output.fields if f.required and f.id not in values]
    for name, value in values.items():
        if (field := known.get(name)) is not None:
            good = isinstance(value, list) and bool(value) and all(map(_is_aliases, value)) if field.kind == "list" else _is_aliases(value)
            if not good:
                problems.append(f"gold field {name!r} must be {'a list of items, each ' if field.kind == 'list' else ''}a list of aliases")
    limit, least = spec.output.max_items, spec.output.min_items or 0
    if not least <= len(values) <= (limit or len(values)):
        problems.append(f"gold has {len(values)} fields; {least} to {limit} are allowed")
    return problems


def _is_aliases(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(alias, str) and tokens(alias, "zh") for alias in value)


_READERS: dict[OutputKind, Callable[[SubTask, Lang, str], Parsed]] = {"label": _parse_label, "list": _parse_list, "fields": _parse_fields}
_WRITERS: dict[OutputKind, Callable[[SubTask, Lang, dict[str, Any]], str]] = {
    "label": _render_label,
    "list": _render_list,
    "fields": _render_fields,
}
