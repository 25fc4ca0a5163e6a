"""What answers: a model of transformers in this process, one behind an inference engine that is started here, or one behind a server.

All give lm-eval a model, and the record what it needs to know.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anytasktune_bench.adapters import check_base
from anytasktune_bench.errors import RunError
from anytasktune_bench.evaluation.engines import Engine, EngineLM, installed, running
from anytasktune_bench.evaluation.hardware import hardware
from anytasktune_bench.evaluation.server import Server, ServerLM
from anytasktune_bench.generation import repetition_penalty
from anytasktune_bench.models import ModelRef, first_line, load_tokenizer, pick_device, pick_dtype
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
    asked: tuple[Any, ...] = ()
    """What else changes an answer and stands in no record: a server's address, and what is added to each request."""


def open_backends(model: ModelRef | Server | Engine, adapters: Sequence[Path | None], options: EvalOptions, progress: Callable[[str], None] = lambda _: None) -> Iterator[Backend]:
    """Load a model once, or connect to one, and answer with each of some adapters in turn.

    Args:
        model: the base, or a server.
        adapters: folders of PEFT adapters; None stands for the base alone and comes first.
        options: how to evaluate.
        progress: told what begins.

    Yields:
        One backend for each adapter, good until the next is asked for.

    Raises:
        RunError: it cannot be loaded, or an adapter belongs to another base or cannot be sent to a server.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if isinstance(model, Server):
        if any(adapters):
            raise RunError("an adapter cannot be put on a served model from here. Serve base and adapter together (vLLM: --enable-lora), and name the adapter with --served-model.")
        progress(f"asking {model.model} at {model.url}")
        info = ModelInfo(name=options.name or model.name, category=options.category or "open", base=options.base, source=model.model, backend="openai")
        yield Backend(ServerLM(model), info, True, {"device": "server", "concurrency": str(model.concurrency)}, lambda prompt, budget: False, (model.url, *model.body))
        return
    ref = model.ref if isinstance(model, Engine) else model
    stamps = [check_base(ref, adapter) if adapter else {} for adapter in adapters]  # before anything is loaded
    progress(f"starting {model.kind} with {ref.source}" if isinstance(model, Engine) else f"loading {ref.source}")
    if not isinstance(model, Engine) and (kind := installed(options.device or pick_device())):
        progress(f"{kind} is installed: --engine {kind} answers faster, asked the same prompts")
    if isinstance(model, Engine):
        yield from _engine(model, adapters, stamps, options)
    else:
        yield from _hugging_face(model, adapters, stamps, options)


def _hugging_face(ref: ModelRef, adapters: Sequence[Path | None], stamps: Sequence[dict[str, Any]], options: EvalOptions) -> Iterator[Backend]:
    from anytasktune_bench.evaluation.lm import BenchLM

    try:
        lm = BenchLM(
            pretrained=ref.location,
            revision=ref.revision or "main",
            dtype=pick_dtype(options.dtype),
            device=options.device or pick_device(),
            batch_size=options.batch_size,
            enable_thinking=False,
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise RunError(f"{ref.source}: cannot be loaded ({first_line(error)}). Check the name, the network and access rights.") from error
    if ref.chat_template:
        lm.tokenizer.chat_template = ref.chat_template
    parameters = int(lm.model.num_parameters())
    for adapter, stamp in zip(adapters, stamps, strict=True):
        if adapter is not None:
            lm.use(adapter, ref, stamp["adapter_sha256"])
        info = _info(ref, adapter, stamp, options, lm.tokenizer.chat_template).model_copy(
            update={"parameters": parameters, "dtype": str(lm.model.dtype).removeprefix("torch."), "repetition_penalty": repetition_penalty(lm.model)}
        )
        yield Backend(lm, info, bool(info.chat_template_sha256), hardware(str(lm.device)), lambda prompt, budget: len(lm.tok_encode(prompt)) > lm.max_length - budget)


def _engine(engine: Engine, adapters: Sequence[Path | None], stamps: Sequence[dict[str, Any]], options: EvalOptions) -> Iterator[Backend]:
    from transformers import AutoConfig, GenerationConfig

    ref = engine.ref
    tokenizer = load_tokenizer(ref)
    config = AutoConfig.from_pretrained(ref.location, revision=ref.revision)
    try:
        penalty = float(GenerationConfig.from_pretrained(ref.location, revision=ref.revision or "main").repetition_penalty or 1.0)
    except OSError:
        penalty = 1.0
    names = {adapter: str(stamp["adapter_sha256"])[:16] for adapter, stamp in zip(adapters, stamps, strict=True) if adapter}
    with running(engine, {name: adapter for adapter, name in names.items()}, options.dtype) as (url, longest):
        for adapter, stamp in zip(adapters, stamps, strict=True):
            server = Server(url, ref.name, engine.concurrency)
            lm = EngineLM(server, tokenizer, longest or int(config.get_text_config().max_position_embeddings), names[adapter] if adapter else None, engine.kind, penalty)
            info = _info(ref, adapter, stamp, options, tokenizer.chat_template)
            info = info.model_copy(update={"backend": engine.kind, "dtype": options.dtype, "repetition_penalty": penalty})
            ran = {"device": engine.kind, "tensor_parallel": str(engine.tensor_parallel), "data_parallel": str(engine.data_parallel), "arguments": " ".join(engine.arguments)}
            yield Backend(lm, info, bool(info.chat_template_sha256), ran, lm.is_cut)


def _info(ref: ModelRef, adapter: Path | None, stamp: dict[str, Any], options: EvalOptions, template: str | None) -> ModelInfo:
    return ModelInfo(
        name=options.name or (f"{ref.name} + {stamp.get('name', adapter.name)}" if adapter else ref.name),
        category=options.category or ("task-fine-tuned" if stamp.get("subtasks") else "open"),
        base=options.base or (ref.name if adapter else None),
        source=ref.source,
        revision=ref.revision,
        sha256=ref.sha256,
        adapter_sha256=stamp.get("adapter_sha256"),
        tuned_on=tuple(stamp.get("subtasks", ())),
        chat_template_sha256=hashlib.sha256(str(template).encode()).hexdigest() if template else None,
    )
