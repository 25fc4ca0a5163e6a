"""What a check reports, and what checks share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anytasktune_bench.data.tables import source_rows
from anytasktune_bench.rows import SPLITS, Row, Split, rows_path
from anytasktune_bench.spec import LANGS, Lang, SubTask


@dataclass(frozen=True)
class Problem:
    """One finding of a check."""

    check: int
    """Number of the check, 1 to 13."""
    where: str
    """File and line, or what else it is about."""
    message: str
    """What is wrong and how to mend it."""

    def __str__(self) -> str:
        return f"{self.where}: [check {self.check}] {self.message}"


@dataclass
class Rows:
    """All rows of one sub-task, with the lines they stand on."""

    spec: SubTask
    rows: dict[tuple[Split, Lang], list[Row]]
    lines: dict[str, str] = field(default_factory=dict)
    """Row id -> file:line."""

    @classmethod
    def read(cls, spec: SubTask) -> Rows:
        """Read every split and language of `spec`.

        Raises:
            RowError: a file is missing or a row is broken.
        """
        rows = {(split, lang): source_rows(spec, split, lang) for split in SPLITS for lang in LANGS}
        lines = {
            row.id: f"{rows_path(spec.folder, split, lang)}:{number}"
            for (split, lang), found in rows.items()
            for number, row in _numbered(found, rows_path(spec.folder, split, lang))
        }
        return cls(spec, rows, lines)

    def of(self, lang: Lang) -> list[tuple[Split, Row]]:
        """(split, row) of one language, in split order."""
        return [(split, row) for split in SPLITS for row in self.rows[split, lang]]

    def all(self) -> Iterable[tuple[Split, Row]]:
        """(split, row) of both languages."""
        return [(split, row) for (split, _), found in self.rows.items() for row in found]

    def where(self, row: Row) -> str:
        """File and line of a row."""
        return self.lines.get(row.id, row.id)


def _numbered(rows: list[Row], path: Path) -> list[tuple[int, Row]]:
    filled = [number for number, line in enumerate(path.read_bytes().split(b"\n"), start=1) if line.strip()]
    return list(zip(filled, rows, strict=True))


def gold_texts(gold: dict[str, Any]) -> list[str]:
    """Every string in a gold, however deep, keys left out."""
    found: list[str] = []
    stack: list[Any] = [gold]
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, dict):
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)
    return found
