"""Word banks: alternatives that many golds of a sub-task share, kept once and named where they are meant.

In the groups of a source row's `points`, `anti_points` and `issues`, `@name` stands for all words of a bank and `-word` takes one out again. A bank
lies in the sub-task's `banks.yaml` under its language, or, for words that several groups of one row share, in the row's own `banks`. Reading rows
puts the words in place, so that published golds are complete by themselves.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from anytasktune_bench.errors import SpecError
from anytasktune_bench.spec import LANGS, Lang

BANKS_FILE = "banks.yaml"
Banks = Mapping[str, Sequence[str]]


def load_banks(folder: Path, lang: Lang) -> Banks:
    """The banks of a sub-task's folder in one language; none where it has no `banks.yaml`.

    Raises:
        SpecError: the file has not the form `{zh: {name: [word, ...]}, en: ...}`.
    """
    path = folder / BANKS_FILE
    return _read(path, path.stat().st_mtime_ns).get(lang, {}) if path.is_file() else {}


@functools.lru_cache(maxsize=64)
def _read(path: Path, changed: int) -> dict[str, dict[str, list[str]]]:
    try:
        found = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SpecError(f"{path}: cannot be read ({error}).") from error
    well_formed = isinstance(found, dict) and all(
        key in LANGS and isinstance(banks, dict) and all(isinstance(words, list) and all(isinstance(word, str) for word in words) for words in banks.values())
        for key, banks in found.items()
    )
    if not well_formed:
        raise SpecError(f"{path}: does not have the form of banks. Write names and lists of words under zh and en, and put words such as no or 12 in quotes.")
    banks: dict[str, dict[str, list[str]]] = found
    return banks


def expand_gold(gold: Mapping[str, Any], banks: Banks) -> dict[str, Any]:
    """A gold with the words of banks in place of their names.

    Raises:
        ValueError: a bank is not there, or a word is taken out that is not in one.
    """
    found = dict(gold)
    for key in ("points", "anti_points"):
        if isinstance(gold.get(key), dict):
            found[key] = {field: [_point(point, banks) for point in points] for field, points in gold[key].items()}
    if isinstance(gold.get("issues"), list):
        found["issues"] = [_point(issue, banks) for issue in gold["issues"]]
    return found


def _point(point: Any, banks: Banks) -> Any:
    return [_group(group, banks) if isinstance(group, list) else group for group in point] if isinstance(point, list) else point


def _group(group: list[Any], banks: Banks) -> list[Any]:
    if not any(isinstance(word, str) and word.startswith("@") for word in group):
        return group
    words: dict[Any, None] = {}
    for word in group:
        if isinstance(word, str) and word.startswith("@"):
            if word[1:] not in banks:
                raise ValueError(f"there is no bank {word[1:]!r}; there are {', '.join(banks) or 'none'}. Name one of them, or add it to {BANKS_FILE}")
            words |= dict.fromkeys(banks[word[1:]])
        elif isinstance(word, str) and word.startswith("-"):
            if word[1:] not in words:
                raise ValueError(f"{word!r} takes out a word that no bank before it holds. Remove it")
            del words[word[1:]]
        else:
            words[word] = None
    return list(words)
