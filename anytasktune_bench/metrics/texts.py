"""Metrics over free wording: `key_points` and `issue_f1`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from anytasktune_bench.metrics.matching import f1
from anytasktune_bench.metrics.part import Graded, Note, Part
from anytasktune_bench.metrics.points import Point, canonical, meets, shares_run
from anytasktune_bench.outputs import within_cap
from anytasktune_bench.spec import Length, Metric
from anytasktune_bench.text import length


def key_points(graded: Graded, metric: Metric) -> Part:
    """(key points said - anti-points said) / key points, at least 0, over one field or the whole answer.

    The part is 0 where its header is missing, it is over its cap, it shares a run of `params.copied_run` tokens with the input (with the parts
    of it that match `params.copied_from`, if given), the point `must_point` is not said, or with `params.needs_fields` no other field was
    read. With `params.context_from` no negator undoes the groups from that number on, which say what a point is about. Over numbered lines only
    real ones are read (see `issue_f1`), and `params.max_share` applies.

    Returns:
        Secondary, named after the field: `<field>_points`, `<field>_anti_rate`, and where they apply `<field>_must_rate`, `<field>_copied_rate`.
    """
    name = metric.field or "answer"
    points, anti = graded.gold["points"][name], graded.gold["anti_points"].get(name, [])
    must = graded.gold.get("must_point", {}).get(name)
    text, why = _text(graded, metric)
    canon = canonical(text, graded.lang) if text else " "
    about = metric.params.get("context_from")
    context = int(str(about)) if about is not None else None
    said = [bool(text) and meets(canon, point, graded.lang, context_from=context) for point in points]
    against = [bool(text) and meets(canon, point, graded.lang, "clause", across=False, context_from=context) for point in anti]
    value = max(0, sum(said) - sum(against)) / len(points) if points else 0.0
    copied = _copied(graded, metric, text)
    if copied:
        why = "copied from the input"
    elif must is not None and not said[must]:
        why = why or "the point that must be made is missing"
    if why:
        value = 0.0
    else:
        value *= share_factor(graded, metric)
    label = graded.spec.field(metric.field).name(graded.lang) if metric.field else "answer"
    notes = [Note(label, float(ok), "said" if ok else "", show(point)) for point, ok in zip(points, said, strict=True)]
    notes += [Note(label, -1.0, "said, and should not be", show(point)) for point, hit in zip(anti, against, strict=True) if hit]
    if why:
        notes.insert(0, Note(label, 0.0, why, ""))
    extra = {f"{name}_points": sum(said) / len(points) if points else 0.0, f"{name}_anti_rate": sum(against) / len(anti) if anti else 0.0}
    if "copied_run" in metric.params:
        extra[f"{name}_copied_rate"] = float(copied)
        extra[f"{name}_must_rate"] = float(must is None or said[must])
    return Part(value, extra, tuple(notes))


def show(point: Point) -> str:
    """A point in one line: the first alternative of each group."""
    return " + ".join(group[0] for group in point)


def _text(graded: Graded, metric: Metric) -> tuple[str, str]:
    """The text to read and, where it earns nothing, why."""
    if metric.field is None:
        lines, why = real_lines(graded, metric)
        return "\n".join(line for line in lines if line is not None), why
    line = graded.line(metric.field)
    if line is None or not line.value.strip():
        return "", "missing"
    cap = graded.spec.output.field_cap(metric.field, graded.lang)
    if cap is not None and length(line.value, graded.lang) > cap:
        return "", f"over the limit of {cap} {'characters' if graded.lang == 'zh' else 'words'}"
    if metric.params.get("needs_fields") and not any(other.field and other.field.id != metric.field for other in graded.parsed.value):
        return "", "no other field was read"
    return line.value, ""


def _copied(graded: Graded, metric: Metric, text: str) -> bool:
    limit = metric.params.get("copied_run")
    if not limit or not text or not graded.source:
        return False
    pattern = metric.params.get("copied_from")
    sources = re.findall(str(pattern), graded.source, re.MULTILINE) if pattern else [graded.source]
    run = Length.model_validate(limit).bounds(graded.lang)[1]
    return any(shares_run(text, source, graded.lang, run) for source in sources)


def share_factor(graded: Graded, metric: Metric) -> float:
    """1 while the answer has at most `params.max_share` of the input's length, falling linearly to 0 at the whole length."""
    share = metric.params.get("max_share")
    if share is None or not graded.source:
        return 1.0
    used = length(graded.parsed.cleaned, graded.lang) / max(length(graded.source, graded.lang), 1)
    return min(1.0, max(0.0, (1 - used) / (1 - float(str(share)))))


def real_lines(graded: Graded, metric: Metric) -> tuple[list[str | None], str]:
    """The numbered lines, None for one that earns nothing, and why if all earn nothing.

    A line earns nothing over its cap, with `params.question_lines` without a question mark at its end, with `params.require_colon` without a
    colon; so do lines after `max_items`, and with `params.question_lines` all lines once there are more.
    """
    lines: Sequence[str] = graded.parsed.value
    limit = graded.spec.output.max_items or len(lines)
    if not lines:
        return [], "no line was read"
    if len(lines) > limit and metric.params.get("question_lines"):
        return [None] * len(lines), f"more than {limit} lines"

    def real(place: int, line: str) -> bool:
        bare = re.sub(r"[^\w%]", "", line) if graded.lang == "zh" else line
        counted = f"1. {line}" if metric.params.get("question_lines") else bare  # the limit of question lines includes the number
        return (
            place < limit
            and within_cap(graded.spec, graded.lang, "line", counted)
            and (not metric.params.get("question_lines") or line.rstrip(" \"'”’*").endswith(("?", "？")))
            and (not metric.params.get("require_colon") or bool(re.search(r"\S\s*[:：]\s*\S", line)))
        )

    return [line if real(place, line) else None for place, line in enumerate(lines)], ""


def issue_f1(graded: Graded, metric: Metric) -> Part:
    """F1 of predicted lines against gold issues: a line meets an issue if it says the issue's point, each issue once.

    What a line asks is the same whether it is put as "whether" or "whether not", so negators undo nothing here. A line that meets two issues
    matches none, so one line cannot gather everything; every line counts as predicted, so long lists cost
    precision. See `real_lines` for lines that earn nothing.

    Returns:
        Secondary: `line_count_error` (|lines - issues| / issues, at most 1) and `line_overlap` (share of lines that meet more than one issue).
    """
    issues: list[Any] = graded.gold["issues"]
    lines, why = real_lines(graded, metric)
    met = [[j for j, issue in enumerate(issues) if line is not None and meets(canonical(line, graded.lang), issue, graded.lang, "none")] for line in lines]
    hit = {found[0] for found in met if len(found) == 1}
    notes = []
    for line, raw, found in zip(lines, graded.parsed.value, met, strict=True):
        reason = " + ".join(show(issues[j]) for j in found) if line is not None else why or "over the limit, or not in the form asked for"
        notes.append(Note("line", float(len(found) == 1), raw, reason))
    notes += [Note("issue", 0.0, "", show(issue)) for j, issue in enumerate(issues) if j not in hit]
    value = f1(len(hit), len(lines), len(issues)) * share_factor(graded, metric)
    return Part(
        value,
        {
            "line_count_error": min(abs(len(lines) - len(issues)) / len(issues), 1.0),
            "line_overlap": sum(len(found) > 1 for found in met) / len(lines) if lines else 0.0,
        },
        tuple(notes),
    )
