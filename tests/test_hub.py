"""Adapters go to the Hub and come back, against an emulator of the Hub on loopback and with the real client."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from huggingface_hub import parse_eval_result_entries

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.models import resolve_model
from anytasktune_bench.training.options import TrainOptions
from anytasktune_bench.training.run import train
from tests.hub_emulator import TOKEN, running_hub
from tests.hub_store import Hub

FAST = ["--lang", "en", "--epochs", "1", "--batch-size", "4", "--limit", "4", "--dtype", "float32", "--device", "cpu"]
REPO, BASE = "tester/tiny-s1", "tester/tiny-base"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running_hub() as found:
        yield found


@pytest.fixture(scope="module")
def adapter(chat_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("adapters") / "S1"
    train(
        resolve_model(str(chat_model)), load_catalog().select("S1"), out, TrainOptions(langs=("en",), epochs=1.0, batch_size=4, limit=4, dtype="float32", device="cpu"), quiet=True
    )
    return out


def run(hub: Hub, home: Path, *arguments: str, token: str = TOKEN, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, since the Hub's client reads its settings when it is imported."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "0", "HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(home), "HF_TOKEN": token, **more}
    code = "from anytasktune_bench.cli import main; main()"
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, env=environment, input=stdin)


@pytest.mark.slow
def test_an_adapter_goes_to_the_hub_and_comes_back(hub: Hub, adapter: Path, chat_model: Path, tmp_path: Path) -> None:
    done = run(hub, tmp_path, "eval", str(chat_model), "--adapter", str(adapter), "--tasks", "S1", "--lang", "en", "--out", str(tmp_path / "runs"), "--dtype", "float32")
    assert done.returncode == 0, done.stderr
    done = run(hub, tmp_path, "push", str(adapter), REPO, "--base", BASE, "--runs", str(tmp_path / "runs"), "--private")
    assert done.returncode == 0 and done.stdout.startswith(hub.url), done.stderr
    repository = hub.repositories[f"models/{REPO}"]
    assert repository.private and len(repository.commits) == 2 and not [request for request in hub.unknown if REPO in request]
    files = repository.commits[-1][1]
    assert files["adapter_model.safetensors"] == (adapter / "adapter_model.safetensors").read_bytes()
    config = json.loads(files["adapter_config.json"])
    assert config["base_model_name_or_path"] == BASE
    assert not any(str(chat_model.parent).encode() in data or str(Path.home()).encode() in data for data in files.values())
    card = files["README.md"].decode()
    head = yaml.safe_load(card.split("---")[1])
    assert head["base_model"] == BASE and head["library_name"] == "peft" and head["language"] == ["en"]
    record = json.loads(next((tmp_path / "runs").rglob("record.json")).read_text())
    score = record["results"]["anytasktune_s1_en"]["metrics"]["score"]
    assert f"| S1 en | set_f1 | 40 | {score:.3f} |" in card
    assert head["model-index"][0]["results"][0]["metrics"][0]["value"] == pytest.approx(score, abs=1e-4)
    entries = parse_eval_result_entries(yaml.safe_load(files[".eval_results/anytasktune-services.yaml"]))
    assert [(entry.dataset_id, entry.task_id) for entry in entries] == [("anytasktune/anytasktune-services", "anytasktune_s1_en")]
    assert entries[0].value == pytest.approx(score, abs=1e-4) and record["results"]["anytasktune_s1_en"]["eval_fingerprint"] in entries[0].notes
    again = run(hub, tmp_path, "push", str(adapter), REPO, "--base", BASE, "--runs", str(tmp_path / "runs"))
    assert again.returncode == 0 and len(repository.commits) == 2, "nothing was new, so there is no new commit"
    answers = [
        run(hub, tmp_path / "other", "predict", "S1", "--model", str(chat_model), "--adapter", which, "--dtype", "float32", stdin="A good mop. It leaks.")
        for which in (str(adapter), REPO)
    ]
    assert answers[0].returncode == answers[1].returncode == 0, answers[1].stderr
    assert answers[0].stdout == answers[1].stdout


@pytest.mark.parametrize(
    ("token", "status", "said"),
    [
        ("hf_wrong", None, "hf auth login"),
        (TOKEN, ("/commit/", 403), "refuses (403"),
        (TOKEN, ("/commit/", 413), "answers 413"),
        (TOKEN, ("/preupload/", 404), "there is no such repository"),
    ],
)
def test_a_hub_that_refuses_is_told_with_what_to_do(hub: Hub, adapter: Path, tmp_path: Path, token: str, status: tuple[str, int] | None, said: str) -> None:
    if status:
        hub.fail(*status)
    done = run(hub, tmp_path, "push", str(adapter), REPO, "--base", BASE, token=token)
    assert done.returncode == 1 and said in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert len(hub.repositories.get(f"models/{REPO}", type("None", (), {"commits": []})).commits) <= 1
    if token == TOKEN:  # and run again, it ends well
        assert run(hub, tmp_path, "push", str(adapter), REPO, "--base", BASE).returncode == 0


def test_a_hub_that_is_not_there_a_name_that_is_none_and_a_base_that_nobody_has(hub: Hub, adapter: Path, tmp_path: Path) -> None:
    for arguments, more, said in (
        ((REPO, "--base", BASE), {"HF_ENDPOINT": "http://127.0.0.1:9"}, "cannot be reached"),
        ((REPO, "--base", BASE), {"HF_HUB_OFFLINE": "1"}, "switched off"),
        (("a/b/c", "--base", BASE), {}, "owner/name"),
        ((REPO,), {}, "--base owner/name"),
        ((REPO, "--base", "./here"), {}, "is no Hub id"),
    ):
        done = run(hub, tmp_path, "push", str(adapter), *arguments, **more)
        assert done.returncode == 1 and said in done.stderr, (arguments, done.stderr)
    done = run(hub, tmp_path, "predict", "S1", "--adapter", "tester/nothing", stdin="A mop.")
    assert done.returncode == 1 and "there is no such repository" in done.stderr
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "adapter_config.json").write_text("{}")
    done = run(hub, tmp_path, "push", str(foreign), REPO, "--base", BASE)
    assert done.returncode == 1 and "hf upload" in done.stderr


@pytest.mark.slow
def test_train_scores_and_pushes_each_adapter(hub: Hub, chat_model: Path, tmp_path: Path) -> None:
    arguments = ["train", "S1,L4", "--model", str(chat_model), "--mix", "subtask", "--out", str(tmp_path / "a"), *FAST, "--eval", "--push", "tester/tiny", "--base", BASE, "--json"]
    done = run(hub, tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    assert [Path(made["adapter"]).name for made in json.loads(done.stdout)] == ["L4", "S1"]
    assert set(hub.repositories) == {"models/tester/tiny-S1", "models/tester/tiny-L4"}
    for code in ("S1", "L4"):
        files = hub.repositories[f"models/tester/tiny-{code}"].commits[-1][1]
        assert {"eval/record.json", "eval/samples.jsonl", "loss.svg", "anytasktune.json"} <= set(files)
        assert f"| {code} en |".encode() in files["README.md"] and b"Not scored" not in files["README.md"]
    refused = run(hub, tmp_path, "train", "S1", "--model", str(chat_model), "--out", str(tmp_path / "b"), *FAST, "--push", "tester/tiny")
    assert refused.returncode == 1 and "--base owner/name" in refused.stderr and not (tmp_path / "b").exists()
