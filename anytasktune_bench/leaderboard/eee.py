"""Records in the form of Every Eval Ever, schema 0.3.0, and back.

One JSON file holds the evaluation, one JSON line file beside it the samples. Inputs and references stand in the samples, since the schema asks for them; the gold does
not, which would be most of the file: it is that of the installed row with the same id, where the edition has the result's fingerprint. Every other fact of a record and of its
samples is kept, so both ways lose nothing. Equal records give equal bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
import types
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import ValidationError

from anytasktune_bench.errors import RecordError, UnknownSubTaskError
from anytasktune_bench.files import json_text, jsonl_text
from anytasktune_bench.leaderboard.editions import Editions
from anytasktune_bench.leaderboard.eee_schema import Evaluation, Instance, Relationship, ResultBlock
from anytasktune_bench.leaderboard.strict_json import loads
from anytasktune_bench.records import ModelInfo, Record, Sample, Settings, TaskResult, samples_sha256
from anytasktune_bench.spec import Strict, SubTask
from anytasktune_bench.words import metric_name

SCHEMA_VERSION: Literal["0.3.0"] = "0.3.0"
COLLECTION = "anytasktune-bench"
SOURCE = "AnyTaskTune-Bench"


@dataclass(frozen=True)
class Filed:
    """A record as it lies in the leaderboard's results."""

    record: Record
    samples: list[Sample]
    developer: str
    """Organisation or person that provides the model; the first folder."""
    relationship: Relationship = "other"
    licence: str | None = None
    """SPDX id or name of the weights' licence."""

    @property
    def pair(self) -> tuple[Record, list[Sample]]:
        """Record and samples."""
        return self.record, self.samples

    @property
    def model_id(self) -> str:
        """`<developer>/<model>`, also the record's folder."""
        return f"{self.developer}/{model_folder(self.record.model.name)}"


def model_folder(name: str) -> str:
    """A model's name as a portable folder name."""
    return re.sub(r"[^A-Za-z0-9.+_-]+", "-", name)[:80].strip("-.+_") or "model"


def to_eee(filed: Filed, editions: Editions) -> tuple[str, str]:
    """A record and its samples as the text of the two files.

    Args:
        filed: what to write.
        editions: of the record's sub-tasks.

    Returns:
        JSON of the evaluation, JSON lines of the samples.

    Raises:
        RecordError: the record has an unknown sub-task, a result without a score, no samples, or a start that is no time with its zone.
    """
    record = filed.record
    seconds = _epoch(record.started)
    identity = {"schema_version": SCHEMA_VERSION, "evaluation_id": f"{COLLECTION}/{filed.model_id}/{seconds}"}
    samples = jsonl_text(_instance(sample, {**identity, "model_id": filed.model_id}) for sample in filed.samples)
    facts = _strings(record.model, without={"name"}) | _deployment(record.model) | ({"licence": filed.licence} if filed.licence else {})
    evaluation = {
        **identity,
        **({"evaluation_timestamp": record.started} if record.started else {}),
        "retrieved_timestamp": seconds,
        "source_metadata": {
            "source_name": SOURCE,
            "source_type": "evaluation_run",
            "source_organization_name": SOURCE,
            "evaluator_relationship": filed.relationship,
        },
        "eval_library": {
            "name": "lm_eval",
            "version": record.versions.get("lm-eval", "unknown"),
            "additional_details": {
                "record_schema": record.schema_version,
                "benchmark_version": record.version,
                "settings": _compact(record.settings.model_dump(mode="json")),
                "versions": _compact(record.versions),
                "samples_sha256": record.samples_sha256,
                "timing": _compact(record.timing),
                "hardware": _compact(record.hardware),
                **({"data": record.data} if record.data is not None else {}),
            },
        },
        "model_info": {"name": record.model.name, "id": filed.model_id, "developer": filed.developer, "additional_details": facts},
        "evaluation_results": [_result(task, result, _spec(result, editions)) for task, result in sorted(record.results.items())],
        "detailed_evaluation_results": {
            "format": "jsonl",
            "file_path": f"data/{COLLECTION}/{filed.model_id}/{record.uuid}_samples.jsonl",
            "hash_algorithm": "sha256",
            "checksum": hashlib.sha256(samples.encode()).hexdigest(),
            "total_rows": len(filed.samples),
        },
    }
    _validated(Evaluation, evaluation, "the record")
    return json_text(evaluation), samples


