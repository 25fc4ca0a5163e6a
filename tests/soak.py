"""`make soak`: mutate real gold answers and score them; nothing may raise and every score lies in [0, 1]."""

from __future__ import annotations

import random
import sys
import time

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.data.tables import source_rows
from anytasktune_bench.metrics import score_answer
from anytasktune_bench.rows import SPLITS
from anytasktune_bench.spec import LANGS

JUNK = [
    "，",
    "、",
    ";",
    ":",
    "：",
    "\n",
    "```",
    "<think>",
    "</think>",
    "\x00",
    "\ud800",
    "\u202e",
    "-",
    "**",
    "none",
    "无",
    "Answer:",
    "１２",
    "三个月",
    "1,000.0",
    "%",
    "🙂",
    " " * 50,
]


def mutate(text: str, rng: random.Random) -> str:
    """Cut, repeat, swap, drop and insert pieces."""
    for _ in range(rng.randrange(1, 6)):
        i, j = sorted((rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)))
        kind = rng.randrange(5)
        if kind == 0:
            text = text[:i] + text[j:]
        elif kind == 1:
            text = text[:j] + text[i:j] * rng.randrange(1, 4) + text[j:]
        elif kind == 2:
            text = text[:i] + rng.choice(JUNK) + text[i:]
        elif kind == 3:
            text = text[j:] + text[i:j] + text[:i]
        else:
            text = text.swapcase() if rng.random() < 0.5 else text[::-1]
    return text[:2000]


def soak(n: int, seed: int = 0) -> float:
    """Score `n` mutated answers; returns answers per second.

    Raises:
        AssertionError: a score lies outside [0, 1].
    """
    rng = random.Random(seed)
    rows = [(spec, lang, row) for spec in load_catalog().specs for lang in LANGS for split in SPLITS for row in source_rows(spec, split, lang)]
    started = time.monotonic()
    for _ in range(n):
        spec, lang, row = rng.choice(rows)
        score = score_answer(spec, lang, mutate(row.output, rng), row.gold, row.output)
        assert 0.0 <= score.score <= 1.0 and all(0.0 <= v <= 1.0 for v in score.values.values()), (row.id, score)
    return n / (time.monotonic() - started)


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    sys.stdout.write(f"{count} mutated answers scored within bounds, {soak(count):.0f} a second\n")
