"""Linear layers in the layout that the CPU's matrix kernels read fastest.

PyTorch hands oneDNN a linear layer's bf16 weights as they lie in memory, and oneDNN rearranges them at every call. When few rows are decoded side by
side that costs more than the product. Here they are rearranged once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

ROWS = 64
"""Rows of a product that the layout is chosen for: about a decoding batch."""

MAX_BYTES = 4 << 30
"""Larger models keep their weights as they are, since the layout is a second copy of them."""


def pack_linears(model: Any) -> int:
    """Let the bf16 linear layers of a model on the CPU compute with rearranged copies of their weights; for inference only.

    Layers that come later, such as an adapter's, are left as they are. Weights must not change afterwards.

    Args:
        model: any module.

    Returns:
        Number of layers that were packed: 0 on GPUs, in other dtypes, for models beyond `MAX_BYTES`, and where PyTorch was built without oneDNN.
    """
    layers = [module for module in model.modules() if type(module) is torch.nn.Linear and module.weight.dtype == torch.bfloat16 and module.weight.device.type == "cpu"]
    if not _is_possible() or sum(layer.weight.nbytes for layer in layers) > MAX_BYTES:
        return 0
    for layer in layers:
        layer.forward = _packed(layer)
    return len(layers)


def _is_possible() -> bool:
    """Whether this build of PyTorch has the operators, which are not part of its public interface, and the CPU computes in bf16."""
    operators = ("_is_mkldnn_bf16_supported", "_linear_pointwise", "_reorder_linear_weight")
    return torch.backends.mkldnn.is_available() and all(hasattr(torch.ops.mkldnn, name) for name in operators) and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _packed(layer: torch.nn.Linear) -> Callable[[torch.Tensor], torch.Tensor]:
    weight = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach(), ROWS)

    def forward(input: torch.Tensor) -> torch.Tensor:
        return torch.ops.mkldnn._linear_pointwise(input, weight, layer.bias, "none", [], "")

    return forward
