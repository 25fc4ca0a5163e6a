"""A result record and its samples: what one evaluation of one model was, what it scored, and every answer.

A record lies in a folder of its own: `record.json` and `samples.jsonl`. Scores are a pure function of the samples, so `rescore` recomputes a
record without any model.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from anytasktune_bench.errors import RecordError
from anytasktune_bench.files import sha256_json, write_json, write_jsonl
from anytasktune_bench.metrics import Score, aggregate, score_answer
from anytasktune_bench.presets import Category
from anytasktune_bench.spec import Lang, Strict, SubTask

NAMESPACE = uuid.UUID("7c0c1d5e-52c4-4c0e-9d52-0a3f0d9b6f11")
"""Namespace of record UUIDs."""

RECORD_FILE, SAMPLES_FILE = "record.json", "samples.jsonl"


class ModelInfo(Strict):
    """The model that answered."""

    name: str
    """Name shown in tables."""
    category: Category = "open"
    base: str | None = None
    """Name of the base model that a tuned model is compared with."""
    source: str
    """Hub id, or the file name of a local model; never a path."""
    revision: str | None = None
    sha256: str | None = None
    """sha256 over the weight files of a local model."""
    adapter_sha256: str | None = None
    tuned_on: tuple[str, ...] = ()
    """Codes of the sub-tasks that a task-fine-tuned model was trained on."""
    parameters: int | None = None
    dtype: str | None = None
    backend: str = "hf"
    chat_template_sha256: str | None = None
    """None where the plain-text prompt was used."""
    repetition_penalty: float = 1.0
    """Of the model's own generation config; answers are greedy otherwise."""


class Settings(Strict):
    """What changes an answer besides model and rows."""

    num_fewshot: int = 0
    implicit: bool = False
    limit: int | None = None
    batch_size: int = 1
    seed: int = 0
    prompt_version: str
    scorer_version: str


class TaskResult(Strict):
    """Figures of one sub-task in one language."""

    subtask: str
    lang: Lang
    n: int
    eval_fingerprint: str
    metrics: dict[str, float]
    """`score` is the primary metric; the others are secondary."""
    empty: int
    """Answers with no text."""
    invalid: int
    """Answers that could not be read in the required format."""
    truncated: int
    """Prompts that were cut to fit the model's context."""


class Record(Strict):
    """One evaluation."""

    schema_version: Literal["1"] = "1"
    version: str
    """Benchmark version, a label for people; comparability goes by `eval_fingerprint`."""
    model: ModelInfo
    settings: Settings
    results: dict[str, TaskResult]
    """lm-eval task name -> result."""
    versions: dict[str, str]
    """Package -> version."""
    samples_sha256: str
    data: str | None = None
    """Where the rows came from, as `data.load.describe_source` says it."""
    started: str = ""
    timing: dict[str, float] = Field(default_factory=dict)
    hardware: dict[str, str] = Field(default_factory=dict)

    def content_sha256(self) -> str:
        """sha256 over the content without `data`, `started`, `timing` and `hardware`: equal runs have equal content."""
        return sha256_json(self.model_dump(mode="json", exclude={"data", "started", "timing", "hardware"}))

    @property
    def uuid(self) -> str:
        """Name of the record wherever it lies: a version 5 UUID (RFC 9562) over its content.

        Its version digit is set to 4, since the file names of the Every Eval Ever schema allow no other.
        """
        return str(uuid.UUID(bytes=uuid.uuid5(NAMESPACE, self.content_sha256()).bytes, version=4))


class Sample(Strict):
    """One answer."""

    task: str
    """lm-eval task name."""
    id: str
    """Row id."""
    group: str
    prompt_sha256: str
    input: str
    answer: str
    reference: str
    gold: dict[str, Any]
    score: float
    """Row-level score in [0, 1]."""
    values: dict[str, float]
    labels: dict[str, tuple[str, str | None]] = Field(default_factory=dict)

    def as_score(self, spec: SubTask) -> Score:
        """The sample scored anew from its answer and gold."""
        lang: Lang = "zh" if "-zh-" in self.id else "en"
        return score_answer(spec, lang, self.answer, self.gold, self.reference, self.input)


def write_record(folder: Path, record: Record, samples: Sequence[Sample]) -> Path:
    """Write samples, then the record, each atomically; a folder with a record is complete.

    Raises:
        OutputError: the folder cannot be written.
    """
    write_jsonl(folder / SAMPLES_FILE, (sample.model_dump(mode="json") for sample in samples))
    write_json(folder / RECORD_FILE, record.model_dump(mode="json"))
    return folder / RECORD_FILE


def samples_sha256(samples: Sequence[Sample]) -> str:
    """sha256 over the samples' content."""
    return sha256_json([sample.model_dump(mode="json") for sample in samples])


def read_record(folder: Path) -> tuple[Record, list[Sample]]:
    """Read a record and its samples.

    Raises:
        RecordError: a file is missing or has not the right form, or the samples are not those of the record.
    """
    try:
        record = Record.model_validate_json((folder / RECORD_FILE).read_text(encoding="utf-8"))
        lines = (folder / SAMPLES_FILE).read_text(encoding="utf-8").split("\n")
        samples = [Sample.model_validate_json(line) for line in lines if line]
    except OSError as error:
        raise RecordError(f"{folder}: holds no complete record ({error.strerror}). A record is {RECORD_FILE} with {SAMPLES_FILE}.") from error
    except (ValidationError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise RecordError(f"{folder}: the record or its samples do not have the right form: {error}") from error
    if samples_sha256(samples) != record.samples_sha256:
        raise RecordError(f"{folder}: {SAMPLES_FILE} is not the file that {RECORD_FILE} was made from (sha256 differs). Run the evaluation again.")
    return record, samples


def find_records(root: Path) -> list[Path]:
    """Folders below `root` that hold a record, sorted."""
    return sorted(path.parent for path in root.rglob(RECORD_FILE))


def rescore(record: Record, samples: Sequence[Sample], spec_of: Callable[[str], SubTask]) -> dict[str, dict[str, float]]:
    """Recompute every task's metrics from the samples alone.

    Args:
        record: the record.
        samples: its samples.
        spec_of: gives the sub-task of a code.

    Returns:
        Task name -> metrics, equal to the record's where nothing was tampered with and the scorer is the same.
    """
    by_task: dict[str, list[Sample]] = {}
    for sample in samples:
        by_task.setdefault(sample.task, []).append(sample)
    return {name: aggregate(spec, [sample.as_score(spec) for sample in by_task.get(name, [])]) for name, result in record.results.items() for spec in [spec_of(result.subtask)]}


__all__ = [
    "NAMESPACE", "RECORD_FILE", "SAMPLES_FILE", "Category", "ModelInfo", "Record", "Sample", "Settings", "TaskResult",
    "find_records", "read_record", "rescore", "samples_sha256", "write_record",
]  # fmt: skip
