"""Prison terms that follow from the sentencing cards in `cards.yaml`: facts drawn for a scenario, the term computed from them, and a card's wording.

All arithmetic is exact. A term is: the tier's start plus its additions (the baseline), times one plus the sum of the percentages that hold, rounded to the
nearest month with halves up, kept within the tier's range.
"""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, NamedTuple

import yaml

LOWEST, HIGHEST, STRATA = 6, 180, 10
"""Golds are log-uniform over LOWEST to HIGHEST months in this many equal strata; a situation's label is its stratum, s01 to s10."""
NEAR_HALF = Decimal("0.05")
"""No result before rounding lies this near to a half."""
MAX_FALL = -50
"""The lowest sum of percentages that is drawn."""
TRIES_PER_TERM, TERMS = 400, 60
SHARE_HOLDING = 0.35
"""Chance that a circumstance other than surrender and confession holds."""
_ORDINAL = ("一", "二", "三", "四")

Quantities = Mapping[str, Any]


class Term(NamedTuple):
    """How a term comes about."""

    tier: int
    """Number of the tier, from 1."""
    additions: int
    """Months on top of the tier's start."""
    baseline: int
    """Start plus additions, in months."""
    percent: int
    """Sum of the percentages that hold."""
    result: Decimal
    """Baseline after adjustment, before rounding, in months."""
    months: int
    """The term."""
    limits: tuple[int, int]
    """Range of the tier, in months."""

    @property
    def at_limit(self) -> bool:
        """Whether the term is a limit of its tier."""
        return self.months in self.limits

    @property
    def shape(self) -> str:
        """`at_limit`, `no_additions`, `no_adjustments`, `neither` or `both`."""
        if self.at_limit:
            return "at_limit"
        return {(True, True): "both", (True, False): "no_adjustments", (False, True): "no_additions", (False, False): "neither"}[self.additions > 0, self.percent != 0]


@functools.cache
def _data() -> dict[str, Any]:
    with Path(__file__).with_name("cards.yaml").open(encoding="utf-8") as file:
        return dict(yaml.safe_load(file))


def rules(charge: str, lang: str) -> str:
    """The sentencing rules of a charge as they stand in an input, without the heading.

    Args:
        charge: id of a card.
        lang: `zh` or `en`.
    """
    card = _data()["cards"][charge]
    lines = [card["lead"][lang]]
    for place, tier in enumerate(card["tiers"]):
        low, high = tier["range"]
        case, term = tier[lang]
        lines.append(f"第{_ORDINAL[place]}档：{case}，{low}至{high}个月；{term}。" if lang == "zh" else f"Tier {place + 1}: {case}, {low} to {high} months; {term}.")
    adjustments = [f"{a[lang]}{'' if lang == 'zh' else ' '}{'+' if a['percent'] > 0 else '−'}{abs(a['percent'])}%" for a in card["adjust"]]
    lines.append(f"调节：{'；'.join(adjustments)}。" if lang == "zh" else f"Adjustments: {'; '.join(adjustments)}.")
    return "\n".join(lines)


def whole_input(charge: str, lang: str, facts: str) -> str:
    """An input: facts as they are told, charge and sentencing rules."""
    name = _data()["cards"][charge]["name"][lang]
    if lang == "zh":
        return f"【事实】{facts}\n【罪名】{name}\n【量刑规则】{rules(charge, lang)}"
    return f"Facts: {facts}\nCharge: {name}\nSentencing rules: {rules(charge, lang)}"


def _value(quantities: Quantities, name: str) -> Decimal:
    """A quantity; figures told in several parts are added, what is not named is 0."""
    found = quantities.get(name, 0)
    return sum((Decimal(str(part)) for part in found), Decimal(0)) if isinstance(found, list) else Decimal(str(found))


def _met(case: Mapping[str, Sequence[Any]], quantities: Quantities) -> bool:
    return all(Decimal(str(low)) <= _value(quantities, name) and (high is None or _value(quantities, name) < Decimal(str(high))) for name, (low, high) in case.items())


