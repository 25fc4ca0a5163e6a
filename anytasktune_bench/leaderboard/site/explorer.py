"""Answers for the sample explorer, as classic scripts: pages opened from a disk may load these, and nothing else.

`rows/<task>.<part>.js` holds the questions of a test once, `answers/<model>/<task>.<part>.js` one model's answers to them. Big tests come in parts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from anytasktune_bench.leaderboard.site.board import Board
from anytasktune_bench.leaderboard.table import Answer, Column
from anytasktune_bench.outputs import to_json

PART = 200
"""Rows of a test in one file."""

NOTE_LIMIT = 160
"""Characters of a note that are kept; the whole gold is in the benchmark's rows."""


def script(name: str, value: Any) -> str:
    """A classic script that hands `value` to the page under `name`. No text in it can end a script element or reorder what stands beside it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return f"board({json.dumps(name)},{_inert(text)});\n"


def _inert(text: str) -> str:
    for char in "<\u2028\u2029\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return "".join(f"\\u{ord(c):04x}" if "\ud800" <= c <= "\udfff" or "\x7f" <= c <= "\x9f" else c for c in text)


def parts(n: int) -> int:
    """In how many files `n` rows come."""
    return -(-n // PART)


def explorer_files(board: Board) -> Iterator[tuple[str, str]]:
    """(path in the site, content) of every data file of the explorer."""
    for place, column in enumerate(board.table.columns):
        answered = [(i, row.answers[place]) for i, row in enumerate(board.table.rows) if row.answers and row.answers[place]]
        # A run with a limit saw the first rows only; the longest run has all of them, in the same order.
        longest = max((answers for _, answers in answered), key=len, default=())
        places = {answer.sample.id: i for i, answer in enumerate(longest)}
        task = column.spec.task_name(column.lang)
        for part, chunk in enumerate(longest[start : start + PART] for start in range(0, len(longest), PART)):
            rows = [[a.sample.id, a.sample.group, a.sample.input, a.sample.reference] for a in chunk]
            yield f"rows/{task}.{part}.js", script(f"rows/{task}.{part}", {"instruction": column.spec.instruction[column.lang][0], "rows": rows})
        for i, answers in answered:
            by_part: dict[int, list[list[Any]]] = {part: [] for part in range(parts(len(longest)))}
            for answer in answers:
                known = longest[places[answer.sample.id]] if answer.sample.id in places else None
                by_part[places.get(answer.sample.id, 0) // PART].append(_answer(column, answer, known))
            for part, found in by_part.items():
                yield f"answers/{board.slugs[i]}/{task}.{part}.js", script(f"answers/{board.slugs[i]}/{task}.{part}", found)


def _answer(column: Column, answer: Answer, known: Answer | None) -> list[Any]:
    """[id, answer, score, format valid, parsed, notes] and, where the run's question or reference differs from the shared one, these too."""
    sample, score = answer.sample, answer.score
    notes = [[_cut(note.what), round(note.credit, 4), _cut(note.answer), _cut(note.gold)] for note in score.notes]
    parsed = to_json(column.spec, column.lang, score.parsed) if score.parsed.value is not None else None
    found = [sample.id, sample.answer, round(score.score, 6), int(score.parsed.valid), parsed, notes]
    same = known is not None and (known.sample.input, known.sample.reference) == (sample.input, sample.reference)
    return found if same else [*found, sample.input, sample.reference]


def _cut(text: str) -> str:
    return text if len(text) <= NOTE_LIMIT else text[: NOTE_LIMIT - 1] + "…"
