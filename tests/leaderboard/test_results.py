"""Filing, checking and building at the command line, and both forms of records side by side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from anytasktune_bench.cli.leaderboard import leaderboard
from anytasktune_bench.errors import RecordError
from anytasktune_bench.leaderboard.editions import Editions
from anytasktune_bench.leaderboard.results import find_results, read_reproduced, read_results, write_filed
from anytasktune_bench.leaderboard.table import build_table
from anytasktune_bench.records import write_record
from tests.leaderboard.test_eee import filed
from tests.leaderboard.test_table import BASE, CATALOG, TUNED, make

EDITIONS = Editions(CATALOG)


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(leaderboard, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "Base"
    write_record(folder, filed(BASE).record, filed(BASE).samples)
    return folder


def test_a_run_is_filed_checked_and_shown(run: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    added = invoke("add", run, "--developer", "acme", "--licence", "MIT", "--relationship", "first_party", "--results", results)
    path = results / "acme" / "Base" / f"{filed(BASE).record.uuid}.json"
    assert (added.exit_code, added.output) == (0, f"{path}\n")
    checked = invoke("check", results)
    assert (checked.exit_code, checked.output) == (0, f"{path}: accepted\n")
    assert json.loads(invoke("check", path, "--json").output) == [{"path": str(path), "problem": None}]
    built = invoke("build", results, "--out", tmp_path / "site", "--json")
    assert json.loads(built.output)["models"] == 1


def test_what_the_gate_would_refuse_is_not_filed(tmp_path: Path) -> None:
    quick = make("Quick", codes=("S1",), settings={"limit": 5})
    folder = tmp_path / "run"
    write_record(folder, filed(quick).record, filed(quick).samples)
    for arguments, message in ((["--developer", "acme"], "without --limit"), (["--developer", "../x"], "is no folder name")):
        with pytest.raises(RecordError, match=message):
            invoke("add", folder, *arguments, "--results", tmp_path / "results")
    assert not (tmp_path / "results").exists()


def test_refusals_are_printed_with_path_and_reason_on_one_line_each(run: Path, tmp_path: Path) -> None:
    invoke("add", run, "--developer", "acme", "--results", tmp_path / "results")
    (tmp_path / "results" / "a\x1b[2Jb.txt").write_text("")
    (tmp_path / "results" / "link").symlink_to("/etc")
    with pytest.raises(RecordError) as refused:
        invoke("check", tmp_path / "results")
    lines = str(refused.value).splitlines()
    assert len(lines) == 2 and all(": refused: " in line for line in lines)
    assert "\x1b" not in str(refused.value)


def test_both_forms_give_the_same_table(run: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    for pair in (BASE, TUNED):
        write_filed(results, filed(pair), EDITIONS)
    found = read_results(find_results(results), EDITIONS)
    assert len(found) == 2
    assert build_table([each.pair for each in found], CATALOG) == build_table([(filed(pair).record, filed(pair).samples) for pair in (BASE, TUNED)], CATALOG)
    both = read_results(find_results(tmp_path), EDITIONS)
    assert len(both) == 3
    assert len(build_table([each.pair for each in both], CATALOG).rows) == 2  # the run and what was filed of it are one record


def test_a_broken_record_is_named_by_its_file(tmp_path: Path) -> None:
    path = write_filed(tmp_path, filed(BASE), EDITIONS)
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(RecordError, match=rf"{path}: the evaluation: field"):
        read_results([path], EDITIONS)


def test_only_listed_records_are_reproduced(tmp_path: Path) -> None:
    for pair in (BASE, TUNED):
        write_filed(tmp_path / "results", filed(pair, licence="Apache-2.0"), EDITIONS)
    listed = tmp_path / "reproduced.yaml"
    listed.write_text(f"reproduced:\n  - {filed(BASE).record.uuid}\n", encoding="utf-8")
    table = build_table([each.pair for each in read_results(find_results(tmp_path / "results"), EDITIONS)], CATALOG, read_reproduced(listed))
    assert [(row.model.name, row.provenance, row.ranked) for row in table.rows] == [("Base", "reproduced", True), ("Tuned", "rescored", False)]
    built = invoke("build", tmp_path / "results", "--reproduced", listed, "--out", tmp_path / "site")
    assert built.exit_code == 0
    rows = json.loads((tmp_path / "site" / "data.json").read_text(encoding="utf-8"))["rows"]
    assert [any(mean["name"] == "overall" for mean in row["means"]) for row in rows] == [True, False]
    page = next((tmp_path / "site" / "model").glob("base*.html")).read_text(encoding="utf-8")
    assert all(f"<dd><bdi>{fact}</bdi></dd>" in page for fact in ("acme", "Apache-2.0"))


@pytest.mark.parametrize("text", ["", "reproduced:\n", "# nothing yet\n", "reproduced: []\n"])
def test_an_empty_list_is_a_list(text: str, tmp_path: Path) -> None:
    (tmp_path / "list.yaml").write_text(text, encoding="utf-8")
    assert read_reproduced(tmp_path / "list.yaml") == frozenset()


@pytest.mark.parametrize("text", ["reproduced: yes\n", "others: []\n", "- a\n", "reproduced: [1: 2\n"])
def test_a_list_in_another_form_is_an_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "list.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(RecordError, match="no list of reproduced records"):
        read_reproduced(tmp_path / "list.yaml")
