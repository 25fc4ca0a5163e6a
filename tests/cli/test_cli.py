"""The command line as a user meets it: output, exit codes, and errors that name the fix."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.data.tables import source_rows
from anytasktune_bench.version import __version__


def run(*arguments: str, stdin: str = "", **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from anytasktune_bench.cli import main; main()", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, encoding="utf-8", **options)  # type: ignore[call-overload,no-any-return]


def test_help_and_version() -> None:
    assert "train" in run("--help").stdout and run("--version").stdout.strip().endswith(__version__)
    assert "Example" in run("eval", "--help").stdout


def test_ls_and_show() -> None:
    assert "medicine/key_info_extraction" in run("ls").stdout
    listed = json.loads(run("ls", "law", "--json").stdout)["subtasks"]
    assert [entry["code"] for entry in listed] == ["L1", "L2", "L3", "L4", "L5"] and listed[3]["rows_per_language"]["test"] == 60
    shown = run("show", "S1").stdout
    assert "Emotional descriptors in a review" in shown and "无" in shown
    assert json.loads(run("show", "S1", "--json").stdout)["code"] == "S1"


def test_an_unknown_name_suggests_and_fails() -> None:
    found = run("show", "key_info_extracton")
    assert found.returncode == 1 and "Did you mean key_info_extraction" in found.stderr and "Traceback" not in found.stderr


def test_a_new_sub_task_is_usable_at_once(tmp_path: Path) -> None:
    root = tmp_path / "mine"
    assert run("new", "services/message_urgency", "--code", "X1", "--out", str(root)).returncode == 0
    assert "Message" in run("--subtasks", str(root), "show", "X1").stdout or "X1" in run("--subtasks", str(root), "show", "X1").stdout
    assert run("new", "services/message_urgency", "--code", "X1", "--out", str(root)).returncode == 1
    assert "must be DOMAIN/ID" in run("new", "cooking/soup", "--code", "X2", "--out", str(root)).stderr
    found = run("--subtasks", str(root), "data", "check", "X1")
    assert found.returncode == 1 and "has no rows" in found.stderr
    bad = run("new", "services/other", "--code", "x", "--out", str(root))
    assert bad.returncode == 1 and not (root / "services" / "other").exists()


def test_data_commands(tmp_path: Path) -> None:
    checked = run("data", "check", "S1", "--json")
    assert checked.returncode == 0 and json.loads(checked.stdout)["baselines"]["S1 en"]["copy"] < 0.35
    assert json.loads(run("data", "stats", "S1", "--json").stdout)["S1"]["test zh"]["rows"] == 40
    assert "unique_openings" in run("data", "stats", "L4").stdout
    built = run("data", "build", "S1", "--out", str(tmp_path / "data"))
    assert Path(built.stdout.strip()).name == "anytasktune-services"


def test_drawing_goes_on_where_rows_end(tmp_path: Path) -> None:
    drawn = run("data", "draw", "S1", "--split", "train", "-n", "3")
    records = [json.loads(line) for line in drawn.stdout.splitlines()]
    assert [record["pair_id"] for record in records] == ["S1-0101", "S1-0102", "S1-0103"]
    used = {row.group for row in source_rows(load_catalog().get("S1"), "train", "en")}
    assert not used & {record["group"] for record in records}
    too_many = run("data", "draw", "S1", "--split", "train", "-n", "999")
    assert too_many.returncode == 1 and "Add situations" in too_many.stderr


@pytest.fixture
def mine(copied_subtask) -> Path:  # type: ignore[no-untyped-def]
    return copied_subtask("X7")  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text.replace('"input"', '"inptu"', 1), ["test.en.jsonl:1", "unknown field 'inptu'", "field 'input' is missing"]),
        (lambda text: text[:-30], ["test.en.jsonl:40", "broken JSON"]),
        (lambda text: text.replace('"output": "', '"output": "Pulse: 80\\n', 1), ["test.en.jsonl:1", "must score 1.0"]),
        (lambda text: text.replace("X7-en-0002", "X7-en-0001", 1), ["test.en.jsonl:2", "stands already on line 1"]),
        (lambda text: text.replace('"group": "', '"group": "train-', 1).replace("X7-0001", "X7-0051", 1), ["[check 1]"]),
    ],
    ids=["unknown-key", "broken-json", "gold", "duplicate-id", "twin"],
)
def test_bad_rows_fail_the_check_by_file_and_line(mine: Path, damage, said) -> None:  # type: ignore[no-untyped-def]
    path = mine / "medicine" / "my_items" / "rows" / "test.en.jsonl"
    path.write_text(damage(path.read_text(encoding="utf-8")), encoding="utf-8")
    found = run("--subtasks", str(mine), "data", "check", "X7", "--no-baselines")
    assert found.returncode == 1 and "Traceback" not in found.stderr
    for words in said:
        assert words in found.stderr


def test_a_file_in_another_encoding_is_named(mine: Path) -> None:
    path = mine / "medicine" / "my_items" / "rows" / "test.zh.jsonl"
    path.write_bytes(path.read_text(encoding="utf-8").encode("gb18030"))
    found = run("--subtasks", str(mine), "data", "check", "X7")
    assert found.returncode == 1 and "test.zh.jsonl:1" in found.stderr and "Save the file as UTF-8" in found.stderr


def test_a_model_path_that_does_not_exist(tmp_path: Path) -> None:
    for command in (["eval", "./nowhere", "--out", str(tmp_path / "runs")], ["train", "S1", "--model", "./nowhere", "--out", str(tmp_path / "a")]):
        found = run(*command)
        assert found.returncode == 1 and "no such folder or file" in found.stderr and "Traceback" not in found.stderr
    assert not (tmp_path / "a").exists()
    assert "Give one with --model" in run("predict", "S1", stdin="text").stderr


def test_an_unwritable_folder_fails_before_any_work(chat_model: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = run("eval", str(chat_model), "--tasks", "S1", "--out", str(tmp_path / "file" / "runs"))
    assert found.returncode == 1 and "choose a writable folder" in found.stderr and "loading" not in found.stderr
    found = run("train", "S1", "--model", str(chat_model), "--out", str(tmp_path / "file" / "a"))
    assert found.returncode == 1 and "choose a writable folder" in found.stderr


def _small_files() -> None:
    """Make every write beyond 64 KiB fail, as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))


