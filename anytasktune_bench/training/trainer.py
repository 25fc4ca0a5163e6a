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
from anytasktune_bench.shared_prefix import cache_argument
from anytasktune_bench.training.examples import Examples, TaskSampler

SAME_LOSS = 0.02
"""Largest relative difference of two ways to compute a loss in bf16 that counts as rounding."""


def answer_outputs(model: Any, inputs: dict[str, Any], share_prefix: bool, **kwargs: Any) -> Any:
    """Loss and logits at the answer positions of a batch of `examples.collate`.

    Args:
        model: a causal language model of transformers, or a PEFT model around one.
        inputs: the batch.
        share_prefix: compute the common prefix once and repeat its keys and values; else put it before every row. Both give the stock loss.
        kwargs: passed to the model, such as `num_items_in_batch`.
    """
    prefix, labels = inputs["prefix"], inputs["labels"]
    ids, positions, mask = inputs["input_ids"], inputs["position_ids"], inputs["attention_mask"]
    rows, length = labels.shape[0], prefix.shape[1]
    cache = prefix_cache(model, prefix[0].tolist(), rows) if length and share_prefix else None
    if length and cache is None:
        ids = torch.cat([prefix.expand(rows, -1), ids], dim=1)
        positions = torch.cat([torch.arange(length, device=ids.device).expand(rows, -1), positions], dim=1)
        order = torch.argsort(mask, dim=1, stable=True)  # padding before the prefix, so that windows over neighbours see no gap
        ids, positions, mask = ids.gather(1, order), positions.gather(1, order), mask.gather(1, order)
    return model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=positions,
        use_cache=cache is not None,
        labels=labels,
        logits_to_keep=labels.shape[1],
        **(cache_argument(model, cache) if cache is not None else {}),
        **kwargs,
    )


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

    share_prefix = True
    """Whether common prefixes are computed once. Switched off for several processes and for recomputed activations, whose wrappers a second
    forward pass would go around, and where the first batch shows that the model does not allow it.
    """
    say: Callable[[str], None] = staticmethod(lambda _: None)
    """Told when prefixes cannot be shared."""
    _verified = False

    def compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: torch.Tensor | int | None = None) -> Any:
        """Loss of one batch, as a sum over its answer tokens divided by `num_items_in_batch` (or their mean)."""
        kwargs = {} if num_items_in_batch is None else {"num_items_in_batch": num_items_in_batch}
        if self.share_prefix and not self._verified and inputs["prefix"].shape[1]:
            self._verify(model, inputs)
        outputs = answer_outputs(model, inputs, self.share_prefix, **kwargs)
        if model.training:
            self.tokens_seen += int(inputs["attention_mask"].sum())
            shared = inputs["prefix"].shape[1] * (1 if self.share_prefix else inputs["labels"].shape[0])
            self.tokens_computed += shared + inputs["input_ids"].numel()
        return (outputs.loss, outputs) if return_outputs else outputs.loss

    def _verify(self, model: Any, inputs: dict[str, Any]) -> None:
        """Compare the loss of one batch with and without a shared prefix, and do without where they differ or the cache fails."""
        self._verified = True
        with torch.no_grad():
            plain = float(answer_outputs(model, inputs, False).loss)
            try:
                shared = float(answer_outputs(model, inputs, True).loss)
            except (AttributeError, IndexError, NotImplementedError, RuntimeError, TypeError, ValueError):
                shared = math.nan
        if not abs(shared - plain) <= SAME_LOSS * (1 + abs(plain)):
            self.share_prefix = False
            self.say("this model's cache does not allow a common prefix to be computed once (losses differ); training goes on without, more slowly")

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


class LogAtEpochEnd(TrainerCallback):  # type: ignore[misc]
    """Reports the loss before each checkpoint: the mean since the last report is not kept in one, and a run that goes on would report another."""

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Ask for a report."""
        control.should_log = True


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
