"""The specification of one sub-task (`task.yaml`) as frozen, closed Pydantic models.

Everything else that mentions a sub-task (prompt, parser, metric, dataset config, lm-eval task, adapter, leaderboard
column) is derived from these models, so nothing here depends on any of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from anytasktune_bench.errors import SpecError

Lang = Literal["zh", "en"]
LANGS: tuple[Lang, ...] = ("zh", "en")

Domain = Literal["medicine", "finance", "law", "psychology", "roleplay", "services", "hr"]
DOMAINS: tuple[Domain, ...] = ("medicine", "finance", "law", "psychology", "roleplay", "services", "hr")

OutputKind = Literal["fields", "label", "list", "pairs", "number", "json", "headed", "tagged", "numbered"]
MetricName = Literal[
    "slot_f1", "set_f1", "pair_f1", "macro_f1", "log_tol", "aspect_score", "key_points", "issue_f1", "field_accuracy", "balanced_accuracy", "json_slot_f1", "mean"
]  # fmt: skip
SecondaryKind = Literal["recall", "mcc", "quadratic_kappa", "macro_f1", "confusion", "group_accuracy"]


class Strict(BaseModel):
    """Base of all specification models: unknown keys are errors and values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Bilingual(Strict):
    """One text in both languages."""

    zh: str
    en: str

    def __getitem__(self, lang: Lang) -> str:
        return self.zh if lang == "zh" else self.en


class Paraphrases(Strict):
    """Several wordings of one instruction per language. Number 0 is the one that the benchmark scores."""

    zh: Annotated[tuple[str, ...], Field(min_length=1)]
    en: Annotated[tuple[str, ...], Field(min_length=1)]

    def __getitem__(self, lang: Lang) -> tuple[str, ...]:
        return self.zh if lang == "zh" else self.en


class Length(Strict):
    """A limit counted in characters without white space (zh) and in words (en): a maximum, or a [minimum, maximum]."""

    zh_chars: int | tuple[int, int]
    en_words: int | tuple[int, int]

    def bounds(self, lang: Lang) -> tuple[int, int]:
        """The (minimum, maximum) in the unit of `lang`; the minimum is 0 where only a maximum is given."""
        value = self.zh_chars if lang == "zh" else self.en_words
        return value if isinstance(value, tuple) else (0, value)


class Label(Strict):
    """One value of a closed set."""

    id: str
    zh: str
    en: str
    aliases_zh: tuple[str, ...] = ()
    aliases_en: tuple[str, ...] = ()

    def name(self, lang: Lang) -> str:
        """The label as it stands in the instruction and in `output`."""
        return self.zh if lang == "zh" else self.en

    def names(self, lang: Lang) -> tuple[str, ...]:
        """The label and all accepted wordings, the label first."""
        return (self.name(lang), *(self.aliases_zh if lang == "zh" else self.aliases_en))


class OutputField(Strict):
    """One key of an answer of kind `fields`, `headed`, `numbered` or `json` (nested keys as `education[].school`)."""

    id: str
    zh: str
    en: str
    kind: Literal["text", "list", "number", "date", "label"]
    compare: Literal["soft", "exact", "label"]
    required: bool = False
    labels: tuple[Label, ...] = ()
    around_zh: tuple[str, ...] = ()
    around_en: tuple[str, ...] = ()
    """Words that may stand before or behind a number and say only what it is a number of (of total capital, 占总股本的)."""

    def around(self, lang: Lang) -> tuple[str, ...]:
        """The words that may stand around a number."""
        return self.around_zh if lang == "zh" else self.around_en

    def name(self, lang: Lang) -> str:
        """The key as it stands in the instruction and in `output`."""
        return self.zh if lang == "zh" else self.en

    @model_validator(mode="after")
    def _labels_belong_to_labels(self) -> Self:
        if (self.compare == "label") != bool(self.labels):
            raise ValueError(f"field {self.id}: `labels` must be given if, and only if, `compare` is `label`")
        return self


class Output(Strict):
    """What an answer looks like."""

    kind: OutputKind
    fields: tuple[OutputField, ...] = ()
    labels: tuple[Label, ...] = ()
    separator: Bilingual | None = None
    """Between items when an answer is written; a reader accepts all of `separators_accepted`."""
    separators_accepted: tuple[str, ...] = ("、", "，", "；", ",", ";")
    unit: Bilingual | None = None
    min_items: int | None = None
    max_items: int | None = None
    empty_literal: Bilingual | None = None
    """The whole answer, or the value of a list field, where there is nothing to list."""
    caps: dict[str, Length] = Field(default_factory=dict)
    """Length limits by the name of a part: `value`, `item`, `line`, `expression`, `term`, `question`, or a field's id."""
    max_new_tokens: dict[Lang, int]
    """Generation budget per language, wide enough for the longest gold with tokenizers that spell Chinese in bytes."""

    @model_validator(mode="after")
    def _kind_has_its_parts(self) -> Self:
        if self.kind in ("fields", "headed", "json") and not self.fields:
            raise ValueError(f"output kind {self.kind} needs `fields`")
        if self.kind in ("label", "tagged") and not self.labels:
            raise ValueError(f"output kind {self.kind} needs `labels`")
        for names in ([f.id for f in self.fields], [label.id for label in self.labels]):
            if len(set(names)) != len(names):
                raise ValueError(f"ids stand twice: {sorted(n for n in set(names) if names.count(n) > 1)}")
        if set(self.max_new_tokens) != set(LANGS):
            raise ValueError("max_new_tokens needs a value for zh and for en")
        return self

    def cap(self, part: str, lang: Lang) -> int | None:
        """The maximum length of `part` in characters (zh) or words (en), or None."""
        length = self.caps.get(part)
        return length.bounds(lang)[1] if length else None

    def field_cap(self, field_id: str, lang: Lang) -> int | None:
        """The maximum length of a field's value: its own cap, else that of every `value`."""
        return self.cap(field_id if field_id in self.caps else "value", lang)


