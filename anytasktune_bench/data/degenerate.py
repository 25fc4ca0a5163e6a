"""Answers that do not do the task, by output kind: fixed ones, everything at once, pieces of the input, and a right one made wrong."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from collections.abc import Sequence

from anytasktune_bench.gold import render
from anytasktune_bench.rows import Row
from anytasktune_bench.spec import Lang, SubTask

_NONSENSE: dict[Lang, str] = {"zh": "天外飞仙", "en": "quite otherwise"}
MAX_COMBINATIONS = 200


def sentences(text: str) -> list[str]:
    """The sentences and lines of a text."""
    return [part.strip() for part in re.split(r"(?<=[。！？；.!?;])\s*|\n", text) if part.strip()]


def clauses(text: str) -> list[str]:
    """The pieces of a text between punctuation marks."""
    return [part.strip() for part in re.split(r"[，。！？；、,.!?;\n]+", text) if part.strip()]


def _colon(lang: Lang) -> str:
    return "：" if lang == "zh" else ": "


def _join(spec: SubTask, lang: Lang, items: Sequence[str]) -> str:
    return (spec.output.separator[lang] if spec.output.separator else ", ").join(items)


def _numbered(lines: Sequence[str]) -> str:
    return "\n".join(f"{place}. {line}" for place, line in enumerate(lines, start=1))


def _keyed(spec: SubTask, lang: Lang, values: Sequence[str]) -> str:
    """One line per field, values in turn."""
    return "\n".join(f"{field.name(lang)}{_colon(lang)}{values[place % len(values)]}" for place, field in enumerate(spec.output.fields))


def constants(spec: SubTask, lang: Lang, train: Sequence[Row], test: Sequence[Row]) -> list[str]:
    """Candidates for the best fixed answer: every label or combination of labels, every gold answer, and the k most frequent values or lines for each k."""
    if spec.output.kind == "label":
        return [label.name(lang) for label in spec.output.labels]
    found = [row.output for row in (*train, *test)]
    if spec.output.kind == "list":
        items = Counter(aliases[0] for row in test for aliases in row.gold["items"])  # type: ignore[union-attr,index]
        found += _growing([str(item) for item, _ in items.most_common(spec.output.max_items or 8)], lambda chosen: _join(spec, lang, chosen))
    elif spec.output.kind == "tagged":
        by_tag: dict[str, str] = {}
        counts = Counter(line.split("]")[0] for row in test for line in row.output.split("\n") if "]" in line)
        for line in (line for row in test for line in row.output.split("\n") if "]" in line):
            by_tag.setdefault(line.split("]")[0], line)
        found += _growing([by_tag[tag] for tag, _ in counts.most_common(spec.output.max_items)], "\n".join)
        found += ["\n".join(chosen) for chosen in itertools.combinations(by_tag.values(), spec.output.max_items or 4)]
    elif spec.output.kind in ("fields", "pairs"):
        found += _frequent_lines(test)
        closed = [field for field in spec.output.fields if field.labels and field.kind == "label"]
        combinations = itertools.islice(itertools.product(*(field.labels for field in closed)), MAX_COMBINATIONS) if closed else ()
        found += ["\n".join(f"{f.name(lang)}{_colon(lang)}{label.name(lang)}" for f, label in zip(closed, chosen, strict=True)) for chosen in combinations]
    return list(dict.fromkeys(found))


def _growing(items: Sequence[str], join: object) -> list[str]:
    return [join(items[:k]) for k in range(1, len(items) + 1)]  # type: ignore[operator]


def _frequent_lines(test: Sequence[Row]) -> list[str]:
    """The most frequent line of each key, the k most frequent of them together, and each alone."""
    counts = Counter(line for row in test for line in row.output.split("\n"))
    by_key: dict[str, str] = {}
    for line, _ in counts.most_common():
        by_key.setdefault(re.split(r"[:：]| -> ", line, maxsplit=1)[0], line)
    lines = sorted(by_key.values(), key=lambda line: -counts[line])[:12]
    return _growing(lines, "\n".join) + lines


def everything(spec: SubTask, lang: Lang, test: Sequence[Row]) -> list[list[str]]:
    """Several ways to answer with all at once, each as one answer per row."""
    kind, limit = spec.output.kind, spec.output.max_items
    names = [label.name(lang) for label in spec.output.labels]
    if kind == "label":
        return [[separator.join(names)] * len(test) for separator in ("; ", "\n", "；")]
    if kind == "list":
        return [[_join(spec, lang, clauses(row.input)[:most]) for row in test] for most in (None, limit)]
    if kind == "tagged":
        question = "请问这一项的具体情况如何" if lang == "zh" else "Could you please tell me about"
        lines = [f"[{name}] {question}{name if lang == 'zh' else f' {name}'}{'？' if lang == 'zh' else '?'}" for name in names]
        return [["\n".join(chosen)] * len(test) for chosen in (lines, lines[:limit])]
    if kind == "pairs":
        return [["\n".join(f"{clause} -> {clause}" for clause in clauses(row.input)[:most]) for row in test] for most in (None, limit)]
    if kind == "number":
        return [[", ".join(re.findall(r"\d+", row.input)) for row in test], ["6-180"] * len(test)]
    if kind == "numbered":
        return [[_numbered([s.rstrip("。.；;") + ("？" if lang == "zh" else "?") for s in sentences(row.input)][:most]) for row in test] for most in (None, limit)]
    flat = [" ".join(row.input.split()) for row in test]
    if kind == "json":
        keys = [field.id for field in spec.output.fields if "[]." not in field.id]
        return [[json.dumps(dict.fromkeys(keys, text), ensure_ascii=False) for text in flat]]
    labels = [_join(spec, lang, [label.name(lang) for label in field.labels]) if field.labels else None for field in spec.output.fields]
    return [[_keyed(spec, lang, [text if name is None else name for name in labels]) for text in flat], [_keyed(spec, lang, [text]) for text in flat]]


def shortest_clauses(spec: SubTask, lang: Lang, row: Row) -> str:
    """The input's shortest clauses in the required format, as many as are allowed."""
    found, limit = sorted(clauses(row.input), key=len), spec.output.max_items
    if spec.output.kind == "list":
        return _join(spec, lang, found[:limit])
    if spec.output.kind in ("fields", "headed"):
        return _keyed(spec, lang, found)
    if spec.output.kind == "pairs":
        return "\n".join(f"{clause} -> {clause}" for clause in found[:limit])
    if spec.output.kind == "numbered":
        return _numbered([f"{found[0]}：{clause}？" if lang == "zh" else f"{found[0]}: {clause}?" for clause in found[:limit]])
    if spec.output.kind == "json":
        return json.dumps({"name": found[0], "skills": found[:8]}, ensure_ascii=False)
    if spec.output.kind == "number":
        return str((re.findall(r"\d+", row.input) or [""])[-1])
    return found[0]


