"""Scores of known models for the dataset cards, taken from the table."""

from __future__ import annotations

from typing import Any

from anytasktune_bench.leaderboard.table import Table


def reference_scores(table: Table) -> dict[str, list[dict[str, Any]]]:
    """lm-eval task name -> its cells in the table's order, without rows that were scored on a part of the test rows or without the instruction.

    Each has `model`, `num_fewshot`, `tuned` (on this sub-task), `n`, `score` with its 95 % interval `low` and `high`, `format_valid`, and the
    `eval_fingerprint` of the test rows, which tells a card whether it is about them.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for row in table.rows:
        for column, cell in zip(table.columns, row.cells, strict=True):
            if cell is not None and row.settings.limit is None and not row.settings.implicit:
                line = {
                    "model": row.model.name,
                    "num_fewshot": row.settings.num_fewshot,
                    "tuned": cell.tuned,
                    "n": cell.n,
                    "score": cell.score,
                    "low": cell.interval[0],
                    "high": cell.interval[1],
                    "format_valid": cell.format_valid,
                    "eval_fingerprint": cell.fingerprint,
                }
                found.setdefault(column.spec.task_name(column.lang), []).append(line)
    return found
