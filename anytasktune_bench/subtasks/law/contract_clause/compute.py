"""Review rules of L5: three rules with their figures drawn for a scenario, and type and risk computed from it.

What a rule can be about stands in `topics.yaml`. In a rule, `risk` is its level; `test`, `limit` and `unit` its condition (a rule without them is yes or no);
`where` the clause speaks of it (`main`, `side remark` or `nowhere`); `binds` whom that binds (`we` is the reviewing party); `says` what it says: figures, to be
added where there are several, or yes or no; `met` whether the rule applies. The risk is the highest level of the rules that are met, low where none is.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

RANK = {"low": 0, "medium": 1, "high": 2}
LEVELS: Mapping[tuple[str, str, str], int] = {
    ("high", "medium", "low"): 9,
    ("high", "high", "medium"): 4,
    ("high", "medium", "medium"): 4,
    ("high", "high", "low"): 2,
    ("high", "low", "low"): 1,
    ("medium", "medium", "low"): 1,
}
"""Levels of a row's three rules, with weights: most rows name all three, so that the levels alone do not give the answer."""
SHARE_MET, SHARE_SILENT, SHARE_REMARK = 0.65, 0.1, 0.75
"""Chances that a rule which the clause speaks of is met, that the clause says nothing on a rule of its own type, and that it has a side remark on another type."""
FARTHEST = 2
"""A figure is at most so many places from the limit in its topic's values."""
GRAINS: Mapping[str, tuple[tuple[int, int], ...]] = {
    "yuan": ((500000, 100000), (50000, 10000), (0, 1000)),
    "hours": ((24, 12), (12, 4), (0, 1)),
    "months": ((18, 6), (9, 3), (0, 1)),
    "days": ((20, 5), (0, 1)),
}
"""Unit -> (least figure, what the parts of such a figure are multiples of), greatest first; other units as days."""
TRIES = 4000

Rule = dict[str, Any]


@functools.cache
def _data() -> dict[str, Any]:
    with Path(__file__).with_name("topics.yaml").open(encoding="utf-8") as file:
        return dict(yaml.safe_load(file))


def _topic(name: str) -> dict[str, Any]:
    kind, _, own = name.partition("/")
    return dict(_data()["topics"][kind][own])


def _passes(test: str, value: Decimal, limit: Decimal) -> bool:
    return {"more than": value > limit, "at least": value >= limit, "less than": value < limit, "at most": value <= limit}[test]


def is_met(rule: Mapping[str, Any]) -> bool:
    """Whether a rule applies: the clause speaks of its subject, binds the party that the rule means, and passes its condition."""
    if rule["where"] == "nowhere" or rule["binds"] != "we":
        return False
    if "test" not in rule:
        return bool(rule["says"])
    return _passes(rule["test"], sum((Decimal(str(part)) for part in rule["says"]), Decimal(0)), Decimal(str(rule["limit"])))


def risk(rules: Sequence[Mapping[str, Any]]) -> str:
    """The highest level of the rules that are met; `low` where none is."""
    return max((str(rule["risk"]) for rule in rules if rule["met"]), key=RANK.__getitem__, default="low")


def compute(scenario: dict[str, Any]) -> dict[str, Any]:
    """Gold of a scenario: `{"fields": {"type": ..., "risk": ...}}`.

    Raises:
        ValueError: a rule's `met` is not what its figures give, or the rules do not give the scenario's level.
    """
    for rule in scenario["rules"]:
        if rule["met"] != is_met(rule):
            raise ValueError(f"rule {rule['number']} ({rule['topic']}) says met: {rule['met']}, but its figures say {is_met(rule)}")
    level = risk(scenario["rules"])
    if level != scenario["level"]:
        raise ValueError(f"the rules give the risk {level}, the scenario has the level {scenario['level']}")
    return {"fields": {"type": scenario["label"], "risk": level}}


