"""Gold that follows from the scenario: a sub-task's own `compute.py`, if its folder has one.

`complete(record, rng)` adds drawn facts to a scenario record; `compute(scenario)` gives the parts of the gold that follow from it. Rows keep their
scenario, so that check 2 can compute those parts again and compare.
"""

from __future__ import annotations

import functools
import importlib.util
import random
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from anytasktune_bench.errors import SpecError
from anytasktune_bench.spec import SubTask

COMPUTE_FILE = "compute.py"


@functools.cache
def _module(folder: Path) -> ModuleType | None:
    path = folder / COMPUTE_FILE
    if not path.is_file():
        return None
    found = importlib.util.spec_from_file_location(f"anytasktune_compute_{folder.parent.name}_{folder.name}", path)
    assert found and found.loader
    module = importlib.util.module_from_spec(found)
    try:
        found.loader.exec_module(module)
    except Exception as error:
        raise SpecError(f"{path}: cannot be loaded ({type(error).__name__}: {error}). Mend it.") from error
    return module


def complete(spec: SubTask, record: Mapping[str, Any], seed: str) -> dict[str, Any]:
    """A scenario record with the facts that the sub-task draws itself; the record as it is where it draws none.

    Args:
        spec: the sub-task.
        record: a record from `scenarios.draw`.
        seed: fixes what is drawn.
    """
    module = _module(spec.folder)
    if module is None or not hasattr(module, "complete"):
        return dict(record)
    return dict(module.complete(dict(record), random.Random(seed)))


def computed_gold(spec: SubTask, scenario: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of the gold that follow from the scenario; {} where nothing does.

    Raises:
        SpecError: `compute.py` cannot work on this scenario.
    """
    module = _module(spec.folder)
    if module is None or not hasattr(module, "compute"):
        return {}
    try:
        return dict(module.compute(dict(scenario)))
    except Exception as error:
        raise SpecError(f"{spec.folder / COMPUTE_FILE}: cannot compute the gold of a scenario ({type(error).__name__}: {error}). Mend the scenario or the program.") from error


def merge_gold(gold: Mapping[str, Any], computed: Mapping[str, Any]) -> dict[str, Any]:
    """`gold` with the computed parts put in: keys of mappings one by one, other values whole."""
    merged = dict(gold)
    for key, value in computed.items():
        merged[key] = {**merged.get(key, {}), **value} if isinstance(value, Mapping) else value
    return merged
