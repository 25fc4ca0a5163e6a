"""Greedy generation for prompts that share a beginning, as all rows of a sub-task do.

The keys and values of the longest common token prefix (template, instruction, solved examples) are computed once and repeated for every
row; rows that have ended leave the batch. Both save time only: the text is what plain greedy decoding gives, up to rounding in the
model's dtype.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

COMPACT_BELOW = 0.75
"""Ended rows are taken out of the batch once no more than this share of it is still writing."""

PASS_OVERHEAD = 64
"""What a further pass over the weights costs beside the tokens it reads, in tokens; measured on two CPU cores with a model of 135 M parameters."""


def encode(tokenizer: Any, text: str) -> list[int]:
    """Token ids of a rendered prompt or answer. Templates write their own special tokens, so none is added."""
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


def stop_ids(model: Any, tokenizer: Any) -> set[int]:
    """Ids that end an answer: those of the model's generation config and the tokenizer's end of text."""
    config = getattr(model, "generation_config", None)
    found = getattr(config, "eos_token_id", None)
    ids = set(found) if isinstance(found, list) else {found}
    return {int(i) for i in ids | {tokenizer.eos_token_id} if i is not None}


def repetition_penalty(model: Any) -> float:
    """The factor by which the model's generation config weakens tokens that stand in prompt or answer already; 1 for none.

    Qwen2 and Qwen2.5 ship one of 1.05, which transformers and vLLM apply to greedy decoding too.
    """
    return float(getattr(getattr(model, "generation_config", None), "repetition_penalty", None) or 1.0)


def common_prefix(sequences: Sequence[Sequence[int]]) -> int:
    """Length of the longest common prefix that leaves every sequence at least one token."""
    first, last = min(map(tuple, sequences)), max(map(tuple, sequences))  # what the extremes share, all share
    shared = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return min(shared, min(map(len, sequences)) - 1)


def generate(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Sequence[int]],
    max_new_tokens: int,
    batch_size: int = 32,
    done: Callable[[int, str], None] = lambda index, text: None,
    known: Mapping[int, str] | None = None,
) -> list[str]:
    """Greedy answers to tokenised prompts.

    Args:
        model: a causal language model of transformers (or a PEFT model around one) with a dynamic key-value cache.
        tokenizer: its tokenizer.
        prompts: token ids, each at least one.
        max_new_tokens: budget per answer.
        batch_size: rows that are decoded side by side.
        done: called with (index, text) as answers are finished.
        known: answers that are there already, by index. Batches are the same with and without them, so that rounding is too: a batch is left
            out where all its answers are known, and computed whole otherwise.

    Returns:
        Texts in the order of `prompts`, special tokens left out.
    """
    import torch

    stops, penalty = stop_ids(model, tokenizer), repetition_penalty(model)
    texts = [""] * len(prompts)
    shared = common_prefix(prompts) if len(prompts) > 1 else 0
    order = sorted(range(len(prompts)), key=lambda i: -len(prompts[i]))
    model.eval()
    with torch.inference_mode():
        prefix = list(prompts[0][:shared])
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            if known and all(i in known for i in batch):
                for i in batch:
                    texts[i] = known[i]
                    done(i, texts[i])
                continue
            suffixes = [list(prompts[i][shared:]) for i in batch]
            with _read(model, prefix, suffixes) as read:
                answers = _decode(model, read, prefix, suffixes, max_new_tokens, stops, penalty)
            for i, ids in zip(batch, answers, strict=True):
                texts[i] = tokenizer.decode(ids, skip_special_tokens=True)
                done(i, texts[i])
    return texts


@dataclass
class _Read:
    """What is known of a batch's rows once the model has read them."""

    logits: Any
    """(B, vocabulary), of the next token."""
    cache: Any
    mask: Any
    """(B, tokens in the cache)."""
    positions: Any
    """(B, 1), of each row's last token."""


@contextlib.contextmanager
def _read(model: Any, prefix: Sequence[int], suffixes: Sequence[Sequence[int]]) -> Iterator[_Read]:
    """Let the model read rows, longest first, behind `prefix`: it is shared where the model's attention allows it, and repeated otherwise."""
    import torch

    from anytasktune_bench.shared_prefix import cache_argument, shared_prefix, stack_rows, supports

    def forward(rows: Sequence[Sequence[int]], cache: Any) -> tuple[Any, Any]:
        ids, mask, positions = left_pad(rows, len(prefix), model.device)
        output = model(input_ids=ids, attention_mask=mask, position_ids=positions, **cache_argument(model, cache), use_cache=True, logits_to_keep=1)
        return output.logits[:, -1], cache

    _, mask, positions = left_pad(suffixes, len(prefix), model.device)
    if prefix and len(suffixes) > 1 and supports(model):
        with shared_prefix(model, prefix) as empty:
            parts = [forward(suffixes[part], empty()) for part in like_lengths([len(suffix) for suffix in suffixes])]
            yield _Read(torch.cat([logits for logits, _ in parts]), stack_rows([cache for _, cache in parts]), mask, positions[:, -1:])
    else:
        yield _Read(*forward(suffixes, prefix_cache(model, prefix, len(suffixes))), mask, positions[:, -1:])


