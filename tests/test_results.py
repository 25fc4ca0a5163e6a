"""The committed records pass the gate that submissions pass, and say nothing of the machine they were made on."""

from __future__ import annotations

from pathlib import Path

import pytest

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.leaderboard.editions import Editions
from anytasktune_bench.leaderboard.gate import check
from anytasktune_bench.leaderboard.results import find_results, read_filed, read_reproduced

BOARD = Path(__file__).parents[1] / "leaderboard"
FOUND = find_results(BOARD / "results")
EDITIONS = Editions(load_catalog())


def test_there_are_records() -> None:
    assert FOUND


@pytest.mark.parametrize("path", FOUND, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_committed_record_passes_the_gate(path: Path) -> None:
    assert [verdict.problem for verdict in check([path], EDITIONS)] == [None], f"{path}: evaluate again, and file it with `anytasktune leaderboard add`"
    text = path.read_text(encoding="utf-8")
    assert not any(sign in text for sign in ("/home", "/root", "\\Users"))


def test_nothing_else_lies_among_them() -> None:
    assert [verdict for verdict in check([BOARD / "results"], EDITIONS) if verdict.problem] == []


def test_every_reproduced_record_is_there() -> None:
    assert read_reproduced(BOARD / "reproduced.yaml") <= {read_filed(path, EDITIONS).record.uuid for path in FOUND if path.is_file()}
