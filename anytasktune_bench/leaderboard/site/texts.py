"""The site's words: `texts.yaml` has every one in both languages, side by side."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import yaml

from anytasktune_bench.spec import LANGS, Lang

PATH = Path(__file__).with_name("texts.yaml")


@functools.cache
def texts(lang: Lang) -> dict[str, Any]:
    """All texts in one language, in the groups of the file."""
    found: dict[str, Any] = _pick(yaml.safe_load(PATH.read_text(encoding="utf-8")), lang)
    return found


def _pick(node: Any, lang: Lang) -> Any:
    is_text = set(node) == set(LANGS) and all(isinstance(text, str) for text in node.values())
    return node[lang] if is_text else {name: _pick(child, lang) for name, child in node.items()}
