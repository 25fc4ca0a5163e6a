"""From records to a typed table: the one thing that the page, the CSV and the JSON show.

Every figure is computed here from the samples; what a record claims is only compared with it. Figures are rounded to six decimals once, so
that all three forms agree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from tqdm import tqdm

from anytasktune_bench.catalog import Catalog
from anytasktune_bench.files import sha256_json
from anytasktune_bench.leaderboard.effects import MeanDifference, PairedTest, Spread, language_gap, mean_difference, seed_spread
from anytasktune_bench.leaderboard.entries import Entry, Reason, entries_of, reason_against, version_key
from anytasktune_bench.leaderboard.means import Figure, Mean, Scope, figure, means_over
from anytasktune_bench.leaderboard.standing import Standing, minimum_detectable_effect, separation
from anytasktune_bench.leaderboard.statistics import Difference, holm, paired_difference, wilson
from anytasktune_bench.metrics import Score
from anytasktune_bench.records import Category, ModelInfo, Record, Sample, Settings
from anytasktune_bench.spec import LANGS, Domain, Lang, SubTask

Arrow = Literal["", "▲", "▼", "△", "▽"]
Provenance = Literal["rescored", "reproduced"]
"""`rescored`: scores were recomputed from the samples and are equal · `reproduced`: a maintainer ran it, again or in the first place, and had them too."""

Rounded = TypeVar("Rounded", Difference, MeanDifference, Spread, Mean)

CATEGORIES: tuple[Category, ...] = ("closed", "open", "domain", "task-fine-tuned")
"""The row groups of the paper's Table 1, in its order."""

ALPHA = 0.05
"""Level of the arrows' tests, and of the rank intervals."""

UNREADABLE = 0.1
"""Share of answers that could not be read from which on a cell is flagged."""


@dataclass(frozen=True)
class Column:
    """One sub-task in one language, on one edition of its test rows."""

    spec: SubTask
    lang: Lang
    fingerprint: str
    mde: float | None = None
    """Smallest difference of two systems that this column finds with a chance of 0.8; None with fewer than two ranked rows."""

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
    standing: Standing | None = None
    """Among the column's ranked rows; None in a row that takes no part."""

    @property
    def unreadable(self) -> bool:
        """Whether so many answers could not be read that the score says more of the format than of the content."""
        return 1 - self.format_valid >= UNREADABLE - 1e-9

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
    means: Mapping[tuple[str, Scope], Mean]
    """(domain, `overall` or `paper13`; language or `both`) -> mean of its columns: of complete rows without a limit, and `overall` of ranked ones alone."""
    notes: tuple[Note, ...]
    provenance: Provenance = "rescored"
    ranked: bool = True
    """Whether it takes part in ranks, best marks and overall; a limit, or samples that nobody else had, keep it out."""
    gaps: Mapping[str, Difference] = field(default_factory=dict)
    """Code -> how far it scores higher in Chinese than in English, over twins; p-values are not adjusted."""
    transfer: Mapping[Domain, MeanDifference] = field(default_factory=dict)
    """Domain -> mean difference from the base model over the columns that both have; empty without a comparable base."""
    answers: tuple[tuple[Answer, ...], ...] = field(default=(), repr=False)
    """The answers that each cell was computed from, in the order of their ids; () where there is none."""


@dataclass(frozen=True)
class Seeds:
    """Rows of one recipe that differ in their weights alone."""

    name: str
    rows: tuple[int, ...]
    """Their places in the table."""
    spreads: tuple[Spread | None, ...]
    """One per column; None where fewer than two rows have a figure."""


