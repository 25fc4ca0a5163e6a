"""How to train: options, and recipes that set them."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError

from anytasktune_bench.data.load import WHEEL
from anytasktune_bench.errors import RunError
from anytasktune_bench.spec import LANGS, Bilingual, Lang, Strict

RECIPES = Path(__file__).parent / "recipes"
Mix = Literal["all", "subtask", "action", "domain"]
MIXES: tuple[Mix, ...] = ("all", "subtask", "action", "domain")

NOT_CONTENT = ("name", "source", "report_to", "device")
"""Options that say where and under what name a run happens, not what comes out of it."""


@dataclass(frozen=True)
class TrainOptions:
    """How to train one adapter. The defaults suit small models; for 7B models use a learning rate of 1e-4 to 2e-4."""

    langs: tuple[Lang, ...] = LANGS
    epochs: float = 3.0
    learning_rate: float = 1e-3
    batch_size: int = 4
    accumulation: int = 1
    lora_r: int = 16
    lora_alpha: int = 32
    rslora: bool = False
    """Scale the adapter by alpha / sqrt(r) instead of alpha / r (Kalajdzievski, arXiv:2312.03732)."""
    dora: bool = False
    """Train direction and magnitude apart (Liu et al., arXiv:2402.09353); slower."""
    neftune: float | None = None
    """Amplitude of the noise on the input embeddings (Jain et al., arXiv:2310.05914); none if None."""
    qlora: bool = False
    """Load the base in 4 bits (NF4; Dettmers et al., arXiv:2305.14314); needs CUDA and bitsandbytes."""
    checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, slower."""
    warmup: float = 0.05
    """Share of the steps over which the learning rate rises."""
    temperature: float = 1.0
    """Sub-tasks of n rows are drawn in proportion to n^(1/temperature): 1 keeps their shares, more evens them out."""
    patience: int | None = None
    """Stop after this many epochs without a lower validation loss; never if None."""
    max_length: int = 4096
    """Rows longer than this many tokens are an error, never cut."""
    seed: int = 0
    dtype: str = "auto"
    device: str | None = None
    variants: bool = False
    """Train on all wordings of the instruction, not on number 0 alone."""
    implicit: bool = False
    """Train without the instruction."""
    replay: float = 0.0
    """General rows per train row, against forgetting."""
    replay_data: str = "self"
    """Where general rows come from: `self` (the package's prompts, answered by the base), a JSONL file, or a Hub dataset."""
    limit: int | None = None
    """First rows of each train split only."""
    source: str = WHEEL
    name: str | None = None
    report_to: str = "none"
    """Logger of transformers' Trainer, such as tensorboard or wandb."""

    def content(self) -> dict[str, Any]:
        """The options that change the adapter, as plain JSON values."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in NOT_CONTENT}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


class Recipe(Strict):
    """A YAML file that sets options for a model and a machine; flags of the command line go before it."""

    name: str
    model: str
    """Hub id of the base."""
    summary: Bilingual
    hardware: str
    """What it was written for."""
    launch: str
    """Command that starts it."""
    verified: Literal["ran", "rendered", "never"]
    """Whether the recipe has run here, was only checked as far as its options, or neither."""
    options: dict[str, int | float | bool | str] = Field(default_factory=dict)


def recipes() -> dict[str, Recipe]:
    """Every recipe of the package, by name."""
    return {path.stem: _read(path) for path in sorted(RECIPES.glob("*.yaml"))}


def load_recipe(name: str) -> Recipe:
    """A recipe by name, or from a YAML file.

    Raises:
        RunError: there is none, or the file does not have the form of a recipe.
    """
    if name.endswith((".yaml", ".yml")):
        return _read(Path(name))
    found = recipes()
    if name not in found:
        close = difflib.get_close_matches(name, found, n=2)
        hint = f"Did you mean {' or '.join(close)}?" if close else f"There are {', '.join(found)}."
        raise RunError(f"there is no recipe {name!r}. {hint} A path to a YAML file works too.")
    return found[name]


def _read(path: Path) -> Recipe:
    try:
        recipe = Recipe.model_validate({"name": path.stem, **yaml.safe_load(path.read_text(encoding="utf-8"))})
    except OSError as error:
        raise RunError(f"{path}: cannot be read ({error.strerror}).") from error
    except (yaml.YAMLError, ValidationError, TypeError) as error:
        raise RunError(f"{path}: does not have the form of a recipe: {error}") from error
    known = {f.name for f in fields(TrainOptions)}
    if unknown := sorted(set(recipe.options) - known):
        raise RunError(f"{path}: unknown option {unknown[0]!r}. Options are those of `anytasktune train`, with underscores.")
    return recipe
