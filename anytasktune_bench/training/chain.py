"""The paper's Task-LM mode: the sub-tasks of a business action run one after the other on one loaded base, each with its own adapter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anytasktune_bench.adapters import check_base
from anytasktune_bench.catalog import Action, Catalog
from anytasktune_bench.errors import RunError
from anytasktune_bench.generation import encode, generate
from anytasktune_bench.models import ModelRef, first_line, load_model, load_tokenizer
from anytasktune_bench.outputs import parse, to_json
from anytasktune_bench.prompt import render
from anytasktune_bench.spec import Lang, SubTask


@dataclass(frozen=True)
class Step:
    """What one sub-task answered."""

    subtask: str
    adapter: str | None
    """Name of the adapter; None where the base answered."""
    answer: str
    valid: bool
    """Whether the answer has the required format."""
    parsed: Any
    """The answer as plain JSON values."""


def find_adapters(folder: Path, specs: list[SubTask], ref: ModelRef) -> dict[str, Path]:
    """The adapter for each sub-task among the folders below `folder`: the one that was trained on the fewest others.

    Args:
        folder: as `anytasktune train --mix ... --out` leaves it, or one adapter.
        specs: the sub-tasks.
        ref: their base.

    Returns:
        Code -> adapter folder; sub-tasks without one are left out.

    Raises:
        RunError: there is no adapter at all, or one is of another base.
    """
    found = [path.parent for path in sorted(folder.rglob("adapter_config.json")) if not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    if not found:
        raise RunError(f"{folder}: holds no adapter. Train some with `anytasktune train ... --mix subtask --out {folder}`.")
    trained = {path: check_base(ref, path).get("subtasks", []) for path in found}
    chosen: dict[str, Path] = {}
    for spec in specs:
        fitting = [path for path in found if spec.code in trained[path]]
        if fitting:
            chosen[spec.code] = min(fitting, key=lambda path: len(trained[path]))
    return chosen


def run_action(ref: ModelRef, action: Action, catalog: Catalog, lang: Lang, text: str, adapters: Path | None, dtype: str = "auto", device: str | None = None) -> Iterator[Step]:
    """Answer one input by every sub-task of an action, in its order.

    Every sub-task reads the same input; what they answer together is the action's result, as in the paper's Figure 1.

    Args:
        ref: the base model.
        action: the business action.
        catalog: gives its sub-tasks.
        lang: language of the prompts.
        text: the input.
        adapters: folder with adapters; None lets the base answer everything.
        dtype: of the model.
        device: torch device.

    Yields:
        One step per sub-task, as soon as it is answered.

    Raises:
        RunError: model or adapters cannot be loaded.
    """
    specs = [catalog.get(code) for step in action.steps for code in step]
    chosen = find_adapters(adapters, specs, ref) if adapters else {}
    tokenizer, model = load_tokenizer(ref), load_model(ref, dtype, device)
    folders = list(dict.fromkeys(chosen.values()))
    if folders:
        model = _with_adapters(model, folders)
    for spec in specs:
        adapter = chosen.get(spec.code)
        prompt = encode(tokenizer, render(tokenizer, spec, lang, text))
        answer = _answer(model, tokenizer, prompt, spec.output.max_new_tokens[lang], str(folders.index(adapter)) if adapter else None, bool(folders))
        parsed = parse(spec, lang, answer)
        yield Step(spec.code, adapter.name if adapter else None, answer, parsed.valid, to_json(spec, lang, parsed))


def _with_adapters(model: Any, folders: list[Path]) -> Any:
    from peft import PeftModel

    try:
        adapted = PeftModel.from_pretrained(model, str(folders[0].resolve()), adapter_name="0")
        for place, folder in enumerate(folders[1:], start=1):
            adapted.load_adapter(str(folder.resolve()), adapter_name=str(place))
    except (OSError, ValueError, RuntimeError) as error:
        raise RunError(f"{folders[0].parent}: its adapters cannot be put on the base ({first_line(error)}). Give their own base.") from error
    return adapted


def _answer(model: Any, tokenizer: Any, prompt: list[int], budget: int, adapter: str | None, adapted: bool) -> str:
    if not adapted:
        return generate(model, tokenizer, [prompt], budget)[0].strip()
    if adapter is None:
        with model.disable_adapter():
            return generate(model, tokenizer, [prompt], budget)[0].strip()
    model.set_adapter(adapter)
    return generate(model, tokenizer, [prompt], budget)[0].strip()
