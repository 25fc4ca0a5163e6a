"""`anytasktune score`, and the pages that are rendered from the specifications."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.pages import page
from anytasktune_bench.spec import SubTask
from tests.cli.test_cli import run


def test_an_answer_is_scored_against_the_example_and_explained() -> None:
    found = run("score", "M2", "--lang", "en", stdin="the runs -> diarrhoea\nankles had puffed up -> ankle pain")
    assert "M2 en: score 0.400" in found.stdout
    assert "the room was spinning" in found.stdout and "worked example" in found.stderr


def test_json_holds_score_and_notes() -> None:
    found = json.loads(run("score", "S1", "--lang", "zh", "--row", "S1-zh-0001", "--json", stdin="无").stdout)
    assert found["score"] == 1.0 and found["format_valid"] is True and found["notes"] == []


def test_a_gold_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "gold.json"
    file.write_text(json.dumps({"gold": {"number": 12}}), encoding="utf-8")
    assert "score 1.000" in run("score", "L2", "--lang", "en", "--gold", str(file), stdin="Prison Term: 1 year").stdout
    file.write_text(json.dumps({"gold": {"number": "12"}}), encoding="utf-8")
    failed = run("score", "L2", "--lang", "en", "--gold", str(file), stdin="x")
    assert failed.returncode == 1 and "whole number" in failed.stderr


@pytest.mark.parametrize("arguments", [("score", "S1", "--lang", "zh", "--row", "S1-zh-9999"), ("score", "S1", "--lang", "zh", "--row", "x", "--gold", __file__)])
def test_wrong_targets_are_refused(arguments: tuple[str, ...]) -> None:
    failed = run(*arguments, stdin="x")
    assert failed.returncode == 1 and failed.stderr.startswith("error: ")


@pytest.mark.parametrize("spec", load_catalog().specs, ids=lambda spec: spec.code)
def test_a_page_has_both_instructions_and_a_worked_score(spec: SubTask) -> None:
    text = page(spec)
    assert spec.instruction.zh[0] in text and spec.instruction.en[0] in text
    assert text.count("The best answer, score 1.000:") == 2
    assert text.count("A flawed answer, score 1.000:") == 0


def test_the_committed_pages_are_up_to_date() -> None:
    assert "is up to date" in run("export", "docs", "--out", str(Path(__file__).parents[2] / "docs" / "subtasks"), "--check").stderr
