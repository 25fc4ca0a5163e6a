"""`make soak`: mutate real gold answers and score them; nothing may raise and every score lies in [0, 1]."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Sequence

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.metrics import score_answer
from anytasktune_bench.rows import Row
from tests.judged import ALL, known_rows

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
    " -> ",
    "[",
    "】",
    "{",
    '"',
    "1. ",
    "？",
    "1e999",
    "99999999999999999999",
    "9" * 5000,
    "[" * 2000,
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


def check(row: Row, answer: str) -> None:
    """Score one answer; nothing may raise and every value lies in [0, 1].

    Raises:
        AssertionError: a value lies outside.
    """
    spec = load_catalog().get(row.id.split("-")[0])
    score = score_answer(spec, row.lang, answer, row.gold, row.output, row.input)
    assert 0.0 <= score.score <= 1.0 and all(0.0 <= value <= 1.0 for value in score.values.values()), (row.id, answer, score)


def soak(rows: Sequence[Row], n: int, seed: int = 0) -> float:
    """Score `n` mutated answers of `rows`; returns answers per second."""
    rng = random.Random(seed)
    started = time.monotonic()
    for _ in range(n):
        row = rng.choice(rows)
        check(row, mutate(row.output if rng.random() < 0.8 else rng.choice(rows).output + row.input, rng))
    return n / (time.monotonic() - started)


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    everything = [row for spec, lang in ALL for row in known_rows(spec, lang)]
    sys.stdout.write(f"{count} mutated answers scored within bounds, {soak(everything, count):.0f} a second\n")
