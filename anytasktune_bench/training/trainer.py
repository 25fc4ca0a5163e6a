"""transformers' Trainer with answer-only logits and a prefix that is computed once per batch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from tqdm import tqdm
from transformers import Trainer, TrainerCallback

from anytasktune_bench.generation import prefix_cache
from anytasktune_bench.training.examples import Examples, TaskSampler


class TaskTrainer(Trainer):  # type: ignore[misc]
    """`Trainer` for batches of `examples.collate`.

    The loss is the stock causal-LM loss of the whole sequences, computed with less work: the common prefix runs once with a batch of one (its
    keys and values are repeated, gradients add up), and the output projection runs only at answer positions.
    """

    tokens_seen = 0
    """Real tokens of the rows trained on so far, prefixes counted for every row, padding not counted."""
    tokens_computed = 0
    """Token positions that went through the model for them."""
    temperature = 1.0
    """Of the sampling among sub-tasks."""

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: torch.Tensor | int | None = None) -> Any:
        """Loss of one batch, as a sum over its answer tokens divided by `num_items_in_batch` (or their mean)."""
        prefix, labels = inputs["prefix"], inputs["labels"]
        rows = labels.shape[0]
        cache = prefix_cache(model, prefix[0].tolist(), rows) if prefix.shape[1] else None
        kwargs = {} if num_items_in_batch is None else {"num_items_in_batch": num_items_in_batch}
        outputs = model(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            position_ids=inputs["position_ids"],
            past_key_values=cache,
            use_cache=cache is not None,
            labels=labels,
            logits_to_keep=labels.shape[1],
            **kwargs,
        )
        if model.training:
            self.tokens_seen += int(inputs["attention_mask"].sum())
            self.tokens_computed += prefix.shape[1] + inputs["input_ids"].numel()
        return (outputs.loss, outputs) if return_outputs else outputs.loss

    def prediction_step(self, model: Any, inputs: dict[str, Any], prediction_loss_only: bool, ignore_keys: Any = None) -> Any:
        """Validation loss of one batch: the mean over its answer tokens."""
        with torch.no_grad(), self.compute_loss_context_manager():
            loss = self.compute_loss(model, self._prepare_inputs(inputs))
        return loss.detach().mean(), None, None

    def _get_train_sampler(self, train_dataset: Examples | None = None) -> TaskSampler:
        dataset: Examples = train_dataset or self.train_dataset
        return TaskSampler(dataset.examples, self.args.train_batch_size, self.args.seed, self.temperature)


class StopOnNaN(TrainerCallback):  # type: ignore[misc]
    """Ends a run as soon as a logged loss is not a number, since nothing good can follow."""

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        """Look at the losses."""
        if any(not math.isfinite(value) for key, value in (logs or {}).items() if key in ("loss", "eval_loss", "grad_norm")):
            control.should_training_stop = True


def history_of(log: Sequence[dict[str, Any]]) -> list[dict[str, float]]:
    """Training and validation losses by step, from the Trainer's log (which a checkpoint keeps)."""
    found = []
    for entry in log:
        for key, name in (("loss", "loss"), ("eval_loss", "validation")):
            if key in entry:
                found.append({"step": float(entry["step"]), "epoch": float(entry["epoch"]), name: float(entry[key])})
    return found


class Progress(TrainerCallback):  # type: ignore[misc]
    """A bar over all steps with loss, validation loss and tokens per second."""

    def __init__(self, trainer: Callable[[], TaskTrainer], quiet: bool) -> None:
        self._trainer, self._quiet = trainer, quiet
        self._shown: dict[str, str] = {}
        self._first_step = 0.0
        self._first_tokens = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Open the bar."""
        self._bar = tqdm(total=state.max_steps, initial=state.global_step, desc="train", unit="step", disable=self._quiet)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Count tokens per second, the first step left out because it warms up."""
        now, tokens = time.monotonic(), self._trainer().tokens_seen
        if not self._first_step:
            self._first_step, self._first_tokens = now, tokens
        elif now > self._first_step:
            self._shown["tokens/s"] = f"{(tokens - self._first_tokens) / (now - self._first_step):.0f}"
        self._bar.update()
        self._bar.set_postfix(self._shown)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        """Show losses."""
        logs = logs or {}
        for key, name in (("loss", "loss"), ("eval_loss", "validation")):
            if key in logs:
                self._shown[name] = f"{logs[key]:.3f}"

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Close the bar."""
        self._bar.close()