def corrupt(spec: SubTask, row: Row) -> str:
    """A wrong answer made from a right one: another label, number or item, or the first line's content replaced by nonsense."""
    lang, gold, nonsense = row.lang, row.gold, _NONSENSE[row.lang]
    if spec.output.kind == "label":
        return next(label.name(lang) for label in spec.output.labels if label.id != gold["label"])
    if spec.output.kind == "list":
        return nonsense
    if spec.output.kind == "number":
        return render(spec, lang, {"number": int(str(gold["number"])) * 2 + 1})
    if spec.output.kind == "json":
        return json.dumps(json.loads(row.output) | {"name": nonsense}, ensure_ascii=False)
    first, _, rest = row.output.partition("\n")
    if spec.output.kind == "tagged":
        wrong = next(label.name(lang) for label in spec.output.labels if label.id not in gold["labels"])  # type: ignore[operator]
        return f"[{wrong}] {nonsense}{nonsense}？\n{rest}"
    if spec.output.kind == "pairs":
        return f"{first.split(' -> ')[0]} -> {nonsense}\n{rest}"
    if spec.output.kind == "numbered":
        return f"1. {nonsense}{_colon(lang)}{nonsense}？\n{rest}"
    return f"{re.split('[:：]', first, maxsplit=1)[0]}{_colon(lang)}{nonsense}\n{rest}"
