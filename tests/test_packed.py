"""Rearranged weights on the CPU."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from anytasktune_bench import packed
from anytasktune_bench.adapters import adapter_info, put_on
from anytasktune_bench.models import load_model, resolve_model
from tests.conftest import random_adapter

IDS = torch.arange(20).reshape(4, 5)
has_bf16 = pytest.mark.skipif(not packed._is_possible(), reason="this CPU does not compute in bf16")


@has_bf16
@pytest.mark.parametrize("adapted", [False, True])
def test_the_logits_are_those_of_the_weights_as_they_were(chat_model: Path, tmp_path: Path, adapted: bool) -> None:
    ref = resolve_model(str(chat_model))
    plain, model = (load_model(ref, "bfloat16", "cpu") for _ in range(2))
    layers = sum(type(module) is torch.nn.Linear for module in model.modules())
    assert packed.pack_linears(model) == layers > 0
    if adapted:
        adapter = random_adapter(chat_model, tmp_path / "adapter", 1)
        plain, model = (put_on(each, adapter, ref, adapter_info(adapter)["adapter_sha256"]) for each in (plain, model))
    with torch.inference_mode():
        wanted, found = plain(IDS).logits, model(IDS).logits
    assert torch.allclose(found.float(), wanted.float(), atol=2e-2 * wanted.float().abs().max().item())
    with torch.no_grad():  # the copies are read, not the weights
        for module in model.modules():
            if type(module) is torch.nn.Linear and module.weight is not model.get_input_embeddings().weight and "forward" in vars(module):
                module.weight.zero_()
        assert torch.equal(model(IDS).logits, found)


def test_other_models_are_left_as_they_are(chat_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = resolve_model(str(chat_model))
    model = load_model(ref, "float32", "cpu")
    assert packed.pack_linears(model) == 0
    assert not any("forward" in vars(module) for module in model.modules())
    monkeypatch.setattr(packed, "MAX_BYTES", 100)
    assert packed.pack_linears(load_model(ref, "bfloat16", "cpu")) == 0
    monkeypatch.undo()
    monkeypatch.setattr(packed, "_is_possible", lambda: False)
    assert packed.pack_linears(load_model(ref, "bfloat16", "cpu")) == 0
