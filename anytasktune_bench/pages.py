"""One page per sub-task, rendered from its specification: instruction, format, metric in plain words, and a worked score."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from anytasktune_bench.metrics import Note, score_answer
from anytasktune_bench.spec import LANGS, Example, Lang, Length, Metric, MetricName, SubTask

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
        f"## Score\n{metric_words(spec)}\n\nAn answer that cannot be read scores 0. How answers are read: full-width punctuation, code fences, a lead-in such as"
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


def metric_name(metric: Metric) -> str:
    """`slot_f1`, or `mean(aspect_score, key_points)`."""
    return f"mean({', '.join(metric_name(part) for part in metric.of)})" if metric.of else metric.name


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


def metric_words(spec: SubTask) -> str:
    """The primary metric in plain words."""
    if not spec.metric.of:
        return f"`{spec.metric.name}`: {_words(spec, spec.metric)}"
    weights = spec.metric.weights or (1.0,) * len(spec.metric.of)
    lines = [f"- `{part.name}`, weight {weight / sum(weights):.2g}: {_words(spec, part)}" for part, weight in zip(spec.metric.of, weights, strict=True)]
    return "The mean of:\n" + "\n".join(lines)


def _words(spec: SubTask, metric: Metric) -> str:
    what = f"On `{spec.field(metric.field).en}`: " if metric.field else f"On {', '.join(f'`{spec.field(name).en}`' for name in metric.fields)}: " if metric.fields else ""
    return what + _PLAIN[metric.name](spec, metric)


def _slot_words(spec: SubTask, metric: Metric) -> str:
    least = metric.params.get("min_predicted")
    return (
        "each line earns from 0 to 1 by how well its value matches the gold value of its key (texts and lists by likeness, numbers, dates and labels"
        " exactly); the score is the F1 of what was earned over the lines written and the keys wanted. Unknown and repeated keys, values over the"
        " limit and lines beyond the limit cost precision."
        + (f" At least {least} lines count as written." if least else "")
        + (f" A likeness under {metric.params['threshold']} earns nothing." if metric.params.get("threshold") else "")
    )


def _set_words(spec: SubTask, metric: Metric) -> str:
    if spec.output.kind == "tagged":
        return (
            "F1 of the items asked about against the items that are missing; a line counts only with a real question (question mark, length, asked once). Too many lines score 0."
        )
    over = "too many items only cost precision" if metric.params.get("over_max") == "count" else "with too many items nothing is earned"
    return f"F1 of the items against the gold items, matched one to one; an item hits at a likeness of {metric.params.get('threshold', 0.8)} or as the same label; {over}."


def _key_words(spec: SubTask, metric: Metric) -> str:
    text = "the share of the key points that the text says, less one for each thing it must not say (a negated one is not said); over the limit it earns 0."
    if "copied_run" in metric.params:
        run = Length.model_validate(metric.params["copied_run"])
        text += f" So does a text that copies a run of {run.bounds('zh')[1]} characters or {run.bounds('en')[1]} words."
    if metric.params.get("needs_fields"):
        text += " It earns 0 where no other line could be read."
    return text + _share_words(metric)


def _issue_words(spec: SubTask, metric: Metric) -> str:
    return "F1 of the lines against the gold issues: a line hits if it says one issue, and none if it says two; every line counts as written." + _share_words(metric)


def _share_words(metric: Metric) -> str:
    share = metric.params.get("max_share")
    return f" The whole is scaled down where the answer is longer than {float(str(share)):.0%} of the input, to 0 at its full length." if share else ""


def _accuracy_words(spec: SubTask, metric: Metric) -> str:
    gate = metric.params.get("gate")
    return "the share that is right." + (f" Nothing counts unless `{spec.field(str(gate)).en}` is right." if gate else "")


def _aspect_words(spec: SubTask, metric: Metric) -> str:
    return f"F1 over the aspects; a named aspect earns 1 less its distance from the gold score over {metric.params.get('tolerance', 25)}; scores off the list earn 0."


def _balanced_words(spec: SubTask, metric: Metric) -> str:
    return (
        "over all requirements of all rows, twice the mean of the two lines' recalls less one (at least 0), so that a guess earns 0; a number that"
        " the row does not have makes the whole row wrong."
    )


def _json_words(spec: SubTask, metric: Metric) -> str:
    return (
        f"F1 over the filled values: texts by likeness (0 under {metric.params.get('threshold', 0.5)}), numbers and dates exactly, items of a list in"
        " any order; null is dropped on both sides."
    )


def _pair_words(spec: SubTask, metric: Metric) -> str:
    return "F1 of the pairs, matched one to one; a pair hits if its expression is like the one in the text (0.8) and its term is an accepted one."


def _label_words(spec: SubTask, metric: Metric) -> str:
    return "macro-F1 over the labels; the label must be the whole answer or value, and anything else is a miss."


def _number_words(spec: SubTask, metric: Metric) -> str:
    return f"1 for the exact number, falling with the logarithm of the ratio to 0 at {metric.params.get('base', 2.5)} times too high or too low."


_PLAIN: Mapping[MetricName, Callable[[SubTask, Metric], str]] = {
    "slot_f1": _slot_words,
    "set_f1": _set_words,
    "pair_f1": _pair_words,
    "macro_f1": _label_words,
    "log_tol": _number_words,
    "aspect_score": _aspect_words,
    "key_points": _key_words,
    "issue_f1": _issue_words,
    "field_accuracy": _accuracy_words,
    "balanced_accuracy": _balanced_words,
    "json_slot_f1": _json_words,
}
