"""Score a model on sub-tasks through lm-eval's API, keeping every answer on disk as it comes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anytasktune_bench.data.load import WHEEL
from anytasktune_bench.errors import RunError
from anytasktune_bench.evaluation.answers import Answers
from anytasktune_bench.evaluation.backends import open_backend
from anytasktune_bench.evaluation.export import export_tasks
from anytasktune_bench.evaluation.hardware import package_versions
from anytasktune_bench.evaluation.server import Server
from anytasktune_bench.metrics import SCORER_VERSION, aggregate
from anytasktune_bench.models import ModelRef
from anytasktune_bench.prompt import PROMPT_VERSION
from anytasktune_bench.records import Category, Record, Sample, Settings, TaskResult, samples_sha256, write_record
from anytasktune_bench.spec import Lang, SubTask
from anytasktune_bench.version import __version__


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


def run_name(model: str, options: EvalOptions) -> str:
    """A folder name from a model's name and the settings that differ from the defaults."""
    name = re.sub(r"[^\w.+-]+", "-", model).strip("-.") or "model"
    parts = [name, f"{options.num_fewshot}shot" if options.num_fewshot else "", "implicit" if options.implicit else ""]
    return "_".join(part for part in [*parts, f"first{options.limit}" if options.limit else ""] if part)


def evaluate_into(
    folder: Path,
    ref: ModelRef | Server,
    specs: Sequence[SubTask],
    langs: Sequence[Lang],
    options: EvalOptions,
    adapter: Path | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[Path, Record, list[Sample]]:
    """Evaluate, and write record and samples into `folder`.

    Answers stand in a hidden file beside `folder` until the record is written; after any interruption the same call goes on with them and gives
    the same record.

    Returns:
        The record's file, the record, its samples.

    Raises:
        RunError: as for `evaluate`, or another run writes into `folder`.
        OutputError: `folder` cannot be written; finished answers are kept.
    """
    record, samples = evaluate(ref, specs, langs, options, adapter, progress, keep=folder)
    path = write_record(folder, record, samples)
    for kept in folder.parent.glob(f".{folder.name}.*.jsonl"):
        kept.unlink()
    return path, record, samples


def evaluate(
    ref: ModelRef | Server,
    specs: Sequence[SubTask],
    langs: Sequence[Lang],
    options: EvalOptions,
    adapter: Path | None = None,
    progress: Callable[[str], None] = lambda _: None,
    keep: Path | None = None,
) -> tuple[Record, list[Sample]]:
    """Let a model answer the test rows and score the answers.

    Args:
        ref: the model, the base of `adapter`, or a server.
        specs: sub-tasks.
        langs: languages.
        options: how.
        adapter: folder of a PEFT adapter.
        progress: told what begins.
        keep: folder of the record to be; answers are kept beside it as they come, and those that stand there are not asked for again.

    Returns:
        The record and its samples, ready for `records.write_record`.

    Raises:
        RunError: model or adapter cannot be loaded, or do not belong together; a server does not answer; another run writes to `keep`.
    """
    from lm_eval.evaluator import evaluate as lm_evaluate
    from lm_eval.tasks import TaskManager

    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    started, clock = datetime.now(UTC), time.monotonic()
    progress(f"asking {ref.model} at {ref.url}" if isinstance(ref, Server) else f"loading {ref.source}" + (f" with adapter {adapter.name}" if adapter else ""))
    backend = open_backend(ref, adapter, options)
    loaded, versions = time.monotonic(), package_versions()
    settings = Settings(
        num_fewshot=options.num_fewshot,
        implicit=options.implicit,
        limit=options.limit,
        batch_size=options.batch_size,
        prompt_version=PROMPT_VERSION,
        scorer_version=SCORER_VERSION,
    )
    with tempfile.TemporaryDirectory(prefix="anytasktune-") as folder, contextlib.ExitStack() as stack:
        if keep:
            where = ref.url if isinstance(ref, Server) else ""
            answers = stack.enter_context(Answers(keep, [backend.info.model_dump(exclude={"name", "category", "base"}), where, settings.batch_size, versions]))
            backend.lm.answers = answers
            if len(answers):
                progress(f"{len(answers)} answers of an interrupted run are there already")
        export_tasks(specs, Path(folder))
        metadata: dict[str, Any] = {"source": options.source, "implicit": options.implicit}
        manager = TaskManager(include_path=folder, include_defaults=False, metadata=metadata)
        tasks = manager.load([spec.task_name(lang) for spec in specs for lang in langs])
        for task in tasks["tasks"].values():
            task.set_config("num_fewshot", options.num_fewshot)
        chat = {"apply_chat_template": backend.templated, "fewshot_as_multiturn": backend.templated}
        output = lm_evaluate(lm=backend.lm, task_dict=tasks, limit=options.limit, bootstrap_iters=0, log_samples=True, **chat)
    if output is None:
        raise RunError("this process is not the first of a distributed run, so it has no results to write.")
    samples: list[Sample] = []
    results: dict[str, TaskResult] = {}
    for spec in specs:
        for lang in langs:
            name, budget = spec.task_name(lang), spec.output.max_new_tokens[lang]
            found = sorted((_sample(name, raw) for raw in output["samples"][name]), key=lambda sample: sample.id)
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
                truncated=sum(backend.is_cut(raw["arguments"][0][0], budget) for raw in output["samples"][name]),
            )
    record = Record(
        version=__version__,
        model=backend.info,
        settings=settings,
        results=results,
        versions=versions,
        samples_sha256=samples_sha256(samples),
        started=started.isoformat(timespec="seconds"),
        timing={"load_s": round(loaded - clock, 1), "answer_and_score_s": round(time.monotonic() - loaded, 1)},
        hardware=backend.hardware,
    )
    return record, samples


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
