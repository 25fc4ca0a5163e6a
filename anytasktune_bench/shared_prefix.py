"""Attention in which all rows of a batch share one copy of a prefix's keys and values.

Rows of a sub-task begin with the same template, instruction and examples, often nine tenths of the prompt. Repeating the prefix's cache for
each row costs memory and, in decoding, a full read of it per row and step. Here the prefix is kept once: every query attends to it by one
matrix product over all rows, and to its own row's keys by another, under one softmax.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface, Cache, DynamicCache
from transformers.cache_utils import DynamicLayer
from transformers.masking_utils import sdpa_mask

NAME = "anytasktune_shared_prefix"
SUPPORTED = ("llama", "mistral", "qwen2", "qwen3", "smollm3")
"""Model types with plain scaled dot-product attention in every layer (no soft-capping, no sliding window, no sinks)."""

MAX_SCORES = 1 << 22
"""Attention scores held at once; rows are taken in portions that keep below it."""

_prefix: ContextVar[list[tuple[torch.Tensor, torch.Tensor]] | None] = ContextVar("prefix", default=None)


class _RowLayer(DynamicLayer):  # type: ignore[misc]
    """A cache layer that holds the rows' own keys and values and counts the prefix into its length."""

    def __init__(self, prefix: int) -> None:
        super().__init__()
        self.prefix = prefix

    @property
    def own(self) -> int:
        """Own tokens."""
        return int(super().get_seq_length())

    def get_seq_length(self) -> int:
        """Prefix and own tokens."""
        return self.prefix + self.own


def cache_argument(model: Any, cache: Any) -> dict[str, Any]:
    """The keyword argument that hands a cache to a model's forward: `cache` from transformers 5.20 or so on, `past_key_values` before and in foreign code."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    return {"cache" if "cache" in inspect.signature(inner.forward).parameters else "past_key_values": cache}


def supports(model: Any) -> bool:
    """Whether a model's attention is of the kind that `shared_prefix_attention` computes."""
    config = model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    return config.model_type in SUPPORTED and kinds == {"full_attention"} and config._attn_implementation in ("sdpa", "eager")


@contextlib.contextmanager
def shared_prefix(model: Any, prefix: Sequence[int]) -> Iterator[Callable[[], Cache]]:
    """Compute `prefix` once; inside, the model attends as described above.

    Args:
        model: a supported model (see `supports`), or a PEFT model around one.
        prefix: at least one token id.

    Yields:
        What gives an empty cache behind the prefix, for a batch of any number of rows.
    """
    cache = DynamicCache(config=model.config.get_text_config())
    model(input_ids=torch.tensor([list(prefix)], device=model.device), **cache_argument(model, cache), use_cache=True, logits_to_keep=1)
    kept = [(layer.keys, layer.values) for layer in cache.layers]
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    before = inner.config._attn_implementation
    token = _prefix.set(kept)
    inner.set_attn_implementation(NAME)
    try:
        yield lambda: Cache(layers=[_RowLayer(len(prefix)) for _ in kept])
    finally:
        inner.set_attn_implementation(before)
        _prefix.reset(token)


def stack_rows(caches: Sequence[Cache]) -> Cache:
    """One cache of the rows of several behind the same prefix, in their order; shorter rows are padded on the left. The given ones are emptied."""
    if len(caches) == 1:
        return caches[0]
    layers = []
    for place in range(len(caches[0].layers)):
        parts = [cache.layers[place] for cache in caches]
        width, layer = max(part.own for part in parts), _RowLayer(parts[0].prefix)
        layer.update(
            *(
                torch.cat([torch.nn.functional.pad(states, (0, 0, width - states.shape[-2], 0)) for states in side])
                for side in zip(*((part.keys, part.values) for part in parts), strict=True)
            )
        )
        layers.append(layer)
        for part in parts:
            part.reset()
    return Cache(layers=layers)


def shared_prefix_attention(
    module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, attention_mask: torch.Tensor | None, scaling: float | None = None, **_: Any
) -> tuple[torch.Tensor, None]:
    """Attention of each row's queries over the shared prefix and the row's own keys.

    Args:
        module: the attention layer; its `layer_idx` chooses the prefix.
        query: (B, heads, Q, D).
        key: (B, kv_heads, T, D), the rows' own keys; the queries are its last Q positions.
        value: (B, kv_heads, T, D).
        attention_mask: (B, 1, Q, P + T) boolean, True where visible; None where all of the past is.
        scaling: factor of the scores; 1 / sqrt(D) if None.

    Returns:
        (B, Q, heads, D), and None in the place of the weights.
    """
    prefix = _prefix.get()
    assert prefix is not None, "used outside of shared_prefix"
    prefix_key, prefix_value = (tensor[0] for tensor in prefix[module.layer_idx])
    batch, heads, width, size = query.shape
    kv_heads, own, length = key.shape[1], key.shape[2], prefix_key.shape[1]
    groups = heads // kv_heads
    scale = scaling if scaling is not None else size**-0.5
    visible = attention_mask[..., -own:] if attention_mask is not None else _causal(width, own, query.device)
    hidden = ~visible.expand(batch, 1, width, own)
    # Heads that share keys become queries of one head: (B, kv_heads, groups * Q, D).
    grouped = (query * scale).reshape(batch, kv_heads, groups * width, size)
    step = max(MAX_SCORES // (heads * width * (length + own)), 1)
    parts = []
    for start in range(0, batch, step):
        rows = slice(start, start + step)
        queries = grouped[rows]
        n = queries.shape[0]
        stacked = queries.transpose(0, 1).reshape(kv_heads, n * groups * width, size)
        scores = torch.empty(n, kv_heads, groups * width, length + own, dtype=torch.float32, device=query.device)
        scores[..., :length] = (stacked @ prefix_key.transpose(1, 2)).reshape(kv_heads, n, groups * width, length).transpose(0, 1)
        scores[..., length:] = queries @ key[rows].transpose(2, 3)
        own_scores = scores.view(n, kv_heads, groups, width, length + own)[..., length:]
        own_scores.masked_fill_(hidden[rows, :, None], float("-inf"))
        weights = scores.softmax(dim=-1).to(value.dtype)
        from_prefix = weights[..., :length].transpose(0, 1).reshape(kv_heads, n * groups * width, length) @ prefix_value
        output = weights[..., length:] @ value[rows]
        output += from_prefix.reshape(kv_heads, n, groups * width, size).transpose(0, 1)
        parts.append(output.reshape(n, heads, width, size))
    return torch.cat(parts).transpose(1, 2).contiguous(), None


def _causal(width: int, own: int, device: torch.device) -> torch.Tensor:
    return torch.ones(width, own, dtype=torch.bool, device=device).tril(own - width)[None, None]


AttentionInterface.register(NAME, shared_prefix_attention)
AttentionMaskInterface.register(NAME, sdpa_mask)
