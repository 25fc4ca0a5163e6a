"""The folder of an unfinished run: what it is a run of, and its checkpoints, so that it can go on after any interruption."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anytasktune_bench.errors import OutputError, RunError
from anytasktune_bench.files import write_json

PLAN, CHECKPOINTS, ADAPTER = "plan.json", "checkpoints", "adapter"
"""What an unfinished run's folder holds."""
_COMPLETE = ("adapter_model.safetensors", "trainer_state.json")
"""The Trainer writes the second of these last, after the states of optimizer and random numbers, whose files differ between one process, FSDP and DeepSpeed."""


def unfinished_folder(out: Path) -> Path:
    """Where a run that is to end in `out` keeps its checkpoints."""
    return out.with_name(f".{out.name}.unfinished")


def open_run(out: Path, plan: Mapping[str, Any], resume: bool) -> tuple[Path, Path | None]:
    """Start a run, or find what is there of it.

    Args:
        out: folder of the adapter to be.
        plan: everything that decides what the run gives, as JSON values.
        resume: go on with an unfinished run.

    Returns:
        The unfinished run's folder, and its last complete checkpoint (None where it has none).

    Raises:
        OutputError: `out` holds something.
        RunError: an unfinished run is there and `resume` is not wanted, or it is a run of something else.
    """
    if out.exists() and any(out.iterdir()):
        raise OutputError(f"{out}: is not empty. Choose another --out, or remove it.")
    folder = unfinished_folder(out)
    if not folder.exists():
        write_json(folder / PLAN, plan)
        return folder, None
    if not resume:
        raise RunError(f"{folder}: holds an unfinished run. Go on with it by --resume, or remove the folder.")
    try:
        before = json.loads((folder / PLAN).read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise RunError(f"{folder / PLAN}: cannot be read ({error}). Remove the folder and start anew.") from error
    now = json.loads(json.dumps(plan))
    if differing := sorted(key for key in {*before, *now} if before.get(key) != now.get(key)):
        raise RunError(f"{folder}: is a run with other {', '.join(differing)}. Give the same settings, or remove the folder and start anew.")
    return folder, last_checkpoint(folder)


def last_checkpoint(folder: Path) -> Path | None:
    """The newest complete checkpoint of a run; half-written ones are removed."""
    found = sorted((folder / CHECKPOINTS).glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]) if path.name.rpartition("-")[2].isdigit() else -1)
    while found:
        newest = found.pop()
        if _is_complete(newest):
            return newest
        shutil.rmtree(newest, ignore_errors=True)
    return None


def _is_complete(checkpoint: Path) -> bool:
    if not all((checkpoint / name).is_file() and (checkpoint / name).stat().st_size for name in _COMPLETE):
        return False
    try:
        json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError):
        return False
    return True
