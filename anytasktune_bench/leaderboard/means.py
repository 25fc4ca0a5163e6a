"""Means over sub-tasks: per domain, over all domains, and over the paper's thirteen columns."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from anytasktune_bench.catalog import PACKAGE_SUBTASKS, Catalog
from anytasktune_bench.leaderboard.statistics import DRAWS, bootstrap_draws, percentiles
from anytasktune_bench.metrics import primary
from anytasktune_bench.records import Record, Sample
from anytasktune_bench.spec import LANGS, SubTask

Scope = Literal["zh", "en", "both"]


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


def means(record: Record, samples: Sequence[Sample], catalog: Catalog) -> list[Mean]:
    """Every mean that the record is complete for; a record with a limit, which saw part of the rows, has none.

    A domain's mean weighs its sub-tasks alike, `overall` weighs the domains alike, `paper13` the thirteen sub-tasks that are columns of the
    paper's Table 1. `both` is the mean of the two languages. Intervals come from the bootstrap draws of each test, averaged as the scores are: sub-tasks
    are resampled independently, the two languages of one with the same groups, since their rows are twins.

    Args:
        record: the record.
        samples: its samples.
        catalog: its sub-tasks in this package are what complete means; own ones of a user count in no mean.
    """
    if record.settings.limit is not None:
        return []
    specs = [spec for spec in catalog.with_rows if spec.folder.is_relative_to(PACKAGE_SUBTASKS)]
    points: dict[tuple[str, str], tuple[float, np.ndarray]] = {}
    for spec in specs:
        for lang in LANGS:
            found = [sample for sample in samples if sample.task == spec.task_name(lang)]
            if found:
                scores = [sample.as_score(spec) for sample in found]
                score = float(primary(spec, scores)[0])
                draws = bootstrap_draws(spec, scores, [sample.group for sample in found], seed=zlib.crc32(spec.full_id.encode()))
                points[spec.code, lang] = score, np.full(DRAWS, score) if draws is None else draws
    made = []
    domains = list(dict.fromkeys(spec.domain for spec in specs))
    wholes: list[tuple[str, list[list[SubTask]]]] = [(domain, [[spec for spec in specs if spec.domain == domain]]) for domain in domains]
    wholes.append(("overall", [members for _, (members,) in wholes]))
    wholes.append(("paper13", [[spec for spec in specs if spec.paper_column]]))
    scopes: list[tuple[Scope, tuple[str, ...]]] = [("zh", ("zh",)), ("en", ("en",)), ("both", LANGS)]
    for name, parts in wholes:
        for scope, langs in scopes:
            keys = [[(spec.code, lang) for spec in members for lang in langs] for members in parts]
            if parts and all(members and all(key in points for key in members) for members in keys):
                score = float(np.mean([np.mean([points[key][0] for key in members]) for members in keys]))
                draws = np.mean([np.mean([points[key][1] for key in members], axis=0) for members in keys], axis=0)
                made.append(Mean(name, scope, score, *percentiles(draws), sum(map(len, keys))))
    return made
