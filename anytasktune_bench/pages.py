"""One page per sub-task, rendered from its specification: instruction, format, metric in plain words, and a worked score."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from anytasktune_bench.metrics import Note, score_answer
from anytasktune_bench.spec import LANGS, Example, Lang, Length, SubTask
from anytasktune_bench.words import metric_name, metric_words

LANGUAGE: Mapping[Lang, str] = {"zh": "Chinese", "en": "English"}


def page(spec: SubTask) -> str:
    """The page of one sub-task, as Markdown."""
    parts = [
        f"# {spec.code} {spec.title.en} / {spec.title.zh}",
        f"{spec.summary.en}\n\n{spec.summary.zh}",
        f"Domain {spec.domain}, id `{spec.full_id}`, lm-eval tasks `{spec.task_name('zh')}` and `{spec.task_name('en')}`."
        + (" A column of the paper's Table 1; what it holds here is this project's choice." if spec.paper_column else ""),
        f"## Input\n{_sentence(spec.input.what)} Chinese: {_range(spec.input.zh_chars)} characters without white space; English: {_range(spec.input.en_words)} words.",
        f"## Answer\n{_format(spec)}",
        f"## Score\n{metric_words(spec, 'en')}\n\nAn answer that cannot be read scores 0. How answers are read: full-width punctuation, code fences, a lead-in such as"
        ' "Answer:", bullets, thinking text, the order of keys, traditional characters and number words make no difference; a different number, unit,'
        " sign or negation earns nothing.",
        *(_language(spec, lang) for lang in LANGS),
    ]
    return "\n\n".join(["<!-- Made by `anytasktune export docs` from task.yaml; do not edit. -->", *parts]) + "\n"


def index(specs: Sequence[SubTask]) -> str:
    """The list of all pages, as Markdown."""
    rows = [f"| [{s.code}]({s.code.lower()}.md) | {s.domain} | {s.title.en} | {s.title.zh} | {s.output.kind} | {metric_name(s.metric)} |" for s in specs]
    head = "| code | domain | title | 标题 | answer | metric |\n|---|---|---|---|---|---|"
    return "<!-- Made by `anytasktune export docs`; do not edit. -->\n\n# Sub-tasks\n\n" + "\n".join([head, *rows]) + "\n"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _range(bounds: tuple[int, int]) -> str:
    return f"{bounds[0]} to {bounds[1]}"


def _language(spec: SubTask, lang: Lang) -> str:
    example = spec.example[lang]
    better = score_answer(spec, lang, example.output, example.gold, example.output, example.input)
    flawed = flawed_answer(spec, lang, example)
    worse = score_answer(spec, lang, flawed, example.gold, example.output, example.input)
    parts = [
        f"## {LANGUAGE[lang]}",
        _fence(spec.instruction[lang][0]),
        "An input:",
        _fence(example.input),
        f"The best answer, score {better.score:.3f}:",
        _fence(example.output),
        f"A flawed answer, score {worse.score:.3f}:",
        _fence(flawed),
        notes_table(worse.notes),
    ]
    return "\n\n".join(parts)


def _fence(text: str) -> str:
    return f"```text\n{text}\n```"


def notes_table(notes: Sequence[Note]) -> str:
    """Why an answer earned what it earned, as a Markdown table."""
    rows = [f"| {_cell(note.what)} | {note.credit:g} | {_cell(note.answer)} | {_cell(note.gold)} |" for note in notes]
    return "\n".join(["| part | credit | answer | wanted |", "|---|---|---|---|", *rows])


def _cell(text: str) -> str:
    flat = " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
    return flat if len(flat) <= 120 else flat[:119] + "…"


def flawed_answer(spec: SubTask, lang: Lang, example: Example) -> str:
    """A plausible imperfect answer: another label, a term a quarter too long, or the best answer without its last item, line or sentence."""
    kind, best = spec.output.kind, example.output
    if kind == "label":
        return next(label.name(lang) for label in spec.output.labels if label.id != example.gold["label"])
    if kind == "number":
        gold = str(example.gold["number"])
        return best.replace(gold, str(round(int(gold) * 1.25)))
    if kind == "list" and spec.output.separator:
        return spec.output.separator[lang].join(best.split(spec.output.separator[lang])[:-1])
    if kind == "json":
        value = json.loads(best)
        return json.dumps(value | {"skills": value["skills"][:-1], "name": None}, ensure_ascii=False)
    if kind == "headed":
        return best[: max(best.rstrip("。.").rfind(mark) for mark in ("。", ". ")) + 1].rstrip()
    return best.rpartition("\n")[0]


def _format(spec: SubTask) -> str:
    output = spec.output
    kinds = {
        "label": "One label and nothing else.",
        "list": f"A list on one line, separated by {_code(output.separator.en if output.separator else ',')} (Chinese {_code(output.separator.zh if output.separator else '，')}).",
        "fields": "One `Key: value` a line.",
        "headed": "A text after each header.",
        "pairs": "One `expression -> term` a line.",
        "number": f"One number{f' in {output.unit.en}' if output.unit else ''}.",
        "tagged": "One `[Item] question` a line.",
        "numbered": "Numbered lines.",
        "json": "One JSON object.",
    }
    lines = [kinds[output.kind]]
    if output.min_items is not None or output.max_items is not None:
        lines[0] += f" From {output.min_items or 0} to {output.max_items} of them."
    if output.empty_literal:
        lines[0] += f" Where there is nothing to list: {_code(output.empty_literal.en)} / {_code(output.empty_literal.zh)}."
    if output.labels:
        lines.append("Labels: " + "; ".join(f"{label.en} / {label.zh}" for label in output.labels) + ".")
    for field in output.fields:
        labels = f": {'; '.join(f'{label.en} / {label.zh}' for label in field.labels)}" if field.labels else ""
        lines.append(f"- `{field.en}` / `{field.zh}` ({field.kind}{', required' if field.required else ''}){labels}")
    if output.caps:
        lines.append("Limits: " + "; ".join(f"{part} {_cap(cap)}" for part, cap in output.caps.items()) + ".")
    return "\n".join(lines)


def _code(text: str) -> str:
    return f"`{text.strip() or text}`"


def _cap(cap: Length) -> str:
    (zh_low, zh_high), (en_low, en_high) = cap.bounds("zh"), cap.bounds("en")
    return f"{f'{zh_low} to ' if zh_low else ''}{zh_high} characters (zh), {f'{en_low} to ' if en_low else ''}{en_high} words (en)"
