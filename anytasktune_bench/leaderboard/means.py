"""Means over sub-tasks: per domain, over all domains, and over the paper's thirteen columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from anytasktune_bench.catalog import PACKAGE_SUBTASKS, Catalog
from anytasktune_bench.leaderboard.statistics import bootstrap_draws, percentiles
from anytasktune_bench.metrics import Score, primary
from anytasktune_bench.records import Record, Sample
from anytasktune_bench.spec import LANGS, Lang, SubTask

Scope = Literal["zh", "en", "both"]


@dataclass(frozen=True)
class Figure:
    """The primary score of one test, with its bootstrap draws."""

    score: float
    """In [0, 1]."""
    draws: np.ndarray | None
    """(draws,) as of `statistics.bootstrap_draws`; None where they say nothing."""

    @property
    def interval(self) -> tuple[float, float]:
        """95 % percentile interval, as of `statistics.cluster_bootstrap`."""
        return _interval(self.draws)


Figures = Mapping[tuple[str, Lang], Figure]
"""(code, language) -> figure."""


@dataclass(frozen=True)
class Mean:
    """A mean of primary scores."""

    name: str
    """A domain, `overall` or `paper13`."""
    lang: Scope
    score: float
    """In [0, 1]."""
    low: float
    high: float
    """95 % percentile interval, in [0, 1]."""
    tests: int
    """Sub-tasks times languages that it is over."""


def figure(spec: SubTask, scores: Sequence[Score], groups: Sequence[str]) -> Figure:
    """The figure of one test, from the scores of its rows and their groups."""
    return Figure(float(primary(spec, scores)[0]), bootstrap_draws(spec, scores, groups))


def figures_of(samples: Iterable[Sample], catalog: Catalog) -> dict[tuple[str, Lang], Figure]:
    """The figures of one record, computed from its samples, in the order of the catalog."""
    by_task: dict[str, list[Sample]] = {}
    for sample in samples:
        by_task.setdefault(sample.task, []).append(sample)
    tests = [(spec, lang, by_task[spec.task_name(lang)]) for spec in catalog.specs for lang in LANGS if spec.task_name(lang) in by_task]
    return {(spec.code, lang): figure(spec, [sample.as_score(spec) for sample in found], [sample.group for sample in found]) for spec, lang, found in tests}


def means(record: Record, figures: Figures, catalog: Catalog) -> list[Mean]:
    """Every mean that a record is complete for; one with a limit, which saw part of the rows, has none.

    Args:
        record: the record.
        figures: its figures.
        catalog: its sub-tasks in this package are what complete means; own ones of a user count in no mean.
    """
    if record.settings.limit is not None:
        return []
    return means_over([(spec, lang) for spec in catalog.with_rows if spec.folder.is_relative_to(PACKAGE_SUBTASKS) for lang in LANGS], figures)


def means_over(tests: Sequence[tuple[SubTask, Lang]], figures: Figures) -> list[Mean]:
    """Every mean over some tests for which no figure is missing.

    A domain's mean weighs its sub-tasks alike, `overall` weighs the domains alike, `paper13` the sub-tasks that are columns of the paper's Table 1.
    `both` is over the two languages. Intervals come from the bootstrap draws of each test, averaged as the scores are: sub-tasks are resampled
    independently, the two languages of one with the same groups, since their rows are twins.

    Args:
        tests: what the means are over.
        figures: what is known; others are left aside.
    """
    made = []
    scopes: list[tuple[Scope, tuple[Lang, ...]]] = [("zh", ("zh",)), ("en", ("en",)), ("both", LANGS)]
    for scope, langs in scopes:
        members = [(spec, (spec.code, lang)) for spec, lang in tests if lang in langs]
        domains = {domain: [key for spec, key in members if spec.domain == domain] for domain in dict.fromkeys(spec.domain for spec, _ in members)}
        paper = [key for spec, key in members if spec.paper_column]
        wholes: dict[str, list[list[tuple[str, Lang]]]] = {
            **{domain: [keys] for domain, keys in domains.items()},
            "overall": [*domains.values()],
            "paper13": [paper] if paper else [],
        }
        for name, parts in wholes.items():
            if parts and all(key in figures for keys in parts for key in keys):
                score = float(np.mean([np.mean([figures[key].score for key in keys]) for keys in parts]))
                draws = [[figures[key].draws for key in keys] for keys in parts]
                known = not any(found is None for part in draws for found in part)
                mean = np.mean([np.mean(np.array(part), axis=0) for part in draws], axis=0) if known else None
                made.append(Mean(name, scope, score, *_interval(mean), sum(map(len, parts))))
    return made


def _interval(draws: np.ndarray | None) -> tuple[float, float]:
    return (0.0, 1.0) if draws is None else percentiles(draws)
