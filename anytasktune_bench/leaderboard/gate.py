"""The gate of the leaderboard: what a submitted record must be. Files are read as data only; nothing in them is executed or followed."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from anytasktune_bench.catalog import PACKAGE_SUBTASKS
from anytasktune_bench.errors import AnyTaskTuneError, RecordError
from anytasktune_bench.leaderboard.editions import Edition, Editions
from anytasktune_bench.leaderboard.eee import Filed, to_eee
from anytasktune_bench.leaderboard.results import EVALUATION_NAME, SAMPLES_NAME, read_filed, samples_path
from anytasktune_bench.metrics import aggregate
from anytasktune_bench.records import Sample, TaskResult
from anytasktune_bench.spec import SubTask
from anytasktune_bench.version import __version__

MAX_FILES = 20_000
DEVELOPER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,58}[A-Za-z0-9])?")
"""Form of a developer's name, which is a folder."""

_HEX = re.compile(r"[0-9a-f]{64}")
_EQUAL = 1e-9
"""Scores that are closer are equal; adding up in another order moves one by less."""
_LONGEST_TOKEN = 64
"""Characters per token that an answer may have on average; tokens of words have about 5."""


@dataclass(frozen=True)
class Verdict:
    """What the gate says of one file or record."""

    path: Path
    problem: str | None
    """Why it is refused and what to do; None where it is accepted."""


def check(paths: Sequence[Path], editions: Editions) -> list[Verdict]:
    """Check evaluations, or all that lies in some folders.

    Args:
        paths: files and folders.
        editions: of the installed sub-tasks.

    Returns:
        One verdict for each record and for each file that is no part of one; empty where there is nothing.
    """
    verdicts: dict[Path, Verdict] = {}
    for path in paths:
        for file, problem in _files(path):
            place = _evaluation_of(file)
            if problem is None and not EVALUATION_NAME.fullmatch(place.name):
                problem = "is no part of a record. Leave only UUID.json and UUID_samples.jsonl in <developer>/<model>."
            if problem:
                verdicts[file] = Verdict(file, problem)
            elif place not in verdicts:
                verdicts[place] = Verdict(place, _problem(place, editions))
    return list(verdicts.values())


def _evaluation_of(file: Path) -> Path:
    return file.with_name(file.name.replace("_samples.jsonl", ".json")) if SAMPLES_NAME.fullmatch(file.name) else file


def _files(path: Path) -> Iterator[tuple[Path, str | None]]:
    """Every file at or below a path, with what is wrong with it as a file; links are not followed."""
    todo, seen = [path], 0
    while todo:
        found = todo.pop()
        seen += 1
        if seen > MAX_FILES:
            yield path, f"holds more than {MAX_FILES} files. Check fewer at a time."
            return
        if found.is_symlink():
            yield found, "is a symbolic link. Send the file itself."
        elif found.is_dir():
            inside = sorted(found.iterdir(), reverse=True)
            if not inside:
                yield found, "is an empty folder. Leave it out."
            todo += inside
        elif found.is_file():
            yield found, None
        else:
            yield found, "is no regular file, or is not there. Name files or folders of results."


def _problem(path: Path, editions: Editions) -> str | None:
    try:
        check_record(path, editions)
    except AnyTaskTuneError as error:
        return str(error)
    return None


def check_record(path: Path, editions: Editions) -> Filed:
    """Check one record.

    Args:
        path: the evaluation, `<developer>/<model>/<uuid>.json`, with its samples beside it.
        editions: of the installed sub-tasks.

    Returns:
        The record.

    Raises:
        RecordError: why it is refused, and what to do.
    """
    for part in (path, samples_path(path), path.parent, path.parent.parent):
        if part.is_symlink():
            raise RecordError(f"{part.name} is a symbolic link. Send the file itself.")
    if not path.is_file() or not samples_path(path).is_file():
        missing = path if not path.is_file() else samples_path(path)
        raise RecordError(f"{missing.name} is missing. A record is UUID.json with UUID_samples.jsonl beside it.")
    filed = read_filed(path, editions)
    check_content(filed, editions)
    place = path.absolute()
    if f"{filed.record.uuid}.json" != path.name:
        raise RecordError(f"the file is not named after its content, which is {filed.record.uuid}. Add the run again with `anytasktune leaderboard add`.")
    if f"{place.parent.parent.name}/{place.parent.name}" != filed.model_id:
        raise RecordError(f"it lies in the wrong folder. Move it to {filed.model_id}/.")
    again = next((other for other in sorted(place.parent.parent.parent.glob(f"*/*/{path.name}")) if other.absolute() != place), None)
    if again:
        raise RecordError(f"the same record lies in {again.parent.parent.name}/{again.parent.name} already. Leave this one out.")
    evaluation, samples = to_eee(filed, editions)
    for file, text in ((path, evaluation), (samples_path(path), samples)):
        if file.read_bytes() != text.encode():
            raise RecordError(f"{file.name} is not byte for byte what `anytasktune leaderboard add` writes (changed by hand, or other line ends). Add the run again.")
    return filed


