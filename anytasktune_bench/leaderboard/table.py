"""From records to a typed table: the one thing that the page, the CSV and the JSON show.

Every figure is computed here from the samples; what a record claims is only compared with it. Figures are rounded to six decimals once, so
that all three forms agree.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tqdm import tqdm

from anytasktune_bench.catalog import Catalog
from anytasktune_bench.data.tables import eval_fingerprint, source_rows, to_record
from anytasktune_bench.errors import RecordError, UnknownSubTaskError
from anytasktune_bench.files import sha256_json
from anytasktune_bench.gold import check_gold
from anytasktune_bench.leaderboard.statistics import Difference, cluster_bootstrap, holm, paired_difference, wilson
from anytasktune_bench.metrics import Score, primary
from anytasktune_bench.records import Category, ModelInfo, Record, Sample, Settings, TaskResult
from anytasktune_bench.spec import LANGS, Domain, Lang, SubTask

Arrow = Literal["", "▲", "▼", "△", "▽"]
Reason = Literal["other_fingerprint", "other_edition", "replaced"]

CATEGORIES: tuple[Category, ...] = ("closed", "open", "domain", "task-fine-tuned")
"""The row groups of the paper's Table 1, in its order."""

ALPHA = 0.05
"""Level of the arrows' tests."""


@dataclass(frozen=True)
class Column:
    """One sub-task in one language, on one edition of its test rows."""

    spec: SubTask
    lang: Lang
    fingerprint: str

    @property
    def key(self) -> str:
        """Short name, for example "M1 zh"."""
        return f"{self.spec.code} {self.lang}"


@dataclass(frozen=True)
class Cell:
    """One measured figure; shares and scores lie in [0, 1]."""

    score: float
    interval: tuple[float, float]
    """95 % cluster bootstrap interval of `score`."""
    n: int
    format_valid: float
    format_interval: tuple[float, float]
    """95 % Wilson interval of `format_valid`; it takes rows as independent."""
    fingerprint: str
    tuned: bool
    """Whether the model was fine-tuned on this sub-task."""
    difference: Difference | None = None
    """Against the base model; None where there is no comparable cell of it."""
    p_adjusted: float | None = None
    """The difference's p-value after Holm over the row's columns."""

    @property
    def arrow(self) -> Arrow:
        """Solid where the difference is significant, hollow where it only has a sign."""
        if self.difference is None or self.p_adjusted is None or self.difference.delta == 0:
            return ""
        significant = self.p_adjusted <= ALPHA
        return ("▲" if significant else "△") if self.difference.delta > 0 else ("▼" if significant else "▽")


@dataclass(frozen=True)
class Note:
    """Why a result is not in the table."""

    column: str
    reason: Reason
    version: str
    fingerprint: str


@dataclass(frozen=True)
class Answer:
    """One answer and what it scored."""

    sample: Sample
    score: Score


@dataclass(frozen=True)
class Row:
    """One model under one set of settings."""

    records: tuple[Record, ...]
    """All records of the row, oldest first: of one model, with one `num_fewshot`, `implicit` and `limit`."""
    model: ModelInfo
    settings: Settings
    """Of the newest record."""
    is_base: bool
    """Whether other rows are compared with it."""
    cells: tuple[Cell | None, ...]
    """One per column of the table; None where there is no figure."""
    means: dict[Domain, float]
    """Domain -> mean of its columns; only complete domains of rows without a limit."""
    overall: float | None
    """Mean of the domain means, each weighing the same; None where a column is missing or a limit was set."""
    notes: tuple[Note, ...]
    means_by_lang: dict[tuple[Domain, Lang], float] = field(default_factory=dict)
    """As `means`, over the columns of one language."""
    overall_by_lang: dict[Lang, float] = field(default_factory=dict)
    """As `overall`, over the columns of one language; only complete ones."""
    answers: tuple[tuple[Answer, ...], ...] = field(default=(), repr=False)
    """The answers that each cell was computed from, in the order of their ids; () where there is none."""


