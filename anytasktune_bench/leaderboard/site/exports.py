"""The table as JSON, CSV and LaTeX. All three hold the same figures as the pages."""

from __future__ import annotations

import csv
import dataclasses
import io
from typing import Any

from anytasktune_bench.leaderboard.site.names import labels
from anytasktune_bench.leaderboard.table import CATEGORIES, Cell, Table, domains

_FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")
_LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"} | {c: f"\\{c}" for c in "&%$#_{}"}
_LATEX_ARROWS = {"▲": r"$\blacktriangle$", "▼": r"$\blacktriangledown$", "△": r"$\vartriangle$", "▽": r"$\triangledown$", "": ""}


def to_json(table: Table) -> dict[str, Any]:
    """The whole table, with what is known about every model and record."""
    columns = [
        {"key": c.key, "subtask": c.spec.code, "lang": c.lang, "domain": c.spec.domain, "title": c.spec.title.model_dump(), "metric": c.spec.metric.name}
        | {"eval_fingerprint": c.fingerprint, "minimum_detectable_effect": c.mde}
        for c in table.columns
    ]
    rows = [
        {
            "name": name,
            "model": row.model.model_dump(mode="json"),
            "settings": row.settings.model_dump(mode="json"),
            "provenance": row.provenance,
            "ranked": row.ranked,
            "is_base": row.is_base,
            "means": [dataclasses.asdict(mean) for mean in row.means.values()],
            "cells": [cell and dataclasses.asdict(cell) | {"arrow": cell.arrow, "unreadable": cell.unreadable} for cell in row.cells],
            "language_gaps": {code: dataclasses.asdict(gap) for code, gap in row.gaps.items()},
            "transfer": {domain: dataclasses.asdict(mean) for domain, mean in row.transfer.items()},
            "notes": [dataclasses.asdict(note) for note in row.notes],
            "records": [
                {"content_sha256": record.content_sha256(), "samples_sha256": record.samples_sha256, "version": record.version, "versions": record.versions}
                for record in row.records
            ],
        }
        for name, row in zip(labels(table.rows, "en"), table.rows, strict=True)
    ]
    return {"columns": columns, "rows": rows, "models": len({row.model for row in table.rows})}


def to_csv(table: Table) -> str:
    """The table as one line per row and six fields per column; a missing figure is an empty field."""
    fields = ("score", "low", "high", "n", "format_valid", "arrow")
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    keys = ["overall", *domains(table.columns)]
    head = ["category", "model", "base", "tuned_on", "num_fewshot", "implicit", "limit", *(f"{key} mean{name}" for key in keys for name in ("", " low", " high"))]
    writer.writerow([*head, *(f"{column.key} {field}" for column in table.columns for field in fields)])
    for label, row in zip(labels(table.rows, "en"), table.rows, strict=True):
        texts = [row.model.category, label, row.model.base or "", " ".join(row.model.tuned_on)]
        settings = [row.settings.num_fewshot, row.settings.implicit, row.settings.limit]
        means = [mean and getattr(mean, name) for key in keys for mean in [row.means.get((key, "both"))] for name in ("score", "low", "high")]
        writer.writerow([*map(_inert, texts), *settings, *means, *(value for cell in row.cells for value in _csv_cell(cell))])
    return stream.getvalue()


def _csv_cell(cell: Cell | None) -> tuple[float | str | None, ...]:
    return (cell.score, *cell.interval, cell.n, cell.format_valid, cell.arrow) if cell else (None,) * 6


def _inert(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_STARTS) else text


def to_latex(table: Table) -> str:
    """The table in the form of the paper's Table 1: domains over tests, models by category; for booktabs, multirow-free, with amssymb's arrows."""
    places = domains(table.columns)
    groups = " & ".join(rf"\multicolumn{{{len(members)}}}{{c}}{{{_tex(domain)}}}" for domain, members in places.items())
    lines = [
        "% Needs \\usepackage{booktabs,amssymb}; for Chinese names compile with XeLaTeX or LuaLaTeX.",
        rf"\begin{{tabular}}{{l{'r' * (1 + len(table.columns))}}}",
        r"\toprule",
        rf" & & {groups} \\",
        rf"Model & Overall & {' & '.join(_tex(column.key) for column in table.columns)} \\",
    ]
    rows = list(zip(labels(table.rows, "en"), table.rows, strict=True))
    for category in CATEGORIES:
        members = [(label, row) for label, row in rows if row.model.category == category]
        lines += [r"\midrule", rf"\multicolumn{{{2 + len(table.columns)}}}{{l}}{{\textit{{{category}}}}} \\"] if members else []
        for label, row in members:
            cells = [f"{cell.score:.3f}{_LATEX_ARROWS[cell.arrow]}" if cell else "--" for cell in row.cells]
            overall = row.means.get(("overall", "both"))
            lines.append(rf"{_tex(label)} & {f'{overall.score:.3f}' if overall else '--'} & {' & '.join(cells)} \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _tex(text: str) -> str:
    return "".join(_LATEX.get(c, c) for c in text)
