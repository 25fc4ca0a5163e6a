"""The reader of JSON answers."""

from __future__ import annotations

import json
from typing import Any

from anytasktune_bench.outputs.types import Parsed
from anytasktune_bench.spec import Lang, SubTask


class JsonObject(dict[str, Any]):
    """A JSON object in which the first of equal keys counts."""

    repeated: tuple[Any, ...] = ()
    """Values of keys that stood before."""


def _object(pairs: list[tuple[str, Any]]) -> JsonObject:
    found = JsonObject()
    repeated = []
    for key, value in pairs:
        if key in found:
            repeated.append(value)
        else:
            found[key] = value
    found.repeated = tuple(repeated)
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def read_json(spec: SubTask, lang: Lang, text: str) -> Parsed:
    """An answer that is one JSON object and nothing else (a code fence was taken off before)."""
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return Parsed(False, None, text)
    if not isinstance(value, JsonObject):
        return Parsed(False, None, text)
    known = {field.name(lang) for field in spec.output.fields if "[]" not in field.id}
    return Parsed(set(value) == known and not value.repeated, value, text)
