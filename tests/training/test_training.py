"""Training: the loss is the stock loss, the model learns to answer and to stop, and nothing is half-written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.data.load import load_records
from anytasktune_bench.errors import OutputError, RunError
from anytasktune_bench.evaluation.run import EvalOptions
from anytasktune_bench.models import load_model, load_tokenizer, resolve_model
from anytasktune_bench.prompt import render
from anytasktune_bench.training.examples import IGNORE, Example, TaskSampler, collate, encode_rows, end_of_turn
from anytasktune_bench.training.options import TrainOptions
from anytasktune_bench.training.run import train
from tests.conftest import evaluated

SPECS = load_catalog().select("M1,S1,L4")


def _examples(path: Path, n: int = 4) -> tuple[object, list[Example]]:
    tokenizer = load_tokenizer(resolve_model(str(path)))
    return tokenizer, [e for spec in SPECS for lang in ("zh", "en") for e in encode_rows(tokenizer, spec, lang, load_records(spec, lang, "train")[:n])]


def test_examples_are_the_prompt_the_answer_and_the_end(chat_model: Path, plain_model: Path) -> None:
    for path, prefix in ((chat_model, ""), (plain_model, " ")):
        tokenizer = load_tokenizer(resolve_model(str(path)))
        spec, row = SPECS[0], load_records(SPECS[0], "en", "train")[0]
        example = encode_rows(tokenizer, spec, "en", [row])[0]
        assert tokenizer.decode(example.ids[: -example.answer]) == render(tokenizer, spec, "en", row["input"])
        assert tokenizer.decode(example.ids[-example.answer : -1]) == prefix + row["output"]
        assert example.ids[-1] == tokenizer.eos_token_id


def test_a_template_that_rewrites_the_answer_is_refused(chat_model: Path) -> None:
    tokenizer = load_tokenizer(resolve_model(str(chat_model)))
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] | upper }}<|im_end|>{% endfor %}"
    with pytest.raises(RunError, match="rewrites"):
        end_of_turn(tokenizer, SPECS[0], "en")
    tokenizer.eos_token = None
    with pytest.raises(RunError, match="end-of-text"):
        end_of_turn(tokenizer, SPECS[0], "en")


@pytest.mark.parametrize("mixed", [False, True])
def test_the_loss_and_its_gradient_are_the_stock_ones(chat_model: Path, mixed: bool) -> None:
    """Against plain right-padded batches with logits everywhere, in fp32."""
    from anytasktune_bench.generation import prefix_cache

    _, examples = _examples(chat_model)
    batch = examples[::5] if mixed else examples[:4]
    model = load_model(resolve_model(str(chat_model)), "float32", "cpu")
    width = max(len(e.ids) for e in batch)
    ids, labels, mask = torch.zeros(len(batch), width, dtype=torch.long), torch.full((len(batch), width), IGNORE), torch.zeros(len(batch), width)
    for line, e in enumerate(batch):
        ids[line, : len(e.ids)] = torch.tensor(e.ids)
        labels[line, len(e.ids) - e.answer : len(e.ids)] = torch.tensor(e.ids[-e.answer :])
        mask[line, : len(e.ids)] = 1
    stock = model(input_ids=ids, attention_mask=mask, labels=labels).loss
    stock.backward()
    expected = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad()
    found = collate(batch)
    assert int((found["labels"][:, 1:] != IGNORE).sum()) == sum(e.answer for e in batch)
    assert (found["prefix"].shape[1] > 50) != mixed
    cache = prefix_cache(model, found["prefix"][0].tolist(), len(batch)) if found["prefix"].shape[1] else None
    ours = model(
        input_ids=found["input_ids"],
        attention_mask=found["attention_mask"],
        position_ids=found["position_ids"],
        past_key_values=cache,
        use_cache=cache is not None,
        labels=found["labels"],
        logits_to_keep=found["labels"].shape[1],
    ).loss
    ours.backward()
    assert ours.item() == pytest.approx(stock.item(), rel=1e-5)
    for name, parameter in model.named_parameters():
        assert torch.allclose(parameter.grad, expected[name], atol=1e-5), name


def test_batches_hold_one_sub_task_and_every_row_comes_once(chat_model: Path) -> None:
    _, examples = _examples(chat_model, 7)
    sampler = TaskSampler(examples, 3, seed=1)
    orders = []
    for epoch in (0, 1):
        sampler.set_epoch(epoch)
        order = list(sampler)
        assert sorted(order) == list(range(len(examples)))
        batches = [order[i : i + 3] for i in range(0, len(order), 3)]
        assert sum(len({examples[i].task for i in batch}) == 1 for batch in batches) >= 12
        orders.append(order)
    assert orders[0] != orders[1]
    sampler.set_epoch(0)
    assert list(sampler) == orders[0]


FAST = TrainOptions(langs=("en",), epochs=1.0, batch_size=4, limit=8, dtype="float32", device="cpu")


@pytest.mark.slow
def test_training_learns_to_answer_and_to_stop(chat_model: Path, tmp_path: Path) -> None:
    """A tiny model with random weights, which writes noise without end, learns to begin as labels do and to stop."""
    options = TrainOptions(langs=("en",), epochs=6.0, batch_size=10, learning_rate=1e-2, lora_r=32, lora_alpha=64, dtype="float32", device="cpu", name="charges")
    ref, spec = resolve_model(str(chat_model)), load_catalog().get("L4")
    stamp = train(ref, [spec], tmp_path / "adapter", options, quiet=True)
    losses = [entry["validation"] for entry in stamp["history"] if "validation" in entry]
    assert len(losses) == 6 and losses[-1] < 0.8 * losses[0]
    written = json.loads((tmp_path / "adapter" / "anytasktune.json").read_text(encoding="utf-8"))
    assert written["subtasks"] == ["L4"] and written["base"]["sha256"] == ref.sha256 and written["figures"]["steps"] == 60
    assert sorted(p.name for p in tmp_path.iterdir()) == ["adapter"]
    base, noise = evaluated(ref, [spec], ("en",), EvalOptions(limit=20, dtype="float32"))
    tuned, answers = evaluated(ref, [spec], ("en",), EvalOptions(limit=20, dtype="float32"), tmp_path / "adapter")
    assert sum(len(sample.answer) for sample in answers) < sum(len(sample.answer) for sample in noise) * 0.7
    starts = tuple(label.en[0] for label in spec.output.labels)
    assert sum(sample.answer.startswith(starts) for sample in answers) >= 15 > sum(sample.answer.startswith(starts) for sample in noise)
    assert tuned.model.tuned_on == ("L4",) and tuned.model.base == base.model.name and tuned.model.category == "task-fine-tuned"


@pytest.mark.slow
def test_the_same_seed_gives_the_same_adapter(chat_model: Path, tmp_path: Path) -> None:
    ref, specs = resolve_model(str(chat_model)), load_catalog().select("S1")
    stamps = [train(ref, specs, tmp_path / str(i), FAST, quiet=True) for i in range(2)]
    assert stamps[0]["history"] == stamps[1]["history"]
    first, second = ((tmp_path / str(i) / "adapter_model.safetensors").read_bytes() for i in range(2))
    assert first == second


def test_a_taken_folder_and_long_rows_are_errors(chat_model: Path, tmp_path: Path) -> None:
    ref, specs = resolve_model(str(chat_model)), load_catalog().select("S1")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("")
    with pytest.raises(OutputError, match="not empty"):
        train(ref, specs, tmp_path / "taken", FAST, quiet=True)
    with pytest.raises(RunError, match=r"longer than 100 tokens .*S1-en-"):
        train(ref, specs, tmp_path / "new", TrainOptions(langs=("en",), max_length=100, limit=4), quiet=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["taken"]


@pytest.mark.slow
def test_an_adapter_of_another_base_is_refused(chat_model: Path, plain_model: Path, tmp_path: Path) -> None:
    train(resolve_model(str(chat_model)), load_catalog().select("S1"), tmp_path / "a", FAST, quiet=True)
    with pytest.raises(RunError, match="own base"):
        evaluated(resolve_model(str(plain_model)), load_catalog().select("S1"), ("en",), EvalOptions(limit=1), tmp_path / "a")
