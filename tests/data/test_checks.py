"""The rows pass every check, and every check finds what it is for."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.data import baselines, checks
from anytasktune_bench.data.checks import run_checks
from anytasktune_bench.data.privacy import find_personal_data, id_card_valid, luhn_valid, unsafe_detail
from anytasktune_bench.data.problems import Rows
from anytasktune_bench.data.quality import summary_of
from anytasktune_bench.data.similarity import cosine_matrix, jaccard_matrix, shingles
from anytasktune_bench.spec import SubTask, load_spec

SUMMARY = json.loads((Path(__file__).parents[2] / "dataset_cards" / "summary.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("spec", load_catalog().with_rows, ids=lambda spec: spec.code)
def test_the_rows_pass_all_checks_and_the_summary_is_up_to_date(spec: SubTask) -> None:
    report = run_checks(spec)
    assert [str(problem) for problem in report.problems] == []
    assert SUMMARY[spec.code] == summary_of(spec, Rows.read(spec), report.baselines), "run `make export`"


@pytest.fixture
def copy(tmp_path: Path) -> Callable[..., SubTask]:
    """Copies a sub-task and edits one row of it."""

    def make(code: str, file: str, number: int, edit: Callable[[dict[str, Any], list[dict[str, Any]]], Any]) -> SubTask:
        spec = load_catalog().get(code)
        folder = tmp_path / spec.domain / spec.id
        if not folder.exists():
            shutil.copytree(spec.folder, folder)
        path = folder / "rows" / file
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        edit(rows[number], rows)
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
        return load_spec(folder / "task.yaml")

    return make


def _row(spec: SubTask, file: str, number: int) -> dict[str, Any]:
    return json.loads((spec.folder / "rows" / file).read_text(encoding="utf-8").splitlines()[number])  # type: ignore[no-any-return]


S1_TRAIN = _row(load_catalog().get("S1"), "train.en.jsonl", 0)
PLANTED: list[tuple[int, str, str, int, Callable[[dict[str, Any], list[dict[str, Any]]], Any], str]] = [
    (1, "S1", "test.en.jsonl", 1, lambda row, rows: row.update(group=rows[0]["group"] + "\u0301e\u0301"), "NFC"),
    (1, "S1", "test.en.jsonl", 1, lambda row, rows: row.update(input=row["input"] + "\u200b"), "control character"),
    (1, "S1", "test.en.jsonl", 1, lambda row, rows: rows.reverse(), "Sort the file"),
    (1, "S1", "test.en.jsonl", 1, lambda row, rows: row.update(group=S1_TRAIN["group"]), "stands in"),
    (1, "S1", "test.en.jsonl", 1, lambda row, rows: row.update(pair_id=S1_TRAIN["pair_id"], id="S1-en-9999"), "do not fit"),
    (1, "L4", "test.en.jsonl", 1, lambda row, rows: row.update(gold={"label": "murder"}), "gold label 'murder' is none of"),
    (2, "L4", "test.en.jsonl", 1, lambda row, rows: row.update(output="Theft" if row["output"] != "Theft" else "Fraud"), "must score 1.0"),
    (2, "S1", "test.en.jsonl", 1, lambda row, rows: row.update(output=row["output"] + ", another thing"), "must score 1.0"),
    (3, "S1", "test.en.jsonl", 1, lambda row, rows: row["gold"]["items"][0].__setitem__(slice(None), ["zebra striped"]), "stands in the input"),
    (4, "S1", "test.zh.jsonl", 1, lambda row, rows: row.update(input="This is an English text for a Chinese row, which it must not be at all."), "Write the row in Chinese"),
    (4, "S1", "test.en.jsonl", 1, lambda row, rows: row.update(input=row["input"] + " 好"), "Write it in English"),
    (5, "S1", "test.en.jsonl", 1, lambda row, rows: row.update(input=S1_TRAIN["input"]), "Jaccard"),
    (6, "S1", "test.en.jsonl", 1, lambda row, rows: row.update(input=row["input"] + " " + " ".join(S1_TRAIN["input"].split()[:9])), "shares the run"),
    (7, "L4", "test.en.jsonl", 1, lambda row, rows: [r.update(output="Theft", gold={"label": "theft"}) for r in rows[:5]], "Balance the labels"),
    (8, "S1", "test.en.jsonl", 1, lambda row, rows: rows.remove(row), "no twin"),
    (8, "S1", "test.en.jsonl", 1, lambda row, rows: row["gold"]["items"].append(["x"]), "twins agree"),
    (9, "S1", "test.en.jsonl", 1, lambda row, rows: row.update(input="Short."), "are allowed"),
    (10, "S1", "test.en.jsonl", 1, lambda row, rows: row.update(input=row["input"] + " Mail me at jo@gmail.com."), "e-mail"),
]


@pytest.mark.parametrize(("check", "code", "file", "number", "edit", "said"), PLANTED, ids=[f"{p[0]}-{p[5]}" for p in PLANTED])
def test_a_planted_fault_is_found(copy, check, code, file, number, edit, said) -> None:  # type: ignore[no-untyped-def]
    problems = run_checks(copy(code, file, number, edit), with_baselines=False).problems
    assert any(problem.check == check and said in problem.message for problem in problems), [str(p) for p in problems]


def test_a_problem_names_file_and_line(copy) -> None:  # type: ignore[no-untyped-def]
    spec = copy("S1", "test.en.jsonl", 6, lambda row, rows: row.update(input="Short."))
    assert any("test.en.jsonl:7:" in str(problem) for problem in run_checks(spec, with_baselines=False).problems)


def test_lengths_of_train_and_test_must_be_alike(copy) -> None:  # type: ignore[no-untyped-def]
    spec = copy("S1", "train.en.jsonl", 0, lambda row, rows: [r.update(input=" ".join(f"{w}{i}" for i, w in enumerate("abcdefghijklmnopqrstuvw"))) for r in rows])
    assert any(problem.check == 9 and "KS" in problem.message for problem in checks.lengths(Rows.read(spec)))


def test_an_instruction_that_hides_a_key_is_found(copy) -> None:  # type: ignore[no-untyped-def]
    spec = copy("M1", "test.en.jsonl", 0, lambda row, rows: None)
    path = spec.folder / "task.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("Help Sought. Write every", "Help. Write every"), encoding="utf-8")
    assert any(p.check == 4 and "Help Sought" in p.message for p in checks.language(Rows.read(load_spec(path))))


def test_rows_that_give_themselves_away_are_found(copy, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    same = {"items": [["greasy"]]}
    spec = copy("S1", "test.en.jsonl", 0, lambda row, rows: [r.update(output="greasy", gold=same, input=r["input"] + " greasy") for r in rows])
    assert any(p.check == 13 and "constant" in p.message for p in baselines.baseline_problems(spec, {"en": baselines.baselines(Rows.read(spec), "en")}))


def test_unsafe_detail_is_found_in_psychology_only(copy) -> None:  # type: ignore[no-untyped-def]
    spec = copy("S1", "test.en.jsonl", 0, lambda row, rows: row.update(input=row["input"] + " He hanged himself."))
    rows = Rows.read(spec)
    assert list(unsafe_detail(rows)) == []
    rows.spec = spec.model_copy(update={"domain": "psychology"})
    assert [p.check for p in unsafe_detail(rows)] == [11]


def test_personal_data_outside_reserved_values() -> None:
    assert id_card_valid("11010519491231002X") and not id_card_valid("110105194912310021")
    assert luhn_valid("4539 1488 0343 6467") and not luhn_valid("4539 1488 0343 6468")
    assert find_personal_data("call 13800138000 or plate 京A12345") == ["phone 13800138000", "number plate 京A12345"]
    assert find_personal_data("11010519491231002X") == ["identity card 11010519491231002X"]
    assert find_personal_data("h.w@example.com, 07700 900123, order NF24063817, 1,000 yuan, 2023-05-17") == []


def test_similarities_by_hand() -> None:
    a, b = "the quick brown fox jumps", "the quick brown fox sleeps"
    assert shingles(a, "en") == {"the\x1fquick\x1fbrown", "quick\x1fbrown\x1ffox", "brown\x1ffox\x1fjumps"}
    matrix = jaccard_matrix([shingles(a, "en"), shingles(b, "en"), shingles("xx yy zz", "en")])
    assert matrix[0, 1] == pytest.approx(2 / 4) and matrix[0, 2] == 0 and matrix[0, 0] == 1
    cosine = cosine_matrix(["abcabc", "abcabc", "xyzxyz"])
    assert cosine[0, 1] == pytest.approx(1) and cosine[0, 2] == 0
