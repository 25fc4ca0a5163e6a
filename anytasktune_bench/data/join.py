"""Join scenario records with written pairs into rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from anytasktune_bench.data.computed import computed_gold, merge_gold
from anytasktune_bench.errors import RowError
from anytasktune_bench.files import write_jsonl
from anytasktune_bench.gold import check_gold, render
from anytasktune_bench.rows import SPLITS, Row, Split, read_rows, rows_path
from anytasktune_bench.spec import LANGS, Lang, SubTask

_META = {"register": ("register", "style"), "difficulty": ("difficulty", "distractor")}


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """The JSON objects of a JSONL file.

    Raises:
        RowError: a line is broken, with its number.
    """
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if line.strip():
            try:
                found.append(json.loads(line))
            except json.JSONDecodeError as error:
                raise RowError(f"{path}:{number}: broken JSON at column {error.colno} ({error.msg}).") from error
    return found


def join(spec: SubTask, records: Iterable[dict[str, Any]], written: Iterable[dict[str, Any]]) -> dict[tuple[Split, Lang], list[Row]]:
    """Rows from scenario records and the texts written for them.

    Args:
        spec: the sub-task.
        records: `{"pair_id", "split", "group", ...}` as `anytasktune data draw` gives them.
        written: `{"pair_id", "zh": {"input", "gold"?}, "en": {...}}`; for label sub-tasks the gold is the record's label,
            and parts that `compute.py` gives need not be written.

    Returns:
        Rows by split and language, sorted by id; `output` is rendered from the gold.

    Raises:
        RowError: a text without a record, or a gold of the wrong form.
    """
    by_pair = {record["pair_id"]: record for record in records}
    rows: dict[tuple[Split, Lang], list[Row]] = {}
    for text in written:
        record = by_pair.get(text["pair_id"])
        if record is None:
            raise RowError(f"{text['pair_id']}: has no scenario record. Draw it first.")
        for lang in LANGS:
            own = {"label": record["label"]} if spec.output.kind == "label" else text[lang].get("gold", {})
            gold = merge_gold(own, computed_gold(spec, record))
            if problems := check_gold(spec, gold):
                raise RowError("\n".join(f"{text['pair_id']} {lang}: {problem}" for problem in problems))
            number = text["pair_id"].split("-")[1]
            row = Row(
                id=f"{spec.code}-{lang}-{number}",
                pair_id=text["pair_id"],
                group=record["group"],
                scenario={k: v for k, v in record.items() if k not in ("pair_id", "split", "group")},
                input=text[lang]["input"].strip(),
                output=render(spec, lang, gold),
                gold=gold,
                meta={name: str(next((record[key] for key in keys if key in record), "plain")) for name, keys in _META.items()},
            )
            rows.setdefault((record["split"], lang), []).append(row)
    return {key: sorted(found, key=lambda row: row.id) for key, found in rows.items()}


def merge_into(spec: SubTask, rows: dict[tuple[Split, Lang], list[Row]]) -> None:
    """Write rows into the sub-task's folder; a row with the id of an existing one replaces it."""
    for (split, lang), new in rows.items():
        path = rows_path(spec.folder, split, lang)
        merged = {row.id: row for row in (read_rows(path, expand=False) if path.exists() else [])} | {row.id: row for row in new}
        write_jsonl(path, (merged[key].model_dump(exclude=set() if merged[key].banks else {"banks"}) for key in sorted(merged)))


def used_groups(spec: SubTask) -> set[str]:
    """Groups that have rows in any split."""
    return {row.group for row in _existing(spec)}


def next_number(spec: SubTask) -> int:
    """The first pair number that no row has."""
    return 1 + max((int(row.pair_id.split("-")[1]) for row in _existing(spec)), default=0)


def _existing(spec: SubTask) -> Iterator[Row]:
    """The rows of every file that is there."""
    for split in SPLITS:
        for lang in LANGS:
            path = rows_path(spec.folder, split, lang)
            yield from read_rows(path) if path.exists() else []