def test_a_disk_that_fills_up_leaves_no_record_and_keeps_answers(chat_model: Path, tmp_path: Path) -> None:
    options = ["--tasks", "M1,S1,L4", "--dtype", "float32", "--out", str(tmp_path / "runs")]
    found = run("eval", str(chat_model), *options, preexec_fn=_small_files, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    assert found.returncode == 1 and "Free some space" in found.stderr and "Traceback" not in found.stderr
    (kept,) = (path for path in (tmp_path / "runs").rglob("*") if path.is_file())
    assert kept.name.startswith(".tiny-chat.") and kept.suffix == ".jsonl"
    again = run("eval", str(chat_model), *options)
    assert again.returncode == 0 and "answers of an interrupted run are there already" in again.stderr
    assert sorted(path.name for path in (tmp_path / "runs").rglob("*") if path.is_file()) == ["record.json", "samples.jsonl"]


@pytest.mark.slow
def test_a_disk_that_fills_up_in_training_leaves_no_adapter(chat_model: Path, tmp_path: Path) -> None:
    options = ["--model", str(chat_model), "--lang", "en", "--limit", "4", "--epochs", "1", "--dtype", "float32", "--device", "cpu", "--out", str(tmp_path / "adapter")]
    found = run("train", "S1", *options, preexec_fn=_small_files)
    assert found.returncode == 1 and "Free some space" in found.stderr and "Traceback" not in found.stderr
    assert {path.name for path in tmp_path.iterdir()} <= {".adapter.unfinished"}
    found = run("train", "S1", *options, "--resume")
    assert found.returncode == 0 and [path.name for path in tmp_path.iterdir()] == ["adapter"], found.stderr


def test_a_language_that_is_none_is_a_usage_error() -> None:
    assert run("eval", "x/y", "--lang", "fr").returncode == 2


@pytest.mark.slow
def test_train_eval_predict_and_leaderboard_in_one_go(chat_model: Path, tmp_path: Path) -> None:
    adapter, runs = str(tmp_path / "adapter"), str(tmp_path / "runs")
    options = ["--dtype", "float32", "--device", "cpu"]
    trained = run("train", "L4", "--model", str(chat_model), "--lang", "en", "--epochs", "4", "--lr", "0.01", "--batch-size", "10", "--out", adapter, *options)
    assert trained.returncode == 0 and trained.stdout.strip() == adapter and "tokens/s" in trained.stderr
    base = run("eval", str(chat_model), "--tasks", "L4", "--lang", "en", "--limit", "6", "--out", runs, *options)
    tuned = run("eval", "--adapter", adapter, "--tasks", "L4", "--lang", "en", "--limit", "6", "--out", runs, "--json", *options)
    assert base.returncode == 0 and "95 % CI" in base.stdout
    assert json.loads(tuned.stdout)["results"]["anytasktune_l4_en"]["n"] == 6
    record = Path(json.loads(tuned.stdout)["record"])
    assert "scores agree" in run("rescore", str(record.parent)).stderr
    text = source_rows(load_catalog().get("L4"), "test", "en")[0].input
    answer = run("predict", "L4", "--adapter", adapter, *options, stdin=text)
    assert answer.returncode == 0 and answer.stdout.strip()
    parsed = run("predict", "L4", "--adapter", adapter, "--parse", *options, stdin=text)
    assert set(json.loads(parsed.stdout)) == {"valid", "parsed", "answer"}
    assert parsed.returncode == (0 if json.loads(parsed.stdout)["valid"] else 1)
    assert run("predict", "L4", "--adapter", adapter, *options).returncode == 1  # empty input
    page = run("leaderboard", "build", runs, "--out", str(tmp_path / "site"))
    assert page.returncode == 0 and "L4" in Path(page.stdout.strip()).read_text(encoding="utf-8")


def test_tasks_path_and_export_check(tmp_path: Path) -> None:
    assert (Path(run("tasks", "path").stdout.strip()) / "anytasktune_m1_zh.yaml").is_file()
    out = str(tmp_path / "tasks")
    assert run("export", "tasks", "--out", out).returncode == 0 and run("export", "tasks", "--out", out, "--check").returncode == 0
    (tmp_path / "tasks" / "anytasktune_m1_zh.yaml").write_text("task: x\n")
    found = run("export", "tasks", "--out", out, "--check")
    assert found.returncode == 1 and "out of date" in found.stderr and "run `anytasktune export tasks" in found.stderr


def test_cards_and_scores_are_exported_and_checked(tmp_path: Path) -> None:
    out = str(tmp_path / "cards")
    assert run("export", "cards", "--out", out).returncode == 0 and run("export", "cards", "--out", out, "--check").returncode == 0
    (tmp_path / "cards" / "law.md").unlink()
    (tmp_path / "cards" / "x.md").write_text("x")
    found = run("export", "cards", "--out", out, "--check")
    assert found.returncode == 1 and "law.md: is missing" in found.stderr and "x.md: belongs to nothing" in found.stderr
    assert run("export", "scores", str(Path(__file__).parents[2] / "leaderboard" / "results"), "--out", str(tmp_path / "scores.json")).returncode == 0
    assert (tmp_path / "scores.json").read_text(encoding="utf-8") == (Path(__file__).parents[2] / "dataset_cards" / "reference_scores.json").read_text(encoding="utf-8")
