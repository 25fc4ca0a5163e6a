"""The published form of rows, and the fingerprints over it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from anytasktune_bench.files import sha256_json
from anytasktune_bench.metrics import SCORER_VERSION
from anytasktune_bench.prompt import PROMPT_VERSION
from anytasktune_bench.rows import Row, Split, read_rows, rows_path
from anytasktune_bench.spec import Lang, SubTask

CANARY = "anytasktune-bench:canary:6f4b0c1e-9d0a-4b57-8a0f-2f1c7e55d3a9"
"""Stands in every published file, so that a crawl which holds the benchmark can be told."""

COLUMNS = ("id", "pair_id", "group", "instruction", "input", "output", "gold", "difficulty", "register")
"""Columns of the published tables, all strings; `gold` is JSON, since its form differs by output kind."""


def source_rows(spec: SubTask, split: Split, lang: Lang) -> list[Row]:
    """The rows of one split and language from the sub-task's folder.

    Raises:
        RowError: the file is missing or a row is broken.
    """
    return read_rows(rows_path(spec.folder, split, lang))


def to_record(spec: SubTask, row: Row) -> dict[str, str]:
    """A row as it is published."""
    return {
        "id": row.id,
        "pair_id": row.pair_id,
        "group": row.group,
        "instruction": spec.instruction[row.lang][0],
        "input": row.input,
        "output": row.output,
        "gold": json.dumps(row.gold, ensure_ascii=False, sort_keys=True),
        "difficulty": row.meta.get("difficulty", ""),
        "register": row.meta.get("register", ""),
    }


def eval_fingerprint(spec: SubTask, lang: Lang, records: Iterable[dict[str, Any]]) -> str:
    """sha256 over all that a score depends on: instruction 0, output, metric, scorer and prompt version, and the test rows.

    Scores with different evaluation fingerprints are not comparable.
    """
    return sha256_json(
        {
            "instruction": spec.instruction[lang][0],
            "output": spec.output.model_dump(mode="json"),
            "metric": spec.metric.model_dump(mode="json"),
            "scorer": SCORER_VERSION,
            "prompt": PROMPT_VERSION,
            "test": [{name: record[name] for name in COLUMNS} for record in records],
        }
    )


def train_fingerprint(spec: SubTask, lang: Lang, train: Iterable[dict[str, Any]], validation: Iterable[dict[str, Any]]) -> str:
    """sha256 over all that training sees: every wording of the instruction, the prompt version, train and validation rows."""
    return sha256_json(
        {
            "instructions": list(spec.instruction[lang]),
            "prompt": PROMPT_VERSION,
            "train": [{name: record[name] for name in COLUMNS} for record in train],
            "validation": [{name: record[name] for name in COLUMNS} for record in validation],
        }
    )