def term(charge: str, quantities: Quantities, holds: Sequence[str]) -> Term:
    """The term for facts under a charge's card.

    Args:
        charge: id of a card.
        quantities: numbers (or lists of numbers to be added) by name.
        holds: ids of the adjustments that the facts establish.

    Raises:
        ValueError: no tier of the card fits, or an adjustment is not on the card.
    """
    card = _data()["cards"][charge]
    fitting = [n for n, tier in enumerate(card["tiers"], start=1) if any(_met(case, quantities) for case in tier["if"])]
    if not fitting:
        raise ValueError(f"no tier of {charge} fits {dict(quantities)}")
    percents = {a["id"]: int(a["percent"]) for a in card["adjust"]}
    if unknown := set(holds) - set(percents):
        raise ValueError(f"{charge} has no adjustment {', '.join(sorted(unknown))}")
    tier = card["tiers"][fitting[-1] - 1]
    start = tier["start"] if isinstance(tier["start"], int) else tier["start"]["values"][quantities[tier["start"]["by"]]]
    additions = sum(int(max(_value(quantities, a["of"]) - a["above"], Decimal(0)) // a["per"]) * a["months"] for a in tier["add"])
    percent = sum(percents[name] for name in holds)
    result = Decimal(start + additions) * (100 + percent) / 100
    low, high = tier["range"]
    months = min(max(int(result.to_integral_value(ROUND_HALF_UP)), low), high)
    return Term(fitting[-1], additions, start + additions, percent, result, months, (low, high))


def compute(scenario: dict[str, Any]) -> dict[str, Any]:
    """Gold of a scenario: `{"number": months}`.

    Raises:
        ValueError: the scenario's facts do not fit its card.
    """
    return {"number": term(scenario["charge"], scenario["quantities"], scenario["holds"]).months}


def complete(record: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """Add the facts that decide the term: quantities, what holds, and what stands beside it.

    Args:
        record: `charge`, `label` (the stratum, s01 to s10), `shape` and `parts` are read, and what the situation settles: `must` and `never` (ids of adjustments
            that hold or cannot hold) and `given` (quantities).
        rng: random state of this pair.

    Returns:
        The record with `tier`, `quantities`, `baseline`, `holds`, `percent`, `months`, `told` (how each circumstance that holds comes about), `instead` (what
        stands in place of others) and `aside`.

    Raises:
        ValueError: the charge cannot reach the stratum.
    """
    charge, stratum = record["charge"], int(record["label"][1:])
    for shape in (record["shape"], "both", "no_adjustments", "no_additions"):
        if found := _search(record, stratum, shape, rng):
            quantities, holds, outcome = found
            break
    else:
        raise ValueError(f"{charge} reaches no term in stratum {stratum}")
    notes = _data()["circumstances"]
    return {
        **record,
        "shape": outcome.shape,
        "tier": outcome.tier,
        "quantities": quantities,
        "baseline": outcome.baseline,
        "holds": holds,
        "percent": outcome.percent,
        "months": outcome.months,
        "told": {name: rng.choice(notes[name]["holds"]) for name in holds},
        "instead": _instead(charge, outcome.tier, holds, rng),
        "aside": rng.choice(_data()["asides"]),
    }


def _bounds(stratum: int) -> tuple[float, float]:
    ratio = HIGHEST / LOWEST
    return LOWEST * ratio ** ((stratum - 1) / STRATA), LOWEST * ratio ** (stratum / STRATA)


def _in_stratum(months: int, stratum: int) -> bool:
    low, high = _bounds(stratum)
    return low - 1e-9 <= months < high - 1e-9 or (months == HIGHEST and stratum == STRATA)


def _search(record: Mapping[str, Any], stratum: int, shape: str, rng: random.Random) -> tuple[dict[str, Any], list[str], Term] | None:
    """Facts with a term in the stratum and of the wanted shape; terms are aimed at log-uniformly."""
    charge, parts = record["charge"], int(record["parts"])
    tiers = _data()["cards"][charge]["tiers"]
    low, high = (math.log(bound) for bound in _bounds(stratum))
    for _ in range(TERMS):
        aim = round(math.exp(rng.uniform(low, high)))
        for _ in range(TRIES_PER_TERM):
            place = rng.randrange(len(tiers))
            holds = _holding(record, place + 1, rng)
            quantities = {name: _drawn(how, parts, rng) for name, how in tiers[place]["draw"].items()} | record.get("given", {})
            outcome = term(charge, quantities, holds)
            near_half = abs(outcome.result % 1 - Decimal("0.5")) <= NEAR_HALF
            if outcome.tier == place + 1 and outcome.months == aim and outcome.shape == shape and not near_half and outcome.percent >= MAX_FALL and _in_stratum(aim, stratum):
                return quantities, holds, outcome
    return None


def _drawn(how: Mapping[str, Any], parts: int, rng: random.Random) -> Any:
    """A value for a quantity: a choice, a number on a grid, or several numbers that add up to one on the grid."""
    if "choices" in how:
        return rng.choice(how["choices"])
    low, high, step = (Decimal(str(how[key])) for key in ("low", "high", "step"))
    units = rng.randint(int(low / step), int(high / step))
    if not how.get("parts"):
        return _plain(units * step)
    parts = max(1, min(parts, units // 4))
    shares = [rng.uniform(1, 3) for _ in range(parts)]
    counts = [max(int(units * share / sum(shares)), 1) for share in shares]
    counts[-1] = units - sum(counts[:-1])
    return [_plain(count * step) for count in counts]


def _plain(value: Decimal) -> int | str:
    """A number as it is kept in JSON: whole numbers as such, others as decimal strings."""
    return int(value) if value == value.to_integral_value() else str(value.normalize())


def _holding(record: Mapping[str, Any], tier: int, rng: random.Random) -> list[str]:
    """Ids of the adjustments that hold, in the card's order, no two of which exclude each other."""
    arrival = rng.choices(["surrender", "confession", ""], [3, 4, 3])[0]
    holds: list[str] = []
    for adjustment in _data()["cards"][record["charge"]]["adjust"]:
        name = adjustment["id"]
        drawn = name == arrival if name in ("surrender", "confession") else rng.random() < SHARE_HOLDING
        fits = name in record.get("must", []) or (drawn and name not in record.get("never", []))
        if fits and tier in adjustment.get("tiers", [tier]) and not _excluded(name, holds) and (not (needs := adjustment.get("needs")) or set(needs) & set(holds)):
            holds.append(name)
    return holds


def _excluded(name: str, holds: Sequence[str]) -> bool:
    """Whether a circumstance cannot stand beside those that hold."""
    return any(name in pair and set(pair) & set(holds) for pair in _data()["excludes"])


def _instead(charge: str, tier: int, holds: Sequence[str], rng: random.Random) -> dict[str, str]:
    """What stands in place of adjustments that do not hold: always of giving oneself up or confessing, and of one or two others."""
    notes = _data()["circumstances"]
    free = [a["id"] for a in _data()["cards"][charge]["adjust"] if a["id"] not in holds and tier in a.get("tiers", [tier])]
    free = [name for name in free if name == "surrender" or not _excluded(name, holds)]
    chosen = [name for name in free if name in ("surrender", "confession")]
    others = [name for name in free if name not in chosen]
    chosen += rng.sample(others, min(len(others), rng.choice((1, 2, 2))))
    picked = {name: rng.choice(notes[name]["instead"]) for name in free if name in chosen}
    if "confession" in holds:  # a man who told an invented story did not confess
        picked["surrender"] = rng.choice([note for note in notes["surrender"]["instead"] if "invented" not in note])
    elif "confession" in picked and "invented" in picked.get("surrender", ""):
        del picked["confession"]
    return picked
