"""Shop policies as clauses that a program can evaluate: a policy and a request drawn for a scenario, and the decision that follows from them.

A policy has outcome clauses (a condition and an outcome), amount clauses (they only alter the sum), one clause for whatever no other covers, an order of
precedence and a way to count days. All sums are exact decimals and come out to the cent.
"""

from __future__ import annotations

import datetime
import functools
import random
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

RANKING = ("refund", "exchange", "repair", "escalate", "reject")
"""Outcomes from the kindest to the customer down; a policy that follows it says so."""
NO_REPAIR = ("food", "beauty", "garden", "books", "pet", "household")
"""Kinds of goods that are not repaired."""
TRIES, TRIES_FOR_NUMBER, TRIES_PER_ORDER = 60000, 24000, 12000
"""Tries for a scenario; how many of them insist on the number that the deciding clause should have; after how many another order of precedence is
tried. The last third of the tries gives up turning on a limit."""
SAMPLES = 350
"""Requests drawn to see that every outcome clause of a policy can decide."""
LONGEST_LIMIT_ROW = 45
"""Rows that turn on a limit lie within so many days, so that they can be counted by hand."""
RETURN_FAMILIES, FAULT_FAMILIES = {"unwanted_refund", "unwanted_exchange"}, {"fault_refund", "fault_exchange", "fault_repair"}
"""What every shop's policy speaks of: goods that are not wanted and goods with a fault (one of the two in the shortest policies)."""
LARGE, LARGE_KINDS = 150, ("appliance", "home", "sport", "music", "baby")
"""From this price on goods of these kinds cost more to send."""

Clause = Mapping[str, Any]
Policy = Mapping[str, Any]
Facts = dict[str, Any]


@functools.cache
def _bank() -> dict[str, Any]:
    with Path(__file__).with_name("clauses.yaml").open(encoding="utf-8") as file:
        return dict(yaml.safe_load(file))


def day_number(policy: Policy, dates: Mapping[str, str | None], until: str) -> int | None:
    """Number of a day under the policy's counting, or None where the request has no such date.

    Args:
        policy: `from` names the date that counting starts from; `first_day` is `next` (the day after it is day 1) or `same` (it is itself day 1).
        dates: ISO dates by name.
        until: name of the date.
    """
    start, end = dates[policy["from"]], dates.get(until)
    if start is None or end is None:
        return None
    return (datetime.date.fromisoformat(end) - datetime.date.fromisoformat(start)).days + int(policy["first_day"] == "same")


def facts_of(policy: Policy, request: Mapping[str, Any]) -> Facts:
    """What the clauses ask about: states, the price paid and the numbers of the days."""
    dates = request["dates"]
    return {**request["states"], "paid": Decimal(request["prices"]["paid"]), "day": day_number(policy, dates, "request"), "fault_day": day_number(policy, dates, "fault")}


def _holds(policy: Policy, condition: Any, value: Any) -> bool:
    """Whether one condition holds for the fact it asks about."""
    if isinstance(condition, list):
        return value in condition
    kind, limit = next(iter(condition.items()))
    if value is None:
        return False
    if kind in ("within", "after"):
        within = value <= limit if policy["last_day"] == "included" else value < limit
        return bool(within == (kind == "within"))
    return bool({"over": value > limit, "from": value >= limit, "up_to": value <= limit, "times": value >= limit}[kind])


def fitting(policy: Policy, facts: Facts) -> list[Clause]:
    """Outcome clauses whose conditions all hold, without the one for whatever no other covers."""
    return [c for c in policy["clauses"] if c["type"] == "outcome" and _fits(policy, c, facts)]


def _fits(policy: Policy, clause: Clause, facts: Facts) -> bool:
    """Whether every condition of a clause holds; what else it asks for does not matter where the problem is another."""
    conditions = clause["if"]
    if "problem" in conditions and facts["problem"] not in conditions["problem"]:
        return False
    return all(_holds(policy, condition, facts[name]) for name, condition in conditions.items())


