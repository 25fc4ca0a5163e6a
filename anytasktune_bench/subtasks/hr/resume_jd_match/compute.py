"""Requirements drawn for a vacancy and an applicant, and the gold that follows from them.

A pattern fixes which requirements are must-haves and which are met; experience in years is counted here from the posts' dates: whole months with the first
and last month included, overlapping time once, `present` up to the screening date.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

_LINES = """
MMMPp MMMPp MMMPP MmMpP mMMMPPp MMMmPP mmmpPp mmMmPp mMmMmP MmmMmpP
MMMPPP MMMpPP MMMMpP MMMmpPP mMMpPp MmMPp MMmMppp mmmPP mmmMP mmmPP
MMMppP MMMPPp MMMPP MMMMPpP MMmppP MMMmPPP MmMPP mMmmP mmmMp mmmMpP
MMMpp MMMMPPP MMMPpP MMmMPP mMMMp MmMMMP mMmmPpp mmmpP MmMmP mmmPPp
"""
PATTERNS = tuple(_LINES.split())
"""p01 to p40, a letter a requirement: must-have met (M) or missing (m), plus met (P) or missing (p). Strong, partial and weak stand 13, 13 and 14 times, and 37 to
38 % are missing at each number and under either mark."""
MARGIN = 3
"""Counted months never lie nearer to the limit than this."""
SHARE_YEARS, SHARE_DEGREE = 0.8, 0.55
TRIES = 20000
MET_WORDING = ("as required", "worded differently", "as required", "a named instance of what is asked or a higher level, in other words")
MISSING_TWISTS = (
    "planned or in training only",
    "a sibling tool, method or object",
    "a neighbouring activity (reading for speaking, budget for people, filing for writing)",
    "a colleague or another department did it",
    "a lower level, or a course where practice is asked",
    "negated",
)


def month_number(date: str) -> int:
    """Months since year 0 of a date such as `2021-07`."""
    year, month = date.split("-")
    return int(year) * 12 + int(month) - 1


def months_counted(posts: Sequence[dict[str, Any]], screening: str, relevant_only: bool = True) -> int:
    """Months covered by the posts that count, each calendar month once.

    Args:
        posts: `start` and `end` (`present` or a month) and whether the post `counts`.
        screening: the screening date.
        relevant_only: leave out posts that do not count.
    """
    covered: set[int] = set()
    for post in posts:
        if post["counts"] or not relevant_only:
            end = screening if post["end"] == "present" else post["end"]
            covered.update(range(month_number(post["start"]), month_number(end) + 1))
    return len(covered)


def compute(scenario: dict[str, Any]) -> dict[str, Any]:
    """Gold of a scenario: numbers met and missing, fit, and the numbers of the must-haves.

    Raises:
        ValueError: a requirement on years is marked otherwise than its dates say, or lies too near to its limit.
    """
    met: list[list[str]] = []
    missing: list[list[str]] = []
    lacking = 0
    for requirement in scenario["requirements"]:
        holds = requirement["met"]
        if requirement["kind"] == "years":
            beyond = months_counted(requirement["posts"], scenario["screening"]) - 12 * requirement["years"]
            if holds != (beyond >= 0) or abs(beyond) < 2:
                raise ValueError(f"requirement {requirement['number']}: the dates lie {beyond} months from the limit and it is marked as {'met' if holds else 'missing'}")
        (met if holds else missing).append([str(requirement["number"])])
        lacking += requirement["must"] and not holds
    fit = ("strong", "partial", "weak")[min(lacking, 2)]
    return {"fields": {"met": met, "missing": missing, "fit": fit}, "must": [r["number"] for r in scenario["requirements"] if r["must"]]}


def complete(record: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """Add the screening date and the requirements.

    Args:
        record: `pattern` is read.
        rng: random state of this pair.

    Returns:
        The record with `screening` and `requirements`: `{number, must, met, kind, wording}` with kind `years` (also `years` and `posts`), `degree` or `other`; half of
        the met ones are worded differently in the résumé, half of the missing ones share their key word with it and have a `twist`.
    """
    pattern = PATTERNS[int(record["pattern"][1:]) - 1]
    screening = f"{rng.choice((2024, 2025, 2025, 2026))}-{rng.randint(1, 12):02d}"
    musts = [i for i, letter in enumerate(pattern) if letter in "Mm"]
    kinds = ["other"] * len(pattern)
    if rng.random() < SHARE_YEARS:
        kinds[rng.choice(musts if rng.random() < 0.9 else range(len(pattern)))] = "years"
    if rng.random() < SHARE_DEGREE:
        kinds[rng.choice([i for i in musts if kinds[i] == "other"])] = "degree"
    turn = {True: rng.randrange(4), False: rng.randrange(2)}
    requirements: list[dict[str, Any]] = []
    for i, letter in enumerate(pattern):
        met = letter in "MP"
        requirement: dict[str, Any] = {"number": i + 1, "must": letter in "Mm", "met": met, "kind": kinds[i]}
        if kinds[i] == "years":
            requirement |= _years(met, screening, rng)
        else:
            requirement |= _wording(met, kinds[i], turn[met], rng)
            turn[met] += 1
        requirements.append(requirement)
    return {**record, "screening": screening, "requirements": requirements}


def _wording(met: bool, kind: str, turn: int, rng: random.Random) -> dict[str, str]:
    """How the résumé speaks of a requirement."""
    if met:
        return {"wording": rng.choice(("as required", "a higher degree")) if kind == "degree" else MET_WORDING[turn % 4]}
    if kind == "degree":
        return {"wording": "shares the key word", "twist": rng.choice(("another subject", "not yet awarded", "a lower degree"))}
    return {"wording": "shares the key word", "twist": rng.choice(MISSING_TWISTS)} if turn % 2 else {"wording": "not mentioned"}


def _years(met: bool, screening: str, rng: random.Random) -> dict[str, Any]:
    """A limit in years and posts that reach it or do not; where they do not, all posts together mostly would."""
    now = month_number(screening)
    for _ in range(TRIES):
        years = rng.choice((2, 2, 3, 3, 3, 4, 5, 5, 6))
        count = rng.choice((2, 3, 3))
        posts: list[dict[str, Any]] = []
        end = now
        for place in range(count):
            start = end - rng.randint(7, 44)
            last = "present" if place == 0 else _date(end)
            posts.insert(0, {"start": _date(start), "end": last, "counts": rng.random() < 0.6})
            end = start + rng.choice((-1, -1, -1, -3, -6, 5))
        counted, everything = months_counted(posts, screening), months_counted(posts, screening, relevant_only=False)
        beyond = counted - 12 * years
        trap = everything >= 12 * years + MARGIN or sum(months_counted([post], screening) for post in posts) >= 12 * years
        if (MARGIN <= beyond <= 22 and met) or (-22 <= beyond <= -MARGIN and not met and counted and (trap or rng.random() < 0.05)):
            return {"years": years, "posts": posts, "months": counted}
    raise ValueError("no posts found")


def _date(number: int) -> str:
    return f"{number // 12}-{number % 12 + 1:02d}"
