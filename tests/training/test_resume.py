"""A run that is killed at any moment goes on to the same end; mixes, merging and chains."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from anytasktune_bench.adapters import load_adapted
from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.errors import RunError
from anytasktune_bench.models import load_model, resolve_model
from anytasktune_bench.training.chain import run_action
from anytasktune_bench.training.checkpoints import last_checkpoint, unfinished_folder
from anytasktune_bench.training.merge import merge
from anytasktune_bench.training.mixture import adapters_of, quotas
from anytasktune_bench.training.options import RECIPES, TrainOptions, load_recipe, recipes
from anytasktune_bench.training.plot import loss_svg
from anytasktune_bench.training.run import train

FAST = TrainOptions(langs=("en",), epochs=3.0, batch_size=4, limit=12, dtype="float32", device="cpu")


@pytest.fixture(scope="module")
def unbroken(chat_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("unbroken") / "adapter"
    train(resolve_model(str(chat_model)), load_catalog().select("S1"), out, FAST, quiet=True)
    return out


@pytest.mark.slow
def test_killed_runs_go_on_to_the_same_end() -> None:
    done = subprocess.run([sys.executable, "-m", "tests.kills", "train", "5"], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0 and "5 ends equal" in done.stdout, done.stdout + done.stderr


def test_an_unfinished_run_is_not_mistaken_for_another(chat_model: Path, tmp_path: Path) -> None:
    ref, specs, out = resolve_model(str(chat_model)), load_catalog().select("S1"), tmp_path / "adapter"
    folder = unfinished_folder(out)
    folder.mkdir()
    (folder / "plan.json").write_text(json.dumps({"settings": {}, "subtasks": ["M1"]}))
    with pytest.raises(RunError, match="--resume"):
        train(ref, specs, out, FAST, quiet=True)
    with pytest.raises(RunError, match=r"other .*subtasks"):
        train(ref, specs, out, FAST, quiet=True, resume=True)
    (folder / "plan.json").write_text("{")
    with pytest.raises(RunError, match="cannot be read"):
        train(ref, specs, out, FAST, quiet=True, resume=True)


def test_half_written_checkpoints_are_left_out(tmp_path: Path) -> None:
    for step, names in ((4, ("adapter_model.safetensors", "trainer_state.json")), (8, ("adapter_model.safetensors",))):
        folder = tmp_path / "checkpoints" / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        for name in names:
            (folder / name).write_text("{}")
    found = last_checkpoint(tmp_path)
    assert found is not None and found.name == "checkpoint-4"
    assert not (tmp_path / "checkpoints" / "checkpoint-8").exists()


def test_the_loss_that_is_no_number_ends_the_run(chat_model: Path, tmp_path: Path) -> None:
    options = TrainOptions(langs=("en",), epochs=1.0, batch_size=4, limit=8, learning_rate=1e30, dtype="float32", device="cpu")
    with pytest.raises(RunError, match="not a number"):
        train(resolve_model(str(chat_model)), load_catalog().select("S1"), tmp_path / "adapter", options, quiet=True)
    assert list(tmp_path.iterdir()) == []


def test_qlora_without_a_gpu_says_what_it_needs(chat_model: Path, tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(RunError, match="needs an NVIDIA GPU"):
        train(resolve_model(str(chat_model)), load_catalog().select("S1"), tmp_path / "a", TrainOptions(langs=("en",), qlora=True, limit=4), quiet=True)


@pytest.mark.parametrize("flags", [{"rslora": True}, {"dora": True}, {"neftune": 5.0}, {"checkpointing": True}, {"patience": 1}, {"temperature": 3.0}], ids=str)
def test_variants_of_lora_train(chat_model: Path, tmp_path: Path, flags: dict[str, object]) -> None:
    options = TrainOptions(langs=("en",), epochs=1.0, batch_size=4, limit=4, dtype="float32", device="cpu", **flags)  # type: ignore[arg-type]
    stamp = train(resolve_model(str(chat_model)), load_catalog().select("S1,L4"), tmp_path / "a", options, quiet=True)
    assert stamp["figures"]["steps"] == 2 and stamp["settings"] | flags == stamp["settings"]


def test_mixes() -> None:
    catalog = load_catalog()
    specs = catalog.select("M1,S1,S2,L4")
    assert list(adapters_of(specs, "all", catalog.actions())) == ["M1-L4-S1-S2"]
    by_domain = adapters_of(specs, "domain", catalog.actions())
    assert {name: [s.code for s in found] for name, found in by_domain.items()} == {"medicine": ["M1"], "law": ["L4"], "services": ["S1", "S2"]}
    assert list(adapters_of(specs, "subtask", catalog.actions())) == ["M1", "L4", "S1", "S2"]
    assert list(adapters_of(specs, "action", catalog.actions())) == ["review_mining"]
    with pytest.raises(RunError, match="no business action"):
        adapters_of(catalog.select("M1"), "action", catalog.actions())


def test_temperature_evens_out_the_shares() -> None:
    assert quotas({"a": 90, "b": 10}, 1.0) == {"a": 90, "b": 10}
    assert quotas({"a": 90, "b": 10}, 1e9) == {"a": 50, "b": 50}
    found = quotas({"a": 90, "b": 10}, 2.0)
    assert found == {"a": 75, "b": 25}


@pytest.mark.parametrize("name", list(recipes()))
def test_a_recipe_can_be_started_as_it_says(name: str) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    from anytasktune_bench.cli.train import train as command

    launch = shlex.split(load_recipe(name).launch)
    context = command.make_context("train", launch[launch.index("train") + 1 :])
    assert context.params["recipe"] == name
    assert ("accelerate" in launch) == ("--config_file" in launch)
    if "accelerate" in launch:
        path = launch[launch.index("--config_file") + 1].replace("$(anytasktune recipes --path)", str(RECIPES))
        config = load_config_from_file(path)
        assert config.mixed_precision == "bf16" and (config.fsdp_config or config.deepspeed_config)


def test_recipes_are_complete_and_typing_slips_get_a_suggestion() -> None:
    found = recipes()
    assert {"qwen2-7b-lora", "qwen2-7b-qlora", "qwen2-1.5b-lora", "smollm2-135m-cpu"} <= set(found)
    for recipe in found.values():
        TrainOptions(**recipe.options)  # type: ignore[arg-type]
    with pytest.raises(RunError, match="qwen2-7b-lora"):
        load_recipe("qwen2-7b-lroa")


@pytest.mark.slow
def test_a_merged_model_answers_as_the_adapter_does(chat_model: Path, unbroken: Path, tmp_path: Path) -> None:
    ref = resolve_model(str(chat_model))
    merge(ref, unbroken, tmp_path / "merged", "float32", "cpu")
    ids = torch.arange(40).reshape(1, 40)
    with torch.no_grad():
        adapted = load_adapted(ref, unbroken, "float32", "cpu")(ids).logits
        merged = load_model(resolve_model(str(tmp_path / "merged")), "float32", "cpu")(ids).logits
        base = load_model(ref, "float32", "cpu")(ids).logits
    assert torch.allclose(adapted, merged, atol=1e-4) and not torch.allclose(adapted, base, atol=1e-2)


@pytest.mark.slow
def test_an_action_runs_as_a_chain_and_switches_adapters(chat_model: Path, unbroken: Path) -> None:
    catalog = load_catalog()
    action = next(found for found in catalog.actions() if found.id == "review_mining")
    steps = list(run_action(resolve_model(str(chat_model)), action, catalog, "en", "Cheap box, lovely cup.", unbroken.parent, "float32", "cpu"))
    assert [(step.subtask, step.adapter) for step in steps] == [("S1", "adapter"), ("S2", None)]
    alone = list(run_action(resolve_model(str(chat_model)), action, catalog, "en", "Cheap box, lovely cup.", None, "float32", "cpu"))
    assert alone[1].answer == steps[1].answer and alone[0].answer != steps[0].answer
    with pytest.raises(RunError, match="holds no adapter"):
        list(run_action(resolve_model(str(chat_model)), action, catalog, "en", "x", chat_model, "float32", "cpu"))


def test_the_loss_picture_is_well_formed() -> None:
    import xml.etree.ElementTree as ET

    picture = loss_svg([{"step": 5, "epoch": 1, "loss": 2.0}, {"step": 10, "epoch": 2, "loss": 1.0}, {"step": 10, "epoch": 2, "validation": 1.5}], "<M1> & co")
    root = ET.fromstring(picture)
    assert len(root.findall("{http://www.w3.org/2000/svg}polyline")) == 2
    ET.fromstring(loss_svg([], "nothing"))
