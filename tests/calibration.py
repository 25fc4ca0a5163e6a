"""How often intervals cover and tests err, by simulation on real rows: `python -m tests.calibration [REPEATS]`.

A system is a chance to answer a row as its reference does, else as another row's. Its expected score is the mean over many runs. Rows of the benchmark are in groups of one, so
groups of four are made of rows that are right or wrong together.
"""

from __future__ import annotations

import random
import sys
import time

import numpy as np

from anytasktune_bench.leaderboard.effects import PairedTest, mean_difference
from anytasktune_bench.leaderboard.standing import minimum_detectable_effect, separation
from anytasktune_bench.leaderboard.statistics import cluster_bootstrap, paired_difference
from anytasktune_bench.metrics import Score, primary
from anytasktune_bench.spec import SubTask
from tests.leaderboard.test_statistics import CATALOG, answered, rows_of, singles

CODES = ("S1", "M1", "L4", "F2", "P2", "H3")


def clustered(spec: SubTask, share: float, size: int, seed: int) -> tuple[list[Score], list[str]]:
    """Scores of one run whose rows are right or wrong in groups of `size`, and the groups."""
    rows, draw = rows_of(spec), random.Random(seed)
    right = [draw.random() < share for _ in range(len(rows) // size + 1)]
    return answered(spec, rows, [right[i // size] for i in range(len(rows))], seed), [str(i // size) for i in range(len(rows))]


def coverage(spec: SubTask, share: float, size: int, repeats: int) -> float:
    """Share of the bootstrap intervals that hold the expected score."""
    found = [clustered(spec, share, size, seed) for seed in range(repeats)]
    expected = np.mean([primary(spec, scores)[0] for scores, _ in found])
    return float(np.mean([low <= expected <= high for scores, groups in found for low, high in [cluster_bootstrap(spec, scores, groups, draws=1000)]]))


def level(spec: SubTask, share: float, size: int, repeats: int) -> float:
    """Share of paired tests of two equally good systems with p <= 0.05."""
    tests = [(clustered(spec, share, size, seed), clustered(spec, share, size, seed + repeats)) for seed in range(repeats)]
    return float(np.mean([paired_difference(spec, a, b, groups, draws=1000).p_value <= 0.05 for (a, groups), (b, _) in tests]))


def rank_errors(spec: SubTask, share: float, systems: int, repeats: int) -> float:
    """Share of rank intervals of equally good systems that are shorter than 1 to M."""
    rows, wrong = rows_of(spec), []
    for seed in range(repeats):
        found = separation(spec, [answered(spec, rows, share, seed * systems + i) for i in range(systems)], singles(rows), draws=1000, seed=seed)
        wrong += [(one.low, one.high) != (1, systems) for one in found]
    return float(np.mean(wrong))


def power(spec: SubTask, repeats: int) -> tuple[float, float, float]:
    """The mean detectable effect of pairs of systems, the mean difference of two systems that differ by about it, and how often that is found."""
    rows, low = rows_of(spec), 0.35
    pairs = ([answered(spec, rows, share, 2 * seed + i) for i, share in enumerate((low, low + 0.3))] for seed in range(20))
    effect = float(np.mean([minimum_detectable_effect(spec, pair, singles(rows)) or 0.0 for pair in pairs]))
    gain = float(np.mean([primary(spec, answered(spec, rows, low + 0.3, seed))[0] - primary(spec, answered(spec, rows, low, seed))[0] for seed in range(200)])) / 0.3
    high = min(1.0, low + effect / gain)
    found = [paired_difference(spec, answered(spec, rows, high, seed), answered(spec, rows, low, seed + repeats), singles(rows), draws=1000) for seed in range(repeats)]
    return effect, float(np.mean([one.delta for one in found])), float(np.mean([one.p_value <= 0.05 for one in found]))


def transfer_coverage(repeats: int) -> float:
    """Share of the intervals of a mean difference over three sub-tasks that hold the expected one."""
    made = []
    for seed in range(repeats):
        pairs = ((CATALOG.get(code), seed * 3 + i) for i, code in enumerate(("S1", "M1", "H3")))
        made.append(mean_difference([PairedTest(s, answered(s, rows_of(s), 0.7, n), answered(s, rows_of(s), 0.5, n + 9999), singles(rows_of(s))) for s, n in pairs], draws=1000))
    expected = np.mean([one.delta for one in made])
    return float(np.mean([one.low <= expected <= one.high for one in made]))


def speed(systems: int) -> None:
    """Seconds of the rank intervals of one column."""
    for code in ("S1", "L4", "L5"):
        spec = CATALOG.get(code)
        found = [answered(spec, rows_of(spec), i / systems, i) for i in range(systems)]
        start = time.perf_counter()
        separation(spec, found, singles(rows_of(spec)))
        print(f"{code} {systems} systems: rank intervals {time.perf_counter() - start:.1f} s")  # noqa: T201


def main(repeats: int) -> None:
    """Print all figures."""
    print(f"{repeats} repeats; standard error of a share near 0.05 or 0.95: {np.sqrt(0.05 * 0.95 / repeats):.3f}")  # noqa: T201
    for code in CODES:
        spec = CATALOG.get(code)
        covered = [f"{coverage(spec, share, size, repeats):.3f}" for share in (0.3, 0.6, 0.9) for size in (1, 4)]
        wrong = [f"{level(spec, 0.6, size, repeats):.3f}" for size in (1, 4)]
        effect, delta, found = power(spec, repeats)
        print(f"{code}: coverage at 0.3, 0.6, 0.9 with groups of 1 and 4: {' '.join(covered)}; level with groups of 1 and 4: {' '.join(wrong)}; ", end="")  # noqa: T201
        print(f"wrong rank intervals of 8 equal systems {rank_errors(spec, 0.6, 8, repeats):.3f}; MDE {effect:.3f}: {delta:.3f} found in {found:.3f}", flush=True)  # noqa: T201
    print(f"transfer over three sub-tasks: coverage {transfer_coverage(repeats):.3f}")  # noqa: T201
    speed(300)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
