"""The paper's Table 1: what the page says of it follows from the printed figures."""

from __future__ import annotations

import pytest

from anytasktune_bench.leaderboard.site.paper import GROUPS, read_paper

PAPER = read_paper()


def test_the_table_is_whole() -> None:
    assert len(PAPER.rows) == 21 and PAPER.arrows == 65
    assert PAPER.columns == tuple(column for columns in GROUPS.values() for column in columns)
    assert [row.model for row in PAPER.rows if row.is_base] == ["Qwen2-7B"]
    assert {len(row.cells) for row in PAPER.rows} == {13}


def test_what_the_figures_say() -> None:
    assert PAPER.in_domain == (13, 13) and PAPER.in_domain_gain == pytest.approx(0.355, abs=5e-4)
    assert PAPER.off_domain == (19, 52)
    assert PAPER.best_columns == 7


def test_two_arrows_contradict_the_base_row() -> None:
    assert PAPER.contradictions == (
        ("AnyTaskTune-Qwen2-7B-Law", "P2", "0.392", "0.362", "down"),
        ("AnyTaskTune-Qwen2-7B-Psychology", "L4", "0.329", "0.295", "down"),
    )


def test_figures_stand_as_printed() -> None:
    by_model = {row.model: dict(zip(PAPER.columns, (cell.text for cell in row.cells), strict=True)) for row in PAPER.rows}
    assert by_model["Qwen2-7B"]["M3"] == "0.27" and by_model["LLaMA3-70b"]["F1"] == "0.48"  # no digit is added
    assert by_model["ChatMed"]["F1"] == ""