def check_content(filed: Filed, editions: Editions) -> None:
    """Check all of a record but where it lies.

    Raises:
        RecordError: why it is refused, and what to do.
    """
    _check_facts(filed)
    record = filed.record
    places = [(sample.task, sample.id) for sample in filed.samples]
    if places != sorted(places):
        raise RecordError("the samples do not stand in the order of task and id. Add the run again.")
    by_task: dict[str, list[Sample]] = {}
    for sample in filed.samples:
        by_task.setdefault(sample.task, []).append(sample)
    if stray := by_task.keys() - record.results.keys():
        raise RecordError(f"there are samples of {min(stray)[:80]!r}, which has no result. Add the run again.")
    for task, result in record.results.items():
        spec = editions.catalog.get(result.subtask)
        if result.subtask != spec.code or not spec.folder.is_relative_to(PACKAGE_SUBTASKS):
            raise RecordError(f"{task[:80]}: {result.subtask[:40]!r} is no sub-task of the benchmark. Score only those that `anytasktune ls` shows without --subtasks.")
        if task != spec.task_name(result.lang):
            raise RecordError(f"{task[:80]!r}: is not the task of {spec.code} in {result.lang}, {spec.task_name(result.lang)}. Add the run again.")
        edition = editions.of(spec, result.lang)
        if result.eval_fingerprint != edition.fingerprint:
            raise RecordError(f"{task}: was scored on another edition than that of version {__version__}. Install that version and evaluate again.")
        found = by_task.get(task, [])
        _check_coverage(task, result, found, edition)
        _check_scores(task, result, found, spec)


def _check_coverage(task: str, result: TaskResult, samples: Sequence[Sample], edition: Edition) -> None:
    counts = Counter(sample.id for sample in samples)
    for name, how in ((next((i for i, n in counts.items() if n > 1), None), "stands more than once"), (next((i for i in counts if i not in edition.rows), None), "is no test row")):
        if name is not None:
            raise RecordError(f"{task}: sample {name[:60]!r} {how}. Evaluate again, without changing the samples.")
    if missing := edition.rows.keys() - counts.keys():
        raise RecordError(f"{task}: {len(missing)} of {len(edition.rows)} rows have no sample, {min(missing)} among them. Evaluate all rows, without --limit.")
    if result.n != len(samples):
        raise RecordError(f"{task}: claims n = {result.n}, but has {len(samples)} samples. Add the run again.")
    for sample in samples:
        row = edition.rows[sample.id]
        for name, sent, own in (("input", sample.input, row.input), ("reference", sample.reference, row.output), ("group", sample.group, row.group)):
            if sent != own:
                raise RecordError(f"{task}: the {name} of {sample.id} is not the row's. Evaluate again, without changing the samples.")
        if not _HEX.fullmatch(sample.prompt_sha256):
            raise RecordError(f"{task}: prompt_sha256 of {sample.id} is no sha256. Evaluate again, without changing the samples.")


