"""The one summary of how good the rows are, per sub-task and language: sizes, blind baselines, blind-reader agreement, likeness, variety."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from anytasktune_bench.data.agreement import read_agreement
from anytasktune_bench.data.baselines import baselines
from anytasktune_bench.data.problems import Rows
from anytasktune_bench.data.similarity import likeness
from anytasktune_bench.data.stats import split_stats
from anytasktune_bench.rows import SPLITS
from anytasktune_bench.spec import LANGS, Lang, SubTask

_VARIETY = ("distinct_2", "unique_openings", "most_repeated_opening", "input_median")


def summarise(specs: Sequence[SubTask], progress: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Sub-task code -> language -> `rows` per split, `baselines`, `agreement`, `likeness` and `variety` of the test inputs.

    Args:
        specs: sub-tasks with rows.
        progress: told each code before it is measured, since baselines take seconds.
    """
    found: dict[str, Any] = {}
    for spec in specs:
        progress(spec.code)
        rows = Rows.read(spec)
        found[spec.code] = summary_of(spec, rows, {lang: baselines(rows, lang) for lang in LANGS})
    return found


def summary_of(spec: SubTask, rows: Rows, measured: Mapping[Lang, Mapping[str, float]]) -> dict[str, Any]:
    """One sub-task's part of the summary, from baselines that were measured already."""
    agreement = read_agreement(spec)
    return {
        "note": agreement.note,
        **{
            lang: {
                "rows": {split: len(rows.rows[split, lang]) for split in SPLITS},
                "baselines": {name: round(value, 3) for name, value in measured[lang].items()},
                "agreement": [r.model_dump(exclude={"lang"}) for r in agreement.readings if r.lang == lang],
                "likeness": {name: round(value, 3) for name, value in likeness(rows, lang).items()},
                "variety": {name: value for name, value in split_stats(spec, "test", lang).items() if name in _VARIETY},
            }
            for lang in LANGS
        },
    }
