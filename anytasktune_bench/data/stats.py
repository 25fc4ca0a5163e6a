"""Sizes, lengths, balance and variety of the rows."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from statistics import mean, median
from typing import Any

from anytasktune_bench.data.similarity import units
from anytasktune_bench.data.tables import source_rows
from anytasktune_bench.rows import SPLITS, Row
from anytasktune_bench.spec import LANGS, Lang, SubTask
from anytasktune_bench.text import length

OPENING_TOKENS = 4


def split_stats(spec: SubTask, split: str, lang: Lang) -> dict[str, Any]:
    """Figures of one split and language.

    Returns:
        `rows`, `groups`, `input_mean`, `input_median`, `input_min`, `input_max` (characters without white space in zh, words in en),
        `output_mean`, `distinct_2` (different over all bigrams of the free input text, pooled), `unique_openings` (share of different
        first four tokens) and `most_repeated_opening` (its count), and `balance`: counts of labels, of stated fields, or of items per row.
    """
    rows = source_rows(spec, split, lang)  # type: ignore[arg-type]
    if not rows:
        return {"rows": 0}
    texts = [spec.input.free_text(row.input, lang) for row in rows]
    lengths = [length(row.input, lang) for row in rows]
    openings = Counter(opening(text, lang) for text in texts)
    return {
        "rows": len(rows),
        "groups": len({row.group for row in rows}),
        "input_mean": round(mean(lengths), 1),
        "input_median": median(lengths),
        "input_min": min(lengths),
        "input_max": max(lengths),
        "output_mean": round(mean(length(row.output, lang) for row in rows), 1),
        "distinct_2": round(distinct_2(texts, lang), 3),
        "unique_openings": round(len(openings) / len(rows), 3),
        "most_repeated_opening": max(openings.values()),
        "balance": balance(spec, rows),
    }


def opening(text: str, lang: Lang) -> tuple[str, ...]:
    """The first four characters (zh) or words (en) of a text."""
    return tuple(re.findall(r"\w" if lang == "zh" else r"[\w']+", text.casefold())[:OPENING_TOKENS])


def distinct_2(texts: Sequence[str], lang: Lang) -> float:
    """Different bigrams over all bigrams, pooled (Li et al. 2016); in [0, 1]."""
    bigrams = [pair for text in texts for found in [units(text, lang)] for pair in itertools.pairwise(found)]
    return len(set(bigrams)) / len(bigrams) if bigrams else 0.0


def balance(spec: SubTask, rows: Sequence[Row]) -> dict[str, int]:
    """Counts of labels, of rows that state a field, or of rows by number of items, lines or pairs."""
    counts: Counter[str] = Counter()
    for row in rows:
        gold: dict[str, Any] = row.gold
        if "label" in gold:
            counts[str(gold["label"])] += 1
        if "labels" in gold:
            counts.update(gold["labels"] or ["(none)"])
        for name, value in gold.get("fields", {}).items():
            field = spec.field(name)
            counts.update([f"{name}={label}" for label in (value if field.kind == "list" else [value])] if field.labels else [name])
        counts.update(f"{len(gold[key])} {key}" for key in ("items", "pairs", "issues") if key in gold)
    return dict(sorted(counts.items()))


def stats(spec: SubTask) -> dict[str, dict[str, Any]]:
    """`split_stats` of every split and language, by "split lang"."""
    return {f"{split} {lang}": split_stats(spec, split, lang) for split in SPLITS for lang in LANGS}
