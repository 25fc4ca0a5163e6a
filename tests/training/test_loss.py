"""The loss is the stock loss on every architecture, under accumulation and over several processes, or training says that it does without the shared prefix."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.models import resolve_model
from anytasktune_bench.training.examples import IGNORE, Example, collate
from anytasktune_bench.training.options import TrainOptions
from anytasktune_bench.training.run import train
from anytasktune_bench.training.trainer import TaskTrainer, answer_outputs

SMALL = {"vocab_size": 300, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512}


def configs() -> dict[str, Any]:
    from transformers import Gemma2Config, Gemma3TextConfig, Glm4Config, GlmConfig, LlamaConfig, MistralConfig, Qwen2Config, Qwen3Config

    pad = {"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 2}
    heads = {"head_dim": 8}
    return {
        "llama": LlamaConfig(**SMALL, **pad),
        "mistral": MistralConfig(**SMALL, **pad, sliding_window=None),
        "qwen2": Qwen2Config(**SMALL, **pad),
        "qwen3": Qwen3Config(**SMALL, **pad, **heads),
        "gemma2": Gemma2Config(**SMALL, **pad, **heads, final_logit_softcapping=5.0, attn_logit_softcapping=5.0, sliding_window=64),
        "gemma3": Gemma3TextConfig(**SMALL, **pad, **heads, sliding_window=64),
        "glm": GlmConfig(**SMALL, **pad, **heads),
        "glm4": Glm4Config(**SMALL, **pad, **heads),
    }


def examples(prefix: int = 40, n: int = 4) -> list[Example]:
    rng = random.Random(0)
    shared = tuple(rng.randrange(3, 300) for _ in range(prefix))
    found = []
    for i in range(n):
        own, answer = tuple(rng.randrange(3, 300) for _ in range(5 + 3 * i)), tuple(rng.randrange(3, 300) for _ in range(2 + i))
        found.append(Example(f"row-{i}", "task", shared + own + answer, len(answer)))
    return found


def stock_loss(model: Any, rows: list[Example]) -> torch.Tensor:
    """Right-padded, logits everywhere, the library's own loss."""
    width = max(len(e.ids) for e in rows)
    ids, labels, mask = torch.zeros(len(rows), width, dtype=torch.long), torch.full((len(rows), width), IGNORE), torch.zeros(len(rows), width, dtype=torch.long)
    for line, e in enumerate(rows):
        ids[line, : len(e.ids)], mask[line, : len(e.ids)] = torch.tensor(e.ids), 1
        labels[line, len(e.ids) - e.answer : len(e.ids)] = torch.tensor(e.ids[-e.answer :])
    return model(input_ids=ids, attention_mask=mask, labels=labels).loss  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", ["llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3", "glm", "glm4"])
@pytest.mark.parametrize("prefix", [40, 100], ids=["short prefix", "prefix over the sliding window"])
def test_the_loss_is_the_stock_loss_or_the_trainer_says_otherwise(name: str, prefix: int) -> None:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(configs()[name], dtype=torch.float32, attn_implementation="eager" if name.startswith("gemma") else "sdpa")
    rows = examples(prefix)
    stock, batch = stock_loss(model, rows).item(), collate(rows)
    assert batch["prefix"].shape[1] == prefix
    assert answer_outputs(model, batch, share_prefix=False).loss.item() == pytest.approx(stock, rel=1e-4)
    trainer, said = TaskTrainer.__new__(TaskTrainer), []
    trainer.say = said.append
    model.eval()
    assert trainer.compute_loss(model, batch).item() == pytest.approx(stock, rel=1e-3)
    if trainer.share_prefix:
        assert answer_outputs(model, batch, share_prefix=True).loss.item() == pytest.approx(stock, rel=1e-3) and not said
    else:
        assert "goes on without" in said[0]


def test_a_cache_that_does_not_fit_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from anytasktune_bench.generation import prefix_cache
    from anytasktune_bench.training import trainer as module

    config = configs()["llama"]
    config.initializer_range = 0.5  # sharp enough for a wrong prefix to show in the loss
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    real = prefix_cache
    monkeypatch.setattr(module, "prefix_cache", lambda m, ids, rows: real(m, ids[::-1], rows))
    trainer, said = TaskTrainer.__new__(TaskTrainer), []
    trainer.say = said.append
    rows = examples()
    assert trainer.compute_loss(model, collate(rows)).item() == pytest.approx(stock_loss(model, rows).item(), rel=1e-4)
    assert said and not trainer.share_prefix


def test_accumulated_batches_give_the_gradient_of_one_large_batch() -> None:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(configs()["qwen2"], dtype=torch.float32)
    rows = examples(n=6)
    stock_loss(model, rows).backward()
    expected = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad()
    total = sum(e.answer for e in rows)
    for part in (rows[:2], rows[2:3], rows[3:]):
        answer_outputs(model, collate(part), True, num_items_in_batch=torch.tensor(total)).loss.backward()
    for name, parameter in model.named_parameters():
        assert torch.allclose(parameter.grad, expected[name], atol=1e-5), name


@pytest.mark.slow
def test_two_processes_train_as_one_that_accumulates(chat_model: Path, tmp_path: Path) -> None:
    """Two data-parallel processes with batches of 2 against one with two batches of 2 per step."""
    options = TrainOptions(langs=("en",), epochs=1.0, batch_size=2, accumulation=2, limit=8, dtype="float32", device="cpu")
    train(resolve_model(str(chat_model)), load_catalog().select("S1"), tmp_path / "one", options, quiet=True)
    arguments = f"train S1 --model {chat_model} --out {tmp_path / 'two'} --lang en --epochs 1 --batch-size 2 --accumulation 1 --limit 8 --dtype float32 --device cpu"
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "anytasktune_bench", *arguments.split()]
    found = subprocess.run(launch, capture_output=True, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}, timeout=240)
    assert found.returncode == 0, found.stderr[-3000:]
    one, two = (load_file(tmp_path / name / "adapter_model.safetensors") for name in ("one", "two"))
    assert all(torch.allclose(one[name], two[name], atol=2e-4) for name in one)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]