def like_lengths(lengths: Sequence[int], overhead: int = PASS_OVERHEAD) -> list[slice]:
    """Cut descending lengths into runs that are read together, so that padding and the number of passes cost least in sum.

    Args:
        lengths: tokens per row, longest first.
        overhead: what one more pass costs, in tokens.

    Returns:
        The runs, in order.
    """
    least, start = [0], [0]
    for end in range(1, len(lengths) + 1):
        cost, begin = min((least[i] + overhead + lengths[i] * (end - i), i) for i in range(end))
        least.append(cost)
        start.append(begin)
    runs, end = [], len(lengths)
    while end:
        runs.append(slice(start[end], end))
        end = start[end]
    return runs[::-1]


def prefix_cache(model: Any, prefix: Sequence[int], rows: int) -> Any:
    """The key-value cache of `prefix`, repeated for `rows` rows; gradients flow where they are switched on."""
    import torch
    from transformers import DynamicCache

    from anytasktune_bench.shared_prefix import cache_argument

    cache = DynamicCache(config=model.config.get_text_config())
    if prefix:
        ids = torch.tensor([prefix], device=model.device)
        model(input_ids=ids, **cache_argument(model, cache), use_cache=True, logits_to_keep=1)
        if rows > 1:
            cache.batch_repeat_interleave(rows)
    return cache


def left_pad(rows: Sequence[Sequence[int]], shared: int, device: Any) -> tuple[Any, Any, Any]:
    """Rows behind a cached prefix of `shared` tokens: ids (B, T), mask (B, shared + T) and positions (B, T).

    Padding stands between prefix and row and is masked; its ids and positions do not matter.
    """
    import torch

    width = max(map(len, rows))
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    mask = torch.zeros(len(rows), shared + width, dtype=torch.long)
    mask[:, :shared] = 1
    for line, row in enumerate(rows):
        ids[line, width - len(row) :] = torch.tensor(row)
        mask[line, shared + width - len(row) :] = 1
    positions = (mask.cumsum(dim=1) - 1).clamp(min=0)[:, shared:]
    return ids.to(device), mask.to(device), positions.to(device)


def _decode(model: Any, read: _Read, prefix: Sequence[int], suffixes: list[list[int]], budget: int, stops: set[int], penalty: float) -> list[list[int]]:
    """Greedy continuation ids of each suffix behind `prefix`, without the stop token."""
    import torch

    from anytasktune_bench.shared_prefix import cache_argument

    logits, cache, mask, positions = read.logits, read.cache, read.mask, read.positions
    answers: list[list[int]] = [[] for _ in suffixes]
    writing = list(range(len(suffixes)))
    """Index of the answer that each row of the batch writes, -1 once it has ended."""
    behind = cache_argument(model, cache)
    seen: Any = None
    """(B, vocabulary): whether a token stands in the row's prompt or answer, where a penalty asks for it."""
    for step in range(budget):
        if penalty != 1.0:
            logits = logits.float()
            if seen is None:
                seen = torch.zeros_like(logits, dtype=torch.bool)
                for line, suffix in enumerate(suffixes):
                    seen[line, [*prefix, *suffix]] = True
            logits = torch.where(seen, torch.where(logits < 0, logits * penalty, logits / penalty), logits)
        following = logits.argmax(dim=-1)
        if seen is not None:
            seen[torch.arange(len(seen), device=seen.device), following] = True
        for line, token in enumerate(following.tolist()):
            if writing[line] >= 0:
                if token in stops:
                    writing[line] = -1
                else:
                    answers[writing[line]].append(token)
        alive = [line for line, index in enumerate(writing) if index >= 0]
        if not alive or step == budget - 1:
            break
        ids, positions = following[:, None], positions + 1
        mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
        if len(alive) <= COMPACT_BELOW * len(writing):
            kept = torch.tensor(alive, device=ids.device)
            cache.batch_select_indices(kept)
            ids, mask, positions = ids[kept], mask[kept], positions[kept]
            seen = seen[kept] if seen is not None else None
            writing = [writing[line] for line in alive]
        logits = model(input_ids=ids, attention_mask=mask, position_ids=positions, **behind, use_cache=True, logits_to_keep=1).logits[:, -1]
    return answers
