"""Training that is killed at random moments and goes on: every end must equal that of an unbroken run.

Usage: python -m tests.kills KILLS [SEED]. One process loads the packages once; each run is a fork of it that is killed with SIGKILL after a random
time and then resumed until it ends. Prints how many ends were equal, and exits with 1 if one was not.
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

from tests.conftest import build_tiny_model

ARGUMENTS = "--lang en --epochs 3 --batch-size 4 --limit 8 --dtype float32 --device cpu --resume"


def start(model: Path, out: Path) -> int:
    """Fork a process that trains; gives its id."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
            from anytasktune_bench.cli import main

            try:
                main(["train", "S1", "--model", str(model), "--out", str(out), *ARGUMENTS.split()])
            except SystemExit as end:
                code = int(end.code or 0)
    finally:
        os._exit(code)


def state(out: Path) -> tuple[bytes, str]:
    """Weights and history of a finished run, which must have left nothing else."""
    stamp = json.loads((out / "anytasktune.json").read_text(encoding="utf-8"))
    left = sorted(path.name for path in out.parent.iterdir())
    return (out / "adapter_model.safetensors").read_bytes(), json.dumps([stamp["history"], stamp["train_fingerprints"], left])


def finish(model: Path, out: Path) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(start(model, out), 0)[1])


def kills(count: int, seed: int = 0) -> tuple[int, int]:
    """Kill `count` runs; gives how many were struck before they ended, and how many ends were equal."""
    import peft  # noqa: F401
    import torch
    import transformers
    import transformers.trainer  # noqa: F401

    torch.set_num_threads(1)
    rng = random.Random(seed)
    struck = equal = 0
    with tempfile.TemporaryDirectory() as work:
        model = build_tiny_model(Path(work) / "model", chat=True)
        (Path(work) / "whole").mkdir()
        started = time.monotonic()
        assert finish(model, Path(work) / "whole" / "adapter") == 0
        lasts = time.monotonic() - started
        wanted = state(Path(work) / "whole" / "adapter")
        for place in range(count):
            out = Path(work) / f"run-{place}" / "adapter"
            out.parent.mkdir()
            pid = start(model, out)
            time.sleep(rng.uniform(0.2, 1.0) * lasts)
            os.kill(pid, signal.SIGKILL)
            struck += os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
            equal += finish(model, out) == 0 and state(out) == wanted
            shutil.rmtree(out.parent)
    return struck, equal


if __name__ == "__main__":
    os.environ["HF_HUB_OFFLINE"] = "1"
    number = int(sys.argv[1])
    hit, same = kills(number, int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    sys.stdout.write(f"{number} runs, {hit} killed before their end, {same} ends equal to the unbroken run\n")
    sys.exit(same != number)
