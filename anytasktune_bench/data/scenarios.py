"""Draw scenario records from a sub-task's `scenarios.yaml`.

A scenario record is what a row is written from: one situation (which is also the row's *group*), its label where the
sub-task has one, and one value per axis (register, length band, difficulty, ...). The draw is seeded, so that the same
file and arguments give the same records, and balanced: each axis is dealt from a deck that holds its values in the
stated proportions, so small splits keep them too.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from anytasktune_bench.errors import SpecError


class Subset(BaseModel):
    """An axis whose value is a set of names, such as the keys that a row states."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    always: list[str] = Field(default_factory=list)
    """Names that every record has."""
    sizes: dict[int, float]
    """Size of the set (with `always`) -> weight."""
    shares: dict[str, float]
    """Name -> relative share of the records that should have it."""


class SubsetAxis(BaseModel):
    """The YAML form of a `Subset` axis."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    subset: Subset


class Situation(BaseModel):
    """One situation: the facts that a writer starts from. Rows of one situation form a group."""

    model_config = ConfigDict(extra="allow", frozen=True)

    id: str
    label: str | None = None
    facts: str | None = None
    without: list[str] = Field(default_factory=list)
    """Names that a `Subset` axis must not give to this situation."""


class Scenarios(BaseModel):
    """The content of one `scenarios.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int
    axes: dict[str, SubsetAxis | dict[str | int, float]]
    situations: list[Situation]


def load_scenarios(path: Path) -> Scenarios:
    """Read and validate a `scenarios.yaml`.

    Raises:
        SpecError: the file is missing, no YAML, or does not have the form above.
    """
    try:
        scenarios = Scenarios.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise SpecError(f"{path}: cannot be read ({error.strerror}). Add a scenarios.yaml to the sub-task's folder.") from error
    except (yaml.YAMLError, ValidationError) as error:
        raise SpecError(f"{path}: {error}") from error
    twice = [name for name, n in Counter(s.id for s in scenarios.situations).items() if n > 1]
    if twice:
        raise SpecError(f"{path}: situation ids stand twice: {', '.join(twice)}. Give each situation its own id.")
    return scenarios


def draw(scenarios: Scenarios, split: str, n: int, used: Collection[str] = (), seed: int | None = None) -> list[dict[str, Any]]:
    """Draw `n` scenario records for `split`, each from a situation that is not in `used`.

    Args:
        scenarios: banks and axes.
        split: `train`, `validation` or `test`; part of the random state, so splits differ.
        n: number of records.
        used: ids of situations that already have rows, in any split.
        seed: replaces the file's seed.

    Returns:
        Records `{"group", "seed", "label"?, "facts"?, ..., <axis>: value}` in random order; with labels, the labels'
        counts differ by at most one.

    Raises:
        SpecError: not enough unused situations.
    """
    base = scenarios.seed if seed is None else seed
    situations = _pick([s for s in scenarios.situations if s.id not in set(used)], n, random.Random(f"{base}/{split}/situations"))
    columns: dict[str, Sequence[Any]] = {}
    for name, axis in scenarios.axes.items():
        rng = random.Random(f"{base}/{split}/{name}")
        columns[name] = _subsets(axis.subset, situations, rng) if isinstance(axis, SubsetAxis) else _deck(axis, n, rng)
    return [{"group": s.id, "seed": base, **s.model_dump(exclude={"id", "without"}, exclude_none=True), **{k: v[i] for k, v in columns.items()}} for i, s in enumerate(situations)]


def _pick(free: list[Situation], n: int, rng: random.Random) -> list[Situation]:
    """Take `n` situations, labels in turn, and shuffle them."""
    rng.shuffle(free)
    labels = sorted({s.label or "" for s in free})
    quota = {label: n // max(len(labels), 1) for label in labels}
    for label in rng.sample(labels, n - sum(quota.values())) if labels else []:
        quota[label] += 1
    picked: list[Situation] = []
    for situation in free:
        if quota[situation.label or ""]:
            quota[situation.label or ""] -= 1
            picked.append(situation)
    if len(picked) < n:
        short = ", ".join(f"{label or 'situations'} lacks {k}" for label, k in quota.items() if k) or "no unused situations"
        raise SpecError(f"{n} records need {n} unused situations and there are too few ({short}). Add situations to scenarios.yaml.")
    rng.shuffle(picked)
    return picked


def _deck(weights: Mapping[Any, float], n: int, rng: random.Random) -> list[Any]:
    """`n` values in the proportions of `weights` (largest remainder), shuffled."""
    total = sum(weights.values())
    exact = {value: weight * n / total for value, weight in weights.items()}
    counts = {value: int(x) for value, x in exact.items()}
    by_remainder = sorted(exact, key=lambda value: (counts[value] - exact[value], str(value)))
    for value in by_remainder[: n - sum(counts.values())]:
        counts[value] += 1
    deck = [value for value, count in counts.items() for _ in range(count)]
    rng.shuffle(deck)
    return deck


def _subsets(axis: Subset, situations: Sequence[Situation], rng: random.Random) -> list[list[str]]:
    """One set of names per situation: sizes from a deck, names by their remaining share of all places."""
    sizes = [int(size) for size in _deck(axis.sizes, len(situations), rng)]
    places = sum(sizes) - len(axis.always) * len(sizes)
    total = sum(axis.shares.values())
    left = {name: share * places / total for name, share in axis.shares.items()}
    result = []
    for situation, size in zip(situations, sizes, strict=True):
        names = [name for name in axis.shares if name not in situation.without]
        names.sort(key=lambda name: -left[name] - rng.random() * 4)
        chosen = names[: size - len(axis.always)]
        for name in chosen:
            left[name] -= 1
        result.append([*axis.always, *(name for name in axis.shares if name in chosen)])
    return result