@dataclass(frozen=True)
class Table:
    """Columns in catalog order (zh before en), rows by category, base models first."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class _Entry:
    """One result with its samples in the order of their ids."""

    record: Record
    result: TaskResult
    spec: SubTask
    samples: tuple[Sample, ...]

    @functools.cached_property
    def scores(self) -> list[Score]:
        return [sample.as_score(self.spec) for sample in self.samples]

    @property
    def groups(self) -> list[str]:
        return [sample.group for sample in self.samples]

    def is_comparable(self, other: _Entry) -> bool:
        """Whether both answer the same rows of the same edition; both are of one column."""
        alike = (self.result.eval_fingerprint, self.result.n) == (other.result.eval_fingerprint, other.result.n)
        return alike and all((a.id, a.group, a.gold) == (b.id, b.group, b.gold) for a, b in zip(self.samples, other.samples, strict=True))


@dataclass(frozen=True)
class _Draft:
    """A row before comparison; one entry per column, None where there is none."""

    records: tuple[Record, ...]
    model: ModelInfo
    settings: Settings
    entries: tuple[_Entry | None, ...]
    notes: tuple[Note, ...]


def build_table(records: Sequence[tuple[Record, Sequence[Sample]]], catalog: Catalog) -> Table:
    """The table of some records.

    Records of equal content count once. Of several results of one row in one column, that of the newest version and then latest start is shown.

    Args:
        records: each with its samples, in any order.
        catalog: the sub-tasks that the records are about.

    Raises:
        RecordError: a record names an unknown sub-task, lacks samples, or claims a score that its samples do not give on the installed edition.
    """
    newest_last = sorted(records, key=lambda pair: (_version_key(pair[0].version), pair[0].started, pair[0].content_sha256()))
    by_row: dict[tuple[ModelInfo, int, bool, int | None], list[tuple[Record, list[_Entry]]]] = {}
    for record, samples in {record.content_sha256(): (record, samples) for record, samples in newest_last}.values():
        key = (record.model, record.settings.num_fewshot, record.settings.implicit, record.settings.limit)
        by_row.setdefault(key, []).append((record, _entries(record, samples, catalog)))
    columns = _columns([entry for row in by_row.values() for _, entries in row for entry in entries], catalog)
    drafts = [_draft(row, columns) for row in by_row.values()]
    bases = {draft.model.base for draft in drafts}
    drafts.sort(key=lambda draft: (CATEGORIES.index(draft.model.category), draft.model.name not in bases, *_order(draft)))
    return Table(columns, tuple(_row(draft, drafts, columns) for draft in tqdm(drafts, desc="statistics", unit="row", disable=None)))


def domains(columns: Sequence[Column]) -> dict[Domain, tuple[int, ...]]:
    """Domain -> places of its columns, in their order."""
    return {c.spec.domain: tuple(i for i, other in enumerate(columns) if other.spec.domain == c.spec.domain) for c in columns}


def _entries(record: Record, samples: Sequence[Sample], catalog: Catalog) -> list[_Entry]:
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
        entries.append(_Entry(record, result, spec, tuple(rows)))
    return entries


def _where(record: Record, task: str) -> str:
    return f"record of {record.model.name[:80]!r}, task {task[:80]!r}"


def _columns(entries: Sequence[_Entry], catalog: Catalog) -> tuple[Column, ...]:
    """One column per sub-task and language, with the fingerprint of most results; among equally many, of the newest version."""
    found: dict[tuple[str, Lang], list[_Entry]] = {}
    for entry in sorted(entries, key=lambda entry: _version_key(entry.record.version)):
        found.setdefault((entry.spec.code, entry.result.lang), []).append(entry)
    columns = []
    for spec, lang in [(spec, lang) for spec in catalog.specs for lang in LANGS if (spec.code, lang) in found]:
        newest = {entry.result.eval_fingerprint: _version_key(entry.record.version) for entry in found[spec.code, lang]}
        votes = Counter(entry.result.eval_fingerprint for entry in found[spec.code, lang])
        columns.append(Column(spec, lang, max(votes, key=lambda fingerprint: (votes[fingerprint], newest[fingerprint], fingerprint))))
    return tuple(columns)


def _draft(row: Sequence[tuple[Record, list[_Entry]]], columns: Sequence[Column]) -> _Draft:
    chosen: dict[str, _Entry] = {}
    notes: list[Note] = []
    for column in columns:
        for entry in [entry for _, entries in reversed(row) for entry in entries if (entry.spec.code, entry.result.lang) == (column.spec.code, column.lang)]:
            if (reason := _reason_against(entry, column)) is None and chosen.setdefault(column.key, entry) is not entry:
                reason = "replaced"
            if reason:
                notes.append(Note(column.key, reason, entry.record.version, entry.result.eval_fingerprint))
    return _Draft(tuple(record for record, _ in row), row[-1][0].model, row[-1][0].settings, tuple(chosen.get(column.key) for column in columns), tuple(notes))


def _reason_against(entry: _Entry, column: Column) -> Reason | None:
    """Why an entry cannot stand in its column: other test rows than the column's, or a score that cannot be had again, since the installed edition differs."""
    if entry.result.eval_fingerprint != column.fingerprint:
        return "other_fingerprint"
    problem = next((f"{sample.id}: {problem}" for sample in entry.samples for problem in check_gold(entry.spec, sample.gold)), None)
    if problem is None:
        claimed, found = entry.result.metrics.get("score"), float(primary(entry.spec, entry.scores)[0])
        if claimed is not None and abs(claimed - found) <= 1e-9:
            return None
        problem = f"it claims a score of {claimed}, but its samples give {found}"
    installed = (to_record(column.spec, row) for row in source_rows(column.spec, "test", column.lang))
    if entry.result.eval_fingerprint != eval_fingerprint(column.spec, column.lang, installed):
        return "other_edition"
    raise RecordError(f"{_where(entry.record, column.spec.task_name(column.lang))}: {problem}. Run the evaluation again, or leave the record out.")


