"""Score a model on sub-tasks through lm-eval's API, keeping every answer on disk as it comes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anytasktune_bench.data.load import WHEEL, describe_source, load_records
from anytasktune_bench.data.tables import eval_fingerprint
from anytasktune_bench.errors import RunError
from anytasktune_bench.evaluation.answers import Answers, discard
from anytasktune_bench.evaluation.backends import Backend
from anytasktune_bench.evaluation.export import export_tasks
from anytasktune_bench.evaluation.hardware import package_versions
from anytasktune_bench.metrics import SCORER_VERSION, aggregate
from anytasktune_bench.prompt import PROMPT_VERSION
from anytasktune_bench.records import RECORD_FILE, Category, Record, Sample, Settings, TaskResult, read_record, samples_sha256, write_record
from anytasktune_bench.spec import Lang, SubTask
from anytasktune_bench.version import __version__

Test = tuple[SubTask, Lang]


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
    backend: Backend,
    tests: Sequence[Test],
    options: EvalOptions,
    progress: Callable[[str], None] = lambda _: None,
    overwrite: bool = False,
) -> tuple[Path, Record, list[Sample]] | None:
    """Evaluate, and write record and samples into `folder`.

    Answers stand in a hidden file beside it until the record is written; after any interruption the same call goes on with them and gives
    the same record. Tests that a record of the same setup holds already are not run again, and those that it lacks are added to it.

    Args:
        folder: of the record alone; `run_name` gives it a name.
        backend: the model.
        tests: sub-tasks with languages.
        options: how.
        progress: told what begins.
        overwrite: replace a record that is there instead.

    Returns:
        The record's file, the record, its samples; None in a process that is not the first of a distributed run.

    Raises:
        RunError: as for `evaluate`; the folder holds a record of another setup; another run writes there.
        OutputError: the folder cannot be written; finished answers are kept.
    """
    found = read_record(folder) if (folder / RECORD_FILE).is_file() and not overwrite else None
    if found:
        differs = _differences(found[0], backend, options)
        if differs:
            raise RunError(f"{folder}: holds a record of another setup ({', '.join(differs)}). Give --name or another --out, or replace it with --overwrite.")
        done = [test for test in tests if _is_done(found[0], *test, options)]
        if len(done) == len(tests):
            if backend.lm.rank == 0:
                with Answers(folder, "finished"):  # a run that was killed on its last lines leaves its answers
                    discard(folder)
            progress(f"{folder} holds these tests already (--overwrite makes them anew)")
            return folder / RECORD_FILE, *found
        if done:
            progress(f"{folder} holds {len(done)} of {len(tests)} tests already")
        tests = [test for test in tests if test not in done]
    made = evaluate(backend, tests, options, progress, keep=folder)
    if made is None:
        return None
    record, samples = _joined(*found, *made) if found else made
    path = write_record(folder, record, samples)
    discard(folder)
    return path, record, samples


def _settings(options: EvalOptions) -> Settings:
    return Settings(
        num_fewshot=options.num_fewshot,
        implicit=options.implicit,
        limit=options.limit,
        batch_size=options.batch_size,
        prompt_version=PROMPT_VERSION,
        scorer_version=SCORER_VERSION,
    )


def _differences(record: Record, backend: Backend, options: EvalOptions) -> list[str]:
    """Names of what a record was made with and that is otherwise now."""
    pairs = [(record.model, backend.info), (record.settings, _settings(options))]
    names = [name for old, new in pairs for name in type(old).model_fields if getattr(old, name) != getattr(new, name)]
    return names + [package for package, version in package_versions().items() if record.versions.get(package) != version]


def _is_done(record: Record, spec: SubTask, lang: Lang, options: EvalOptions) -> bool:
    result = record.results.get(spec.task_name(lang))
    return result is not None and result.eval_fingerprint == eval_fingerprint(spec, lang, load_records(spec, lang, "test", options.source))


def _joined(old: Record, old_samples: Sequence[Sample], new: Record, new_samples: Sequence[Sample]) -> tuple[Record, list[Sample]]:
    """One record of two of the same setup; where both hold a test, the new one counts."""
    samples = sorted([*(sample for sample in old_samples if sample.task not in new.results), *new_samples], key=lambda sample: (sample.task, sample.id))
    timing = {name: round(old.timing.get(name, 0.0) + seconds, 1) for name, seconds in new.timing.items()}
    return new.model_copy(update={"results": {**old.results, **new.results}, "samples_sha256": samples_sha256(samples), "started": old.started, "timing": timing}), samples


def evaluate(
    backend: Backend,
    tests: Sequence[Test],
    options: EvalOptions,
    progress: Callable[[str], None] = lambda _: None,
    keep: Path | None = None,
) -> tuple[Record, list[Sample]] | None:
    """Let a model answer the test rows and score the answers.

    Args:
        backend: the model.
        tests: sub-tasks with languages.
        options: how.
        progress: told what begins.
        keep: folder of the record to be; answers are kept beside it as they come, and those that stand there are not asked for again.

    Returns:
        The record and its samples, ready for `records.write_record`; None in a process that is not the first of a distributed run.

    Raises:
        RunError: a server does not answer; another run writes to `keep`.
    """
    from lm_eval.evaluator import evaluate as lm_evaluate
    from lm_eval.tasks import TaskManager

    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    started, clock, versions = datetime.now(UTC), time.monotonic(), package_versions()
    settings, data = _settings(options), describe_source(options.source, [spec for spec, _ in tests])
    with tempfile.TemporaryDirectory(prefix="anytasktune-") as folder, contextlib.ExitStack() as stack:
        if keep:
            known = backend.info.model_dump(exclude={"name", "category", "base"})
            answers = stack.enter_context(Answers(keep, [known, backend.asked, settings.batch_size, versions, backend.lm.world_size], backend.lm.rank))
            backend.lm.answers = answers
            if len(answers):
                progress(f"{len(answers)} answers of an interrupted run are there already")
        export_tasks(list({spec.code: spec for spec, _ in tests}.values()), Path(folder))
        metadata: dict[str, Any] = {"source": options.source, "implicit": options.implicit}
        manager = TaskManager(include_path=folder, include_defaults=False, metadata=metadata)
        tasks = manager.load([spec.task_name(lang) for spec, lang in tests])
        for task in tasks["tasks"].values():
            task.set_config("num_fewshot", options.num_fewshot)
        chat = {"apply_chat_template": backend.templated, "fewshot_as_multiturn": backend.templated}
        with _quiet_bars():
            output = lm_evaluate(lm=backend.lm, task_dict=tasks, limit=options.limit, bootstrap_iters=0, log_samples=True, **chat)
    if output is None:
        return None
    samples: list[Sample] = []
    results: dict[str, TaskResult] = {}
    for spec, lang in tests:
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
    samples.sort(key=lambda sample: (sample.task, sample.id))
    record = Record(
        version=__version__,
        model=backend.info,
        settings=settings,
        results=results,
        versions=versions,
        samples_sha256=samples_sha256(samples),
        data=data,
        started=started.isoformat(timespec="seconds"),
        timing={"answer_and_score_s": round(time.monotonic() - clock, 1)},
        hardware=backend.hardware,
    )
    return record, samples


@contextlib.contextmanager
def _quiet_bars() -> Iterator[None]:
    """lm-eval draws a bar per test while it builds requests; the one that counts is that of the answers."""
    import lm_eval.api.task

    drawn = lm_eval.api.task.tqdm
    lm_eval.api.task.tqdm = lambda iterable, *_, **__: iterable
    try:
        yield
    finally:
        lm_eval.api.task.tqdm = drawn


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