@dataclass(frozen=True)
class Table:
    """Columns in catalog order (zh before en), rows by category, base models first."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    seeds: tuple[Seeds, ...] = ()


@dataclass(frozen=True)
class _Draft:
    """A row before comparison; one entry per column, None where there is none."""

    provenance: Provenance
    ranked: bool
    records: tuple[Record, ...]
    model: ModelInfo
    settings: Settings
    entries: tuple[Entry | None, ...]
    notes: tuple[Note, ...]


def build_table(records: Sequence[tuple[Record, Sequence[Sample]]], catalog: Catalog, reproduced: Collection[str] | None = None) -> Table:
    """The table of some records.

    Records of equal content count once. Of several results of one row in one column, that of the newest version and then latest start is shown.

    Args:
        records: each with its samples, in any order.
        catalog: the sub-tasks that the records are about.
        reproduced: `Record.uuid` of the records that a maintainer ran; only these are ranked. None for a table of one's own runs, where all are.

    Raises:
        RecordError: a record names an unknown sub-task, lacks samples, or claims a score that its samples do not give on the installed edition.
    """
    newest_last = sorted(records, key=lambda pair: (version_key(pair[0].version), pair[0].started, pair[0].content_sha256()))
    by_row: dict[tuple[ModelInfo, int, bool, int | None, Provenance], list[tuple[Record, list[Entry]]]] = {}
    for record, samples in {record.content_sha256(): (record, samples) for record, samples in newest_last}.values():
        provenance: Provenance = "reproduced" if record.uuid in (reproduced or ()) else "rescored"
        key = (record.model, record.settings.num_fewshot, record.settings.implicit, record.settings.limit, provenance)
        by_row.setdefault(key, []).append((record, entries_of(record, samples, catalog)))
    columns = _columns([entry for row in by_row.values() for _, entries in row for entry in entries], catalog)
    drafts = [_draft(row, columns, key[-1], reproduced is None) for key, row in by_row.items()]
    bases = {draft.model.base for draft in drafts}
    drafts.sort(key=lambda draft: (CATEGORIES.index(draft.model.category), draft.model.name not in bases, *_order(draft)))
    standings, columns = _standings(drafts, columns)
    rows = tuple(_row(draft, drafts, columns, standing) for draft, standing in zip(tqdm(drafts, desc="statistics", unit="row", disable=None), standings, strict=True))
    return Table(columns, rows, _seeds(rows))


def domains(columns: Sequence[Column]) -> dict[Domain, tuple[int, ...]]:
    """Domain -> places of its columns, in their order."""
    return {c.spec.domain: tuple(i for i, other in enumerate(columns) if other.spec.domain == c.spec.domain) for c in columns}


def _columns(entries: Sequence[Entry], catalog: Catalog) -> tuple[Column, ...]:
    """One column per sub-task and language, with the fingerprint of most results whose gold is known; among equally many, of the newest version."""
    found: dict[tuple[str, Lang], list[Entry]] = {}
    known = [entry for entry in entries if any(sample.gold for sample in entry.samples)] or entries
    for entry in sorted(known, key=lambda entry: version_key(entry.record.version)):
        found.setdefault((entry.spec.code, entry.result.lang), []).append(entry)
    columns = []
    for spec, lang in [(spec, lang) for spec in catalog.specs for lang in LANGS if (spec.code, lang) in found]:
        newest = {entry.result.eval_fingerprint: version_key(entry.record.version) for entry in found[spec.code, lang]}
        votes = Counter(entry.result.eval_fingerprint for entry in found[spec.code, lang])
        columns.append(Column(spec, lang, max(votes, key=lambda fingerprint: (votes[fingerprint], newest[fingerprint], fingerprint))))
    return tuple(columns)


def _draft(row: Sequence[tuple[Record, list[Entry]]], columns: Sequence[Column], provenance: Provenance, own: bool) -> _Draft:
    chosen: dict[str, Entry] = {}
    notes: list[Note] = []
    for column in columns:
        for entry in [entry for _, entries in reversed(row) for entry in entries if (entry.spec.code, entry.result.lang) == (column.spec.code, column.lang)]:
            if (reason := reason_against(entry, column.fingerprint)) is None and chosen.setdefault(column.key, entry) is not entry:
                reason = "replaced"
            if reason:
                notes.append(Note(column.key, reason, entry.record.version, entry.result.eval_fingerprint))
    records, newest = tuple(record for record, _ in row), row[-1][0]
    ranked = (own or provenance == "reproduced") and newest.settings.limit is None
    return _Draft(provenance, ranked, records, newest.model, newest.settings, tuple(chosen.get(column.key) for column in columns), tuple(notes))


def _standings(drafts: Sequence[_Draft], columns: Sequence[Column]) -> tuple[list[list[Standing | None]], tuple[Column, ...]]:
    """One standing per draft and column, and the columns with what they can detect."""
    found: list[list[Standing | None]] = [[None] * len(columns) for _ in drafts]
    measured = []
    for i, column in enumerate(tqdm(columns, desc="ranks", unit="column", disable=None)):
        entries = [(place, entry) for place, draft in enumerate(drafts) if draft.ranked and (entry := draft.entries[i])]
        alike = [(place, entry) for place, entry in entries if entry.is_comparable(entries[0][1])]
        systems = [entry.scores for _, entry in alike]
        groups = alike[0][1].groups if alike else []
        for (place, _), standing in zip(alike, separation(column.spec, systems, groups, alpha=ALPHA), strict=True):
            found[place][i] = standing
        mde = minimum_detectable_effect(column.spec, systems, groups)
        measured.append(replace(column, mde=None if mde is None else round(mde, 6)))
    return found, tuple(measured)


def _row(draft: _Draft, drafts: Sequence[_Draft], columns: Sequence[Column], standings: Sequence[Standing | None]) -> Row:
    compared = _base_entries(draft, drafts)
    differences = {i: paired_difference(a.spec, a.scores, b.scores, a.groups) for i, a, b in compared}
    adjusted = dict(zip(differences, holm([d.p_value for d in differences.values()]), strict=True))
    figures = {(column.spec.code, column.lang): figure(entry.spec, entry.scores, entry.groups) for column, entry in zip(columns, draft.entries, strict=True) if entry}
    cells = tuple(
        _cell(entry, figures[column.spec.code, column.lang], column.spec.code in draft.model.tuned_on, differences.get(i), adjusted.get(i), standings[i]) if entry else None
        for i, (column, entry) in enumerate(zip(columns, draft.entries, strict=True))
    )
    found = means_over([(column.spec, column.lang) for column in columns], figures) if draft.settings.limit is None else []
    means = {(mean.name, mean.lang): _rounded(mean) for mean in found if mean.name != "overall" or draft.ranked}
    transfer: dict[Domain, MeanDifference] = {}
    for domain, of_domain in domains(columns).items():
        if tests := [PairedTest(a.spec, a.scores, b.scores, a.groups) for i, a, b in compared if i in of_domain]:
            transfer[domain] = _rounded(mean_difference(tests))
    answers = tuple(tuple(map(Answer, entry.samples, entry.scores)) if entry else () for entry in draft.entries)
    is_base = draft.settings.num_fewshot == 0 and any(other.model.base == draft.model.name for other in drafts)
    return Row(
        draft.records, draft.model, draft.settings, is_base, cells, means, draft.notes, draft.provenance, draft.ranked, _gaps(draft), transfer, answers,
    )  # fmt: skip


def _gaps(draft: _Draft) -> dict[str, Difference]:
    """Code -> language gap, of sub-tasks with a figure in both languages."""
    entries = {(entry.spec.code, entry.result.lang): entry for entry in draft.entries if entry}
    found = {}
    for code, lang in entries:
        if lang == "zh" and (code, "en") in entries:
            zh, en = entries[code, "zh"], entries[code, "en"]
            gap = language_gap(zh.spec, zh.by_pair, en.by_pair, dict(zip(zh.pairs, zh.groups, strict=True)))
            if gap:
                found[code] = _rounded(gap)
    return found


def _seeds(rows: Sequence[Row]) -> tuple[Seeds, ...]:
    """Tuned models of one name, base, data and settings that differ in their weights."""
    alike: dict[tuple[object, ...], list[int]] = {}
    for place, row in enumerate(rows):
        model, settings = row.model, row.settings
        if model.base and (model.adapter_sha256 or model.sha256):
            key = (model.name, model.base, model.tuned_on, settings.num_fewshot, settings.implicit, settings.limit, row.provenance)
            alike.setdefault(key, []).append(place)
    found = []
    for places in alike.values():
        if len({(rows[place].model.adapter_sha256, rows[place].model.sha256) for place in places}) == len(places) > 1:
            by_column = zip(*(rows[place].cells for place in places), strict=True)
            spreads = tuple(seed_spread([cell.score for cell in cells if cell]) for cells in by_column)
            found.append(Seeds(rows[places[0]].model.name, tuple(places), tuple(spread and _rounded(spread) for spread in spreads)))
    return tuple(found)


def _cell(entry: Entry, figure: Figure, tuned: bool, difference: Difference | None, p_adjusted: float | None, standing: Standing | None) -> Cell:
    valid = sum(score.values["format_valid"] for score in entry.scores)
    return Cell(
        score=round(figure.score, 6),
        interval=_bounds(figure.interval),
        n=entry.result.n,
        format_valid=round(valid / entry.result.n, 6),
        format_interval=_bounds(wilson(valid, entry.result.n)),
        fingerprint=entry.result.eval_fingerprint,
        tuned=tuned,
        difference=difference and _rounded(difference),
        p_adjusted=None if p_adjusted is None else round(p_adjusted, 6),
        standing=standing,
    )


def _base_entries(draft: _Draft, drafts: Sequence[_Draft]) -> list[tuple[int, Entry, Entry]]:
    """Column place, entry and the base model's entry: both zero-shot, with the same instruction and limit, on the same rows; a reproduced base goes before others."""
    if draft.model.base is None or draft.settings.num_fewshot:
        return []
    found = []
    for other in drafts:
        same = (other.settings.num_fewshot, other.settings.implicit, other.settings.limit) == (0, draft.settings.implicit, draft.settings.limit)
        if other is not draft and other.model.name == draft.model.base and same:
            both = enumerate(zip(draft.entries, other.entries, strict=True))
            found.append((other.provenance == "reproduced", [(i, a, b) for i, (a, b) in both if a and b and a.is_comparable(b)]))
    return max(found, key=lambda pair: (bool(pair[1]), pair[0], len(pair[1])), default=(False, []))[1]


def _order(draft: _Draft) -> tuple[str, str, int, bool, int, str]:
    settings, model = draft.settings, draft.model
    limit = -1 if settings.limit is None else settings.limit
    return model.name.casefold(), model.name, settings.num_fewshot, settings.implicit, limit, f"{draft.provenance} {sha256_json(model.model_dump(mode='json'))}"


def _bounds(found: tuple[float, float]) -> tuple[float, float]:
    return round(found[0], 6), round(found[1], 6)


def _rounded(found: Rounded) -> Rounded:
    changes: dict[str, Any] = {name: round(value, 6) for name, value in vars(found).items() if isinstance(value, float)}
    return replace(found, **changes)
