"""A short soak in every test run; `make soak` runs a million."""

from __future__ import annotations

from tests.soak import soak


def test_mutated_answers_are_scored_within_bounds() -> None:
    assert soak(5000, seed=1) > 0
