"""Rows: one instance of a sub-task in one language, and reading them with errors that name file, line, field and fix."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, ValidationError

from anytasktune_bench.banks import expand_gold, load_banks
from anytasktune_bench.errors import RowError
from anytasktune_bench.spec import LANGS, Lang, Strict

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


class Row(Strict):
    """One row in its source form."""

    id: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]*-(zh|en)-\d{4,}$")]
    """`<code>-<lang>-<number>`."""
    pair_id: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]*-\d{4,}$")]
    """`<code>-<number>`: the same in the row's twin in the other language."""
    group: Annotated[str, Field(min_length=1)]
    """The situation that the row was written from; rows of one group stand in one split and are resampled together."""
    scenario: dict[str, JsonValue]
    """The drawn scenario record."""
    input: Annotated[str, Field(min_length=1)]
    output: Annotated[str, Field(min_length=1)]
    """The best answer in the required format."""
    gold: dict[str, JsonValue]
    """What the metric compares with: aliases, label ids, numbers; its form follows the output kind."""
    banks: dict[str, list[str]] = Field(default_factory=dict)
    """Words that several groups of the gold share, named there by `@name`; not published."""
    meta: dict[str, str]
    """`difficulty` and `register` (or `style`), for breakdowns."""

    @property
    def lang(self) -> Lang:
        """The language, as the id says."""
        return "zh" if "-zh-" in self.id else "en"


def rows_path(folder: Path, split: Split, lang: Lang) -> Path:
    """Where the rows of one split and language lie in a sub-task's folder."""
    return folder / "rows" / f"{split}.{lang}.jsonl"


def has_rows(folder: Path) -> bool:
    """Whether a sub-task's folder holds a file with something in it for every split and language."""
    paths = [rows_path(folder, split, lang) for split in SPLITS for lang in LANGS]
    return all(path.is_file() and path.stat().st_size > 0 for path in paths)


def parse_row(line: str, where: str) -> Row:
    """One JSON line as a Row.

    Raises:
        RowError: broken JSON, or a missing, unknown or wrong field.
    """
    try:
        data: Any = json.loads(line)
    except json.JSONDecodeError as error:
        raise RowError(f"{where}: broken JSON at column {error.colno} ({error.msg}). Write one JSON object on the line.") from error
    if not isinstance(data, dict):
        raise RowError(f"{where}: the line holds no JSON object. Write one object with the fields {', '.join(Row.model_fields)}.")
    try:
        return Row.model_validate(data)
    except ValidationError as error:
        raise RowError("\n".join(f"{where}: {_explain(e)}" for e in error.errors())) from error


def _explain(error: Any) -> str:
    field = ".".join(map(str, error["loc"]))
    if error["type"] == "missing":
        return f"field {field!r} is missing. Add it."
    if error["type"] == "extra_forbidden":
        return f"unknown field {field!r}. Remove it or correct its name; a row has {', '.join(Row.model_fields)}."
    return f"field {field!r}: {error['msg']}."


def read_rows(path: Path, expand: bool = True) -> list[Row]:
    """All rows of one JSONL file; see `iter_rows`."""
    return list(iter_rows(path, expand))


def iter_rows(path: Path, expand: bool = True) -> Iterator[Row]:
    """The rows of one JSONL file, `rows/<split>.<lang>.jsonl` in a sub-task's folder, one at a time.

    Args:
        path: the file.
        expand: put the words of banks in place of their names; False gives the rows as they are written.

    Raises:
        RowError: the file cannot be read; or, after the last good row, listing every line that is broken (wrong encoding, broken JSON, wrong
            fields, an id used twice, a bank that is not there).
        SpecError: the sub-task's banks are broken.
    """
    problems: list[str] = []
    seen: dict[str, int] = {}
    shared = {lang: load_banks(path.parent.parent, lang) for lang in LANGS}
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                where = f"{path}:{number}"
                if not line.strip():
                    continue
                try:
                    row = parse_row(line.decode("utf-8"), where)
                    if expand:
                        row = row.model_copy(update={"gold": expand_gold(row.gold, {**shared[row.lang], **row.banks})})
                except UnicodeDecodeError as error:
                    problems.append(f"{where}: byte {error.start} is not UTF-8. Save the file as UTF-8.")
                    continue
                except RowError as error:
                    problems.append(str(error))
                    continue
                except ValueError as error:
                    problems.append(f"{where}: gold: {error}.")
                    continue
                if row.id in seen:
                    problems.append(f"{where}: id {row.id!r} stands already on line {seen[row.id]}. Give the row its own id.")
                seen[row.id] = number
                yield row
    except OSError as error:
        raise RowError(f"{path}: cannot be read ({error.strerror}).") from error
    if problems:
        raise RowError("\n".join(problems))
