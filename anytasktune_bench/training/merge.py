"""Merge an adapter into its base, so that it runs anywhere a plain model runs."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from anytasktune_bench.adapters import STAMP, check_base, load_adapted
from anytasktune_bench.errors import OutputError
from anytasktune_bench.files import write_json
from anytasktune_bench.models import ModelRef, load_tokenizer


def merge(ref: ModelRef, adapter: Path, out: Path, dtype: str = "float32", device: str | None = None) -> Path:
    """Write the base with the adapter added to its weights, with tokenizer and stamp.

    Args:
        ref: the adapter's base.
        adapter: folder of the adapter.
        out: folder to write; it must not hold anything yet.
        dtype: of the written weights. The sum is taken in fp32: in bf16 it loses part of the adapter, and answers change.
        device: where the sum is computed.

    Raises:
        OutputError: `out` is taken or cannot be written.
        RunError: base and adapter do not belong together.
    """
    import torch

    if out.exists() and any(out.iterdir()):
        raise OutputError(f"{out}: is not empty. Choose another --out, or remove it.")
    stamp = check_base(ref, adapter)
    merged = load_adapted(ref, adapter, "float32", device).merge_and_unload()
    if dtype != "float32":
        merged = merged.to(getattr(torch, dtype))
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
            finished = Path(folder) / "model"
            merged.save_pretrained(finished)
            load_tokenizer(ref).save_pretrained(finished)
            write_json(finished / STAMP, {**stamp, "merged": True, "dtype": dtype})
            if out.exists():
                out.rmdir()
            shutil.move(finished, out)
    except OSError as error:
        raise OutputError(f"{out}: cannot be written ({error.strerror or error}). Free some space or choose a writable folder.") from error
    return out
