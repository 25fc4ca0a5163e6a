"""The committed records are whole, say nothing of the machine they were made on, and rescore to the last digit."""

from __future__ import annotations

from pathlib import Path

import pytest

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.data.load import load_records
from anytasktune_bench.data.tables import eval_fingerprint
from anytasktune_bench.records import find_records, read_record, rescore

FOLDERS = find_records(Path(__file__).parents[1] / "leaderboard" / "results")


def test_there_are_records() -> None:
    assert FOLDERS


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_committed_record_rescores(folder: Path) -> None:
    record, samples = read_record(folder)
    catalog = load_catalog()
    for name, metrics in rescore(record, samples, catalog.get).items():
        result = record.results[name]
        spec = catalog.get(result.subtask)
        rows = load_records(spec, result.lang, "test")
        assert result.eval_fingerprint == eval_fingerprint(spec, result.lang, rows), f"{name} was scored on other rows; evaluate again or drop it"
        assert metrics == result.metrics
        assert {sample.id for sample in samples if sample.task == name} == {row["id"] for row in rows}
    text = (folder / "record.json").read_text(encoding="utf-8")
    assert not any(sign in text for sign in ("/home", "/root", "\\Users"))
