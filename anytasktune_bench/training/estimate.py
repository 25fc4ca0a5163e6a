"""What a run will take, before it starts: steps, tokens, memory and time. Estimates, and called so."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from anytasktune_bench.errors import RunError
from anytasktune_bench.models import ModelRef, first_line, pick_device, pick_dtype
from anytasktune_bench.training.examples import Example
from anytasktune_bench.training.options import TrainOptions

EFFICIENCY = 0.4
"""Share of the measured matrix rate that training is taken to reach."""
_PROBE_S = 0.5


@dataclass(frozen=True)
class Estimate:
    """A run before it starts."""

    rows: int
    tokens_per_epoch: int
    """Real tokens, prompts and answers."""
    answer_tokens_per_epoch: int
    longest_row: int
    steps: int
    parameters: int
    trained_parameters: int
    memory_gib: float
    seconds: float


def estimate(ref: ModelRef, examples: Sequence[Example], options: TrainOptions) -> Estimate:
    """Estimate one run.

    Memory is the base's weights, four numbers of 4 bytes per trained parameter (weight, gradient, two moments of AdamW), the activations of the
    longest batch (about 34 bytes per hidden unit, layer and token in bf16 after Korthikanti et al., arXiv:2205.05198; two with checkpointing),
    and the logits at answer positions in fp32. Time is 4 FLOPs per parameter and token (forward, and backward through a frozen base; a third
    more with checkpointing), common prefixes not deducted, over `EFFICIENCY` times a matrix rate that is measured now.

    Raises:
        RunError: the model's configuration cannot be read.
    """
    config, parameters, trained = _sizes(ref, options)
    tokens, answers = sum(len(e.ids) for e in examples), sum(e.answer for e in examples)
    longest = max((len(e.ids) for e in examples), default=0)
    steps = math.ceil(math.ceil(len(examples) / (options.batch_size * options.accumulation)) * options.epochs)
    width = 2 if pick_dtype(options.dtype) != "float32" else 4
    batch_tokens = longest * options.batch_size
    per_unit = (2 if options.checkpointing else 34) * width / 2
    activations = per_unit * config.hidden_size * config.num_hidden_layers * batch_tokens
    logits = max((e.answer for e in examples), default=0) * options.batch_size * config.vocab_size * 4 * 2
    weights = parameters * (0.56 if options.qlora else width)
    flops = (4 + (4 / 3 if options.checkpointing else 0)) * parameters * tokens * options.epochs
    return Estimate(
        rows=len(examples),
        tokens_per_epoch=tokens,
        answer_tokens_per_epoch=answers,
        longest_row=longest,
        steps=steps,
        parameters=parameters,
        trained_parameters=trained,
        memory_gib=round((weights + 16 * trained + activations + logits) / 2**30, 2),
        seconds=round(flops / (EFFICIENCY * matrix_rate(pick_dtype(options.dtype), options.device)), 0),
    )


def _sizes(ref: ModelRef, options: TrainOptions) -> tuple[Any, int, int]:
    """(text configuration, parameters, trained parameters), from the architecture alone: no weights are loaded."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        config = AutoConfig.from_pretrained(ref.location, revision=ref.revision)
    except (OSError, ValueError) as error:
        raise RunError(f"{ref.source}: its configuration cannot be read ({first_line(error)}). Check the name, the network and access rights.") from error
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    head = model.get_output_embeddings()
    linear = [m for m in model.modules() if isinstance(m, torch.nn.Linear) and m is not head]
    trained = sum(options.lora_r * (m.in_features + m.out_features) for m in linear)
    return config.get_text_config(), int(model.num_parameters()), trained


def matrix_rate(dtype: str, device: str | None = None) -> float:
    """Measured rate of a large matrix product on the device, in FLOP/s."""
    import torch

    where, size = device or pick_device(), 1024
    a = torch.randn(size, size, device=where, dtype=getattr(torch, dtype))
    a @ a
    started, rounds = time.monotonic(), 0
    while time.monotonic() - started < _PROBE_S:
        a @ a
        rounds += 1
    if where.startswith("cuda"):
        torch.cuda.synchronize()
    return 2.0 * size**3 * rounds / (time.monotonic() - started)
