"""Broken row files: every error names file, line, field and fix."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.data.tables import source_rows
from anytasktune_bench.errors import RowError, SpecError
from anytasktune_bench.rows import read_rows

GOOD: dict[str, Any] = source_rows(load_catalog().get("S1"), "test", "en")[0].model_dump()


def _file(tmp_path: Path, *lines: str | bytes) -> Path:
    path = tmp_path / "test.en.jsonl"
    path.write_bytes(b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines) + b"\n")
    return path


def test_good_rows_are_read(tmp_path: Path) -> None:
    rows = read_rows(_file(tmp_path, json.dumps(GOOD), "", json.dumps({**GOOD, "id": "S1-en-9999"})))
    assert [row.lang for row in rows] == ["en", "en"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"id": "S1-en-0001",', "broken JSON at column"),
        ("[1, 2]", "no JSON object"),
        (b'{"id": "\xff\xfe"}', "not UTF-8"),
        (json.dumps({k: v for k, v in GOOD.items() if k != "gold"}), "field 'gold' is missing"),
        (json.dumps({**GOOD, "colour": "red"}), "unknown field 'colour'"),
        (json.dumps({**GOOD, "input": ""}), "field 'input'"),
        (json.dumps({**GOOD, "id": "S1-fr-0001"}), "field 'id'"),
    ],
    ids=["json", "array", "encoding", "missing", "unknown", "empty", "id"],
)
def test_a_broken_line_is_named(tmp_path: Path, line: str | bytes, said: str) -> None:
    path = _file(tmp_path, json.dumps(GOOD), line)
    with pytest.raises(RowError) as error:
        read_rows(path)
    assert f"{path}:2" in str(error.value) and said in str(error.value)


def test_an_id_used_twice_names_both_lines(tmp_path: Path) -> None:
    with pytest.raises(RowError, match=r":2: id 'S1-en-\d+' stands already on line 1"):
        read_rows(_file(tmp_path, json.dumps(GOOD), json.dumps(GOOD)))


def test_all_broken_lines_are_listed_at_once(tmp_path: Path) -> None:
    with pytest.raises(RowError) as error:
        read_rows(_file(tmp_path, "{", json.dumps(GOOD), "nonsense"))
    assert ":1:" in str(error.value) and ":3:" in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RowError, match="nowhere"):
        read_rows(tmp_path / "nowhere.jsonl")


def test_banks_stand_for_their_words(tmp_path: Path) -> None:
    (tmp_path / "rows").mkdir()
    (tmp_path / "banks.yaml").write_text("en: {calm: [rest, sleep, 'no']}\nzh: {calm: [歇歇]}\n", encoding="utf-8")
    gold = {"points": {"answer": [[["own", "@calm", "-sleep", "@case"], ["-5", "x"]]]}, "references": ["@calm"]}
    row = {**GOOD, "gold": gold, "banks": {"case": ["own", "boat"]}}
    path = tmp_path / "rows" / "test.en.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    (found,) = read_rows(path)
    assert found.gold["points"] == {"answer": [[["own", "rest", "no", "boat"], ["-5", "x"]]]} and found.gold["references"] == ["@calm"]
    assert read_rows(path, expand=False)[0].gold == row["gold"]
    for group, said in ((["@clam"], "there is no bank 'clam'; there are calm, case"), (["@calm", "-boat"], "no bank before it holds")):
        path.write_text(json.dumps({**row, "gold": {"issues": [[group]]}}) + "\n", encoding="utf-8")
        with pytest.raises(RowError, match=f"test.en.jsonl:1: gold: .*{said}"):
            read_rows(path)
    (tmp_path / "banks.yaml").write_text("en: {calm: [no]}\n", encoding="utf-8")
    with pytest.raises(SpecError, match="in quotes"):
        read_rows(path)
