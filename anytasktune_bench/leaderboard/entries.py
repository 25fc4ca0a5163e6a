"""Results of records with their samples, and whether they can be shown: what a record claims is compared with what its samples give."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from anytasktune_bench.catalog import Catalog
from anytasktune_bench.data.tables import eval_fingerprint, source_rows, to_record
from anytasktune_bench.errors import RecordError, UnknownSubTaskError
from anytasktune_bench.gold import check_gold
from anytasktune_bench.metrics import Score, primary
from anytasktune_bench.records import Record, Sample, TaskResult
from anytasktune_bench.spec import SubTask

Reason = Literal["other_fingerprint", "other_edition", "replaced"]


@dataclass(frozen=True)
class Entry:
    """One result with its samples in the order of their ids."""

    record: Record
    result: TaskResult
    spec: SubTask
    samples: tuple[Sample, ...]

    @functools.cached_property
    def scores(self) -> list[Score]:
        """Each sample scored anew."""
        return [sample.as_score(self.spec) for sample in self.samples]

    @functools.cached_property
    def by_pair(self) -> dict[str, Score]:
        """`pair_id` of each sample -> its score."""
        return dict(zip(self.pairs, self.scores, strict=True))

    @property
    def pairs(self) -> list[str]:
        """`pair_id` of each sample: the same for its twin in the other language."""
        return [sample.id.replace(f"-{self.result.lang}-", "-", 1) for sample in self.samples]

    @property
    def groups(self) -> list[str]:
        """Group of each sample."""
        return [sample.group for sample in self.samples]

    def is_comparable(self, other: Entry) -> bool:
        """Whether both answer the same rows of the same edition; both are of one column."""
        alike = (self.result.eval_fingerprint, self.result.n) == (other.result.eval_fingerprint, other.result.n)
        return alike and all((a.id, a.group, a.gold) == (b.id, b.group, b.gold) for a, b in zip(self.samples, other.samples, strict=True))


def entries_of(record: Record, samples: Sequence[Sample], catalog: Catalog) -> list[Entry]:
    """The results of one record.

    Raises:
        RecordError: a result names an unknown sub-task, or its samples are not those of one run over different rows of it.
    """
    entries = []
    for task, result in record.results.items():
        where = _where(record, task)
        try:
            spec = catalog.get(result.subtask)
        except UnknownSubTaskError as error:
            raise RecordError(f"{where}: {error} Name the folder of its sub-task in ANYTASKTUNE_SUBTASKS, or leave the record out.") from error
        rows = sorted((sample for sample in samples if sample.task == task), key=lambda sample: sample.id)
        ids = {sample.id for sample in rows}
        if task != spec.task_name(result.lang) or not all(name.startswith(f"{spec.code}-{result.lang}-") for name in ids):
            raise RecordError(f"{where}: task name or samples do not belong to {spec.code} in {result.lang}. Run the evaluation again.")
        if not rows or not result.n == len(ids) == len(rows):
            raise RecordError(f"{where}: it claims n = {result.n} but has {len(rows)} samples of {len(ids)} rows. Run the evaluation again.")
        entries.append(Entry(record, result, spec, tuple(rows)))
    return entries


def _where(record: Record, task: str) -> str:
    return f"record of {record.model.name[:80]!r}, task {task[:80]!r}"


def reason_against(entry: Entry, fingerprint: str) -> Reason | None:
    """Why an entry cannot stand in a column: other test rows than the column's, or a score that cannot be had again, since the installed edition differs.

    Raises:
        RecordError: the score cannot be had again though the installed edition is the entry's.
    """
    if entry.result.eval_fingerprint != fingerprint:
        return "other_fingerprint"
    problem = next((f"{sample.id}: {problem}" for sample in entry.samples for problem in check_gold(entry.spec, sample.gold)), None)
    if problem is None:
        claimed, found = entry.result.metrics.get("score"), float(primary(entry.spec, entry.scores)[0])
        if claimed is not None and abs(claimed - found) <= 1e-9:
            return None
        problem = f"it claims a score of {claimed}, but its samples give {found}"
    installed = (to_record(entry.spec, row) for row in source_rows(entry.spec, "test", entry.result.lang))
    if entry.result.eval_fingerprint != eval_fingerprint(entry.spec, entry.result.lang, installed):
        return "other_edition"
    raise RecordError(f"{_where(entry.record, entry.spec.task_name(entry.result.lang))}: {problem}. Run the evaluation again, or leave the record out.")


def version_key(version: str) -> tuple[int, ...]:
    """What versions are ordered by."""
    return tuple(int(part[:9]) for part in re.findall(r"[0-9]+", version[:100]))
