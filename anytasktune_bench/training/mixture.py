"""Which sub-tasks make one adapter, and how often each is drawn."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence

from anytasktune_bench.catalog import Action
from anytasktune_bench.errors import RunError
from anytasktune_bench.spec import SubTask
from anytasktune_bench.training.options import Mix


def adapters_of(specs: Sequence[SubTask], mix: Mix, actions: Iterable[Action]) -> dict[str, list[SubTask]]:
    """The adapters to train and the sub-tasks of each.

    Args:
        specs: the sub-tasks that were asked for.
        mix: `all` one adapter, `subtask` one each, `domain` one per domain, `action` one per business action whose sub-tasks are all there.
        actions: the business actions.

    Returns:
        Adapter name -> its sub-tasks, in catalog order.

    Raises:
        RunError: no action is complete.
    """
    if mix == "subtask":
        return {spec.code: [spec] for spec in specs}
    if mix == "domain":
        return {domain: [spec for spec in specs if spec.domain == domain] for domain in dict.fromkeys(spec.domain for spec in specs)}
    if mix == "action":
        by_code = {spec.code: spec for spec in specs}
        found = {action.id: [by_code[code] for step in action.steps for code in step] for action in actions if all(code in by_code for step in action.steps for code in step)}
        if not found:
            raise RunError("no business action has all its sub-tasks among those named. `anytasktune ls` shows the actions; name all sub-tasks of one, or `all`.")
        return found
    return {"-".join(spec.code for spec in specs) if len(specs) <= 4 else "mixed": list(specs)}


def quotas(counts: Mapping[str, int], temperature: float) -> dict[str, int]:
    """How many rows of each sub-task one epoch draws: in proportion to n^(1/temperature), as many in all as there are rows.

    Temperature sampling as in multilingual training (Arivazhagan et al., arXiv:1907.05019); rounded by largest remainder, at least one each.
    """
    total = sum(counts.values())
    weights = {name: n ** (1 / temperature) for name, n in counts.items() if n}
    exact = {name: weight * total / sum(weights.values()) for name, weight in weights.items()}
    found = {name: max(int(value), 1) for name, value in exact.items()}
    by_remainder = sorted(exact, key=lambda name: (int(exact[name]) - exact[name], name))
    for name in by_remainder[: max(total - sum(found.values()), 0)]:
        found[name] += 1
    return found


def draw(members: Sequence[int], quota: int, rng: random.Random) -> list[int]:
    """`quota` of the members: each as often as it goes in whole, the rest at random."""
    whole, rest = divmod(quota, len(members))
    return [*members] * whole + rng.sample(list(members), rest)
