"""lm-eval's Hugging Face model with this project's generation for the rows of a sub-task."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

from lm_eval.models.huggingface import HFLM
from tqdm import tqdm

from anytasktune_bench.adapters import put_on
from anytasktune_bench.evaluation.answers import Answers
from anytasktune_bench.generation import generate
from anytasktune_bench.models import ModelRef
from anytasktune_bench.packed import pack_linears


class BenchLM(HFLM):  # type: ignore[misc]
    """`HFLM` that answers greedy requests of one sub-task together, so that their common prefix is computed once.

    Anything else (sampling, stop strings, encoder-decoder models, models without a dynamic cache, a generation config that steers what is written by more
    than a repetition penalty) goes to `HFLM` itself.
    """

    def __init__(self, *args: Any, answers: Answers | None = None, **kwargs: Any) -> None:
        """Load as `HFLM` does; under `accelerate launch` each process then takes its share of the rows, on CPUs as on GPUs."""
        super().__init__(*args, **kwargs)
        pack_linears(self.model)
        self.answers = answers
        if accelerator := getattr(self, "accelerator", None):
            self._rank, self._world_size = accelerator.process_index, accelerator.num_processes

    def use(self, adapter: Path, ref: ModelRef, sha256: str) -> None:
        """Answer with an adapter of the base from now on, in the place of an earlier one.

        Raises:
            RunError: the adapter does not fit.
        """
        self._model = put_on(self.model, adapter, ref, sha256)

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        """Answers in the order of `requests`."""
        if not self._is_plain(requests):
            return list(super().generate_until(requests, disable_tqdm=disable_tqdm))
        groups: dict[tuple[str, int], list[int]] = defaultdict(list)
        for index, request in enumerate(requests):
            groups[request.task_name, request.args[1]["max_gen_toks"]].append(index)
        answers = [""] * len(requests)
        with tqdm(total=len(requests), disable=disable_tqdm or self.rank != 0, desc="answers", unit="row") as bar:
            for (_, budget), members in groups.items():
                room = self.max_length - budget
                prompts = [self.tok_encode(requests[index].args[0])[-room:] for index in members]
                keys = [Answers.key(requests[index].task_name, requests[index].args[0], budget) for index in members]
                known = {place: text for place, key in enumerate(keys) if self.answers is not None and (text := self.answers.get(key)) is not None}

                def done(place: int, text: str, keys: list[str] = keys) -> None:
                    if self.answers is not None:
                        self.answers.add(keys[place], text)
                    bar.update()

                texts = generate(self.model, self.tokenizer, prompts, budget, int(self.batch_size), done, known)
                for index, text in zip(members, texts, strict=True):
                    answers[index] = text
        return answers

    def _is_plain(self, requests: list[Any]) -> bool:
        stateful = getattr(self.model, "_is_stateful", False)
        greedy = all(not request.args[1].get("do_sample") and not request.args[1].get("until") for request in requests)
        config = self.model.generation_config
        steered = any(
            getattr(config, name, None) for name in ("no_repeat_ngram_size", "min_new_tokens", "bad_words_ids", "suppress_tokens", "sequence_bias", "forced_eos_token_id")
        )
        return self.backend == "causal" and not stateful and not steered and greedy and isinstance(self.batch_size, int)
