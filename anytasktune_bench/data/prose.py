"""What cards say beyond the specifications: prose by hand per domain, measured figures, sample readings, the changelog."""

from __future__ import annotations

import functools
import importlib.resources
from datetime import date
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, Field, RootModel, ValidationError

from anytasktune_bench.errors import DataError
from anytasktune_bench.spec import Bilingual, Domain, Strict
from anytasktune_bench.version import __version__

M = TypeVar("M", bound=BaseModel)


class Prose(Strict):
    """The hand-written part of one domain's card (`prose/<domain>.yaml`), in Markdown."""

    title: Bilingual
    tags: tuple[str, ...]
    """Search terms of the domain."""
    summary: Bilingual
    """What the data is and whom it serves."""
    actions: str
    """Which work the sub-tasks are steps of."""
    writing: str
    """What is particular in how the rows were written and their golds fixed."""
    sensitive: str
    """Personal and sensitive content."""
    use: str
    """What it is good for."""
    misuse: Bilingual
    """Typical wrong uses in the domain, and that it is no advice."""
    bias: tuple[str, ...]
    """Whose world the rows show, and what they leave out; one point each."""


class Sample(Strict):
    """One sample of rows that was read whole."""

    n: Annotated[int, Field(ge=1)]
    errors: Annotated[int, Field(ge=0)]


class Readings(RootModel[dict[str, tuple[Sample, ...]]]):
    """`sample_readings.yaml`: domains, joined by `_`, to their samples in the order they were read."""

    def of(self, domain: str) -> tuple[str, tuple[Sample, ...]]:
        """The domains that were sampled together with `domain`, in words, and their samples."""
        key = next((key for key in self.root if domain in key.split("_")), "")
        return " and ".join(key.replace("_", ", ").rsplit(", ", 1)), self.root.get(key, ())


class Change(Strict):
    """One line of a release."""

    text: str
    domains: tuple[Domain, ...] = ()
    """Whose repositories it concerns; all if empty."""


class Release(Strict):
    """One version of the datasets."""

    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    released: date | None
    """Day of publication; None before it."""
    changes: Annotated[tuple[Change, ...], Field(min_length=1)]


class Releases(RootModel[tuple[Release, ...]]):
    """`changelog.yaml`: releases, newest first."""


def sources_path() -> Path:
    """The folder of the figures, the sample readings and the changelog: in the wheel, or `dataset_cards/` beside the package in a checkout.

    Raises:
        DataError: neither is there.
    """
    package = Path(str(importlib.resources.files("anytasktune_bench")))
    for folder in (package / "_cards", package.parent / "dataset_cards"):
        if (folder / "changelog.yaml").is_file():
            return folder
    raise DataError("the sources of the dataset cards are not installed. Install the package from its wheel or from a checkout.")


@functools.cache
def prose(domain: Domain) -> Prose:
    """The hand-written part of a domain's card.

    Raises:
        DataError: it is missing or does not have the form above.
    """
    return _read(Path(__file__).parent / "prose" / f"{domain}.yaml", Prose)


@functools.cache
def readings() -> Readings:
    """Samples of rows that were read whole.

    Raises:
        DataError: the file is missing or broken.
    """
    return _read(sources_path() / "sample_readings.yaml", Readings)


@functools.cache
def releases() -> tuple[Release, ...]:
    """The versions of the datasets, newest first.

    Raises:
        DataError: the file is missing or broken, or does not begin with the installed version.
    """
    path = sources_path() / "changelog.yaml"
    found = _read(path, Releases).root
    if not found or found[0].version != __version__:
        raise DataError(f"{path}: does not begin with version {__version__}. Add what this version changes.")
    return found


class ReferenceScore(Strict):
    """What one model scored on one test; see `leaderboard.references`."""

    model: str
    num_fewshot: int
    tuned: bool
    n: int
    score: float
    low: float
    high: float
    format_valid: float
    eval_fingerprint: str


class ReferenceScores(RootModel[dict[str, tuple[ReferenceScore, ...]]]):
    """`reference_scores.json`: lm-eval task name -> scores."""


@functools.cache
def reference_scores() -> dict[str, tuple[ReferenceScore, ...]]:
    """Scores of known models, of this edition of the test rows and of others.

    Raises:
        DataError: the file is missing or broken.
    """
    return _read(sources_path() / "reference_scores.json", ReferenceScores).root


class Summary(RootModel[dict[str, dict[str, Any]]]):
    """`summary.json`: sub-task code -> what `quality.summarise` measured."""


@functools.cache
def summary() -> dict[str, dict[str, Any]]:
    """The measured figures.

    Raises:
        DataError: the file is missing or broken.
    """
    return _read(sources_path() / "summary.json", Summary).root


def _read(path: Path, model: type[M]) -> M:
    try:
        text = path.read_text(encoding="utf-8")
        return model.model_validate_json(text) if path.suffix == ".json" else model.model_validate(yaml.safe_load(text))
    except (OSError, yaml.YAMLError, UnicodeDecodeError, ValidationError) as error:
        raise DataError(f"{path}: cannot be read as {model.__name__} ({error}). Mend the file.") from error
