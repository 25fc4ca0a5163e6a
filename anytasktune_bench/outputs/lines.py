"""Readers of answers that are made of lines: `Key: value`, headed sections, pairs, tagged lines, numbered lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from anytasktune_bench.outputs.clean import EDGES, drop_bullet, drop_lead_in_line, is_none_value, label_key, match_label, split_key
from anytasktune_bench.outputs.types import Parsed
from anytasktune_bench.spec import Lang, OutputField, SubTask
from anytasktune_bench.text import normalise

_ARROW = re.compile(r"\s*(?:[-=—–－]{1,3}[>＞]|[→⇒➜➔])\s*")
_TAG = re.compile(r"^[^\[【［\w]{0,8}[\[【［]([^\]】］\n]{1,40})[\]】］]\W{0,4}(.*)$", re.DOTALL)
_NUMBERED = re.compile(r"^\W{0,4}?(?:\d{1,2}\s*[.、)）．:：]|[(（]\d{1,2}[)）]|[①-⑳])\s*(?!\d)")


@dataclass(frozen=True)
class Line:
    """One line of a `fields` answer, or one section of a `headed` one."""

    field: OutputField | None
    """None for a line without a known key, and for a key that stood before."""
    value: str
    key: str
    """The key as written; empty for a line without one."""


@dataclass(frozen=True)
class Pair:
    """One line `expression -> term`."""

    expression: str
    term: str | None
    """None for a line that is no pair."""


@dataclass(frozen=True)
class Tagged:
    """One line `[Item] text`."""

    label: str | None
    """Label id; None for a line without a known item."""
    text: str


def _filled(text: str) -> Iterator[str]:
    return (line for line in text.split("\n") if line.strip())


def _field_of(spec: SubTask, lang: Lang, key: str) -> OutputField | None:
    wanted = normalise(key, lang).replace(" ", "")
    return next((f for f in spec.output.fields if normalise(f.name(lang), lang).replace(" ", "") == wanted), None)


def _says_nothing(spec: SubTask, lang: Lang, field: OutputField, value: str) -> bool:
    """Whether a value stands for "not stated". Where 无/none is a label, or the literal of an empty list, it is a value like any other."""
    if not value.strip():
        return True
    closed = bool(field.labels) or (field.kind == "list" and spec.output.empty_literal is not None)
    return not closed and is_none_value(value, lang)


def read_fields(spec: SubTask, lang: Lang, text: str) -> Parsed:
    """One `Key: value` a line. A key that is said to hold nothing is dropped; unknown and repeated keys stay as lines without a field."""
    lines: list[Line] = []
    seen: set[str] = set()
    for number, raw in enumerate(_filled(text)):
        bare = drop_bullet(raw).strip(EDGES)
        key, colon, value = split_key(bare)
        field = _field_of(spec, lang, key) if colon else None
        if field is None and not (colon and value) and number == 0:
            continue  # a lead-in sentence before the first key
        if field is not None and _says_nothing(spec, lang, field, value):
            seen.add(field.id)
            continue
        lines.append(Line(None if field and field.id in seen else field, value if colon else bare, key if colon else ""))
        if field:
            seen.add(field.id)
    limit = spec.output.max_items
    required = {field.id for field in spec.output.fields if field.required}
    valid = bool(lines) and all(line.field for line in lines) and required <= {line.field.id for line in lines if line.field} and (limit is None or len(lines) <= _most_lines(spec))
    return Parsed(valid and len(lines) >= _least_lines(spec), tuple(lines), text)


def _counts_lines(spec: SubTask) -> bool:
    """Whether `min_items` and `max_items` count lines; where every list has its own, they count the items of one."""
    return not any(field.kind == "list" and field.required for field in spec.output.fields)


def _most_lines(spec: SubTask) -> int:
    return (spec.output.max_items or len(spec.output.fields)) if _counts_lines(spec) else len(spec.output.fields)


def _least_lines(spec: SubTask) -> int:
    return (spec.output.min_items or 0) if _counts_lines(spec) else 0


def read_headed(spec: SubTask, lang: Lang, text: str) -> Parsed:
    """Sections, each after its header; a section runs to the next header. The first of equal headers counts."""
    sections: list[tuple[OutputField, list[str]]] = []
    before: list[str] = []
    for raw in text.split("\n"):
        bare = re.sub(r"^[\s#>*_-]+", "", drop_bullet(raw))
        key, colon, value = split_key(bare)
        field = _field_of(spec, lang, key if colon else bare.strip(EDGES + "【】[]"))
        if field is not None:
            sections.append((field, [value if colon else ""]))
        elif sections:
            sections[-1][1].append(raw)
        elif raw.strip():
            before.append(raw)
    lines: list[Line] = []
    seen: set[str] = set()
    for field, parts in sections:
        value = "\n".join(parts).strip().strip("*").strip()
        lines.append(Line(None if field.id in seen else field, value, field.name(lang)))
        seen.add(field.id)
    filled = {line.field.id for line in lines if line.field and line.value}
    valid = not before and all(line.field for line in lines) and {field.id for field in spec.output.fields if field.required} <= filled
    return Parsed(valid, tuple(lines), text)


def read_pairs(spec: SubTask, lang: Lang, text: str) -> Parsed:
    """One `expression -> term` a line."""
    pairs = []
    for raw in _filled(drop_lead_in_line(text)):
        pieces = re.split(r"[；;]", raw)
        for piece in pieces if len(pieces) > 1 and all(len(_ARROW.findall(p)) == 1 for p in pieces) else [raw]:
            sides = [side.strip(EDGES + ",.，。") for side in _ARROW.split(drop_bullet(piece))]
            pairs.append(Pair(sides[0], sides[1]) if len(sides) == 2 and all(sides) else Pair(piece.strip(), None))
    low, high = spec.output.min_items or 1, spec.output.max_items or len(pairs)
    return Parsed(low <= len(pairs) <= high and all(pair.term for pair in pairs), tuple(pairs), text)


def read_tagged(spec: SubTask, lang: Lang, text: str) -> Parsed:
    """One `[Item] text` a line, or the literal alone. The literal beside other lines is no answer at all."""
    literal = spec.output.empty_literal
    wanted = normalise(literal[lang], lang) if literal else None
    body = text if wanted and label_key(text, lang) == wanted else drop_lead_in_line(text)
    if wanted and label_key(body, lang) == wanted:
        return Parsed(True, (), text)
    lines: list[Tagged] = []
    bracketed = True
    for raw in _filled(body):
        if wanted and label_key(raw, lang) == wanted:
            return Parsed(False, (), text)
        bare = drop_bullet(raw).strip()
        match = _TAG.match(bare)
        key, question = (match[1], match[2]) if match else split_key(bare)[::2]
        bracketed = bracketed and bool(match)
        lines.append(Tagged(match_label(spec.output.labels, lang, key), question.strip(EDGES)))
    limit = spec.output.max_items or len(lines)
    return Parsed(bool(lines) and len(lines) <= limit and bracketed and all(line.label for line in lines), tuple(lines), text)


def _without_number(line: str, place: int) -> str | None:
    """The line without its number, or None where it has none. A digit may follow its own number directly (1.3月6日)."""
    match = _NUMBERED.match(line) or re.match(rf"^\W{{0,4}}?{place}[.、．]", line)
    return line[match.end() :] if match else None


def read_numbered(spec: SubTask, lang: Lang, text: str) -> Parsed:
    """Numbered lines. A first line that ends in a colon is a lead-in; lines without a number count, but are not the required format."""
    lines = [line.strip() for line in _filled(text)]
    if len(lines) > 1 and lines[0].rstrip("*").endswith((":", "：")) and not _NUMBERED.match(lines[0]):
        lines = lines[1:]
    bare = [_without_number(line, place) for place, line in enumerate(lines, start=1)]
    numbered = [line is not None for line in bare]
    found = tuple((drop_bullet(line) if own is None else own).strip(EDGES) for line, own in zip(lines, bare, strict=True))
    low, high = spec.output.min_items or 1, spec.output.max_items or len(found)
    return Parsed(low <= len(found) <= high and all(numbered), found, text)
