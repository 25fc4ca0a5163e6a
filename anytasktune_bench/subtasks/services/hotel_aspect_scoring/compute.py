"""S2: which aspects a review judges and how, drawn for a record; the scores of the gold follow from it."""

from __future__ import annotations

import random
from typing import Any

ASPECTS = ("location", "quietness", "view", "room", "cleanliness", "service", "food", "facilities", "value")
LEVELS = (10, 25, 50, 75, 90)
HIGH = {"balanced": (75, 90, 90), "mostly_pleased": (90, 90, 75), "mostly_displeased": (50, 75, 90)}
LOW = {"balanced": (25, 10, 25), "mostly_pleased": (25, 50, 25), "mostly_displeased": (10, 10, 25)}


def complete(record: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """Add `scores`: aspect -> level, with exactly one highest and one lowest aspect.

    Args:
        record: the drawn record, with the axes `aspects` (how many) and `tone`.
        rng: source of chance, seeded by the caller.
    """
    count, tone = int(record["aspects"]), record["tone"]
    chosen = rng.sample(ASPECTS, count)
    high, low = rng.choice(HIGH[tone]), rng.choice(LOW[tone])
    between = [level for level in LEVELS if low < level < high]
    if count > 2 and not between:
        high, between = 90, [level for level in LEVELS if low < level < 90]
    values = [high, low, *(rng.choice(between) for _ in range(count - 2))]
    if high <= low:
        values[:2] = [90, low]
    return {**record, "scores": {aspect: value for aspect, value in sorted(zip(chosen, values, strict=True))}}


def compute(scenario: dict[str, Any]) -> dict[str, Any]:
    """The scores as gold fields."""
    return {"fields": {aspect: [str(score)] for aspect, score in scenario["scores"].items()}}
