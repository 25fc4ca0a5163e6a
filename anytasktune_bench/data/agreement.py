"""Blind-reader agreement: how well readers who have not seen the gold answer the test rows, scored with the sub-task's own metric.

The figures stand in `agreement.yaml` in the sub-task's folder; cards and pages take them from there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError

from anytasktune_bench.data.tables import source_rows
from anytasktune_bench.errors import DataError, SpecError
from anytasktune_bench.files import write_text
from anytasktune_bench.metrics import Score, score_answer
from anytasktune_bench.rows import Row
from anytasktune_bench.spec import Lang, Strict, SubTask

AGREEMENT_FILE = "agreement.yaml"
Stage = Literal["before", "after"]


class Reading(Strict):
    """One reader's answers to the test rows of one language."""

    lang: Lang
    reader: str
    """Name of the reader, such as A; all readers are language models."""
    stage: Stage
    """Before or after the rows were mended."""
    n: Annotated[int, Field(ge=1)]
    score: Annotated[float, Field(ge=0, le=1)]
    low: Annotated[float, Field(ge=0, le=1)]
    """Ends of the 95 % interval (cluster bootstrap by group)."""
    high: Annotated[float, Field(ge=0, le=1)]


class Agreement(Strict):
    """The content of one `agreement.yaml`."""

    note: str = ""
    """What was mended after the first reading."""
    readings: tuple[Reading, ...] = ()


def read_agreement(spec: SubTask) -> Agreement:
    """The sub-task's readings; empty where there are none yet.

    Raises:
        SpecError: the file does not have the form above.
    """
    path = spec.folder / AGREEMENT_FILE
    if not path.is_file():
        return Agreement()
    try:
        return Agreement.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError, UnicodeDecodeError) as error:
        raise SpecError(f"{path}: {error}") from error


def add_reading(spec: SubTask, reading: Reading) -> Path:
    """Write a reading into the sub-task's `agreement.yaml`; one of the same language, reader and stage is replaced."""
    before = read_agreement(spec)
    key = (reading.lang, reading.reader, reading.stage)
    kept = [r for r in before.readings if (r.lang, r.reader, r.stage) != key]
    readings = sorted([*kept, reading], key=lambda r: (r.lang != "zh", r.stage != "before", r.reader))
    path = spec.folder / AGREEMENT_FILE
    head = "# Blind-reader agreement: language models that had instruction and input alone. Written by `anytasktune data agree`.\n"
    lines = "".join(f"- {{{', '.join(f'{name}: {value}' for name, value in r.model_dump().items())}}}\n" for r in readings)
    write_text(path, f"{head}{yaml.safe_dump({'note': before.note}, allow_unicode=True, width=160)}readings:\n{lines}")
    return path


def score_reading(spec: SubTask, lang: Lang, answers: Iterable[Mapping[str, Any]]) -> tuple[list[Row], list[Score]]:
    """Score one reader's answers, `{"id": ..., "answer": ...}`, against the test rows.

    Raises:
        DataError: an answer is missing, belongs to no test row, or stands twice.
    """
    rows = source_rows(spec, "test", lang)
    given: dict[str, str] = {}
    for entry in answers:
        if entry.get("id") in given:
            raise DataError(f"{entry['id']}: is answered twice. Keep one answer.")
        given[str(entry.get("id"))] = str(entry.get("answer", ""))
    ids = [row.id for row in rows]
    if unknown := sorted(set(given) - set(ids)):
        raise DataError(f"{unknown[0]}: is no {lang} test row of {spec.code}. Answer the rows that `anytasktune data questions {spec.code}` gives.")
    if missing := [row_id for row_id in ids if row_id not in given]:
        raise DataError(f"{len(missing)} test rows of {spec.code} {lang} have no answer, the first is {missing[0]}. Answer all of them.")
    return rows, [score_answer(spec, lang, given[row.id], row.gold, row.output, row.input) for row in rows]


def questions(spec: SubTask, lang: Lang) -> Sequence[dict[str, str]]:
    """What a blind reader is given: id, instruction and input of each test row, without output and gold."""
    return [{"id": row.id, "instruction": spec.instruction[lang][0], "input": row.input} for row in source_rows(spec, "test", lang)]
