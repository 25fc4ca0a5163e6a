"""Rows with hand-judged answers (`tests/cases/*.yaml`) and the specs' examples, in the form of rows, so that every sub-task can be tested."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import yaml

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.data.tables import source_rows
from anytasktune_bench.rows import Row, has_rows
from anytasktune_bench.spec import LANGS, Lang, SubTask

FOLDER = Path(__file__).parent / "cases"
FILES: dict[str, dict[Lang, list[dict[str, Any]]]] = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.yaml"))}

ALL_SPECS = load_catalog().specs
ALL = [(spec, lang) for spec in ALL_SPECS for lang in LANGS]
ALL_IDS = [spec.task_name(lang) for spec, lang in ALL]


def _row(spec: SubTask, lang: Lang, number: int, found: dict[str, Any]) -> Row:
    pair = f"{spec.code}-{number:04d}"
    return Row(id=f"{spec.code}-{lang}-{number:04d}", pair_id=pair, group=pair, scenario={}, input=found["input"], output=found["output"], gold=found["gold"], meta={})


def judged_rows(spec: SubTask, lang: Lang) -> tuple[Row, ...]:
    """The example and the judged rows of one sub-task in one language."""
    return _judged(spec.code, lang)


def known_rows(spec: SubTask, lang: Lang) -> tuple[Row, ...]:
    """Judged rows and, where there are any, test rows."""
    return judged_rows(spec, lang) + _test_rows(spec.code, lang)


@functools.cache
def _judged(code: str, lang: Lang) -> tuple[Row, ...]:
    spec = load_catalog().get(code)
    return tuple(_row(spec, lang, 9000 + i, found) for i, found in enumerate([spec.example[lang].model_dump(), *FILES[code][lang]]))


@functools.cache
def _test_rows(code: str, lang: Lang) -> tuple[Row, ...]:
    spec = load_catalog().get(code)
    return tuple(source_rows(spec, "test", lang)) if has_rows(spec.folder) else ()