def complete(record: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """Add the three review rules.

    Args:
        record: `label`, `side`, `topics`, `with` or `others` (what the situation allows), `level` (the risk that the rules must give), `difficulty` and `own_rules`
            (how many rules are of the clause's own type) are read.
        rng: random state of this pair.

    Returns:
        The record with `rules`. A difficulty that the situation cannot have becomes `plain`.

    Raises:
        ValueError: the situation's topics give no rules of the wanted level.
    """
    for difficulty in (record["difficulty"], "plain"):
        for _ in range(TRIES):
            if rules := _attempt(record, difficulty, rng):
                return {**record, "difficulty": difficulty, "rules": rules}
    raise ValueError(f"{record['group']}: no three rules give the level {record['level']}. Give the situation more topics.")


def _attempt(record: Mapping[str, Any], difficulty: str, rng: random.Random) -> list[Rule] | None:
    """Three random rules, if they suit the wanted level and difficulty."""
    names = _names(record, rng)
    if names is None:
        return None
    levels = rng.choices(list(LEVELS), list(LEVELS.values()))[0]
    rules: list[Rule] = [{"number": 0, "risk": level, "topic": name, "about": _topic(name)["about"]} for name, level in zip(names, rng.sample(levels, 3), strict=True)]
    own = [rule for rule in rules if rule["topic"].startswith(f"{record['label']}/")]
    others = [rule for rule in rules if rule not in own]
    for rule in own:
        rule["where"] = "nowhere" if rng.random() < SHARE_SILENT else "main"
    for rule in others:
        rule["where"] = "nowhere"
    remark = rng.choice(others) if difficulty.startswith("side_remark") or (difficulty != "plain" and rng.random() < SHARE_REMARK) else None
    if remark:
        remark["where"] = "side remark"
    special = _special(difficulty, own, remark, rng)
    if difficulty != "plain" and special is None:
        return None
    for rule in rules:
        if not _say(rule, difficulty if rule is special else "plain", rng):
            return None
    if all(rule["where"] == "nowhere" for rule in own) or risk(rules) != record["level"] or (special and not _tells(rules, special, difficulty)):
        return None
    rng.shuffle(rules)
    for number, rule in enumerate(rules, start=1):
        rule["number"] = number
    return rules


def _names(record: Mapping[str, Any], rng: random.Random) -> list[str] | None:
    """Three topics: one or two of the clause's own type, the rest of one or two other types; None where they do not go together."""
    count = int(record["own_rules"])
    names = [f"{record['label']}/{name}" for name in rng.sample(record["topics"], count)]
    pool = list(record.get("others", ()))
    if not pool:
        near = _data()["near"][record["label"]]
        kinds = rng.choices(record["with"], [3 if kind in near else 1 for kind in record["with"]], k=3 - count)
        for kind in kinds:
            pool += [f"{kind}/{name}" for name, topic in _data()["topics"][kind].items() if topic.get("general") and topic["side"] in (record["side"], "either")]
        pool = list(dict.fromkeys(pool))
    if len(pool) < 3 - count:
        return None
    names += rng.sample(pool, 3 - count)
    return None if any(len(set(group) & set(names)) > 1 for group in _data()["apart"]) else names


def _special(difficulty: str, own: Sequence[Rule], remark: Rule | None, rng: random.Random) -> Rule | None:
    """The rule that carries the difficulty, if one can."""
    if difficulty.startswith("side_remark"):
        return remark
    spoken = [rule for rule in own if rule["where"] == "main"]
    if difficulty == "on_the_limit":
        fit = [rule for rule in spoken if "values" in _topic(rule["topic"])]
    elif difficulty == "figures_to_add":
        fit = [rule for rule in spoken if _topic(rule["topic"]).get("parts")]
    elif difficulty == "other_side":
        fit = [rule for rule in (*spoken, *([remark] if remark else [])) if _topic(rule["topic"]).get("mirror")]
    else:
        fit = []
    return rng.choice(fit) if fit else None


def _say(rule: Rule, difficulty: str, rng: random.Random) -> bool:
    """Put in a rule's condition, what the clause says on it, and whether it is met; False where no figures do."""
    topic = _topic(rule["topic"])
    met = rule["where"] != "nowhere" and difficulty not in ("other_side", "side_remark_harmless") and (difficulty == "side_remark_counts" or rng.random() < SHARE_MET)
    spoken = {} if rule["where"] == "nowhere" else {"binds": "they" if difficulty == "other_side" else "we"}
    hurts = met or difficulty == "other_side"
    if "values" not in topic:
        rule |= {**spoken, "says": hurts} if spoken else {}
    else:
        values = topic["values"]
        place = rng.randrange(1, len(values) - 1)
        limit, more = values[place], topic["worse"] == "more"
        inclusive = met if difficulty == "on_the_limit" else rng.random() < 0.5
        test = ("at least" if inclusive else "more than") if more else ("at most" if inclusive else "less than")
        rule |= {"test": test, "limit": limit, "unit": topic["unit"]}
        if spoken:
            far = values[place + 1 : place + 1 + FARTHEST] if hurts == more else values[max(place - FARTHEST, 0) : place]
            figure = limit if difficulty == "on_the_limit" else rng.choice(far)
            says = _parts(figure, limit, topic["unit"], rng) if difficulty == "figures_to_add" else [figure]
            if not says:
                return False
            rule |= {**spoken, "says": says}
    rule["met"] = is_met(rule)
    return bool(rule["met"] == met)


def _parts(figure: int, limit: int, unit: str, rng: random.Random) -> list[int]:
    """Two round parts of a figure that both lie below the limit; [] where there are none."""
    grain = next(grain for least, grain in GRAINS.get(unit, GRAINS["days"]) if figure >= least)
    found = [[first, figure - first] for first in range(grain, figure, grain) if figure // 5 <= first <= figure - figure // 5 and max(first, figure - first) < limit]
    return rng.choice(found) if found else []


def _tells(rules: Sequence[Rule], special: Rule, difficulty: str) -> bool:
    """Whether the difficulty bears on the answer: reading the special rule the other way gives another level, as far as the level allows."""
    if difficulty == "figures_to_add" and risk(rules) != "low" and special["met"] != (_topic(special["topic"])["worse"] == "more"):
        return False  # parts that are not added would be read the same way
    flipped = [{**rule, "met": not rule["met"]} if rule is special else rule for rule in rules]
    if risk(flipped) != risk(rules):
        return True
    if risk(rules) == "high":
        return not special["met"] and difficulty in ("other_side", "side_remark_harmless", "figures_to_add") and special["risk"] == "high"
    return risk(rules) == "low" and bool(special["met"]) and difficulty == "side_remark_counts"