def deciding(policy: Policy, facts: Facts) -> Clause:
    """The one clause that settles the outcome, by the policy's order of precedence.

    `first`: the lowest number; `last`: the highest; `special`: special clauses before general ones, then the lowest number; `kinder`: the outcome kindest to the
    customer, then the lowest number. Where none fits, the clause for whatever no other covers.
    """
    fit = fitting(policy, facts)
    if not fit:
        return next(c for c in policy["clauses"] if c["type"] == "otherwise")
    if policy["precedence"] == "last":
        return max(fit, key=lambda c: int(c["n"]))
    if policy["precedence"] == "special":
        return min(fit, key=lambda c: (not c["special"], int(c["n"])))
    if policy["precedence"] == "kinder":
        return min(fit, key=lambda c: (RANKING.index(c["outcome"]), int(c["n"])))
    return min(fit, key=lambda c: int(c["n"]))


def amount_due(policy: Policy, clause: Clause, facts: Facts, prices: Mapping[str, str]) -> Decimal:
    """What the shop pays the customer: what the deciding clause pays and what the amount clauses add or take off."""
    total = sum((Decimal(prices[part]) for part in clause.get("pays", ())), Decimal(0))
    for other in policy["clauses"]:
        if other["type"] == "amount" and clause["outcome"] in other["alters"] and _fits(policy, other, facts):
            total += _alteration(other, facts, prices)
    return total


def _alteration(clause: Clause, facts: Facts, prices: Mapping[str, str]) -> Decimal:
    if "percent" in clause:
        return Decimal(facts["paid"]) * int(clause["percent"]) / 100
    if "flat" in clause:
        return Decimal(clause["flat"])
    name = str(clause["add"])
    if name == "price_drop":
        return max(Decimal(prices["paid"]) - Decimal(prices["price_now"]), Decimal(0))
    sum_of = Decimal(prices[name.removeprefix("-")])
    if clause.get("up_to") is not None:
        sum_of = min(sum_of, Decimal(clause["up_to"]))
    return -sum_of if name.startswith("-") else sum_of


def compute(scenario: dict[str, Any]) -> dict[str, Any]:
    """Gold of a scenario: decision, amount and number of the deciding clause."""
    policy, request = scenario["policy"], scenario["request"]
    facts = facts_of(policy, request)
    clause = deciding(policy, facts)
    return {"fields": {"decision": clause["outcome"], "amount": [f"{amount_due(policy, clause, facts, request['prices']):.2f}"], "clause": [str(clause["n"])]}}


