"""Boards of many made-up models, for tests and benchmarks of rendering only. No figure of them was measured, and none leaves a temporary folder."""

from __future__ import annotations

import random

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.data.prose import summary
from anytasktune_bench.leaderboard.effects import MeanDifference
from anytasktune_bench.leaderboard.means import Mean
from anytasktune_bench.leaderboard.site.board import Board
from anytasktune_bench.leaderboard.standing import Standing
from anytasktune_bench.leaderboard.statistics import Difference
from anytasktune_bench.leaderboard.table import Cell, Column, Row, Table, domains
from anytasktune_bench.metrics import SCORER_VERSION
from anytasktune_bench.prompt import PROMPT_VERSION
from anytasktune_bench.records import ModelInfo, Record, Settings, TaskResult
from anytasktune_bench.spec import LANGS

SETTINGS = Settings(prompt_version=PROMPT_VERSION, scorer_version=SCORER_VERSION)


def synthetic_board(models: int, seed: int = 0) -> Board:
    """A board of `models` rows over every test: a tenth are base models, half are tuned from one of them, a tenth lack a domain."""
    draw = random.Random(seed)
    catalog = load_catalog()
    columns = tuple(Column(spec, lang, f"{i:064x}", mde=0.15) for i, (spec, lang) in enumerate((spec, lang) for spec in catalog.with_rows for lang in LANGS))
    rows = tuple(_row(i, models, columns, draw) for i in range(models))
    return Board(Table(columns, rows), catalog, summary())


def _row(place: int, models: int, columns: tuple[Column, ...], draw: random.Random) -> Row:
    bases = max(1, models // 10)
    tuned = place >= bases and draw.random() < 0.5
    model = ModelInfo(
        name=f"Synthetic-{place:05d}-Instruct",
        source=f"synthetic/model-{place}",
        category="task-fine-tuned" if tuned else draw.choice(["closed", "open", "open", "domain"]),
        base=f"Synthetic-{draw.randrange(bases):05d}-Instruct" if tuned else None,
        tuned_on=(draw.choice(columns).spec.code,) if tuned else (),
        parameters=None if draw.random() < 0.1 else int(10 ** draw.uniform(8, 11)),
    )
    missing = draw.choice(columns).spec.domain if draw.random() < 0.1 else None
    level = min(max(draw.gauss(0.5, 0.15), 0.1), 0.9)
    cells = tuple(None if column.spec.domain == missing else _cell(column, level, model, models, draw) for column in columns)
    places = {domain: members for domain, members in domains(columns).items() if domain != missing}
    by_domain = {domain: sum(cell.score for i in members if (cell := cells[i])) / len(members) for domain, members in places.items()}
    averages = by_domain | ({"overall": sum(by_domain.values()) / len(by_domain)} if missing is None else {})
    means = {}
    for name, value in averages.items():
        for scope in (*LANGS, "both"):
            half = draw.uniform(0.02, 0.06)
            means[name, scope] = Mean(name, scope, value, max(value - half, 0.0), min(value + half, 1.0), 4)
    results = {
        column.spec.task_name(column.lang): TaskResult(
            subtask=column.spec.code, lang=column.lang, n=cell.n, eval_fingerprint=column.fingerprint, metrics={"score": cell.score}, empty=0, invalid=0, truncated=0
        )
        for column, cell in zip(columns, cells, strict=True)
        if cell
    }
    record = Record(version="0.1.0", model=model, settings=SETTINGS, results=results, versions={"transformers": "5.17.0"}, samples_sha256=f"{place:064x}")
    return Row(
        records=(record,),
        model=model,
        settings=SETTINGS,
        is_base=place < bases,
        cells=cells,
        means=means,
        notes=(),
        provenance="reproduced",
        transfer={domain: MeanDifference(draw.gauss(0, 0.1), -0.1, 0.1, 4) for domain in by_domain} if tuned else {},
    )


def _cell(column: Column, level: float, model: ModelInfo, models: int, draw: random.Random) -> Cell:
    score = min(max(draw.gauss(level, 0.1), 0.0), 1.0)
    half = draw.uniform(0.05, 0.14)
    delta = draw.gauss(0.02, 0.1)
    difference = Difference(delta, delta - half, delta + half, 0.01) if model.base else None
    low = draw.randint(1, models)
    return Cell(
        score=round(score, 6),
        interval=(max(score - half, 0.0), min(score + half, 1.0)),
        n=40,
        format_valid=draw.choice([1.0, 0.975, 0.95, 0.8]),
        format_interval=(0.7, 1.0),
        fingerprint=column.fingerprint,
        tuned=column.spec.code in model.tuned_on,
        difference=difference,
        p_adjusted=draw.choice([0.01, 0.5]) if difference else None,
        standing=Standing(low, low, models),
    )
