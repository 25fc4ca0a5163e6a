"""The part of the Every Eval Ever schema 0.3.0 that records use: every object closed, every number bounded."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from anytasktune_bench.spec import Lang, Strict

Relationship = Literal["first_party", "third_party", "collaborative", "other"]
"""Of who ran the evaluation to who made the model."""


class SourceMetadata(Strict):
    """Where the evaluation comes from."""

    source_name: Literal["AnyTaskTune-Bench"]
    source_type: Literal["evaluation_run"]
    source_organization_name: Literal["AnyTaskTune-Bench"]
    evaluator_relationship: Relationship


class LibraryDetails(Strict):
    """What the record says of the run; settings, versions, timing and hardware are JSON."""

    record_schema: Literal["1"]
    benchmark_version: str
    settings: str
    versions: str
    samples_sha256: str
    data: str | None = None
    timing: str
    hardware: str


class Library(Strict):
    """What ran the evaluation."""

    name: Literal["lm_eval"]
    version: str
    additional_details: LibraryDetails


class ModelBlock(Strict):
    """The model; `additional_details` holds the fields of `ModelInfo`."""

    name: str
    id: str
    developer: str
    additional_details: dict[str, str]


class TestDetails(Strict):
    """Which edition of which test."""

    subtask: str
    lang: Lang
    split: Literal["test"]
    eval_fingerprint: str


class Test(Strict):
    """The rows."""

    dataset_name: str
    source_type: Literal["other"]
    additional_details: TestDetails


class Metric(Strict):
    """The primary metric."""

    evaluation_description: str
    metric_id: str
    metric_name: str
    metric_unit: Literal["proportion"]
    lower_is_better: Literal[False]
    score_type: Literal["continuous"]
    min_score: Literal[0]
    max_score: Literal[1]


class ScoreDetails(Strict):
    """Counts, and the secondary metrics as JSON."""

    empty: str
    invalid: str
    truncated: str
    secondary: str


class Uncertainty(Strict):
    """How many samples the score is over."""

    num_samples: int = Field(ge=1)


class ScoreBlock(Strict):
    """The primary score."""

    score: float = Field(ge=0, le=1)
    details: ScoreDetails
    uncertainty: Uncertainty


class Arguments(Strict):
    """How answers were generated."""

    temperature: Literal[0]
    max_tokens: int = Field(ge=1)


class Generation(Strict):
    """How answers were generated."""

    generation_args: Arguments


class ResultBlock(Strict):
    """One sub-task in one language."""

    evaluation_result_id: str
    evaluation_name: str
    source_data: Test
    metric_config: Metric
    score_details: ScoreBlock
    generation_config: Generation


class SamplesFile(Strict):
    """The file of samples."""

    format: Literal["jsonl"]
    file_path: str
    hash_algorithm: Literal["sha256"]
    checksum: str
    total_rows: int = Field(ge=1)


class Evaluation(Strict):
    """The whole file."""

    schema_version: Literal["0.3.0"]
    evaluation_id: str
    evaluation_timestamp: str | None = None
    retrieved_timestamp: str
    source_metadata: SourceMetadata
    eval_library: Library
    model_info: ModelBlock
    evaluation_results: tuple[ResultBlock, ...] = Field(min_length=1)
    detailed_evaluation_results: SamplesFile


class Input(Strict):
    """What was asked."""

    raw: str
    reference: tuple[str]


class Output(Strict):
    """What was answered."""

    raw: tuple[str]


class Judged(Strict):
    """What the answer earned."""

    score: float = Field(ge=0, le=1)
    is_correct: bool


class SampleDetails(Strict):
    """What else a sample has; values and labels are JSON."""

    group: str
    prompt_sha256: str
    values: str
    labels: str


class Instance(Strict):
    """One line of samples."""

    schema_version: Literal["0.3.0"]
    evaluation_id: str
    model_id: str
    evaluation_name: str
    evaluation_result_id: str
    sample_id: str
    sample_hash: str
    interaction_type: Literal["single_turn"]
    input: Input
    output: Output
    answer_attribution: tuple[()]
    evaluation: Judged
    metadata: SampleDetails
