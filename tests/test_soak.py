"""The fuzzer of `make soak`, over every sub-task: 100,000 mutated gold answers in all."""

from __future__ import annotations

import pytest

from anytasktune_bench.spec import Lang, SubTask
from tests.judged import ALL, ALL_IDS, known_rows
from tests.soak import soak

EACH = 100_000 // len(ALL) + 1


@pytest.mark.parametrize(("spec", "lang"), ALL, ids=ALL_IDS)
def test_mutated_answers_score_within_bounds(spec: SubTask, lang: Lang) -> None:
    assert soak(known_rows(spec, lang), EACH, seed=1) > 0
