"""What answers: a model of transformers in this process, or one behind a server. Both give lm-eval a model, and the record what it needs to know."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anytasktune_bench.adapters import check_base
from anytasktune_bench.errors import RunError
from anytasktune_bench.evaluation.hardware import hardware
from anytasktune_bench.evaluation.server import Server, ServerLM
from anytasktune_bench.models import ModelRef, first_line, pick_device, pick_dtype
from anytasktune_bench.records import ModelInfo

if TYPE_CHECKING:
    from anytasktune_bench.evaluation.run import EvalOptions


@dataclass(frozen=True)
class Backend:
    """A loaded model."""

    lm: Any
    """lm-eval's model; its attribute `answers` takes the answers on disk."""
    info: ModelInfo
    templated: bool
    """Whether prompts go through a chat template."""
    hardware: dict[str, str]
    is_cut: Callable[[str, int], bool]
    """Whether a prompt is too long for the model's context beside a budget of new tokens, so that its beginning is lost."""


def model_name(ref: ModelRef | Server, adapter: Path | None, options: EvalOptions) -> str:
    """Name of the model in tables.

    Raises:
        RunError: the adapter belongs to another base.
    """
    if options.name or adapter is None or isinstance(ref, Server):
        return options.name or ref.name
    stamp = check_base(ref, adapter)
    return f"{ref.name} + {stamp.get('name', 'adapter')}"


def open_backend(ref: ModelRef | Server, adapter: Path | None, options: EvalOptions) -> Backend:
    """Load a model, or connect to one.

    Raises:
        RunError: it cannot be loaded, or the adapter belongs to another base or cannot be sent to a server.
    """
    if isinstance(ref, ModelRef):
        return _hugging_face(ref, adapter, options)
    if adapter is not None:
        raise RunError("an adapter cannot be put on a served model from here. Serve base and adapter together (vLLM: --enable-lora), and name the adapter with --served-model.")
    info = ModelInfo(name=options.name or ref.name, category=options.category or "open", base=options.base, source=ref.model, backend="openai")
    return Backend(ServerLM(ref), info, True, {"device": "server", "concurrency": str(ref.concurrency)}, lambda prompt, budget: False)


def _hugging_face(ref: ModelRef, adapter: Path | None, options: EvalOptions) -> Backend:
    from anytasktune_bench.evaluation.lm import BenchLM

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    stamp = check_base(ref, adapter) if adapter else {}
    try:
        lm = BenchLM(
            pretrained=ref.location,
            revision=ref.revision or "main",
            dtype=pick_dtype(options.dtype),
            device=options.device or pick_device(),
            batch_size=options.batch_size,
            peft=str(adapter.resolve()) if adapter else None,
            enable_thinking=False,
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise RunError(f"{ref.source}: cannot be loaded ({first_line(error)}). Check the name, the network and access rights.") from error
    if ref.chat_template:
        lm.tokenizer.chat_template = ref.chat_template
    template = lm.tokenizer.chat_template
    info = ModelInfo(
        name=model_name(ref, adapter, options),
        category=options.category or ("task-fine-tuned" if stamp else "open"),
        base=options.base or (ref.name if stamp else None),
        source=ref.source,
        revision=ref.revision,
        sha256=ref.sha256,
        adapter_sha256=stamp.get("adapter_sha256"),
        tuned_on=tuple(stamp.get("subtasks", ())),
        parameters=int(lm.model.num_parameters()),
        dtype=str(lm.model.dtype).removeprefix("torch."),
        chat_template_sha256=hashlib.sha256(str(template).encode()).hexdigest() if template else None,
    )
    return Backend(lm, info, bool(template), hardware(str(lm.device)), lambda prompt, budget: len(lm.tok_encode(prompt)) > lm.max_length - budget)
