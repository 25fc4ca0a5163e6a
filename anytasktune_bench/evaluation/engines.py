"""vLLM and SGLang: started here as a server on loopback, with any number of LoRA adapters beside one base, and asked by token ids.

Prompts are rendered and cut into tokens by the same code as for a model in this process, so that both are asked the same.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import requests

from anytasktune_bench.errors import RunError
from anytasktune_bench.evaluation.server import Server, ServerLM, served_models
from anytasktune_bench.generation import encode
from anytasktune_bench.models import ModelRef

Kind = Literal["vllm", "sglang"]

VLLM_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""What vLLM takes for --max-lora-rank."""


@dataclass(frozen=True)
class Engine:
    """A model for an inference engine."""

    kind: Kind
    ref: ModelRef
    tensor_parallel: int = 1
    """GPUs over which each copy of the model is spread."""
    data_parallel: int = 1
    """Copies of the model."""
    concurrency: int = 64
    """Requests at the same time; the engine batches them."""
    arguments: tuple[str, ...] = ()
    """Further arguments of the engine's server, as typed."""
    start_timeout: float = 3600.0
    """Seconds until the server has to answer; loading and compiling take minutes."""


def installed(device: str) -> Kind | None:
    """The engine that would answer faster than a model in this process: one that is installed, where the device is a GPU."""
    found = (kind for kind in get_args(Kind) if importlib.util.find_spec(kind))
    return next(found, None) if device.startswith("cuda") else None


def lora_rank(adapter: Path) -> int:
    """The largest rank in a LoRA adapter."""
    config = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    return max(int(config.get("r") or 1), *map(int, (config.get("rank_pattern") or {}).values()), 1)


def serve_command(engine: Engine, adapters: Mapping[str, Path], port: int, dtype: str = "auto") -> list[str]:
    """The command that serves a model and adapters.

    Args:
        engine: which, and how.
        adapters: name -> folder.
        port: of loopback.
        dtype: "auto", or a torch dtype's name.

    Raises:
        RunError: the engine is not installed here, or an adapter's rank is beyond it.
    """
    ref, rank = engine.ref, max(map(lora_rank, adapters.values()), default=0)
    served = [f"{name}={path.resolve()}" for name, path in adapters.items()]
    common = ["--served-model-name", ref.name, "--host", "127.0.0.1", "--port", str(port), "--dtype", dtype]
    common += ["--revision", ref.revision] if ref.revision else []
    if engine.kind == "vllm":
        if not (program := shutil.which("vllm")):
            raise RunError("vLLM is not installed here. Install it (`pip install vllm`), or leave --engine out.")
        if rank > VLLM_RANKS[-1]:
            raise RunError(f"an adapter has rank {rank}, and vLLM takes at most {VLLM_RANKS[-1]}. Leave --engine out, or merge it with `anytasktune merge`.")
        command = [program, "serve", ref.location, *common, "--tensor-parallel-size", str(engine.tensor_parallel), "--data-parallel-size", str(engine.data_parallel)]
        if served:
            fitting = next(known for known in VLLM_RANKS if known >= rank)
            command += ["--enable-lora", "--max-loras", str(len(served)), "--max-lora-rank", str(fitting), "--lora-modules", *served]
    else:
        if importlib.util.find_spec("sglang") is None:
            raise RunError("SGLang is not installed here. Install it (`pip install sglang`), or leave --engine out.")
        command = [sys.executable, "-m", "sglang.launch_server", "--model-path", ref.location, *common]
        command += ["--tp-size", str(engine.tensor_parallel), "--dp-size", str(engine.data_parallel)]
        if served:
            command += ["--enable-lora", "--max-loras-per-batch", str(len(served) + 1), "--max-lora-rank", str(rank), "--lora-paths", *served]
    return [*command, *engine.arguments]


@contextlib.contextmanager
def running(engine: Engine, adapters: Mapping[str, Path], dtype: str = "auto") -> Iterator[tuple[str, int | None]]:
    """Start a server and yield its address and the longest sequence it takes (None where it does not say); it ends with the block.

    Raises:
        RunError: it is not installed, ends by itself, or does not answer in time; the last lines it wrote are in the message.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = serve_command(engine, adapters, port, dtype)
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)
        url = f"http://127.0.0.1:{port}/v1"
        try:
            yield url, _longest(engine, process, url, log)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _longest(engine: Engine, process: subprocess.Popen[bytes], url: str, log: Any) -> int | None:
    """Wait until the server answers; gives the longest sequence it takes."""
    end = time.monotonic() + engine.start_timeout
    while process.poll() is None and time.monotonic() < end:
        try:
            entries = served_models(url)
        except (requests.RequestException, ValueError, KeyError, TypeError):
            time.sleep(0.5)
            continue
        return next((int(entry["max_model_len"]) for entry in entries if entry.get("max_model_len")), None)
    log.seek(0)
    said = " | ".join(line for line in log.read().decode("utf-8", "replace").splitlines() if line.strip())[-600:]
    why = f"ended with {process.returncode}" if process.returncode is not None else f"did not answer within {engine.start_timeout:.0f} s"
    raise RunError(f"the {engine.kind} server {why}: {said or 'it wrote nothing'}. Its own arguments can be given after --engine-args.")


class EngineLM(ServerLM):
    """lm-eval's view of a model behind an engine: prompts go through the model's own template and tokenizer here, and reach the engine as token ids.

    Args:
        server: where, with the name of the base.
        tokenizer: the base's.
        max_length: longest sequence, in tokens.
        adapter: name of the adapter that answers; the base if None.
        kind: which engine.
        penalty: repetition penalty of the model's generation config.
    """

    path = "/completions"

    def __init__(self, server: Server, tokenizer: Any, max_length: int, adapter: str | None, kind: Kind, penalty: float = 1.0) -> None:
        super().__init__(server)
        self.tokenizer, self.max_length, self.adapter, self.kind, self.penalty = tokenizer, max_length, adapter, kind, penalty

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """The turns as the model reads them, thinking switched off."""
        return str(self.tokenizer.apply_chat_template(chat_history, tokenize=False, add_generation_prompt=add_generation_prompt, enable_thinking=False))

    def is_cut(self, prompt: str, budget: int) -> bool:
        """Whether a prompt loses its beginning."""
        return len(encode(self.tokenizer, prompt)) > self.max_length - budget

    def _question(self, prompt: str, budget: int) -> dict[str, Any]:
        ids = encode(self.tokenizer, prompt)[-(self.max_length - budget) :]
        asked: dict[str, Any] = {"prompt": ids, "max_tokens": budget, "repetition_penalty": self.penalty}
        if self.adapter is not None:
            asked |= {"model": self.adapter} if self.kind == "vllm" else {"lora_path": self.adapter}
        return asked

    @staticmethod
    def _text(choice: dict[str, Any]) -> str:
        return str(choice["text"] or "")
