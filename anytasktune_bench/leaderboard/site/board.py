"""What the site shows: the table, with the columns of its views and the place of each row's base. Rendering reads nothing else."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from anytasktune_bench.catalog import Catalog
from anytasktune_bench.leaderboard.eee import Filed
from anytasktune_bench.leaderboard.means import Mean, Scope
from anytasktune_bench.leaderboard.site.names import labels, slug
from anytasktune_bench.leaderboard.table import Cell, Column, Row, Table, domains
from anytasktune_bench.spec import LANGS, Domain, Lang, SubTask


@dataclass(frozen=True)
class Field:
    """One column of a view: a test, or a mean over tests."""

    key: str
    """Name in data files and links: "M1 zh", "law both", "overall zh"."""
    domain: Domain | None
    """None for the overall mean."""
    scope: Scope
    column: Column | None = None
    """None for a mean."""
    place: int = -1
    """Of the column in the table."""

    @property
    def code(self) -> str:
        """The sub-task's code; "" for a mean."""
        return self.column.spec.code if self.column else ""

    def value(self, row: Row) -> Cell | Mean | None:
        """What stands in this column of a row."""
        return row.cells[self.place] if self.column else row.means.get((self.domain or "overall", self.scope))


@dataclass(frozen=True)
class Board:
    """All that the pages show."""

    table: Table
    catalog: Catalog
    cards: Mapping[str, Any]
    """Sub-task code -> what is known about its rows (`data.quality.summarise`)."""
    filed: Mapping[str, Filed] = field(default_factory=dict)
    """`Record.uuid` -> who provides the model, and under which licence."""

    @functools.cached_property
    def slugs(self) -> tuple[str, ...]:
        """Names of the rows' files."""
        return tuple(slug(row) for row in self.table.rows)

    @functools.cached_property
    def _labels(self) -> dict[Lang, list[str]]:
        return {lang: labels(self.table.rows, lang) for lang in LANGS}

    def labels(self, lang: Lang) -> list[str]:
        """What each row is called."""
        return self._labels[lang]

    @functools.cached_property
    def bases(self) -> tuple[int | None, ...]:
        """For each row the place of the row that it is compared with: its base model's, zero-shot, under the same instruction and limit."""
        places: dict[tuple[str, bool, int | None], int] = {}
        for i, row in enumerate(self.table.rows):
            if not row.settings.num_fewshot:
                key = (row.model.name, row.settings.implicit, row.settings.limit)
                if key not in places or _worth(row) > _worth(self.table.rows[places[key]]):
                    places[key] = i
        found = [None if row.model.base is None else places.get((row.model.base, row.settings.implicit, row.settings.limit)) for row in self.table.rows]
        return tuple(None if base == i or row.settings.num_fewshot else base for i, (base, row) in enumerate(zip(found, self.table.rows, strict=True)))

    def is_best(self, row: Row, place: int) -> bool:
        """Whether a row's figure is not separated from the best of its column; neither 0 is, nor anything where there is nothing to be better than."""
        cell = row.cells[place]
        return bool(cell and cell.score and cell.standing and cell.standing.is_best and self.ranked[place] > 1)

    @functools.cached_property
    def ranked(self) -> tuple[int, ...]:
        """For each column the number of rows that take part in its ranks."""
        return tuple(sum(bool((cell := row.cells[i]) and cell.standing) for row in self.table.rows) for i in range(len(self.table.columns)))

    @functools.cached_property
    def specs(self) -> tuple[SubTask, ...]:
        """The sub-tasks that have a page: those of the package's catalog with rows, and those of the table."""
        codes = {column.spec.code for column in self.table.columns} | {spec.code for spec in self.catalog.with_rows}
        return tuple(spec for spec in self.catalog.specs if spec.code in codes)

    def columns_of(self, code: str) -> list[tuple[int, Column]]:
        """A sub-task's columns, with their places."""
        return [(i, column) for i, column in enumerate(self.table.columns) if column.spec.code == code]

    def fields(self, domain: Domain | None = None) -> list[Field]:
        """The columns of the overview, or of a domain's page: means before tests, in the order of the table."""
        groups = {name: places for name, places in domains(self.table.columns).items() if domain in (None, name)}
        found = [] if domain else _means(None, self.table.columns)
        for name, places in groups.items():
            members = [self.table.columns[i] for i in places]
            found += _means(name, members) + [Field(column.key, name, column.lang, column, i) for i, column in zip(places, members, strict=True)]
        return found


def _worth(row: Row) -> tuple[bool, int]:
    """Of several rows of a base model, a reproduced one is compared with, then the one with most figures."""
    return row.provenance == "reproduced", sum(map(bool, row.cells))


def _means(domain: Domain | None, columns: Sequence[Column]) -> list[Field]:
    """Mean columns over some tests: per language where it has several, and over both where there are both."""
    name = domain or "overall"
    langs = [lang for lang in LANGS if any(column.lang == lang for column in columns)]
    several = [lang for lang in langs if domain is None or sum(column.lang == lang for column in columns) > 1]
    both: list[Scope] = ["both"] if len(langs) > 1 else []
    return [Field(f"{name} {scope}", domain, scope) for scope in [*both, *several]]