class Input(Strict):
    """What an input looks like."""

    what: str
    zh_chars: tuple[int, int]
    en_words: tuple[int, int]
    fixed_blocks: dict[Lang, tuple[str, ...]] = Field(default_factory=dict)
    """Regular expressions (multi-line mode) of parts that rows share by design, such as header lines; the similarity checks leave them out."""

    def bounds(self, lang: Lang) -> tuple[int, int]:
        """(minimum, maximum) length in characters without white space (zh) or words (en)."""
        return self.zh_chars if lang == "zh" else self.en_words

    def free_text(self, text: str, lang: Lang) -> str:
        """`text` without the fixed blocks."""
        for pattern in self.fixed_blocks.get(lang, ()):
            text = re.sub(pattern, "", text, flags=re.MULTILINE)
        return text


class Example(Strict):
    """One worked example."""

    input: str
    output: str
    gold: dict[str, JsonValue]


class Examples(Strict):
    """One worked example per language. Examples are shown in docs; they are in no split."""

    zh: Example
    en: Example

    def __getitem__(self, lang: Lang) -> Example:
        return self.zh if lang == "zh" else self.en


class Metric(Strict):
    """The primary metric: a name with parameters, over one field or the whole answer, or a (weighted) mean of such."""

    name: MetricName
    field: str | None = None
    fields: tuple[str, ...] = ()
    params: dict[str, JsonValue] = Field(default_factory=dict)
    of: tuple[Metric, ...] = ()
    weights: tuple[float, ...] = ()

    @model_validator(mode="after")
    def _mean_has_parts(self) -> Self:
        if (self.name == "mean") != bool(self.of):
            raise ValueError("metric `mean` needs `of`, and only `mean` has it")
        if self.weights and len(self.weights) != len(self.of):
            raise ValueError("`weights` needs one value per entry of `of`")
        return self


class Secondary(Strict):
    """A corpus figure over (gold label, answered label), reported beside the primary score."""

    name: str
    kind: SecondaryKind
    field: str | None = None
    """The label field; None where the whole answer is the label."""
    labels: tuple[str, ...] = ()
    """`recall`: the labels that count as one; `quadratic_kappa`: all labels in order; `confusion`: the two labels."""
    groups: tuple[tuple[str, ...], ...] = ()
    """`group_accuracy`: sets of labels that are easily taken for each other."""


class SubTask(Strict):
    """One sub-task of the benchmark: the content of one `task.yaml`."""

    code: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]*$")]
    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    domain: Domain
    title: Bilingual
    summary: Bilingual
    """One sentence for cards and pages."""
    instruction: Paraphrases
    input: Input
    output: Output
    example: Examples
    metric: Metric
    secondary: tuple[Secondary, ...] = ()
    paper_column: bool = False
    """Whether `code` is a column of the paper's Table 1; its meaning here is this project's own."""
    folder: Path = Field(exclude=True)

    @property
    def full_id(self) -> str:
        """`domain/id`, the folder's name under `subtasks/`."""
        return f"{self.domain}/{self.id}"

    def config_name(self, lang: Lang) -> str:
        """The dataset config: `<id>_<lang>`."""
        return f"{self.id}_{lang}"

    def task_name(self, lang: Lang) -> str:
        """The lm-eval task: `anytasktune_<code>_<lang>`."""
        return f"anytasktune_{self.code.lower()}_{lang}"

    def field(self, field_id: str) -> OutputField:
        """The output field with this id.

        Raises:
            SpecError: there is none.
        """
        for field in self.output.fields:
            if field.id == field_id:
                return field
        raise SpecError(f"{self.code}: no output field {field_id!r}; there are {', '.join(f.id for f in self.output.fields)}.")

    def label_set(self, field_id: str | None = None) -> tuple[Label, ...]:
        """The labels of the whole answer, or of one field."""
        return self.output.labels if field_id is None else self.field(field_id).labels

    @property
    def leaves(self) -> tuple[Metric, ...]:
        """The metrics that the primary score is made of, without `mean`."""
        return tuple(_leaves(self.metric))

    @property
    def open_parts(self) -> tuple[str, ...]:
        """Parts of the answer in free wording, graded by key points: field ids, or "answer" for the whole answer."""
        return tuple(leaf.field or "answer" for leaf in self.leaves if leaf.name == "key_points")


def _leaves(metric: Metric) -> Iterator[Metric]:
    if metric.of:
        for part in metric.of:
            yield from _leaves(part)
    else:
        yield metric


def load_spec(path: Path) -> SubTask:
    """Read one `task.yaml`.

    Raises:
        SpecError: naming the file, the key and what is wrong with it.
    """
    try:
        data: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError(f"{path}: cannot be read ({error.strerror}).") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SpecError(f"{path}: is no valid UTF-8 YAML: {error}") from error
    if not isinstance(data, dict):
        raise SpecError(f"{path}: holds no mapping. Start from `anytasktune new DOMAIN/ID`.")
    try:
        spec = SubTask.model_validate({**data, "folder": path.parent})
    except ValidationError as error:
        problems = "\n".join(f"  {'.'.join(map(str, e['loc'])) or '(top level)'}: {e['msg']}" for e in error.errors())
        raise SpecError(f"{path}: does not have the form of a sub-task. Mend these keys:\n{problems}") from error
    if path.parent.name != spec.id:
        raise SpecError(f"{path}: id is {spec.id!r} but the folder is called {path.parent.name!r}. Give both the same name.")
    return spec
