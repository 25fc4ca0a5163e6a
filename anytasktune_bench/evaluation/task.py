"""What the lm-eval YAMLs in `tasks/` refer to: the rows, the prompt and the scoring of a sub-task.

Everything here is a thin adapter: prompts come from `prompt`, scores from `metrics`, rows from `data.load`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from lm_eval.api.task import ConfigurableTask

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.data.load import WHEEL, load_records
from anytasktune_bench.data.tables import eval_fingerprint
from anytasktune_bench.metrics import Score, primary, score_answer
from anytasktune_bench.prompt import Message, Shot, chat_messages, pick_shots, plain_prompt, plain_target
from anytasktune_bench.rows import SPLITS
from anytasktune_bench.spec import Lang, SubTask


def dataset(subtask: str, lang: Lang, source: str = WHEEL, **_: Any) -> Any:
    """lm-eval's `custom_dataset`: the three splits of one sub-task in one language.

    Args:
        subtask: the sub-task's code, from the YAML's metadata.
        lang: language, from the YAML's metadata.
        source: as for `load_dataset`; set it with lm-eval's `--metadata '{"source": "hub@v0.1.0"}'`.
        _: model arguments, which lm-eval passes as well.
    """
    from datasets import Dataset, DatasetDict

    spec = load_catalog().get(subtask)
    return DatasetDict({split: Dataset.from_list(load_records(spec, lang, split, source)) for split in SPLITS})


def spec_of(row_id: str) -> tuple[SubTask, Lang]:
    """The sub-task and language that a row's id names."""
    code, lang, _ = row_id.split("-")
    return load_catalog().get(code), "zh" if lang == "zh" else "en"


def process_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, Any]:
    """lm-eval's `process_results`: the score of one answer; `score` carries what the corpus aggregation needs."""
    spec, lang = spec_of(doc["id"])
    score = score_answer(spec, lang, str(results[0]), json.loads(doc["gold"]), doc["output"], doc["input"])
    return {"score": {"subtask": spec.code, "score": score.score, "parts": score.parts, "labels": score.labels, "stats": score.stats}, **score.values}


def aggregate_primary(items: Sequence[dict[str, Any]]) -> float:
    """lm-eval's aggregation of `score`: the primary metric over all rows."""
    spec = load_catalog().get(items[0]["subtask"])
    scores = [Score(item["score"], {}, item["parts"], {field: (gold, answered) for field, (gold, answered) in item["labels"].items()}, item["stats"]) for item in items]
    return float(primary(spec, scores)[0])


class BenchTask(ConfigurableTask):  # type: ignore[misc]
    """A sub-task in one language. Only the prompt differs from a plain YAML task: it comes from `prompt`, with or without a chat template."""

    def __init__(self, config: dict[str, Any]) -> None:
        """Build the task from its YAML's content."""
        super().__init__(config={key: value for key, value in config.items() if key != "class"})
        if self.config.metadata.get("source", WHEEL) != WHEEL:  # the YAML's fingerprint is that of the rows in the package
            self.config.metadata["eval_fingerprint"] = eval_fingerprint(*self._subtask(), self.dataset["test"])

    def _subtask(self) -> tuple[SubTask, Lang]:
        metadata: dict[str, Any] = self.config.metadata
        return load_catalog().get(metadata["subtask"]), "zh" if metadata["lang"] == "zh" else "en"

    def shots(self, k: int) -> list[Shot]:
        """The `k` solved examples that stand before every question."""
        return pick_shots(list(self.dataset["train"]), k)

    def fewshot_context(
        self,
        doc: dict[str, Any],
        num_fewshot: int,
        system_instruction: str | None = None,
        apply_chat_template: bool = False,
        fewshot_as_multiturn: bool = False,
        chat_template: Callable[..., str] | None = None,
        gen_prefix: str | None = None,
    ) -> str:
        """The prompt of one row, as `prompt` renders it. Solved examples are chat turns wherever there is a chat template."""
        spec, lang = self._subtask()
        implicit = bool(self.config.metadata.get("implicit"))
        if apply_chat_template and chat_template:
            messages = chat_messages(spec, lang, doc["input"], shots=self.shots(num_fewshot), implicit=implicit)
            system: list[Message] = [{"role": "system", "content": system_instruction}] if system_instruction else []
            return chat_template([*system, *messages])
        return plain_prompt(spec, lang, doc["input"], shots=self.shots(num_fewshot), implicit=implicit)

    def doc_to_text(self, doc: dict[str, Any], doc_to_text: Any = None) -> str:
        """The plain-text prompt without examples, for lm-eval's logs."""
        spec, lang = self._subtask()
        return plain_prompt(spec, lang, doc["input"], implicit=bool(self.config.metadata.get("implicit")))

    def doc_to_target(self, doc: dict[str, Any], doc_to_target: Any = None) -> str:
        """The reference answer, for lm-eval's logs."""
        _, lang = self._subtask()
        return plain_target(lang, doc["output"])
