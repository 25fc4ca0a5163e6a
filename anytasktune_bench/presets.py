"""Known systems: one YAML file for each in `leaderboard/models/`, so that `anytasktune eval qwen2-7b` is all that a user types.

A preset is a public checkpoint of a system, never "the paper's model": the paper does not say which checkpoints it used.
"""

from __future__ import annotations

import difflib
import importlib.resources
from functools import cache
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from anytasktune_bench.errors import RunError
from anytasktune_bench.spec import Bilingual, Strict

Category = Literal["closed", "open", "domain", "task-fine-tuned"]
"""Row group of the leaderboard, as in the paper's Table 1."""

Status = Literal["ok", "gated", "server", "rebuild", "retired"]


class Preset(Strict):
    """One system."""

    name: str
    """What a user types: the file's name."""
    title: str
    """Name in tables."""
    paper: str | None = None
    """Its row in the paper's Table 1; None for a system that is not there."""
    category: Category
    status: Status
    """`ok` runs here · `gated` runs once access was granted · `server` has to be served from an environment of its own · `rebuild` has weights that must
    be put together first · `retired` is not offered any more, so that only reported scores exist."""
    id: str
    """Hub id, or the name at its maker's service."""
    base: str | None = None
    """Hub id of the base where `id` is a LoRA adapter."""
    architecture: str | None = None
    """transformers' `model_type`, for a system that is loaded here."""
    revision: str | None = None
    """Commit that is loaded; None for the newest."""
    chat_template: str | None = None
    """Jinja template of a model whose tokenizer has none; None where the tokenizer's own is used."""
    remote_code: bool = False
    """Whether loading runs code of the repository."""
    parameters: float | None = Field(default=None, gt=0)
    """In billions."""
    licence: str
    link: str
    needs: Bilingual
    """What it takes to run it: memory, access, an environment, a key."""
    serve: str | None = None
    """Command that serves it, for a system of status `server`."""
    verified: Literal["ran", "rendered", "never"]
    """`ran`: this very checkpoint ran here · `rendered`: its prompt was rendered, and a tiny model of its architecture ran · `never`."""

    @model_validator(mode="after")
    def _what_a_status_asks_for(self) -> Self:
        if (self.status == "server") != bool(self.serve):
            raise ValueError("`serve` must be given if, and only if, `status` is `server`")
        if (self.status in ("ok", "gated")) != bool(self.architecture):
            raise ValueError("`architecture` must be given if, and only if, `status` is `ok` or `gated`")
        return self


def presets_path() -> Path:
    """The folder of the presets: in the wheel, or `leaderboard/models/` beside the package in a checkout."""
    package = Path(str(importlib.resources.files("anytasktune_bench")))
    return next((folder for folder in (package / "_models", package.parent / "leaderboard" / "models") if any(folder.glob("*.yaml"))), package / "_models")


@cache
def presets() -> dict[str, Preset]:
    """Every preset, by name.

    Raises:
        RunError: a file does not have the form of a preset.
    """
    found = {}
    for path in sorted(presets_path().glob("*.yaml")):
        try:
            found[path.stem] = Preset.model_validate({"name": path.stem, **yaml.safe_load(path.read_text(encoding="utf-8"))})
        except (OSError, yaml.YAMLError, ValidationError, TypeError) as error:
            raise RunError(f"{path}: does not have the form of a preset: {error}") from error
    return found


def runnable(preset: Preset) -> Preset:
    """The preset, if it can be loaded here.

    Raises:
        RunError: it cannot, with what to do instead.
    """
    if preset.status in ("ok", "gated"):
        return preset
    how = {
        "server": f"Serve it from an environment of its own, `{preset.serve}`, and give the server's address in the place of {preset.name}: `anytasktune eval http://localhost:8000/v1`.",
        "rebuild": "Put its weights together first, and give the folder.",
        "retired": "Its maker does not offer it any more, so that only reported scores exist.",
    }
    raise RunError(f"{preset.name}: {preset.title} cannot be loaded here. {preset.needs.en} {how[preset.status]}")


def suggestion(name: str) -> str:
    """Presets whose name is close to `name`, as a sentence; "" where none is."""
    close = difflib.get_close_matches(name.lower(), presets(), n=2)
    return f" Did you mean {' or '.join(close)}?" if close else ""