def _result(task: str, result: TaskResult, spec: SubTask) -> dict[str, Any]:
    if "score" not in result.metrics:
        raise RecordError(f"{task}: the record has no score. Run the evaluation again.")
    name = metric_name(spec.metric)
    return {
        "evaluation_result_id": task,
        "evaluation_name": task,
        "source_data": {
            "dataset_name": f"{COLLECTION}/{spec.config_name(result.lang)}",
            "source_type": "other",
            "additional_details": {"subtask": result.subtask, "lang": result.lang, "split": "test", "eval_fingerprint": result.eval_fingerprint},
        },
        "metric_config": {
            "evaluation_description": spec.title.en,
            "metric_id": f"{COLLECTION}.{spec.code.lower()}.{spec.metric.name}",
            "metric_name": name,
            "metric_unit": "proportion",
            "lower_is_better": False,
            "score_type": "continuous",
            "min_score": 0,
            "max_score": 1,
        },
        "score_details": {
            "score": result.metrics["score"],
            "details": {
                "empty": str(result.empty),
                "invalid": str(result.invalid),
                "truncated": str(result.truncated),
                "secondary": _compact({key: value for key, value in result.metrics.items() if key != "score"}),
            },
            "uncertainty": {"num_samples": result.n},
        },
        "generation_config": {"generation_args": {"temperature": 0, "max_tokens": spec.output.max_new_tokens[result.lang]}},
    }


def _instance(sample: Sample, identity: dict[str, str]) -> dict[str, Any]:
    return {
        **identity,
        "evaluation_name": sample.task,
        "evaluation_result_id": sample.task,
        "sample_id": sample.id,
        "sample_hash": hashlib.sha256((sample.input + sample.reference).encode()).hexdigest(),
        "interaction_type": "single_turn",
        "input": {"raw": sample.input, "reference": [sample.reference]},
        "output": {"raw": [sample.answer]},
        "answer_attribution": [],
        "evaluation": {"score": sample.score, "is_correct": sample.score == 1},
        "metadata": {"group": sample.group, "prompt_sha256": sample.prompt_sha256, "values": _compact(sample.values), "labels": _compact(sample.labels)},
    }


def from_eee(evaluation: Any, instances: Sequence[Any], editions: Editions) -> Filed:
    """The record and samples of the parsed files.

    Args:
        evaluation: the JSON of the evaluation.
        instances: the JSON of each sample.
        editions: of the catalog; a sample of another edition than the installed one has an empty gold.

    Raises:
        RecordError: a field is missing, unknown or out of its bounds; or the samples are not those that the record was made from.
    """
    found = _validated(Evaluation, evaluation, "the evaluation")
    details = found.eval_library.additional_details
    results = {result.evaluation_name: _task_result(result) for result in found.evaluation_results}
    if len(results) != len(found.evaluation_results):
        raise RecordError("evaluation_results: a task stands twice. Keep one result for each.")
    known = {task: _edition_rows(result, editions) for task, result in results.items()}
    samples = []
    for number, instance in enumerate(instances, start=1):
        line = _validated(Instance, instance, f"line {number} of the samples")
        if line.evaluation_name not in known:
            raise RecordError(f"there are samples of {line.evaluation_name[:80]!r}, which has no result. Add the run again.")
        rows = known[line.evaluation_name]
        if rows is not None and line.sample_id not in rows:
            raise RecordError(f"{line.evaluation_name}: sample {line.sample_id[:60]!r} is no test row. Evaluate again, without changing the samples.")
        values = {"values": loads(line.metadata.values), "labels": loads(line.metadata.labels), "gold": rows[line.sample_id].gold if rows else {}}
        plain = {"task": line.evaluation_name, "id": line.sample_id, "group": line.metadata.group, "prompt_sha256": line.metadata.prompt_sha256}
        texts = {"input": line.input.raw, "answer": line.output.raw[0], "reference": line.input.reference[0], "score": line.evaluation.score}
        samples.append(_validated(Sample, plain | texts | values, f"line {number} of the samples"))
    facts = dict(found.model_info.additional_details)
    licence = facts.pop("licence", None)
    for name in _DEPLOYMENT:
        facts.pop(name, None)
    fields: dict[str, Any] = {
        "schema_version": details.record_schema,
        "version": details.benchmark_version,
        "model": _read_strings(ModelInfo, facts | {"name": found.model_info.name}),
        "settings": _validated(Settings, loads(details.settings), "settings"),
        "results": results,
        "versions": loads(details.versions),
        "samples_sha256": details.samples_sha256,
        "data": details.data,
        "started": found.evaluation_timestamp or "",
        "timing": loads(details.timing),
        "hardware": loads(details.hardware),
    }
    record = _validated(Record, fields, "the record")
    if all(rows is not None for rows in known.values()) and samples_sha256(samples) != record.samples_sha256:
        raise RecordError("the samples are not those that the record was made from (samples_sha256 differs). Add the run again with `anytasktune leaderboard add`.")
    return Filed(record, samples, found.model_info.developer, found.source_metadata.evaluator_relationship, licence)


