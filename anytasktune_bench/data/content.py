"""What one config holds, learnt in one pass over its rows: sizes, one instance, fingerprints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from anytasktune_bench.data.tables import COLUMNS, eval_fingerprint, iter_records, train_fingerprint
from anytasktune_bench.rows import SPLITS, Split
from anytasktune_bench.spec import Lang, SubTask

Through = Callable[[Split, Iterator[dict[str, str]]], Iterator[dict[str, str]]]
"""What the rows of a split go through on the way: given the split and its rows, yields the same rows."""


@dataclass(frozen=True)
class Size:
    """How large one split is."""

    rows: int
    bytes: int
    """Bytes of its columns in Arrow's form, as `datasets` counts them."""


@dataclass(frozen=True)
class Content:
    """One sub-task in one language: a config of the domain's repository."""

    spec: SubTask
    lang: Lang
    sizes: Mapping[Split, Size]
    instance: Mapping[str, str]
    """The first train row, to show; never a test row."""
    eval_fingerprint: str
    train_fingerprint: str

    @property
    def name(self) -> str:
        """Name of the config."""
        return self.spec.config_name(self.lang)

    @property
    def rows(self) -> int:
        """Rows of all splits."""
        return sum(size.rows for size in self.sizes.values())

    def file(self, split: Split) -> str:
        """Path of a split's file in the repository."""
        return f"{self.name}/{split}.parquet"


def survey(spec: SubTask, lang: Lang, through: Through = lambda _, records: records) -> Content:
    """Go through the rows of one sub-task in one language, once, row by row.

    Args:
        spec: the sub-task.
        lang: the language.
        through: what the rows go through on the way, such as a file that they are written into.

    Raises:
        RowError: a file is missing or a row is broken.
    """
    tallies = {split: _Tally(through(split, iter_records(spec, split, lang))) for split in SPLITS}
    evaluation = eval_fingerprint(spec, lang, tallies["test"])
    training = train_fingerprint(spec, lang, tallies["train"], tallies["validation"])
    return Content(spec, lang, {split: tally.size for split, tally in tallies.items()}, tallies["train"].first, evaluation, training)


class _Tally:
    """Counts the records that pass through it and keeps the first."""

    def __init__(self, records: Iterable[dict[str, str]]) -> None:
        self._records = records
        self._rows = self._bytes = 0
        self.first: Mapping[str, Any] = {}

    def __iter__(self) -> Iterator[dict[str, str]]:
        for record in self._records:
            self.first = self.first or record
            self._rows += 1
            self._bytes += sum(len(record[column].encode()) for column in COLUMNS)
            yield record

    @property
    def size(self) -> Size:
        """Sizes of what has passed: a value of a string column is its UTF-8 bytes and an offset of 4 bytes."""
        return Size(self._rows, self._bytes + 4 * self._rows * len(COLUMNS))
