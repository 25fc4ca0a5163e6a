"""What models are called on the site: labels that can be told apart, file names that stay, and foreign text made fit to be shown."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from anytasktune_bench.files import sha256_json
from anytasktune_bench.leaderboard.table import Row
from anytasktune_bench.records import Settings
from anytasktune_bench.spec import Lang


def show(text: str, limit: int = 80) -> str:
    """Foreign text fit to be shown: control, formatting and direction characters replaced, cut to `limit` characters."""
    clean = "".join("\ufffd" if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c for c in text[: limit + 1])
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def labels(rows: Sequence[Row], lang: Lang) -> list[str]:
    """What to call each row: the model's name, and what is unusual about its settings.

    Models that would look alike are told apart by the first 8 digits of the sha256 of what is known about them.
    """
    plain = [(show(row.model.name).strip() or "?", _variant(row.settings, lang)) for row in rows]
    seen = Counter(plain)
    marks = [f" [{sha256_json([row.model.model_dump(mode='json'), row.provenance])[:8]}]" if seen[label] > 1 else "" for row, label in zip(rows, plain, strict=True)]
    return [f"{name}{mark}{variant}" for (name, variant), mark in zip(plain, marks, strict=True)]


def slug(row: Row) -> str:
    """The name of a row's files: readable, safe anywhere, and the same whatever else is on the board, so that links keep working."""
    settings = row.settings
    identity = [row.model.model_dump(mode="json"), settings.num_fewshot, settings.implicit, settings.limit, row.provenance]
    readable = re.sub(r"[^a-z0-9.]+", "-", f"{row.model.name[:200].lower()}{_variant(settings, 'en')}").strip("-.")[:60].strip("-.")
    return f"{readable or 'model'}-{sha256_json(identity)[:10]}"


def _variant(settings: Settings, lang: Lang) -> str:
    zh = lang == "zh"
    parts = [f"{settings.num_fewshot} 样例" if zh else f"{settings.num_fewshot}-shot"] if settings.num_fewshot else []
    parts += ["隐式" if zh else "implicit"] if settings.implicit else []
    parts += [f"前 {settings.limit} 行" if zh else f"first {settings.limit} rows"] if settings.limit is not None else []
    if not parts:
        return ""
    return f"（{'，'.join(parts)}）" if zh else f" ({', '.join(parts)})"