def complete(record: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """Add a policy and a request whose decision is the situation's label.

    Args:
        record: `label`, `kind`, `problem`, `price`, `states` and `fee_for` come from the situation; `precedence`, `counting`, `turns_on`, `clauses`, `decided_by`,
            `paid_told` and `asks` are axes.
        rng: random state of this pair.

    Returns:
        The record with `policy`, `request`, `fits` (numbers of the outcome clauses that fit) and `wants` (what the customer asks for). `decided_by` becomes the
        number that the deciding clause has, which is the number asked for where the tries allow it.

    Raises:
        ValueError: no policy and request were found.
    """
    extra = rng.random() < (0.45 if record["label"] in ("exchange", "repair") else 0.85)  # an exchange or repair that pays; a refund that is not just the price
    if record["precedence"] == "kinder" and record["label"] in ("reject", "escalate") and record["turns_on"].startswith("precedence"):
        record["precedence"] = rng.choice(["first", "last", "special"])  # nothing is kinder than these
    for count in range(TRIES):
        number = int(record["decided_by"]) if count < TRIES_FOR_NUMBER else rng.randint(1, int(record["clauses"]))
        if count and count % TRIES_PER_ORDER == 0:
            record["precedence"] = rng.choice(["first", "last", "special"])
        if count > TRIES * 2 // 3 and "limit" in record["turns_on"]:
            record["turns_on"] = "precedence" if record["turns_on"].startswith("precedence") else "plain"
        drawn = _try(record, number, rng)
        if drawn and _accepted(record, *drawn, number, extra, rng):
            policy, request = drawn
            facts = facts_of(policy, request)
            request["states"] = {name: value for name, value in request["states"].items() if name == "problem" or name in _asked(policy, record["problem"])}
            told = {**record, "policy": policy, "request": request, "decided_by": number, "fits": [c["n"] for c in fitting(policy, facts)], "wants": _wants(record, rng)}
            return {key: value for key, value in told.items() if key not in ("counting", "precedence", "clauses", "asks", "states", "price", "problem")}
    raise ValueError(f"no policy found for {record['group']} ({record['label']}, {record['precedence']}, {record['turns_on']})")


def _wants(record: Mapping[str, Any], rng: random.Random) -> str:
    label = record["label"]
    if record["asks"] == "outcome" and label in ("refund", "exchange", "repair"):
        return str(label)
    choices = ["refund", "exchange", "repair"]
    if record["kind"] in NO_REPAIR or record["problem"] in ("none", "wrong"):
        choices.remove("repair")
    return rng.choice([choice for choice in choices if choice != label])


def _asked(policy: Policy, problem: str | None = None) -> set[str]:
    """Facts that the clauses ask about; with a problem, only those of clauses that this problem leaves open."""
    return {name for clause in policy["clauses"] for name in clause.get("if", {}) if problem is None or problem in clause["if"].get("problem", [problem])}


def _usable(archetype: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    kind, states = record["kind"], record.get("states", {})
    needs = archetype.get("needs")
    return (
        kind in archetype.get("kinds", [kind])
        and kind not in archetype.get("not_kinds", [])
        and record["precedence"] not in archetype.get("not_in", [])
        and not (needs and needs not in states and not record.get(needs))
        and (record["counting"].endswith("included") or not any(isinstance(c, dict) and "after" in c for c in archetype["if"].values()))
    )


def _compatible(archetype: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    """Whether the situation leaves open that the archetype's conditions hold."""
    fixed: Facts = {name: False for name, fact in _bank()["facts"].items() if fact.get("drawn") == 0}
    fixed |= {"problem": record["problem"], **_implied(record["problem"]), **record.get("states", {})}
    return all(name not in fixed or not isinstance(condition, list) or fixed[name] in condition for name, condition in archetype["if"].items()) and not (
        "fault_day" in archetype["if"] and record["problem"] != "fault"
    )


def _implied(problem: str) -> dict[str, bool]:
    return {
        "fault": {"used": True, "opened": True},
        "transit": {"used": False, "opened": True, "altered": False},
        "wrong": {"used": False, "altered": False},
        "mishap": {"used": True, "opened": True},
        "none": {"altered": False},
    }[problem]


def _clause(archetype: Mapping[str, Any], price: Decimal, counting: str, rng: random.Random) -> dict[str, Any] | None:
    """An archetype with its numbers drawn; None where no number fits the price or the counting."""
    drawn: dict[str, Any] = {}
    conditions: dict[str, Any] = {}
    for name, condition in archetype["if"].items():
        if isinstance(condition, dict):
            kind, choices = next(iter(condition.items()))
            if name == "paid":
                choices = [c for c in choices if price * 2 / 5 <= c <= price * 5 / 2]
            elif kind == "within" and counting != "next/included":
                choices = [c for c in choices if c >= 3]
            if not choices:
                return None
            drawn[kind] = rng.choice(choices)
            conditions[name] = {kind: drawn[kind]}
        else:
            conditions[name] = list(condition)
    clause: dict[str, Any] = {"if": conditions}
    if "outcome" in archetype:
        clause |= {"type": "outcome", "outcome": archetype["outcome"], "special": False}
        clause |= {"pays": rng.choice(archetype["pays"])} if "pays" in archetype else {}
    else:
        clause |= {"type": "amount", "alters": rng.choice(archetype["alters"])}
        for name in ("percent", "flat", "up_to"):
            if name in archetype:
                clause[name] = drawn[name] = rng.choice([v for v in archetype[name] if name != "flat" or abs(v) <= price / 5] or archetype[name][:1])
        clause |= {"add": archetype["add"]} if "add" in archetype else {}
    told: dict[str, Any] = {name: abs(value) if name in ("percent", "flat") else value for name, value in drawn.items()}
    clause["says"] = archetype["says"].format(**told, fee_for="{fee_for}")
    return clause


def _pick(pool: Sequence[Mapping[str, Any]], taken: Sequence[Mapping[str, Any]], told: Collection[str], rng: random.Random) -> Mapping[str, Any] | None:
    """An archetype of a family that is not yet taken; those that ask about what the situation tells (`told`) come more often."""
    families = {a.get("family", a["id"]) for a in taken}
    left = [a for a in pool if a.get("family", a["id"]) not in families]
    return rng.choices(left, [a.get("weight", 1) * (4 if set(a["if"]) & set(told) else 1) for a in left])[0] if left else None


def _policy(record: Mapping[str, Any], number: int, price: Decimal, rng: random.Random) -> tuple[dict[str, Any], list[Mapping[str, Any]]] | None:
    """A policy with the clause that should decide at the wanted number, and the archetypes that should fit."""
    n = int(record["clauses"])
    if number > n:
        return None
    pool = [a for a in _bank()["outcome"] if _usable(a, record)]
    fit = [a for a in pool if _compatible(a, record)]
    told = set(record.get("states", {})) - {"used", "opened"}
    by_default = record["label"] in ("reject", "escalate") and not record["turns_on"].startswith("precedence") and rng.random() < 0.5
    default = record["label"] if by_default else rng.choices(["escalate", "reject"], [7, 3])[0]
    meant: list[Mapping[str, Any]] = []
    if not by_default:
        meant.append(_pick([a for a in fit if a["outcome"] == record["label"]], [], told, rng) or {})
        if record["turns_on"].startswith("precedence"):
            meant.append(_pick([a for a in fit if a["outcome"] != record["label"]], meant, told, rng) or {}) if meant[0] else None
        if not all(meant):
            return None
    amounts = min(1 if n <= 5 else rng.choice([1, 2, 2]), n - 2 - len(meant))
    chosen = list(meant)
    while len(chosen) < n - 1 - amounts:
        if not (another := _pick(pool, chosen, told, rng)):
            return None
        chosen.append(another)
    altering: list[Mapping[str, Any]] = []
    matching = [a for a in _bank()["amount"] if _usable(a, record)]
    relevant = [a for a in matching if any(record["label"] in on for on in a["alters"])]
    while len(altering) < amounts:
        if not (another := _pick(relevant if relevant and not altering and rng.random() < 0.8 else matching, altering, told, rng)):
            return None
        altering.append(another)
    made = [_clause(a, price, record["counting"], rng) for a in [*chosen, *altering]]
    if not all(made):
        return None
    families = {a["family"] for a in chosen}
    if record.get("states", {}).get("reaction") and "reaction" not in families:
        return None  # nobody should have to wonder whether a reaction is a fault
    if bool(families & RETURN_FAMILIES) + bool(families & FAULT_FAMILIES) < (1 if n <= 5 else 2):
        return None
    clauses: list[dict[str, Any]] = [c for c in made if c]
    special = record["precedence"] == "special"
    for archetype, clause in zip(chosen, clauses, strict=False):
        clause["special"] = bool(special and archetype.get("special"))
    clauses.append({"type": "otherwise", "outcome": default, "says": "whatever no other clause covers"})
    deciding_one = clauses[-1] if by_default else clauses[0]
    rest = [c for c in clauses if c is not deciding_one]
    rng.shuffle(rest)
    rest.insert(number - 1, deciding_one)
    for position, clause in enumerate(rest, start=1):
        clause["n"] = position
        clause["says"] = clause["says"].replace("{fee_for}", str(record.get("fee_for", "")))
    first_day, last_day = record["counting"].split("/")
    start = rng.choices(["delivered", "ordered"], [5, 1])[0]
    policy = {"precedence": record["precedence"], "from": start, "first_day": first_day, "last_day": last_day, "clauses": [{"n": c["n"], **c} for c in rest]}
    return policy, [*meant, *(altering if rng.random() < 0.7 else [])]


def _try(record: Mapping[str, Any], number: int, rng: random.Random) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """One policy and request, whatever follows from them."""
    low, high = record["price"]
    price = Decimal(rng.randint(low, high)) + Decimal(rng.choice(["0", "0", "0", "0", "0.50", "0.80", "0.90"]))
    found = _policy(record, number, price, rng)
    if not found:
        return None
    policy, meant = found
    limits = [int(v) for c in policy["clauses"] for f in c.get("if", {}).values() if isinstance(f, dict) for k, v in f.items() if k in ("over", "from", "up_to")]
    if "limit" in record["turns_on"] and limits and rng.random() < 0.5:
        price = Decimal(rng.choice(limits))
        if not low <= price <= high:
            return None
    dates = _dates(record, policy, rng)
    return (policy, {"dates": dates, "prices": _prices(record, policy, price, rng), "states": _states(record, meant, rng)}) if dates else None


def _states(record: Mapping[str, Any], meant: Sequence[Mapping[str, Any]], rng: random.Random) -> dict[str, Any]:
    """All states: what the situation settles, what the clauses that should fit ask for, and chance."""
    fixed = {"problem": record["problem"], **_implied(record["problem"]), **record.get("states", {})}
    wished = {name: rng.choice(condition) for archetype in meant for name, condition in archetype["if"].items() if isinstance(condition, list)}
    states: dict[str, Any] = {}
    for name, fact in _bank()["facts"].items():
        if name in fixed:
            states[name] = fixed[name]
        elif name == "repaired":
            states[name] = 0
        else:
            states[name] = wished[name] if name in wished else rng.random() < fact["drawn"]
    if states["used"]:
        states["opened"] = True
    if states["made_to_order"]:
        states["sale"] = False
    return states


def _prices(record: Mapping[str, Any], policy: Policy, paid: Decimal, rng: random.Random) -> dict[str, str]:
    cents = Decimal(rng.choice(["0", "0", "0.50"]))
    voucher = Decimal(rng.choice([v for v in (3, 5, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100, 120, 150, 200) if paid / 20 <= v <= paid / 3] or [2]))
    large = record["kind"] in LARGE_KINDS and paid >= LARGE
    postage_out = Decimal(rng.randint(12, 29) if large else rng.randint(5, 13)) + Decimal(rng.choice(["0", "0", "0.50"]))
    prices = {"list": paid + voucher, "voucher": voucher, "paid": paid, "postage_out": postage_out}
    added = {clause["add"].removeprefix("-") for clause in policy["clauses"] if "add" in clause}
    if "postage_back" in added:
        prices["postage_back"] = Decimal(rng.randint(16, 38) if large else rng.randint(7, 18)) + cents
    if "price_drop" in added:
        step = Decimal(rng.choice([v for v in (4, 6, 10, 11, 16, 20, 24, 30, 35, 50, 70, 90, 120, 160) if paid / 25 <= v <= paid / 4] or [3]))
        prices["price_now"] = paid - step if rng.random() < 0.8 else paid + step
    if "gift_value" in added:
        prices["gift_value"] = Decimal(rng.choice([6, 8, 9, 12, 15, 18])) + Decimal(rng.choice(["0", "0.50", "0.90"]))
    if "fee" in added or record.get("fee_for"):
        prices["fee"] = Decimal(rng.choice([5, 6, 8, 10, 12, 15, 20, 25]))
    return {name: f"{price:.2f}" for name, price in prices.items()}


def _dates(record: Mapping[str, Any], policy: Policy, rng: random.Random) -> dict[str, str] | None:
    """Dates of the order, delivery, fault and request; None where they would be hard to count."""
    limits = [(name, int(v)) for c in policy["clauses"] for name, f in c.get("if", {}).items() if isinstance(f, dict) for k, v in f.items() if k in ("within", "after")]
    limits = [limit for limit in limits if limit[0] != "fault_day" or record["problem"] == "fault"]
    ordered_before = rng.randint(1, 5)
    lag = policy["from"] == "ordered"
    same = policy["first_day"] == "same"
    fault: int | None = None
    if "limit" in record["turns_on"] and limits and rng.random() < 0.8:
        name, limit = rng.choice(limits)
        span = limit + rng.choice([-1, 0, 1]) - same - (ordered_before if lag else 0)
        if span > LONGEST_LIMIT_ROW:
            return None
        if name == "fault_day":
            fault, span = span, span + rng.choice([0, 1, 2, 3, 5, 8, 12])
        elif record["problem"] == "fault":
            fault = rng.randint(0, max(span, 0))
    else:
        long = record["problem"] in ("fault", "mishap") and record["kind"] not in NO_REPAIR and rng.random() < 0.35
        span = rng.randint(40, 210) if long else rng.choice([rng.randint(0, 4), rng.randint(3, 16), rng.randint(10, 38)])
        fault = max(span - rng.choice([0, 1, 2, 4, 7]), 0) if record["problem"] == "fault" else None
    if span < 0 or (fault is not None and fault < 0) or (record["kind"] == "food" and span > 12):
        return None
    delivered = datetime.date(2025, 4, 1) + datetime.timedelta(days=rng.randint(0, 200))
    request = delivered + datetime.timedelta(days=span)
    if request > datetime.date(2025, 12, 28):
        return None
    dates = {"ordered": delivered - datetime.timedelta(days=ordered_before), "delivered": delivered, "request": request}
    if fault is not None:
        dates["fault"] = delivered + datetime.timedelta(days=fault)
    return {name: date.isoformat() for name, date in dates.items()}


def _at_limit(policy: Policy, facts: Facts, clause: Clause) -> bool:
    """Whether one day or one unit of money more or less would have another clause decide."""
    for name, steps in (("day", (-1, 1)), ("fault_day", (-1, 1)), ("paid", (-1, 1))):
        if facts[name] is not None and any(deciding(policy, {**facts, name: facts[name] + step})["n"] != clause["n"] for step in steps):
            return True
    return False


def _accepted(record: Mapping[str, Any], policy: Policy, request: Mapping[str, Any], number: int, extra: bool, rng: random.Random) -> bool:
    """Whether policy and request make a row of the wanted kind."""
    facts = facts_of(policy, request)
    clause = deciding(policy, facts)
    if clause["outcome"] != record["label"] or clause["n"] != number:
        return False
    fit = fitting(policy, facts)
    outcomes = {c["outcome"] for c in fit}
    turning = len(outcomes) > 1
    if turning != record["turns_on"].startswith("precedence") or _at_limit(policy, facts, clause) != ("limit" in record["turns_on"]):
        return False
    if len(fit) > 1 and (len(fit) > len(outcomes) or (policy["precedence"] == "special" and (not clause["special"] or (clause is fit[0] and rng.random() < 0.7)))):
        return False
    due = amount_due(policy, clause, facts, request["prices"])
    if due < 0 or due != due.quantize(Decimal("0.01")):
        return False
    if record["label"] == "refund" and (due == 0 or (due != Decimal(request["prices"]["paid"])) != extra):
        return False
    if record["label"] in ("exchange", "repair") and (due > 0) != extra:
        return False
    if facts["repaired"] and facts["fault_day"] is not None and deciding(policy, {**facts, "fault_day": facts["day"]})["n"] != number:
        return False
    return _sensible(record, policy, rng)


def _sensible(record: Mapping[str, Any], policy: Policy, rng: random.Random) -> bool:
    """Whether a policy names enough outcomes, keeps to its order of precedence and has no outcome clause that can never decide."""
    outcome = [c for c in policy["clauses"] if c["type"] == "outcome"]
    if len({c["outcome"] for c in policy["clauses"] if "outcome" in c}) < 4 or not any(c["outcome"] == "refund" for c in outcome):
        return False
    if policy["precedence"] == "special" and not 0 < sum(c["special"] for c in outcome) < len(outcome) - 1:
        return False
    if any(not any(o["outcome"] in c["alters"] for o in outcome) for c in policy["clauses"] if c["type"] == "amount"):
        return False
    if len(_asked(policy) - {"problem", "day", "fault_day", "paid"}) > 5:
        return False
    return {c["n"] for c in outcome} <= {deciding(policy, _any_facts(policy, rng))["n"] for _ in range(SAMPLES)}


def _any_facts(policy: Policy, rng: random.Random) -> Facts:
    problem = rng.choice(_bank()["facts"]["problem"]["values"])
    facts: Facts = {name: rng.random() < 0.4 for name in _bank()["facts"]} | {"problem": problem, "repaired": rng.choice([0, 0, 1, 2, 3])}
    facts |= {name: value for name, value in _implied(problem).items() if problem != "wrong" or name != "used"}
    limits = [int(v) for c in policy["clauses"] for f in c.get("if", {}).values() if isinstance(f, dict) for k, v in f.items() if k in ("within", "after")]
    worth = [int(v) for c in policy["clauses"] for f in c.get("if", {}).values() if isinstance(f, dict) for k, v in f.items() if k in ("over", "from", "up_to")]
    day = max(rng.choice([*limits, 1]) + rng.choice([-2, 0, 2]), 1)
    return facts | {"paid": Decimal(rng.choice([*worth, 100]) + rng.choice([-5, 5])), "day": day, "fault_day": max(day - rng.choice([0, 3]), 1) if problem == "fault" else None}
