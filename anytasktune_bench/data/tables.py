"""The published form of rows, and the fingerprints over it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from anytasktune_bench.files import canonical_json
from anytasktune_bench.metrics import SCORER_VERSION
from anytasktune_bench.prompt import PROMPT_VERSION
from anytasktune_bench.rows import Row, Split, iter_rows, read_rows, rows_path
from anytasktune_bench.spec import Lang, SubTask

CANARY = "anytasktune-bench:canary:6f4b0c1e-9d0a-4b57-8a0f-2f1c7e55d3a9"
"""Stands in every published file, so that a crawl which holds the benchmark can be told."""

COLUMN_MEANING: Mapping[str, str] = {
    "id": "Id of the row, `<code>-<lang>-<number>`.",
    "pair_id": "The same in the row's twin in the other language.",
    "group": "The situation that the row was written from. Rows of one group stand in one split; resample whole groups.",
    "instruction": "What to do, naming every key or label; the same for all rows of a config.",
    "input": "The text to work on.",
    "output": "The best answer, in the required format.",
    "gold": "What the metric compares an answer with, as JSON: accepted wordings, label ids, numbers, key points. Its form differs by the kind of answer.",
    "difficulty": "What makes the row hard, such as a denial or a second complaint; for breakdowns.",
    "register": "How it is written, such as terse, chatty or formal; for breakdowns.",
}
"""Columns of the published tables, all strings, and what they hold."""

COLUMNS = tuple(COLUMN_MEANING)

ROW_GROUP = 200
"""Rows of a Parquet row group, which is all that a build holds at a time; few, since the golds of open wording have 40 kB each."""


def repo_name(domain: str) -> str:
    """Name of a domain's dataset repository, without the namespace."""
    return f"anytasktune-{domain}"


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


def iter_records(spec: SubTask, split: Split, lang: Lang) -> Iterator[dict[str, str]]:
    """The rows of one split and language as they are published, one at a time.

    Raises:
        RowError: the file is missing or a row is broken.
    """
    return (to_record(spec, row) for row in iter_rows(rows_path(spec.folder, split, lang)))


def eval_fingerprint(spec: SubTask, lang: Lang, records: Iterable[Mapping[str, Any]]) -> str:
    """sha256 over all that a score depends on: instruction 0, output, metric, scorer and prompt version, and the test rows.

    Scores with different evaluation fingerprints are not comparable.
    """
    head = {
        "instruction": spec.instruction[lang][0],
        "output": spec.output.model_dump(mode="json"),
        "metric": spec.metric.model_dump(mode="json"),
        "scorer": SCORER_VERSION,
        "prompt": PROMPT_VERSION,
    }
    return _fingerprint(head, test=records)


def train_fingerprint(spec: SubTask, lang: Lang, train: Iterable[Mapping[str, Any]], validation: Iterable[Mapping[str, Any]]) -> str:
    """sha256 over all that training sees: every wording of the instruction, the prompt version, train and validation rows."""
    return _fingerprint({"instructions": list(spec.instruction[lang]), "prompt": PROMPT_VERSION}, train=train, validation=validation)


def _fingerprint(head: Mapping[str, Any], **tables: Iterable[Mapping[str, Any]]) -> str:
    """sha256 of the canonical JSON of `head` and the tables as one object, taken row by row; the tables' names must follow head's in order."""
    digest = hashlib.sha256(canonical_json(head)[:-1])
    for name, records in tables.items():
        digest.update(f',"{name}":['.encode())
        for number, record in enumerate(records):
            digest.update((b"," if number else b"") + canonical_json({column: record[column] for column in COLUMNS}))
        digest.update(b"]")
    digest.update(b"}")
    return digest.hexdigest()
