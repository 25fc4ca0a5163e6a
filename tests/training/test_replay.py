"""General data mixed in, and the measure of drift."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anytasktune_bench.adapters import load_adapted
from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.errors import DataError
from anytasktune_bench.models import load_tokenizer, resolve_model
from anytasktune_bench.training import replay
from anytasktune_bench.training.options import TrainOptions
from anytasktune_bench.training.run import train

FAST = TrainOptions(langs=("en",), epochs=2.0, batch_size=4, limit=8, learning_rate=1e-2, dtype="float32", device="cpu")


def test_there_are_enough_prompts_and_none_stands_twice() -> None:
    train_prompts = [prompt for lang in ("zh", "en") for prompt in replay.general_prompts("train", lang)]
    heldout = [prompt for lang in ("zh", "en") for prompt in replay.general_prompts("heldout", lang)]
    assert len(train_prompts) >= 300 and len(heldout) >= 60
    assert len({*train_prompts, *heldout}) == len(train_prompts) + len(heldout)
    assert all(prompt.strip() == prompt and prompt for prompt in (*train_prompts, *heldout))


@pytest.mark.slow
def test_replay_is_mixed_in_and_drift_is_measured(chat_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANYTASKTUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(replay, "MAX_ANSWER_TOKENS", 8)
    ref, specs = resolve_model(str(chat_model)), load_catalog().select("S1")
    said: list[str] = []
    stamp = train(ref, specs, tmp_path / "a", TrainOptions(**{**vars(FAST), "replay": 1.0}), quiet=True, progress=said.append)
    assert "8 general rows are mixed in" in said and stamp["settings"]["replay"] == 1.0 and stamp["figures"]["steps"] == 8
    adapted = load_adapted(ref, tmp_path / "a", "float32", "cpu")
    moved = replay.measure_drift(ref, adapted, load_tokenizer(ref), specs[0], ("en",))
    assert moved.prompts == 30 and moved.loss_tuned != moved.loss_base and 0 <= moved.rouge_l <= 1
    for layer in adapted.modules():
        if isinstance(getattr(layer, "scaling", None), dict):
            layer.scaling = {name: 0.0 for name in layer.scaling}
    still = replay.measure_drift(ref, adapted, load_tokenizer(ref), specs[0], ("en",))
    assert still.loss_tuned == still.loss_base and still.same_answers == 1.0


def test_pairs_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "own.jsonl"
    file.write_text(json.dumps({"instruction": "Say hi", "output": "hi"}) + "\n" + json.dumps({"instruction": "x", "output": " "}) + "\n")
    assert replay.read_pairs(str(file)) == [{"prompt": "Say hi", "answer": "hi", "finished": True}]
    file.write_text(json.dumps({"text": "x"}) + "\n")
    with pytest.raises(DataError, match="needs a column"):
        replay.read_pairs(str(file))
    file.write_text("{")
    with pytest.raises(DataError, match="no JSONL"):
        replay.read_pairs(str(file))