def _row(draft: _Draft, drafts: Sequence[_Draft], columns: Sequence[Column]) -> Row:
    differences = _differences(draft, drafts)
    adjusted = dict(zip(differences, holm([d.p_value for d in differences.values()]), strict=True))
    cells = tuple(
        _cell(entry, column.spec.code in draft.model.tuned_on, differences.get(i), adjusted.get(i)) if entry else None
        for i, (column, entry) in enumerate(zip(columns, draft.entries, strict=True))
    )
    means = _means(columns, cells) if draft.settings.limit is None else {}
    overall = _mean(means.values()) if draft.settings.limit is None and all(cells) else None
    by_lang: dict[tuple[Domain, Lang], float] = {}
    overall_by_lang: dict[Lang, float] = {}
    for lang in LANGS if draft.settings.limit is None else ():
        places = [i for i, column in enumerate(columns) if column.lang == lang]
        found = _means([columns[i] for i in places], [cells[i] for i in places])
        by_lang |= {(domain, lang): value for domain, value in found.items()}
        if places and all(cells[i] for i in places):
            overall_by_lang[lang] = _mean(found.values())
    is_base = draft.settings.num_fewshot == 0 and any(other.model.base == draft.model.name for other in drafts)
    answers = tuple(tuple(map(Answer, entry.samples, entry.scores)) if entry else () for entry in draft.entries)
    return Row(draft.records, draft.model, draft.settings, is_base, cells, means, overall, draft.notes, by_lang, overall_by_lang, answers)


def _means(columns: Sequence[Column], cells: Sequence[Cell | None]) -> dict[Domain, float]:
    """Domain -> mean of its cells; only domains without a missing one."""
    found = {domain: [cells[i] for i in places] for domain, places in domains(columns).items()}
    return {domain: _mean([cell.score for cell in members if cell]) for domain, members in found.items() if all(members)}


def _mean(values: Collection[float]) -> float:
    return round(sum(values) / len(values), 6)


def _cell(entry: _Entry, tuned: bool, difference: Difference | None, p_adjusted: float | None) -> Cell:
    valid = sum(score.values["format_valid"] for score in entry.scores)
    return Cell(
        score=round(float(primary(entry.spec, entry.scores)[0]), 6),
        interval=_rounded(cluster_bootstrap(entry.spec, entry.scores, entry.groups)),
        n=entry.result.n,
        format_valid=round(valid / entry.result.n, 6),
        format_interval=_rounded(wilson(valid, entry.result.n)),
        fingerprint=entry.result.eval_fingerprint,
        tuned=tuned,
        difference=difference and Difference(round(difference.delta, 6), *_rounded((difference.low, difference.high)), round(difference.p_value, 6)),
        p_adjusted=None if p_adjusted is None else round(p_adjusted, 6),
    )


def _differences(draft: _Draft, drafts: Sequence[_Draft]) -> dict[int, Difference]:
    """Column place -> difference from the base model's row; both zero-shot, with the same instruction and limit, on the same rows."""
    if draft.model.base is None or draft.settings.num_fewshot:
        return {}
    best: list[tuple[int, _Entry, _Entry]] = []
    for other in drafts:
        same = (other.settings.num_fewshot, other.settings.implicit, other.settings.limit) == (0, draft.settings.implicit, draft.settings.limit)
        if other is not draft and other.model.name == draft.model.base and same:
            both = enumerate(zip(draft.entries, other.entries, strict=True))
            best = max(best, [(i, a, b) for i, (a, b) in both if a and b and a.is_comparable(b)], key=len)
    return {i: paired_difference(a.spec, a.scores, b.scores, a.groups) for i, a, b in best}


def _order(draft: _Draft) -> tuple[str, str, int, bool, int, str]:
    settings, model = draft.settings, draft.model
    limit = -1 if settings.limit is None else settings.limit
    return model.name.casefold(), model.name, settings.num_fewshot, settings.implicit, limit, sha256_json(model.model_dump(mode="json"))


def _version_key(version: str) -> tuple[int, ...]:
    return tuple(int(part[:9]) for part in re.findall(r"[0-9]+", version[:100]))


def _rounded(bounds: tuple[float, float]) -> tuple[float, float]:
    return round(bounds[0], 6), round(bounds[1], 6)
