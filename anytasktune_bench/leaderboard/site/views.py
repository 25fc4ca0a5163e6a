"""The board's tables: cells as HTML, row groups, and the data file from which scripts build what a page does not hold itself."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from anytasktune_bench.leaderboard.means import Mean
from anytasktune_bench.leaderboard.site.board import Board, Field
from anytasktune_bench.leaderboard.site.explorer import parts, script
from anytasktune_bench.leaderboard.site.texts import texts
from anytasktune_bench.leaderboard.table import CATEGORIES, Arrow, Cell, Row
from anytasktune_bench.spec import Domain, Lang

FULL = 300
"""Rows of a table that a page itself holds; scripts show the rest from the data file."""


def groups(board: Board, places: Sequence[int]) -> list[tuple[str, list[int]]]:
    """Row places by group, at most FULL of them: base models first, then the categories."""
    rows, kept = board.table.rows, places[:FULL]
    found = [("base", [i for i in kept if rows[i].is_base])]
    found += [(category, [i for i in kept if rows[i].model.category == category and not rows[i].is_base]) for category in CATEGORIES]
    return [(name, members) for name, members in found if members]


def usual_n(board: Board) -> list[int]:
    """For each column of the table the number of rows that most results are over."""
    return [Counter(cell.n for row in board.table.rows if (cell := row.cells[i])).most_common(1)[0][0] for i in range(len(board.table.columns))]


class Cells:
    """Cells of one board in one language, as HTML. Hidden beside each figure stands its interval, which styles show on hover and focus."""

    def __init__(self, board: Board, lang: Lang) -> None:
        self.board = board
        self.lang = lang
        self.usual_n = usual_n(board)
        self.first = {fields[0].key for domain in (None, *(spec.domain for spec in board.specs)) if (fields := [f for f in board.fields() if f.domain == domain])}

    @functools.cache  # noqa: B019 -- the object lives as long as one rendering
    def arrow(self, arrow: Arrow) -> str:
        """An arrow that is also said in words."""
        kind = "up" if arrow in ("▲", "△") else "down"
        return f'<b class="{kind}" role="img" aria-label="{texts(self.lang)["arrows"][arrow]}">{arrow}</b>' if arrow else ""

    def html(self, row: Row, field: Field, detailed: bool = False) -> Markup:
        """One `td`; with `detailed` its rank interval stands beside its interval."""
        value, first = field.value(row), " f" if field.key in self.first else ""
        if value is None:
            return Markup(f'<td class="x{first}">–</td>')
        if isinstance(value, Mean):
            return Markup(f'<td class="m{first}">{value.score:.3f}<i>{value.low:.2f}–{value.high:.2f}</i></td>')
        classes = f"{'o' if value.tuned else ''}{' b' if self.board.is_best(row, field.place) else ''}{first}".strip()
        n = f", n = {value.n}" if value.n != self.usual_n[field.place] else ""
        low, high = value.interval
        opened = f'<td class="{classes}">' if classes else "<td>"
        rank = f" · {self.rank(value, field.place)}" if detailed and value.standing else ""
        return Markup(f"{opened}{value.score:.3f}{self.arrow(value.arrow)}{marks(value)}<i>{low:.2f}–{high:.2f}{n}{rank}</i></td>")

    def transfer(self, row: Row, domain: Domain) -> Markup:
        """One `td` of the transfer matrix."""
        mean = row.transfer.get(domain)
        own = any(column.spec.domain == domain and column.spec.code in row.model.tuned_on for column in self.board.table.columns)
        classes = "f o" if own else "f"
        if mean is None:
            return Markup(f'<td class="{classes} x">–</td>')
        clear = mean.low > 0 or mean.high < 0
        arrow: Arrow = ("▲" if mean.delta > 0 else "▼") if clear else ""
        word = f'<b class="{"up" if mean.delta > 0 else "down"}" role="img" aria-label="{texts(self.lang)["transfer"]["clear"]}">{arrow}</b>' if arrow else ""
        return Markup(f'<td class="{classes}">{signed(mean.delta)}{word}{"†" if own else ""}<i>{signed(mean.low)} … {signed(mean.high)}</i></td>')

    def rank(self, cell: Cell, place: int) -> str:
        """A rank interval in words: "rank 2–5 of 12"."""
        if not cell.standing:
            return "–"
        low, high = cell.standing.low, cell.standing.high
        return str(texts(self.lang)["table"]["rank_of"] % (f"{low}–{high}" if high > low else low, self.board.ranked[place]))


def signed(value: float) -> str:
    """A difference with its sign, to three decimals."""
    return f"{value:+.3f}".replace("-", "−") if round(value, 3) else "0.000"


def marks(cell: Cell) -> str:
    """What is to be known about a figure: tuned on its sub-task, many unreadable answers."""
    return ("†" if cell.tuned else "") + ("‡" if cell.unreadable else "")


def board_script(board: Board) -> str:
    """`data/board.js`: every row with its figures as printed; read by the pages for comparing and for samples, and by tables with more than FULL rows."""
    fields, usual = board.fields(), usual_n(board)
    rows: list[dict[str, Any]] = []
    for i, row in enumerate(board.table.rows):
        found: dict[str, Any] = {"slug": board.slugs[i], "label": [board.labels("en")[i], board.labels("zh")[i]], "cat": row.model.category}
        found |= {"size": round(row.model.parameters / 1e6)} if row.model.parameters is not None else {}
        found |= {"base": base} if (base := board.bases[i]) is not None else {}
        found |= {"baseName": row.model.base[:80]} if row.model.base else {}
        found |= {"isBase": 1} if row.is_base else {}
        found |= {"provenance": row.provenance}
        found |= {"shots": row.settings.num_fewshot} if row.settings.num_fewshot else {}
        found |= {"implicit": 1} if row.settings.implicit else {}
        rows.append(found | {"cells": ["", "", *(_cell_text(board, row, field, usual) for field in fields)]})
    columns = [
        {"key": field.key, "domain": field.domain, "scope": field.scope}
        | (
            {
                "code": field.code,
                "title": [field.column.spec.title.en, field.column.spec.title.zh],
                "task": field.column.spec.task_name(field.column.lang),
                "parts": _parts(board, field),
            }
            if field.column
            else {}
        )
        for field in fields
    ]
    arrows = {arrow: [texts(lang)["arrows"][arrow] for lang in ("en", "zh")] for arrow in "▲▼△▽"}
    heads = [[texts(lang)["task"][name] for lang in ("en", "zh")] for name in ("part", "credit", "answer", "wanted")]
    keys = ["name", "size", *(field.key for field in fields)]
    provenance = {name: [texts(lang)["provenance"][name] for lang in ("en", "zh")] for name in ("rescored", "reproduced")}
    return script("board", {"keys": keys, "provenance": provenance, "columns": [{"key": "name"}, {"key": "size"}, *columns], "rows": rows, "arrows": arrows, "noteHeads": heads})


def _parts(board: Board, field: Field) -> int:
    return parts(max((len(row.answers[field.place]) for row in board.table.rows if row.answers), default=0))


def _cell_text(board: Board, row: Row, field: Field, usual: Sequence[int]) -> str:
    """A figure as printed: score, interval, and for a test arrow ("-" for none), flags (o: tuned on it, b: best, u: many unreadable, s: has samples), and n where it is unusual."""
    value = field.value(row)
    if value is None:
        return ""
    if isinstance(value, Mean):
        return f"{value.score:.3f} {value.low:.2f}–{value.high:.2f}"
    flags = f"{'o' * value.tuned}{'b' * board.is_best(row, field.place)}{'u' * value.unreadable}{'s' * bool(row.answers and row.answers[field.place])}" or "-"
    n = f" {value.n}" if value.n != usual[field.place] else ""
    low, high = value.interval
    return f"{value.score:.3f} {low:.2f}–{high:.2f} {value.arrow or '-'} {flags}{n}"
