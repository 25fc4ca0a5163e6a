"""Rows from the Hub in plain lm-eval, in `eval` and in `train`: they are those of the revision, and what is written down says so."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.data.build import build, written
from anytasktune_bench.data.load import describe_source, load_records
from anytasktune_bench.data.tables import eval_fingerprint, train_fingerprint
from anytasktune_bench.files import sha256_file, write_json
from tests.hub_emulator import running_hub
from tests.hub_worker import environment, working

ROOT = Path(__file__).parents[2]
S1 = load_catalog().get("S1")
SOURCE = "hub:tester@v0.1.0"


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """S1's rows with one test row and one train row worded otherwise."""
    folder = build([S1], tmp_path_factory.mktemp("edition"))[0]
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for split in ("test", "train"):
        entry = manifest["configs"]["review_descriptors_en"]["splits"][split]
        rows = load_records(S1, "en", split, folder)
        list(written([{**rows[0], "input": rows[0]["input"] + " I mean it."}, *rows[1:]], folder / entry["file"]))
        entry["sha256"] = sha256_file(folder / entry["file"])
    write_json(folder / "manifest.json", manifest)
    return folder


@pytest.fixture(scope="module")
def settings(edition: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a process for which the edition is on the Hub."""
    home = tmp_path_factory.mktemp("home")
    with running_hub() as hub:
        with working(hub, home) as worker:
            assert worker("publish", folder=str(edition)) == {"step": "commit", "tag": "v0.1.0"}
        yield {**environment(hub.url, home), "COMMIT": hub.repositories["datasets/tester/anytasktune-services"].tags["v0.1.0"]}


def test_a_folder_is_described_by_its_manifest_and_never_by_its_path(edition: Path) -> None:
    assert describe_source("wheel", [S1]) == "wheel"
    for source in (edition, str(edition.parent)):
        assert describe_source(source, [S1]) == f"folder:anytasktune-services@{sha256_file(edition / 'manifest.json')}"


@pytest.mark.slow
def test_plain_lm_eval_reads_the_revision(edition: Path, settings: dict[str, str], chat_model: Path, tmp_path: Path) -> None:
    arguments = ["--model", "hf", "--model_args", f"pretrained={chat_model},dtype=float32,enable_thinking=False", "--device", "cpu", "--limit", "2", "--log_samples"]
    command = [sys.executable, "-m", "lm_eval", "run", "--include_path", str(ROOT / "tasks"), "--tasks", "anytasktune_s1_en", "--apply_chat_template"]
    done = subprocess.run([*command, *arguments, "--output_path", str(tmp_path), "--metadata", json.dumps({"source": SOURCE})], capture_output=True, text=True, env=settings)
    assert done.returncode == 0, done.stderr
    logged = [json.loads(line)["doc"] for path in tmp_path.rglob("samples_*.jsonl") for line in path.read_text(encoding="utf-8").splitlines()]
    assert sorted(logged, key=lambda doc: doc["id"]) == load_records(S1, "en", "test", edition)[:2]
    assert logged != load_records(S1, "en", "test")[:2]


@pytest.mark.slow
def test_eval_and_train_write_down_what_they_read(edition: Path, settings: dict[str, str], chat_model: Path, tmp_path: Path) -> None:
    def run(*arguments: str) -> None:
        code = "from anytasktune_bench.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments, "--lang", "en", "--limit", "4", "--dtype", "float32", "--data", SOURCE], capture_output=True, text=True, env=settings
        )
        assert done.returncode == 0, done.stderr

    run("eval", str(chat_model), "--tasks", "S1", "--out", str(tmp_path / "runs"))
    record = json.loads(next(tmp_path.rglob("record.json")).read_text(encoding="utf-8"))
    told = record["results"]["anytasktune_s1_en"]["eval_fingerprint"]
    assert told == eval_fingerprint(S1, "en", load_records(S1, "en", "test", edition)) != eval_fingerprint(S1, "en", load_records(S1, "en", "test"))
    run("train", "S1", "--model", str(chat_model), "--out", str(tmp_path / "adapter"), "--epochs", "1", "--device", "cpu")
    stamp = json.loads((tmp_path / "adapter" / "anytasktune.json").read_text(encoding="utf-8"))
    rows = [load_records(S1, "en", split, edition) for split in ("train", "validation")]
    assert stamp["train_fingerprints"] == {"anytasktune_s1_en": train_fingerprint(S1, "en", *rows)}
    assert stamp["data"] == f"hub:tester/anytasktune-services@{settings['COMMIT']}" and stamp["data"] in (tmp_path / "adapter" / "README.md").read_text(encoding="utf-8")
