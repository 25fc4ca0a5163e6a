"""What a metric is given and what it returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from anytasktune_bench.outputs import Line, Parsed
from anytasktune_bench.spec import Lang, Metric, SubTask


@dataclass(frozen=True)
class Graded:
    """One answer beside what it is compared with."""

    spec: SubTask
    lang: Lang
    parsed: Parsed
    gold: dict[str, Any]
    source: str
    """The row's input; "" where it is not known (then nothing can be found to be copied from it)."""

    def line(self, field_id: str) -> Line | None:
        """The first line with this field in a `fields` or `headed` answer."""
        return next((line for line in self.parsed.value if line.field and line.field.id == field_id), None)


@dataclass(frozen=True)
class Note:
    """Why a part of an answer earned what it earned."""

    what: str
    """What it is about: a field, an item, a point, a line."""
    credit: float
    """In [0, 1]; negative for an anti-point."""
    answer: str
    """What the answer has; empty where it has nothing."""
    gold: str
    """What was wanted; empty where nothing was."""


@dataclass(frozen=True)
class Part:
    """What one metric found in one answer."""

    value: float
    """The metric on this answer alone, in [0, 1]."""
    extra: dict[str, float] = field(default_factory=dict)
    """Secondary values in [0, 1]."""
    notes: tuple[Note, ...] = ()
    pair: tuple[str, str | None] | None = None
    """For corpus metrics over labels: gold id and answered id (None where invalid)."""
    stats: tuple[float, ...] | None = None
    """For other corpus metrics: what is summed over rows."""


def number(metric: Metric, name: str, default: float) -> float:
    """A numeric parameter of a metric."""
    return float(str(metric.params.get(name, default)))
