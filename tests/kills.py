"""Training and evaluation that are killed at random moments and go on: every end must equal that of an unbroken run.

Usage: python -m tests.kills train|eval|publish KILLS [SEED]; `publish` is in tests/hub_kills.py. For the others one process loads the packages once; each
run is a fork of it that is killed with SIGKILL after a random time and then started again until it ends. Prints how many ends were equal, and exits
with 1 if one was not.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests import hub_kills
from tests.conftest import build_tiny_model

COMMANDS = {
    "train": "train S1 --model {model} --out {out}/made --lang en --epochs 3 --batch-size 4 --limit 8 --dtype float32 --device cpu --resume",
    "eval": "eval {model} --out {out} --tasks S1,L4 --lang en --batch-size 4 --limit 12 --dtype float32 --device cpu --name made",
}


def start(kind: str, model: Path, out: Path) -> int:
    """Fork a process that runs the command; gives its id."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
            from anytasktune_bench.cli import main

            try:
                main(COMMANDS[kind].format(model=model, out=out).split())
                code = 0
            except SystemExit as end:
                code = int(end.code or 0)
    finally:
        os._exit(code)


def finish(kind: str, model: Path, out: Path) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(start(kind, model, out), 0)[1])


def state(kind: str, out: Path) -> Any:
    """What a finished run made: weights and history, or record and samples; and that nothing else is left."""
    left = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    if kind == "train":
        stamp = json.loads((out / "made" / "anytasktune.json").read_text(encoding="utf-8"))
        return (out / "made" / "adapter_model.safetensors").read_bytes(), stamp["history"], stamp["train_fingerprints"], left
    from anytasktune_bench.records import read_record

    record, samples = read_record(out / "made_first12")
    return record.content_sha256(), samples, left


def kills(kind: str, count: int, seed: int = 0) -> tuple[int, int]:
    """Kill `count` runs; gives how many were struck before they ended, and how many ends were equal."""
    import lm_eval.evaluator  # noqa: F401
    import peft  # noqa: F401
    import torch
    import transformers.trainer  # noqa: F401

    torch.set_num_threads(1)
    rng = random.Random(seed)
    struck = equal = 0
    with tempfile.TemporaryDirectory() as work:
        model, whole = build_tiny_model(Path(work) / "model", chat=True), Path(work) / "whole"
        whole.mkdir()
        started = time.monotonic()
        assert finish(kind, model, whole) == 0
        lasts = time.monotonic() - started
        wanted = state(kind, whole)
        for place in range(count):
            out = Path(work) / f"run-{place}"
            out.mkdir()
            pid = start(kind, model, out)
            time.sleep(rng.uniform(0.2, 1.0) * lasts)
            os.kill(pid, signal.SIGKILL)
            struck += os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
            equal += finish(kind, model, out) == 0 and state(kind, out) == wanted
            shutil.rmtree(out)
    return struck, equal


if __name__ == "__main__":
    os.environ["HF_HUB_OFFLINE"] = "1"
    what, number = sys.argv[1], int(sys.argv[2])
    chance = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    hit, same = hub_kills.kills(number, chance) if what == "publish" else kills(what, number, chance)
    sys.stdout.write(f"{what}: {number} runs, {hit} killed before their end, {same} ends equal to the unbroken run\n")
    sys.exit(same != number)
