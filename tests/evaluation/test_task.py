"""What lm-eval sees is what this project renders and scores."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from itertools import combinations, pairwise
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from anytasktune_bench.catalog import SUBTASKS_ENV, load_catalog
from anytasktune_bench.data.load import load_records
from anytasktune_bench.evaluation.export import drift, export_tasks, task_yaml, tasks_path
from anytasktune_bench.evaluation.run import EvalOptions
from anytasktune_bench.generation import generate, like_lengths
from anytasktune_bench.models import load_model, load_tokenizer, resolve_model
from anytasktune_bench.prompt import pick_shots, render
from anytasktune_bench.records import read_record, rescore, write_record
from anytasktune_bench.spec import LANGS
from tests.conftest import CASE_IDS, CASES, evaluated

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    from lm_eval.tasks import TaskManager

    folder = tmp_path_factory.mktemp("tasks")
    export_tasks(load_catalog().with_rows, folder)
    return TaskManager(include_path=str(folder), include_defaults=False).load([spec.task_name(lang) for spec, lang in CASES])["tasks"]


@pytest.mark.parametrize("shots", [0, 2])
@pytest.mark.parametrize(("spec", "lang"), CASES, ids=CASE_IDS)
def test_lm_eval_sends_what_prompt_renders(tasks, chat_model, plain_model, spec, lang, shots) -> None:
    from lm_eval.models.huggingface import HFLM

    task = tasks[spec.task_name(lang)]
    solved = pick_shots(load_records(spec, lang, "train"), shots)
    for path in (chat_model, plain_model):
        lm = HFLM(pretrained=str(path), device="cpu", batch_size=1, enable_thinking=False)
        templated = bool(lm.tokenizer.chat_template)
        assert templated == (path == chat_model)
        task.set_config("num_fewshot", shots)
        task.build_all_requests(limit=3, apply_chat_template=templated, fewshot_as_multiturn=templated, chat_template=lm.apply_chat_template if templated else None)
        for instance, row in zip(task.instances, load_records(spec, lang, "test"), strict=False):
            assert instance.args[0] == render(lm.tokenizer, spec, lang, row["input"], shots=solved)


def test_the_committed_tasks_are_up_to_date() -> None:
    assert drift(load_catalog().with_rows, ROOT / "tasks") == []


def test_drift_is_found(tmp_path: Path) -> None:
    specs = load_catalog().with_rows
    paths = export_tasks(specs, tmp_path)
    assert drift(specs, tmp_path) == [] and tasks_path().is_dir()
    paths[0].write_text(paths[0].read_text(encoding="utf-8") + "#", encoding="utf-8")
    paths[1].unlink()
    (tmp_path / "anytasktune_zz_en.yaml").write_text("")
    assert sorted(problem.rsplit(":", 1)[1].strip() for problem in drift(specs, tmp_path)) == ["belongs to no sub-task", "is missing", "is out of date"]
    export_tasks(specs, tmp_path)
    assert drift(specs, tmp_path) == []


def test_a_copied_sub_task_needs_no_other_edit(copied_subtask, chat_model, monkeypatch, tmp_path) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv(SUBTASKS_ENV, str(copied_subtask("X9")))
    spec = load_catalog().get("my_items")
    assert spec.config_name("en") == "my_items_en" and "task: anytasktune_x9_en" in task_yaml(spec, "en")
    record, samples = evaluated(resolve_model(str(chat_model)), [spec], ("en",), EvalOptions(limit=2, dtype="float32"))
    assert list(record.results) == ["anytasktune_x9_en"] and samples[0].id.startswith("X9-en-")
    from anytasktune_bench.leaderboard.site import build_site

    write_record(tmp_path / "run", record, samples)
    assert "X9" in build_site([tmp_path / "run"], tmp_path / "site").read_text(encoding="utf-8")


def test_a_copied_sub_task_inside_the_package_is_found(copied_subtask, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    from anytasktune_bench import catalog

    monkeypatch.setattr(catalog, "PACKAGE_SUBTASKS", copied_subtask("X8"))
    catalog._load_catalog.cache_clear()
    try:
        assert [spec.code for spec in catalog.load_catalog().specs] == ["X8"]
    finally:
        monkeypatch.undo()
        catalog._load_catalog.cache_clear()


@pytest.mark.slow
def test_plain_lm_eval_and_eval_agree_sample_by_sample(chat_model, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """`lm_eval run` on the committed YAMLs gives our prompts, answers and scores."""
    names = [load_catalog().get(code).task_name(lang) for code in ("M1", "L4") for lang in LANGS]
    arguments = ["--model", "hf", "--model_args", f"pretrained={chat_model},dtype=float32,enable_thinking=False", "--device", "cpu", "--batch_size", "4"]
    command = [sys.executable, "-m", "lm_eval", "run", "--include_path", str(ROOT / "tasks"), "--tasks", ",".join(names), *arguments]
    command += ["--apply_chat_template", "--limit", "4", "--log_samples", "--output_path", str(tmp_path / "lm")]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "HF_HUB_OFFLINE": "1"}, cwd=tmp_path)
    theirs = json.loads(next((tmp_path / "lm").rglob("results_*.json")).read_text(encoding="utf-8"))["results"]
    specs = load_catalog().select("M1,L4")
    record, samples = evaluated(resolve_model(str(chat_model)), specs, LANGS, EvalOptions(limit=4, dtype="float32"))
    for name in names:
        logged = [json.loads(line) for path in (tmp_path / "lm").rglob(f"samples_{name}_*.jsonl") for line in path.read_text(encoding="utf-8").splitlines()]
        by_id = {entry["doc"]["id"]: entry for entry in logged}
        ours = [sample for sample in samples if sample.task == name]
        assert len(ours) == len(by_id) == 4
        for sample in ours:
            assert by_id[sample.id]["filtered_resps"][0] == sample.answer
            assert by_id[sample.id]["score"]["score"] == sample.score
        shared = {metric: value for metric, value in record.results[name].metrics.items() if f"{metric},none" in theirs[name]}
        assert set(record.results[name].metrics) - set(shared) <= {"confusable_pair_accuracy"}  # corpus figures are ours alone
        for metric, value in shared.items():
            assert theirs[name][f"{metric},none"] == pytest.approx(value, abs=1e-12)


def test_a_record_is_rescored_to_the_last_digit_and_tampering_is_found(chat_model, tmp_path) -> None:  # type: ignore[no-untyped-def]
    from anytasktune_bench.errors import RecordError

    record, samples = evaluated(resolve_model(str(chat_model)), [load_catalog().get("S1")], LANGS, EvalOptions(limit=3, num_fewshot=1, dtype="float32"))
    write_record(tmp_path, record, samples)
    read, found = read_record(tmp_path)
    assert read == record and found == samples
    assert rescore(read, found, load_catalog().get) == {name: result.metrics for name, result in record.results.items()}
    assert str(chat_model) not in (tmp_path / "record.json").read_text(encoding="utf-8")
    path = tmp_path / "samples.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace('"answer": "', '"answer": "better ', 1), encoding="utf-8")
    with pytest.raises(RecordError, match="sha256"):
        read_record(tmp_path)


def test_equal_runs_have_equal_content(chat_model) -> None:  # type: ignore[no-untyped-def]
    runs = [evaluated(resolve_model(str(chat_model)), [load_catalog().get("L4")], ("en",), EvalOptions(limit=4, dtype="float32", batch_size=b))[0] for b in (2, 2)]
    assert runs[0].content_sha256() == runs[1].content_sha256()


@pytest.mark.parametrize(("batch_size", "penalty"), [(1, None), (3, None), (16, None), (1, 1.3), (3, 1.3), (16, 1.05)])
def test_sharing_the_prefix_changes_no_answer(chat_model, batch_size: int, penalty: float | None) -> None:
    """Greedy text equals `model.generate` on each prompt alone, for any batch size and with the repetition penalty of the model's own config."""
    import torch

    ref = resolve_model(str(chat_model))
    tokenizer, model = load_tokenizer(ref), load_model(ref, "float32")
    for weight in model.parameters():
        weight.data *= 3  # far from uniform, so that rounding decides no token
    model.generation_config.repetition_penalty = penalty
    spec = load_catalog().get("S1")
    prompts = [tokenizer(render(tokenizer, spec, "en", row["input"]), add_special_tokens=False)["input_ids"] for row in load_records(spec, "en", "test")[:7]]
    answers = generate(model, tokenizer, prompts, 12, batch_size)
    for prompt, answer in zip(prompts, answers, strict=True):
        ids = model.generate(torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt)), max_new_tokens=12, do_sample=False)[0, len(prompt) :]
        assert tokenizer.decode(ids, skip_special_tokens=True) == answer


@given(st.lists(st.integers(1, 300), min_size=1, max_size=9), st.integers(0, 200))
def test_rows_are_read_in_the_cheapest_runs(lengths: list[int], overhead: int) -> None:
    """Against all ways to cut them."""
    lengths.sort(reverse=True)

    def cost(cuts: Sequence[int]) -> int:
        ends = [0, *cuts, len(lengths)]
        return sum(overhead + lengths[a] * (b - a) for a, b in pairwise(ends))

    runs = like_lengths(lengths, overhead)
    assert [place for run in runs for place in range(run.start, run.stop)] == list(range(len(lengths)))
    between = range(1, len(lengths))
    assert cost([run.stop for run in runs[:-1]]) == min(cost(cuts) for count in range(len(lengths)) for cuts in combinations(between, count))
