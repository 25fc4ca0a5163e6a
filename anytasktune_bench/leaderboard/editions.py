"""The installed edition of each test: its fingerprint and its rows, read once."""

from __future__ import annotations

from dataclasses import dataclass

from anytasktune_bench.catalog import Catalog
from anytasktune_bench.data.tables import eval_fingerprint, source_rows, to_record
from anytasktune_bench.rows import Row
from anytasktune_bench.spec import Lang, SubTask


@dataclass(frozen=True)
class Edition:
    """The test rows of one sub-task in one language."""

    fingerprint: str
    rows: dict[str, Row]
    """Row id -> row."""


class Editions:
    """Editions of the sub-tasks of a catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._known: dict[tuple[str, Lang], Edition] = {}

    def of(self, spec: SubTask, lang: Lang) -> Edition:
        """The installed edition.

        Raises:
            RowError: the sub-task has no rows, or broken ones.
        """
        if (spec.code, lang) not in self._known:
            rows = source_rows(spec, "test", lang)
            fingerprint = eval_fingerprint(spec, lang, (to_record(spec, row) for row in rows))
            self._known[spec.code, lang] = Edition(fingerprint, {row.id: row for row in rows})
        return self._known[spec.code, lang]
