"""Several adapters on one loaded base, and several processes for one record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.errors import RunError
from anytasktune_bench.evaluation.backends import open_backends
from anytasktune_bench.evaluation.run import EvalOptions, evaluate
from anytasktune_bench.models import resolve_model
from anytasktune_bench.records import read_record
from tests.conftest import evaluated, random_adapter

SPECS = load_catalog().select("S1,L4")
OPTIONS = EvalOptions(limit=4, dtype="float32", device="cpu", batch_size=3)


def test_adapters_in_turn_give_the_records_of_runs_of_their_own(chat_model: Path, tmp_path: Path) -> None:
    ref = resolve_model(str(chat_model))
    folders = [None, *(random_adapter(chat_model, tmp_path / f"adapter.{seed}", seed) for seed in (1, 2, 3))]
    alone = [evaluated(ref, SPECS, ("en",), OPTIONS, folder) for folder in folders]
    assert len({record.content_sha256() for record, _ in alone}) == 4
    together = [evaluate(backend, [(spec, "en") for spec in SPECS], OPTIONS) for backend in open_backends(ref, folders, OPTIONS)]
    assert [found and found[0].content_sha256() for found in together] == [record.content_sha256() for record, _ in alone]


def test_an_adapter_of_another_base_stops_a_run_before_anything_is_loaded(chat_model: Path, plain_model: Path, tmp_path: Path) -> None:
    folder = random_adapter(chat_model, tmp_path / "a", 1)
    (folder / "anytasktune.json").write_text(json.dumps({"base": {"sha256": "0" * 64, "source": "another"}}))
    with pytest.raises(RunError, match="trained on another"):
        next(open_backends(resolve_model(str(plain_model)), [None, folder], OPTIONS))


@pytest.mark.slow
def test_two_processes_make_the_record_of_one(chat_model: Path, tmp_path: Path) -> None:
    """`accelerate launch` with two processes on the CPU; 5 rows, so that one process has more of them than the other."""
    ask = ["-m", "anytasktune_bench", "eval", str(chat_model), "--tasks", "S1,L4", "--lang", "en", "--limit", "5", "--dtype", "float32", "--device", "cpu", "--name", "m"]
    launch = ["-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2", "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
    env = {**os.environ, "HF_HUB_OFFLINE": "1"}
    root = Path(__file__).parents[2]
    for name, command in (("one", ask), ("two", [*launch, *ask])):
        done = subprocess.run([sys.executable, *command, "--out", str(tmp_path / name)], capture_output=True, text=True, cwd=root, env=env)
        assert done.returncode == 0, done.stderr
        assert sorted(path.name for path in (tmp_path / name).iterdir()) == ["m_first5"]
    (one, samples), (two, others) = (read_record(tmp_path / name / "m_first5") for name in ("one", "two"))
    assert two.content_sha256() == one.content_sha256() and others == samples
