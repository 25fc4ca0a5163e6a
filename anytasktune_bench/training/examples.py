"""Rows as token sequences, and batches of them.

An example is a rendered prompt and its answer, ended by the token that ends a turn. Only the answer carries loss. A batch holds rows of one
sub-task where it can; its common token prefix is kept apart, so that the trainer computes it once.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import Dataset, Sampler

from anytasktune_bench.errors import RunError
from anytasktune_bench.generation import common_prefix, encode, left_pad
from anytasktune_bench.prompt import chat_messages, render, render_target
from anytasktune_bench.spec import Lang, SubTask
from anytasktune_bench.training.mixture import draw, quotas

IGNORE = -100
"""Label of a position without loss."""


@dataclass(frozen=True)
class Example:
    """One row, tokenised."""

    row_id: str
    task: str
    """lm-eval task name: rows with the same one share their instruction."""
    ids: tuple[int, ...]
    """Prompt and answer."""
    answer: int
    """Number of tokens at the end that are the answer, its end token included."""


class Examples(Dataset[Example]):  # type: ignore[misc]
    """A fixed list of examples."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self.examples = list(examples)

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> Example:
        return self.examples[index]


def end_of_turn(tokenizer: Any, spec: SubTask, lang: Lang, implicit: bool = False) -> list[int]:
    """Ids that end an answer: what the chat template writes after the assistant's text up to its first special token, or the end of text.

    Raises:
        RunError: the template changes the answer, or the tokenizer has no end token, so that a model could not learn to stop.
    """
    if tokenizer.eos_token_id is None:
        raise RunError("the tokenizer has no end-of-text token, so a model could not learn to stop. Set `eos_token` in its configuration.")
    if not getattr(tokenizer, "chat_template", None):
        return [tokenizer.eos_token_id]
    example = spec.example[lang]
    messages: list[Any] = [*chat_messages(spec, lang, example.input, implicit=implicit), {"role": "assistant", "content": example.output}]
    whole = str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=False))
    _, found, after = whole.rpartition(example.output)
    if not found:
        raise RunError("the chat template rewrites the assistant's answer, so it cannot be trained on. Use a base model or another template.")
    special = set(tokenizer.all_special_ids)
    ids = encode(tokenizer, after)
    ending = next((ids[: i + 1] for i, token in enumerate(ids) if token in special), None)
    return ending or [tokenizer.eos_token_id]


def encode_rows(tokenizer: Any, spec: SubTask, lang: Lang, records: Sequence[dict[str, str]], *, variants: bool = False, implicit: bool = False, seed: int = 0) -> list[Example]:
    """Tokenise published records.

    Args:
        tokenizer: the model's tokenizer.
        spec: the sub-task.
        lang: language of the records.
        records: rows with `id`, `input` and `output`.
        variants: draw one of the instruction's wordings per row instead of number 0.
        implicit: leave the instruction out.
        seed: for the draw of wordings.
    """
    ending = end_of_turn(tokenizer, spec, lang, implicit)
    rng = random.Random(f"{seed}/{spec.code}/{lang}")
    examples = []
    for record in records:
        variant = rng.randrange(len(spec.instruction[lang])) if variants else 0
        prompt = encode(tokenizer, render(tokenizer, spec, lang, record["input"], variant=variant, implicit=implicit))
        answer = [*encode(tokenizer, render_target(tokenizer, lang, record["output"])), *ending]
        examples.append(Example(record["id"], spec.task_name(lang), (*prompt, *answer), len(answer)))
    return examples


def collate(examples: Sequence[Example]) -> dict[str, Any]:
    """A batch of examples.

    Returns:
        `prefix` (1, P) the common token prefix, P >= 0; `input_ids` (B, T) the rest, padded on the left; `attention_mask` (B, P + T);
        `position_ids` (B, T); `labels` (B, K) with K the longest answer and the position before it, `IGNORE` outside answers. The last K
        logits are those that `labels` needs.
    """
    shared = min(common_prefix([e.ids for e in examples]), min(len(e.ids) - e.answer for e in examples) - 1)
    shared = max(shared, 0) if len(examples) > 1 else 0
    ids, mask, positions = left_pad([e.ids[shared:] for e in examples], shared, "cpu")
    width = max(e.answer for e in examples) + 1
    labels = torch.full((len(examples), width), IGNORE)
    for line, example in enumerate(examples):
        labels[line, width - example.answer :] = torch.tensor(example.ids[-example.answer :])
    return {
        "prefix": torch.tensor([examples[0].ids[:shared]], dtype=torch.long),
        "input_ids": ids,
        "attention_mask": mask,
        "position_ids": positions,
        "labels": labels,
    }


class TaskSampler(Sampler[int]):  # type: ignore[misc]
    """An order in which rows of one sub-task, and of like length, stand together in batches, and batches come at random.

    Each epoch has its own order; the same seed gives the same orders. With a temperature over 1, small sub-tasks are drawn more often than
    they have rows and large ones less often.
    """

    def __init__(self, examples: Sequence[Example], batch_size: int, seed: int, temperature: float = 1.0) -> None:
        self.examples, self.batch_size, self.seed, self.epoch = examples, batch_size, seed, 0
        self.by_task: dict[str, list[int]] = defaultdict(list)
        for index, example in enumerate(examples):
            self.by_task[example.task].append(index)
        self.quotas = quotas({task: len(members) for task, members in self.by_task.items()}, temperature)

    def __len__(self) -> int:
        return sum(self.quotas.values())

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of one epoch; the Trainer calls this."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        rng = random.Random(f"{self.seed}/{self.epoch}")
        batches, rest = [], []
        for task, all_members in self.by_task.items():
            members = draw(all_members, self.quotas[task], rng)
            # Lengths get some noise, or the same rows would meet in every epoch.
            members.sort(key=lambda index: len(self.examples[index].ids) * rng.uniform(0.85, 1.15))
            cut = len(members) // self.batch_size * self.batch_size
            left_out = set(rng.sample(range(len(members)), len(members) - cut))
            rest += [index for place, index in enumerate(members) if place in left_out]
            whole = [index for place, index in enumerate(members) if place not in left_out]
            batches += [whole[i : i + self.batch_size] for i in range(0, cut, self.batch_size)]
        rng.shuffle(batches)
        batches += [rest[i : i + self.batch_size] for i in range(0, len(rest), self.batch_size)]
        yield from (index for batch in batches for index in batch)
