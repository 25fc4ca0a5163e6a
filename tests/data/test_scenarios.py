"""Drawing scenario records and joining them with written rows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.data.join import join, next_number, used_groups
from anytasktune_bench.data.scenarios import Scenarios, draw, load_scenarios
from anytasktune_bench.data.tables import source_rows
from anytasktune_bench.errors import RowError, SpecError
from anytasktune_bench.rows import SPLITS
from anytasktune_bench.spec import SubTask

SPECS = load_catalog().with_rows


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.code)
def test_the_draw_is_reproducible_and_balanced(spec: SubTask) -> None:
    scenarios = load_scenarios(spec.folder / "scenarios.yaml")
    first, second = (draw(scenarios, "test", 40) for _ in range(2))
    assert first == second != draw(scenarios, "train", 40)
    assert len({record["group"] for record in first}) == 40
    lengths = Counter(record["length"] for record in first if "length" in record)
    assert set(lengths.values()) <= {12, 16}


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.code)
def test_rows_keep_the_record_they_were_written_from(spec: SubTask) -> None:
    scenarios = load_scenarios(spec.folder / "scenarios.yaml")
    known = {situation.id: situation for situation in scenarios.situations}
    for split in SPLITS:
        for row in source_rows(spec, split, "en"):
            assert row.group in known and isinstance(row.scenario["seed"], int)
            if spec.output.kind == "label":
                assert row.gold["label"] == row.scenario["label"] == known[row.group].label
            if spec.code == "M1":
                assert set(row.gold["fields"]) == set(row.scenario["keys"])  # type: ignore[arg-type]
            if spec.code == "S1":
                assert len(row.gold["items"]) == min(6, int(row.scenario["descriptors"]))  # type: ignore[arg-type]


def test_labels_are_drawn_in_equal_numbers() -> None:
    records = draw(load_scenarios(load_catalog().get("L4").folder / "scenarios.yaml"), "test", 60)
    assert set(Counter(record["label"] for record in records).values()) == {3}


def test_sets_of_keys_keep_what_situations_cannot_carry() -> None:
    scenarios = load_scenarios(load_catalog().get("M1").folder / "scenarios.yaml")
    without = {s.id: set(s.without) for s in scenarios.situations}
    for record in draw(scenarios, "train", 100):
        assert "symptom" in record["keys"] and not without[record["group"]] & set(record["keys"])
        assert 3 <= len(record["keys"]) <= 6


def test_too_few_situations_is_an_error_that_says_so() -> None:
    scenarios = Scenarios.model_validate({"seed": 1, "axes": {"x": {"a": 1}}, "situations": [{"id": "one"}, {"id": "two"}]})
    with pytest.raises(SpecError, match="Add situations"):
        draw(scenarios, "test", 3)
    assert [r["group"] for r in draw(scenarios, "test", 1, used=["one"])] == ["two"]


def test_wrong_scenario_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "scenarios.yaml"
    with pytest.raises(SpecError, match="cannot be read"):
        load_scenarios(path)
    path.write_text("seed: 1\naxes: {}\nsituations: [{id: a}, {id: a}]\n")
    with pytest.raises(SpecError, match="twice"):
        load_scenarios(path)


def test_joined_rows_render_their_output_and_name_what_is_wrong() -> None:
    spec = load_catalog().get("S1")
    record = {"pair_id": "S1-9001", "split": "test", "group": "g", "seed": 1, "register": "plain", "distractor": "none"}
    text = {"pair_id": "S1-9001", "zh": {"input": "很油腻。", "gold": {"items": [["油腻"]]}}, "en": {"input": "Greasy.", "gold": {"items": [["greasy"]]}}}
    rows = join(spec, [record], [text])
    assert rows["test", "zh"][0].output == "油腻" and rows["test", "en"][0].meta == {"register": "plain", "difficulty": "none"}
    with pytest.raises(RowError, match="no scenario record"):
        join(spec, [], [text])
    with pytest.raises(RowError, match="gold must be"):
        join(spec, [record], [{**text, "en": {"input": "x", "gold": {"items": "greasy"}}}])


def test_new_records_go_on_after_the_last_row() -> None:
    spec = load_catalog().get("M1")
    assert next_number(spec) == 101 and len(used_groups(spec)) == 100
