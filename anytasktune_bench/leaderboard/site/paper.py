"""Table 1 of the AnyTaskTune paper as printed, and what can be read off it.

Source: `AnyTaskTune: Advanced Domain-Specific Solutions through Task-Fine-Tuning`, arXiv:2407.07094, Table 1. `paper/table1.csv` holds the
printed scores, `paper/table1_arrows.csv` the printed arrows. The paper's data were not released, so nothing here was measured by this project, and
none of it may stand beside a measured figure.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "paper"
BASE, OWN_PREFIX = "Qwen2-7B", "AnyTaskTune-"
GROUPS: Mapping[str, tuple[str, ...]] = {
    "medicine": ("M1", "M2", "M3"),
    "finance": ("F1", "F2", "F3"),
    "law": ("L1", "L2", "L3", "L4"),
    "psychology": ("P1", "P2"),
    "roleplay": ("MBTI",),
}
"""The paper's column groups."""
_OWN_GROUP = {"Med": "medicine", "Finance": "finance", "Law": "law", "Psychology": "psychology", "RolePlay": "roleplay"}


@dataclass(frozen=True)
class Printed:
    """One printed figure."""

    text: str
    """As printed; "" for an empty cell."""
    arrow: str
    """"up", "down" or ""."""
    best: bool
    """Whether no figure of the column is higher."""
    contradicts: bool
    """Whether the arrow says the opposite of the comparison with the base model's printed figure."""
    own: bool
    """Whether the model was tuned on the column's domain."""


@dataclass(frozen=True)
class PaperRow:
    """One printed row."""

    category: str
    model: str
    is_base: bool
    cells: tuple[Printed, ...]


@dataclass(frozen=True)
class PaperTable:
    """Table 1, and the sums that can be done on it."""

    columns: tuple[str, ...]
    rows: tuple[PaperRow, ...]
    contradictions: tuple[tuple[str, str, str, str, str], ...]
    """(model, column, figure, base figure, arrow) of each arrow that contradicts the base row."""
    arrows: int
    in_domain: tuple[int, int]
    """Figures of tuned models on their own domain: above the base, all."""
    in_domain_gain: float
    """Mean difference from the base over them."""
    off_domain: tuple[int, int]
    """Figures of tuned models elsewhere: above the base, all."""
    best_columns: int
    """Columns in which a tuned model has the highest figure."""


def read_paper() -> PaperTable:
    """The printed table."""
    scores, arrows = (list(csv.DictReader((FOLDER / name).read_text(encoding="utf-8").splitlines())) for name in ("table1.csv", "table1_arrows.csv"))
    columns = [name for name in scores[0] if name not in ("category", "model")]
    base = next(row for row in scores if row["model"] == BASE)
    best = {column: max(float(row[column]) for row in scores if row[column]) for column in columns}
    rows = [_row(row, marks, columns, base, best) for row, marks in zip(scores, arrows, strict=True)]
    pairs = [(row.model, column, cell) for row in rows for column, cell in zip(columns, row.cells, strict=True) if cell.arrow]
    gains = {own: [float(cell.text) - float(base[column]) for _, column, cell in pairs if cell.own == own] for own in (True, False)}
    tuned_best = {column for model, column, cell in pairs if cell.best and model.startswith(OWN_PREFIX)}
    return PaperTable(
        columns=tuple(columns),
        rows=tuple(rows),
        contradictions=tuple((model, column, cell.text, base[column], cell.arrow) for model, column, cell in pairs if cell.contradicts),
        arrows=len(pairs),
        in_domain=(sum(gain > 0 for gain in gains[True]), len(gains[True])),
        in_domain_gain=sum(gains[True]) / len(gains[True]),
        off_domain=(sum(gain > 0 for gain in gains[False]), len(gains[False])),
        best_columns=len(tuned_best),
    )


def _row(row: Mapping[str, str], arrows: Mapping[str, str], columns: Sequence[str], base: Mapping[str, str], best: Mapping[str, float]) -> PaperRow:
    own = GROUPS.get(_OWN_GROUP.get(row["model"].rpartition("-")[2], ""), ()) if row["model"].startswith(OWN_PREFIX) else ()
    cells = []
    for column in columns:
        text, arrow = row[column], arrows[column]
        wrong = bool(arrow) and (float(text) > float(base[column])) != (arrow == "up")
        cells.append(Printed(text, arrow, bool(text) and float(text) == best[column], wrong, column in own))
    return PaperRow(row["category"], row["model"], row["model"] == BASE, tuple(cells))
