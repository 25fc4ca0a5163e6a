"""The one prompt template. Trainer, evaluator and `predict` all render through this module."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from anytasktune_bench.errors import DataError
from anytasktune_bench.spec import Lang, SubTask

PROMPT_VERSION = "1"
"""Raised when a rendered prompt changes; part of every fingerprint."""

ANSWER_CUE: dict[Lang, str] = {"zh": "答：", "en": "Answer:"}
"""Ends a plain-text prompt, so that a base model knows where to begin."""


class Message(TypedDict):
    """One chat turn."""

    role: str
    content: str


class Shot(TypedDict):
    """A solved example shown before the question."""

    input: str
    output: str


def user_message(spec: SubTask, lang: Lang, text: str, *, variant: int = 0, implicit: bool = False) -> str:
    """Instruction, line break, input; with `implicit` the input alone (the paper's contrast of explicit and implicit data).

    Args:
        spec: the sub-task.
        lang: language of instruction and input.
        text: the row's input.
        variant: which wording of the instruction; 0 is the one that is scored.
        implicit: leave the instruction out.
    """
    return text if implicit else f"{spec.instruction[lang][variant]}\n{text}"


def chat_messages(spec: SubTask, lang: Lang, text: str, *, shots: Sequence[Shot] = (), variant: int = 0, implicit: bool = False) -> list[Message]:
    """The prompt for a model with a chat template: one user turn, after one user and assistant turn per shot."""
    messages: list[Message] = []
    for shot in shots:
        messages.append({"role": "user", "content": user_message(spec, lang, shot["input"], variant=variant, implicit=implicit)})
        messages.append({"role": "assistant", "content": shot["output"]})
    messages.append({"role": "user", "content": user_message(spec, lang, text, variant=variant, implicit=implicit)})
    return messages


def plain_prompt(spec: SubTask, lang: Lang, text: str, *, shots: Sequence[Shot] = (), variant: int = 0, implicit: bool = False) -> str:
    """The prompt for a model without a chat template; it ends with the answer cue."""
    blocks = [f"{user_message(spec, lang, shot['input'], variant=variant, implicit=implicit)}\n\n{ANSWER_CUE[lang]}{plain_target(lang, shot['output'])}\n\n" for shot in shots]
    return "".join(blocks) + f"{user_message(spec, lang, text, variant=variant, implicit=implicit)}\n\n{ANSWER_CUE[lang]}"


def plain_target(lang: Lang, output: str) -> str:
    """What follows the answer cue: a space in English, nothing in Chinese."""
    return f" {output}" if lang == "en" else output


def pick_shots(rows: Sequence[Mapping[str, Any]], k: int, seed: int = 0) -> list[Shot]:
    """`k` of the train records (`id`, `input`, `output`, ...), the same for every question, drawn with `seed`.

    Raises:
        DataError: there are fewer than `k`.
    """
    if k > len(rows):
        raise DataError(f"{k} examples were asked for and train has {len(rows)} rows. Ask for fewer.")
    chosen = random.Random(f"{seed}/shots").sample(sorted(rows, key=lambda row: str(row["id"])), k) if k else []
    return [{"input": row["input"], "output": row["output"]} for row in chosen]


def render(tokenizer: Any, spec: SubTask, lang: Lang, text: str, *, shots: Sequence[Shot] = (), variant: int = 0, implicit: bool = False) -> str:
    """The prompt as the string that the model reads: through the tokenizer's chat template if it has one, else as plain text.

    Thinking is switched off for templates that know the switch; no system prompt is given (a template may add its own).
    """
    if getattr(tokenizer, "chat_template", None):
        messages = chat_messages(spec, lang, text, shots=shots, variant=variant, implicit=implicit)
        return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, enable_thinking=False))
    return plain_prompt(spec, lang, text, shots=shots, variant=variant, implicit=implicit)


def render_general(tokenizer: Any, lang: Lang, text: str) -> str:
    """A prompt that belongs to no sub-task, rendered as `render` does: one user turn, or plain text with the answer cue."""
    if getattr(tokenizer, "chat_template", None):
        message: Message = {"role": "user", "content": text}
        return str(tokenizer.apply_chat_template([message], tokenize=False, add_generation_prompt=True, enable_thinking=False))
    return f"{text}\n\n{ANSWER_CUE[lang]}"


def render_target(tokenizer: Any, lang: Lang, output: str) -> str:
    """The answer as the string that follows `render`, without the end-of-text token."""
    return output if getattr(tokenizer, "chat_template", None) else plain_target(lang, output)