def _task_result(result: ResultBlock) -> TaskResult:
    test, score = result.source_data.additional_details, result.score_details
    fields = {
        "subtask": test.subtask,
        "lang": test.lang,
        "n": score.uncertainty.num_samples,
        "eval_fingerprint": test.eval_fingerprint,
        "metrics": {"score": score.score} | _object(score.details.secondary),
        "empty": score.details.empty,
        "invalid": score.details.invalid,
        "truncated": score.details.truncated,
    }
    return _validated(TaskResult, fields, result.evaluation_name)


def _object(text: str) -> dict[str, Any]:
    found = loads(text)
    if not isinstance(found, dict):
        raise RecordError(f"{text[:40]!r}: must hold a JSON object.")
    return found


def _edition_rows(result: TaskResult, editions: Editions) -> dict[str, Any] | None:
    """The installed rows of a result's test by id; None where the result is about other ones."""
    try:
        edition = editions.of(editions.catalog.get(result.subtask), result.lang)
    except UnknownSubTaskError:
        return None
    return edition.rows if edition.fingerprint == result.eval_fingerprint else None


def _spec(result: TaskResult, editions: Editions) -> SubTask:
    try:
        return editions.catalog.get(result.subtask)
    except UnknownSubTaskError as error:
        raise RecordError(f"the record has results of an unknown sub-task: {error}") from error


_DEPLOYMENT = ("deployment_type", "model_availability")


def _deployment(model: ModelInfo) -> dict[str, str]:
    deployed = "self_deployed" if model.backend == "hf" else "externally_managed" if model.category == "closed" else "unknown"
    available = {"closed": "closed_weights", "task-fine-tuned": "unknown"}.get(model.category, "open_weights")
    return dict(zip(_DEPLOYMENT, (deployed, available), strict=True))


def _epoch(started: str) -> str:
    """Unix seconds of a record's start; 0 where it is not known."""
    if not started:
        return "0"
    try:
        moment = datetime.fromisoformat(started)
        if moment.tzinfo is None:
            raise ValueError("no time zone")
        return str(int(moment.timestamp()))
    except (ValueError, OverflowError) as error:
        raise RecordError(f"started {started[:40]!r}: is no ISO 8601 time with its zone ({error}).") from error


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _strings(model: Strict, without: set[str]) -> dict[str, str]:
    """The fields that are not None, all as strings, since the schema allows no others."""
    found = model.model_dump(mode="json", exclude=without, exclude_none=True)
    return {name: value if isinstance(value, str) else _compact(value) for name, value in found.items()}


Model = TypeVar("Model", bound=Strict)


def _read_strings(kind: type[Model], strings: dict[str, str]) -> Model:
    """What `_strings` wrote."""
    texts = {name for name, info in kind.model_fields.items() if _is_text(info.annotation)}
    return _validated(kind, {name: value if name in texts else loads(value) for name, value in strings.items()}, "model_info")


def _is_text(annotation: Any) -> bool:
    if get_origin(annotation) in (Union, types.UnionType):
        return any(_is_text(part) for part in get_args(annotation))
    return annotation is str or (get_origin(annotation) is Literal and isinstance(get_args(annotation)[0], str))


def _validated(kind: type[Model], value: Any, where: str) -> Model:
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(map(str, first["loc"]))[:120]
        raise RecordError(f"{where}: field {field!r}: {first['msg'][:200]}. Send what `anytasktune leaderboard add` writes, unchanged.") from error
