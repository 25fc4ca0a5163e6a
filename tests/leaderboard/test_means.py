"""Means over sub-tasks weigh what they say, and are left out where a test is missing."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.data.load import load_records
from anytasktune_bench.leaderboard.means import figures_of, means
from anytasktune_bench.metrics import SCORER_VERSION, primary
from anytasktune_bench.prompt import PROMPT_VERSION
from anytasktune_bench.records import ModelInfo, Record, Sample, Settings
from anytasktune_bench.spec import LANGS, Lang, SubTask

CATALOG = load_catalog()


def made(answer: Callable[[SubTask, int, str], str], langs: tuple[Lang, ...] = LANGS, limit: int | None = None) -> tuple[Record, list[Sample]]:
    samples = []
    for spec in CATALOG.with_rows:
        for lang in langs:
            for place, row in enumerate(load_records(spec, lang, "test")):
                text = answer(spec, place, row["output"])
                samples.append(
                    Sample(
                        task=spec.task_name(lang), id=row["id"], group=row["group"], prompt_sha256="", input=row["input"], answer=text, reference=row["output"],
                        gold=json.loads(row["gold"]), score=0.0, values={},
                    )
                )  # fmt: skip
    settings = Settings(prompt_version=PROMPT_VERSION, scorer_version=SCORER_VERSION, limit=limit)
    return Record(version="0", model=ModelInfo(name="m", source="m"), settings=settings, results={}, versions={}, samples_sha256=""), samples


@pytest.fixture(scope="module")
def half() -> tuple[Record, list[Sample]]:
    """Medicine is all right, law wrong, elsewhere every other row is right."""
    return made(lambda spec, place, gold: gold if spec.domain == "medicine" or (spec.domain != "law" and place % 2) else "")


def test_domains_weigh_alike_and_the_paper_has_thirteen_columns(half: tuple[Record, list[Sample]]) -> None:
    found = {(mean.name, mean.lang): mean for mean in means(half[0], figures_of(half[1], CATALOG), CATALOG)}
    assert {name for name, _ in found} == {*(spec.domain for spec in CATALOG.specs), "overall", "paper13"}
    assert found["medicine", "both"].score == 1.0 == found["medicine", "zh"].low and found["law", "both"].high == 0.0
    domains = list(dict.fromkeys(spec.domain for spec in CATALOG.specs))
    assert found["overall", "both"].score == pytest.approx(np.mean([found[domain, "both"].score for domain in domains]))
    assert found["paper13", "zh"].tests == 13 and found["paper13", "both"].tests == 26 and found["overall", "en"].tests == 24
    by_test = {(spec.code, lang): float(primary(spec, [s.as_score(spec) for s in half[1] if s.task == spec.task_name(lang)])[0]) for spec in CATALOG.specs for lang in LANGS}
    assert found["paper13", "en"].score == pytest.approx(np.mean([by_test[spec.code, "en"] for spec in CATALOG.specs if spec.paper_column]))
    for mean in found.values():
        assert 0.0 <= mean.low <= mean.score <= mean.high <= 1.0
    assert found["overall", "both"].high - found["overall", "both"].low < found["roleplay", "both"].high - found["roleplay", "both"].low


def test_what_is_not_whole_has_no_mean(half: tuple[Record, list[Sample]]) -> None:
    record, samples = half
    figures = figures_of(samples, CATALOG)
    lacking = {test: figure for test, figure in figures.items() if test != ("M1", "en")}
    found = {(mean.name, mean.lang) for mean in means(record, lacking, CATALOG)}
    assert {("medicine", "zh"), ("law", "both"), ("overall", "zh")} < found
    assert not found & {("medicine", "en"), ("medicine", "both"), ("overall", "en"), ("overall", "both"), ("paper13", "en"), ("paper13", "both")}
    limited = record.model_copy(update={"settings": record.settings.model_copy(update={"limit": 5})})
    assert means(limited, figures, CATALOG) == []