def _check_scores(task: str, result: TaskResult, samples: Sequence[Sample], spec: SubTask) -> None:
    budget = spec.output.max_new_tokens[result.lang]
    for sample in samples:
        if len(sample.answer) > _LONGEST_TOKEN * budget:
            raise RecordError(f"{task}: the answer to {sample.id} has {len(sample.answer)} characters, more than {budget} tokens hold. Evaluate again.")
    scores = [sample.as_score(spec) for sample in samples]
    for sample, score in zip(samples, scores, strict=True):
        if abs(sample.score - score.score) > _EQUAL or not _close(sample.values, score.values) or sample.labels != score.labels:
            raise RecordError(f"{task}: sample {sample.id} claims a score of {sample.score}, but its answer earns {score.score}. Evaluate again, without changing the samples.")
    metrics = aggregate(spec, scores)
    if not _close(result.metrics, metrics):
        name = next((key for key in sorted(metrics.keys() | result.metrics.keys()) if not _close(_one(result.metrics, key), _one(metrics, key))), "score")
        raise RecordError(f"{task}: claims {name} = {result.metrics.get(name)}, but the samples give {metrics.get(name)}. Add the run again, without changing the record.")
    empty, invalid = sum(not sample.answer.strip() for sample in samples), sum(not score.parsed.valid for score in scores)
    if (result.empty, result.invalid) != (empty, invalid) or not 0 <= result.truncated <= result.n:
        claimed = f"empty {result.empty}, invalid {result.invalid}, truncated {result.truncated}"
        raise RecordError(f"{task}: claims {claimed}, but the samples give {empty} and {invalid}, and truncated lies in 0 to {result.n}. Add the run again.")


def _one(figures: Mapping[str, float], key: str) -> Mapping[str, float]:
    return {key: figures[key]} if key in figures else {}


def _close(a: Mapping[str, float], b: Mapping[str, float]) -> bool:
    return a.keys() == b.keys() and all(abs(a[key] - b[key]) <= _EQUAL for key in a)


def _check_facts(filed: Filed) -> None:
    """Check what a record says of model, settings and machine."""
    record, model, settings = filed.record, filed.record.model, filed.record.settings
    if not DEVELOPER.fullmatch(filed.developer) or filed.developer == "data":
        raise RecordError(f"developer {filed.developer[:60]!r}: is no folder name. Use letters, digits, dots, hyphens and underscores, at most 60.")
    texts: list[tuple[str, str | None, int]] = [
        ("name", model.name, 120), ("base", model.base, 120), ("source", model.source, 200), ("revision", model.revision, 80), ("dtype", model.dtype, 40),
        ("backend", model.backend, 40), ("licence", filed.licence, 80), ("version", record.version, 40), ("started", record.started, 40), ("data", record.data, 600),
        *(("tuned_on", code, 40) for code in model.tuned_on),
        *((name, text, 80) for name, pairs in (("versions", record.versions), ("hardware", record.hardware)) for pair in pairs.items() for text in pair),
    ]  # fmt: skip
    for name, text, limit in texts:
        if text is not None and (len(text) > limit or any(unicodedata.category(c)[0] == "C" or unicodedata.category(c) in ("Zl", "Zp") for c in text)):
            raise RecordError(f"{name}: {text[:40]!r} is longer than {limit} characters, or holds control or formatting characters. Give a plain, short one.")
    if not model.name.strip() or not record.versions or len(record.versions) > 50 or len(record.hardware) > 50:
        raise RecordError("the model has no name, or there are no versions, or more than 50 of something. Add a run of `anytasktune eval`.")
    if model.source.startswith(("/", "~")) or "\\" in model.source or ".." in model.source.split("/"):
        raise RecordError(f"source {model.source[:40]!r}: is a path. Name the model's Hub id or its file without folders.")
    for name, digest in (
        ("sha256", model.sha256),
        ("adapter_sha256", model.adapter_sha256),
        ("chat_template_sha256", model.chat_template_sha256),
        ("samples_sha256", record.samples_sha256),
    ):
        if digest is not None and not _HEX.fullmatch(digest):
            raise RecordError(f"{name}: {digest[:40]!r} is no sha256. Add the run again.")
    if settings.limit is not None:
        raise RecordError(f"the run saw the first {settings.limit} rows of each test only. Evaluate again without --limit.")
    bounds = [
        ("num_fewshot", settings.num_fewshot, 0, 64), ("batch_size", settings.batch_size, 1, 1 << 20), ("seed", settings.seed, 0, 1 << 63),
        ("parameters", model.parameters or 0, 0, 1 << 53), ("repetition_penalty", model.repetition_penalty, 0.01, 100),
        *(("timing", seconds, 0, 1e9) for seconds in record.timing.values()),
    ]  # fmt: skip
    for name, number, low, high in bounds:
        if not low <= number <= high:
            raise RecordError(f"{name}: {str(number)[:40]} does not lie in {low} to {high}. Add the run again.")
