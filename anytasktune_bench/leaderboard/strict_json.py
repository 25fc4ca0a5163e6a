"""Reading JSON that somebody else wrote: nothing that is no JSON, nothing ambiguous, nothing without bounds."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from anytasktune_bench.errors import RecordError

MAX_DEPTH = 12
"""Objects and arrays inside each other; a record has 6."""

_SURROGATE = re.compile("[\ud800-\udfff]")


def loads(text: str) -> Any:
    """Parse one JSON value.

    Raises:
        RecordError: it is broken or nested too deep, has a key twice, a number that is not finite, or a character that is half of a pair.
    """
    try:
        found = json.loads(text, parse_constant=_refused, parse_float=_finite, object_pairs_hook=_unambiguous)
    except RecursionError as error:
        raise RecordError(f"JSON is nested too deep; {MAX_DEPTH} levels are allowed.") from error
    except ValueError as error:
        raise RecordError(f"broken JSON ({str(error)[:120]}).") from error
    _check(found, MAX_DEPTH)
    return found


def _check(value: Any, left: int) -> None:
    if isinstance(value, str):
        if _SURROGATE.search(value):
            raise RecordError("a text holds a lone surrogate, which is no character.")
    elif isinstance(value, dict | list):
        if not left:
            raise RecordError(f"JSON is nested too deep; {MAX_DEPTH} levels are allowed.")
        for part in [*value, *value.values()] if isinstance(value, dict) else value:
            _check(part, left - 1)


def _refused(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _finite(text: str) -> float:
    found = float(text)
    if not math.isfinite(found):
        raise ValueError(f"{text[:40]} is too large for a number")
    return found


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found
