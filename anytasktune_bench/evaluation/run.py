"""Score a Hugging Face model, with or without a PEFT adapter, on sub-tasks through lm-eval's API."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import logging
import os
import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anytasktune_bench.adapters import check_base
from anytasktune_bench.data.load import WHEEL
from anytasktune_bench.errors import RunError
from anytasktune_bench.evaluation.export import export_tasks
from anytasktune_bench.metrics import SCORER_VERSION, aggregate
from anytasktune_bench.models import ModelRef, first_line, pick_device, pick_dtype
from anytasktune_bench.prompt import PROMPT_VERSION
from anytasktune_bench.records import Category, ModelInfo, Record, Sample, Settings, TaskResult, samples_sha256
from anytasktune_bench.spec import Lang, SubTask
from anytasktune_bench.version import __version__

PACKAGES = ("anytasktune-bench", "lm-eval", "torch", "transformers", "peft", "datasets", "tokenizers")
"""Packages whose versions go into a record."""


@dataclass(frozen=True)
class EvalOptions:
    """How to evaluate."""

    num_fewshot: int = 0
    limit: int | None = None
    """First rows of each test split only."""
    implicit: bool = False
    """Leave the instruction out of the prompt."""
    batch_size: int = 32
    dtype: str = "auto"
    device: str | None = None
    source: str = WHEEL
    name: str | None = None
    """Name of the model in tables."""
    category: Category | None = None
    base: str | None = None
    """Name of the model that a tuned one is compared with."""


def evaluate(
    ref: ModelRef,
    specs: Sequence[SubTask],
    langs: Sequence[Lang],
    options: EvalOptions,
    adapter: Path | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[Record, list[Sample]]:
    """Let a model answer the test rows and score the answers.

    Args:
        ref: the model, or the base of `adapter`.
        specs: sub-tasks.
        langs: languages.
        options: how.
        adapter: folder of a PEFT adapter.
        progress: told what begins.

    Returns:
        The record and its samples, ready for `records.write_record`.

    Raises:
        RunError: model or adapter cannot be loaded, or do not belong together.
    """
    from lm_eval.evaluator import evaluate as lm_evaluate
    from lm_eval.tasks import TaskManager

    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    started, clock = datetime.now(UTC), time.monotonic()
    stamp = check_base(ref, adapter) if adapter else {}
    progress(f"loading {ref.source}" + (f" with adapter {adapter.name}" if adapter else ""))
    lm = _load(ref, adapter, options)
    templated = bool(lm.tokenizer.chat_template)
    loaded = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="anytasktune-") as folder:
        export_tasks(specs, Path(folder))
        metadata: dict[str, Any] = {"source": options.source, "implicit": options.implicit}
        manager = TaskManager(include_path=folder, include_defaults=False, metadata=metadata)
        tasks = manager.load([spec.task_name(lang) for spec in specs for lang in langs])
        for task in tasks["tasks"].values():
            task.set_config("num_fewshot", options.num_fewshot)
        output = lm_evaluate(lm=lm, task_dict=tasks, limit=options.limit, bootstrap_iters=0, log_samples=True, apply_chat_template=templated, fewshot_as_multiturn=templated)
    if output is None:
        raise RunError("this process is not the first of a distributed run, so it has no results to write.")
    samples: list[Sample] = []
    results: dict[str, TaskResult] = {}
    for spec in specs:
        for lang in langs:
            name = spec.task_name(lang)
            found = sorted((_sample(name, raw) for raw in output["samples"][name]), key=lambda sample: sample.id)
            budget = lm.max_length - spec.output.max_new_tokens[lang]
            truncated = sum(len(lm.tok_encode(raw["arguments"][0][0])) > budget for raw in output["samples"][name])
            samples += found
            scores = [sample.as_score(spec) for sample in found]
            results[name] = TaskResult(
                subtask=spec.code,
                lang=lang,
                n=len(found),
                eval_fingerprint=tasks["tasks"][name].config.metadata["eval_fingerprint"],
                metrics=aggregate(spec, scores),
                empty=sum(not sample.answer.strip() for sample in found),
                invalid=sum(not score.parsed.valid for score in scores),
                truncated=truncated,
            )
    record = Record(
        version=__version__,
        model=_model_info(ref, lm, stamp, options, templated),
        settings=Settings(
            num_fewshot=options.num_fewshot,
            implicit=options.implicit,
            limit=options.limit,
            batch_size=options.batch_size,
            prompt_version=PROMPT_VERSION,
            scorer_version=SCORER_VERSION,
        ),
        results=results,
        versions=package_versions(),
        samples_sha256=samples_sha256(samples),
        started=started.isoformat(timespec="seconds"),
        timing={"load_s": round(loaded - clock, 1), "answer_and_score_s": round(time.monotonic() - loaded, 1)},
        hardware=hardware(lm),
    )
    return record, samples


def _load(ref: ModelRef, adapter: Path | None, options: EvalOptions) -> Any:
    from anytasktune_bench.evaluation.lm import BenchLM

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        return BenchLM(
            pretrained=ref.location,
            revision=ref.revision or "main",
            dtype=pick_dtype(options.dtype),
            device=options.device or pick_device(),
            batch_size=options.batch_size,
            peft=str(adapter.resolve()) if adapter else None,
            enable_thinking=False,
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise RunError(f"{ref.source}: cannot be loaded ({first_line(error)}). Check the name, the network and access rights.") from error


def _sample(task: str, raw: dict[str, Any]) -> Sample:
    doc = raw["doc"]
    score = raw["score"]
    return Sample(
        task=task,
        id=doc["id"],
        group=doc["group"],
        prompt_sha256=hashlib.sha256(raw["arguments"][0][0].encode()).hexdigest(),
        answer=raw["filtered_resps"][0],
        input=doc["input"],
        reference=doc["output"],
        gold=json.loads(doc["gold"]),
        score=score["score"],
        values={name: raw[name] for name in raw["metrics"] if name != "score"},
        labels=score["labels"],
    )


def _model_info(ref: ModelRef, lm: Any, stamp: dict[str, Any], options: EvalOptions, templated: bool) -> ModelInfo:
    tuned = bool(stamp)
    template = str(lm.tokenizer.chat_template) if templated else None
    return ModelInfo(
        name=options.name or (f"{ref.name} + {stamp.get('name', 'adapter')}" if tuned else ref.name),
        category=options.category or ("task-fine-tuned" if tuned else "open"),
        base=options.base or (ref.name if tuned else None),
        source=ref.source,
        revision=ref.revision,
        sha256=ref.sha256,
        adapter_sha256=stamp.get("adapter_sha256"),
        tuned_on=tuple(stamp.get("subtasks", ())),
        parameters=int(lm.model.num_parameters()),
        dtype=str(lm.model.dtype).removeprefix("torch."),
        chat_template_sha256=hashlib.sha256(template.encode()).hexdigest() if template else None,
    )


def package_versions() -> dict[str, str]:
    """Versions of the packages that can change a result."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def hardware(lm: Any) -> dict[str, str]:
    """Device, processor and number of threads."""
    import torch

    device = str(lm.device)
    return {
        "device": torch.cuda.get_device_name() if device.startswith("cuda") else device,
        "machine": platform.machine(),
        "threads": str(torch.get_num_threads()),
    }
