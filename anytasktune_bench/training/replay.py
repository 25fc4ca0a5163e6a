"""Replay of general data against forgetting, and a measure of how far a tuned model has drifted from its base.

The paper mixes general data into training. By default the general data are prompts of this package (`general/`), answered by the base model
itself, so that nothing but keeping the base's behaviour is taught (self-replay as in Huang et al., arXiv:2403.01244); any instruction set
of one's own can take their place.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anytasktune_bench.errors import DataError
from anytasktune_bench.files import sha256_json, write_jsonl
from anytasktune_bench.generation import encode, generate
from anytasktune_bench.models import ModelRef, cache_dir
from anytasktune_bench.prompt import render_general, render_target
from anytasktune_bench.spec import Lang
from anytasktune_bench.text import rouge_l
from anytasktune_bench.training.examples import Example, collate, end_of_turn
from anytasktune_bench.training.trainer import answer_outputs

PROMPTS = Path(__file__).parent / "general"
MAX_ANSWER_TOKENS = 96
SELF = "self"
"""Name of the default source: the package's prompts, answered by the base."""
_PROMPT_KEYS, _ANSWER_KEYS = ("prompt", "instruction", "question", "input"), ("response", "output", "answer", "completion")


def general_prompts(part: str, lang: Lang) -> list[str]:
    """The package's general prompts of one language: `train` for replay, `heldout` for measuring drift."""
    return (PROMPTS / f"{part}.{lang}.txt").read_text(encoding="utf-8").splitlines()


def self_answers(ref: ModelRef, model: Any, tokenizer: Any, part: str, lang: Lang, progress: Callable[[str], None] = lambda _: None) -> list[dict[str, Any]]:
    """The base's own greedy answers to the general prompts, `{"prompt", "answer", "finished"}`; kept in the cache, since they take minutes on a CPU."""
    prompts = general_prompts(part, lang)
    key = sha256_json([ref.source, ref.revision, ref.sha256, str(model.dtype), MAX_ANSWER_TOKENS, prompts])[:24]
    path = cache_dir() / "general" / f"{key}.jsonl"
    if path.is_file():
        found: list[dict[str, Any]] = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return found
    progress(f"answering {len(prompts)} general prompts in {lang} with the base (once; kept in {cache_dir()})")
    answers = generate(model, tokenizer, [encode(tokenizer, render_general(tokenizer, lang, prompt)) for prompt in prompts], MAX_ANSWER_TOKENS)
    pairs = [_pair(tokenizer, prompt, answer.strip()) for prompt, answer in zip(prompts, answers, strict=True)]
    write_jsonl(path, pairs)
    return pairs


def _pair(tokenizer: Any, prompt: str, answer: str) -> dict[str, Any]:
    """A pair, and whether the answer ended by itself: one that was cut must not teach a model to stop there."""
    return {"prompt": prompt, "answer": answer, "finished": len(encode(tokenizer, answer)) < MAX_ANSWER_TOKENS - 1}


def read_pairs(source: str) -> list[dict[str, Any]]:
    """Prompt and answer pairs from a JSONL file or a Hub dataset with columns such as prompt or instruction, and response or output.

    Raises:
        DataError: it cannot be read, or has no such columns.
    """
    path = Path(source)
    if path.is_file():
        try:
            rows: Sequence[Mapping[str, Any]] = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: is no JSONL file ({error}).") from error
    else:
        from datasets import load_dataset

        try:
            rows = list(load_dataset(source, split="train"))
        except Exception as error:  # every loader has errors of its own
            raise DataError(f"{source}: is neither a file nor a dataset that can be loaded ({error}).") from error
    first = rows[0] if rows else {}
    prompt, answer = (next((key for key in keys if key in first), None) for keys in (_PROMPT_KEYS, _ANSWER_KEYS))
    if prompt is None or answer is None:
        raise DataError(f"{source}: needs a column of {', '.join(_PROMPT_KEYS)} and one of {', '.join(_ANSWER_KEYS)}; it has {', '.join(first) or 'no rows'}.")
    return [{"prompt": str(row[prompt]), "answer": str(row[answer]), "finished": True} for row in rows if str(row[answer]).strip()]


