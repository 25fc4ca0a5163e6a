"""Sums over exchanged rows give the score that scoring the exchanged rows gives, for every sub-task."""

from __future__ import annotations

import random

import numpy as np
import pytest

from anytasktune_bench.data.tables import source_rows
from anytasktune_bench.leaderboard.sums import ScoreSums
from anytasktune_bench.metrics import Score, primary, score_answer
from anytasktune_bench.spec import SubTask
from tests.conftest import SPECS


def answered(spec: SubTask, right: float, seed: int) -> list[Score]:
    rows, draw = source_rows(spec, "test", "en")[:12], random.Random(seed)
    return [score_answer(spec, "en", row.output if draw.random() < right else draw.choice(rows).output, row.gold, row.output, row.input) for row in rows]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.code)
def test_sums_of_exchanged_rows_give_their_primary_score(spec: SubTask) -> None:
    a, b = answered(spec, 0.7, 1), answered(spec, 0.3, 2)
    sums = ScoreSums(spec, a)
    rows_a, rows_b = sums.rows(a), sums.rows(b)
    assert rows_a.shape == (len(a), sums.width)
    swap = np.random.default_rng(0).integers(0, 2, size=(20, len(a))).astype(float)
    swap[0] = 0
    found = sums.score(((1 - swap) @ rows_a + swap @ rows_b).T)
    assert found == pytest.approx(primary(spec, [*a, *b], np.hstack([1 - swap, swap])), abs=1e-12)
    for values, moved in zip(found, swap, strict=True):
        exchanged = [second if moved[i] else first for i, (first, second) in enumerate(zip(a, b, strict=True))]
        assert values == pytest.approx(float(primary(spec, exchanged)[0]), abs=1e-12)