def encode_pairs(tokenizer: Any, pairs: Sequence[Mapping[str, Any]], lang: Lang, ending: Sequence[int], name: str) -> list[Example]:
    """Tokenise general pairs; they form sub-tasks of their own, so that batches hold them together."""
    examples = []
    for place, pair in enumerate(pairs):
        prompt = encode(tokenizer, render_general(tokenizer, lang, pair["prompt"]))
        answer = [*encode(tokenizer, render_target(tokenizer, lang, pair["answer"])), *(ending if pair["finished"] else ())]
        examples.append(Example(f"{name}-{lang}-{place}", f"{name}_{lang}", (*prompt, *answer), len(answer)))
    return examples


def language_of(text: str) -> Lang:
    """Chinese where over a quarter of the characters are Han."""
    return "zh" if sum("\u4e00" <= c <= "\u9fff" for c in text) * 4 > len(text) else "en"


def replay_examples(pairs: Sequence[Mapping[str, Any]], tokenizer: Any, spec: Any, wanted: int, seed: int) -> list[Example]:
    """`wanted` general pairs as examples, drawn with `seed`; each at most once."""
    chosen = random.Random(f"{seed}/replay").sample(list(pairs), min(wanted, len(pairs)))
    examples: list[Example] = []
    for lang in ("zh", "en"):
        ending = end_of_turn(tokenizer, spec, lang)
        examples += encode_pairs(tokenizer, [pair for pair in chosen if language_of(pair["prompt"] + pair["answer"]) == lang], lang, ending, "replay")
    return examples


@dataclass(frozen=True)
class Drift:
    """How far a tuned model has moved from its base on held-out general prompts."""

    prompts: int
    loss_base: float
    """Mean loss per token of the base on its own greedy answers, in nats."""
    loss_tuned: float
    """The same of the tuned model on the base's answers: the rise is an estimate of the divergence from the base."""
    same_answers: float
    """Share of prompts that both answer word for word alike."""
    rouge_l: float
    """Mean ROUGE-L F1 between the two answers."""


def measure_drift(ref: ModelRef, adapted: Any, tokenizer: Any, spec: Any, langs: Sequence[Lang], progress: Callable[[str], None] = lambda _: None) -> Drift:
    """Compare an adapted model with its base (the same model, adapter switched off) on the held-out general prompts.

    Args:
        ref: the base, for the cache of its answers.
        adapted: a PEFT model around the base.
        tokenizer: its tokenizer.
        spec: any sub-task; its example shows how the chat template ends an answer.
        langs: languages of the prompts.
        progress: told what begins.
    """
    import torch

    losses: dict[bool, list[float]] = {False: [], True: []}
    weights: list[int] = []
    same: list[float] = []
    likeness: list[float] = []
    adapted.eval()
    for lang in langs:
        with adapted.disable_adapter():
            pairs = self_answers(ref, adapted, tokenizer, "heldout", lang, progress)
        progress(f"answering {len(pairs)} held-out general prompts in {lang} with the tuned model")
        tuned = generate(adapted, tokenizer, [encode(tokenizer, render_general(tokenizer, lang, pair["prompt"])) for pair in pairs], MAX_ANSWER_TOKENS)
        for pair, answer in zip(pairs, tuned, strict=True):
            same.append(float(pair["answer"] == answer.strip()))
            likeness.append(rouge_l(answer, pair["answer"], lang))
        for example in encode_pairs(tokenizer, [pair for pair in pairs if pair["answer"]], lang, end_of_turn(tokenizer, spec, lang), "heldout"):
            batch = {name: value.to(adapted.device) for name, value in collate([example]).items()}
            weights.append(example.answer)
            with torch.inference_mode():
                losses[True].append(float(answer_outputs(adapted, batch, False).loss))
                with adapted.disable_adapter():
                    losses[False].append(float(answer_outputs(adapted, batch, False).loss))
    total = sum(weights)
    base, moved = (sum(w * x for w, x in zip(weights, losses[which], strict=True)) / total for which in (False, True))
    return Drift(len(same), round(base, 4), round(moved, 4), round(sum(same) / len(same), 4), round(sum(likeness) / len(likeness), 4))
