"""The static site: one page per language, one style sheet, and the same table as JSON and CSV.

Nothing on the page is executed or fetched, every foreign text is escaped and isolated, and equal records give equal bytes.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import itertools
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from anytasktune_bench.catalog import Catalog, load_catalog
from anytasktune_bench.errors import OutputError, RecordError
from anytasktune_bench.files import check_writable, sha256_json, write_json, write_text
from anytasktune_bench.leaderboard.table import CATEGORIES, Cell, Row, Table, build_table, domains
from anytasktune_bench.records import Settings, read_record
from anytasktune_bench.spec import Lang

PAGES: dict[Lang, str] = {"en": "index.html", "zh": "zh/index.html"}
"""Language -> its page in the site."""

FILES = frozenset({*PAGES.values(), "style.css", "data.json", "results.csv"})
"""All files of a site; a folder that holds others is never replaced."""

_HERE = Path(__file__).parent
_FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")


def build_site(records: Sequence[Path], out: Path, catalog: Catalog | None = None) -> Path:
    """Build the site from result records. It is built beside `out` and then renamed, so a reader sees the old site or the new one.

    Args:
        records: folders that hold a record each, in any order.
        out: the site's folder; made, or replaced where it holds nothing but a site.
        catalog: the sub-tasks; those of the installation if None.

    Returns:
        The path of the English page.

    Raises:
        RecordError: there is no record, or one is wrong.
        OutputError: `out` holds other files, or cannot be written.
    """
    if not records:
        raise RecordError("there is no record to build a leaderboard from. `anytasktune eval` writes them.")
    out = out.resolve()
    _check_replaceable(out)
    check_writable(out.parent)
    table = build_table([read_record(folder) for folder in records], catalog or load_catalog())
    try:
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as name:
            new, old = Path(name) / "new", Path(name) / "old"
            _write(table, new)
            if out.exists():
                out.rename(old)
            try:
                new.rename(out)
            except OSError:
                if old.exists():
                    old.rename(out)
                raise
    except OSError as error:
        raise OutputError(f"{out}: cannot be written ({error.strerror or error}). Free some space or choose a writable folder.") from error
    return out / PAGES["en"]


def _check_replaceable(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out}: is a file. Choose a folder.")
    foreign = next((path for path in out.rglob("*") if not path.is_dir() and path.relative_to(out).as_posix() not in FILES), None)
    if foreign is not None:
        raise OutputError(f"{out}: holds {foreign.relative_to(out)}, which is no part of a site and would be lost. Choose an empty or a new folder.")


def _write(table: Table, folder: Path) -> None:
    environment = Environment(loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"show": show, "signed": _signed, "p": lambda value: f"{value:.3f}" if value >= 0.001 else "< 0.001"}
    places = domains(table.columns)
    for lang, page in PAGES.items():
        context = {
            "table": table,
            "labels": labels(table.rows, lang),
            "model_rows": [(category, [i for i, row in enumerate(table.rows) if row.model.category == category]) for category in CATEGORIES],
            "domains": places,
            "width": 2 + len(table.columns) + sum(len(columns) > 1 for columns in places.values()),
            "tasks": [list(columns) for _, columns in itertools.groupby(table.columns, key=lambda column: column.spec.code)],
            "lang": lang,
        }
        write_text(folder / page, environment.get_template(f"{lang}.html.j2").render(context))
    write_text(folder / "style.css", (_HERE / "static" / "style.css").read_text(encoding="utf-8"))
    write_json(folder / "data.json", to_json(table))
    write_text(folder / "results.csv", to_csv(table))


def show(text: str, limit: int = 80) -> str:
    """Foreign text fit to be shown: control, formatting and direction characters replaced, cut to `limit` characters."""
    clean = "".join("\ufffd" if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c for c in text[: limit + 1])
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−") if value else "0.000"


def labels(rows: Sequence[Row], lang: Lang) -> list[str]:
    """What to call each row: the model's name, and what is unusual about its settings.

    Models that would look alike are told apart by the first 8 digits of the sha256 of what is known about them.
    """
    plain = [(show(row.model.name).strip() or "?", _variant(row.settings, lang)) for row in rows]
    seen = Counter(plain)
    marks = [f" [{sha256_json(row.model.model_dump(mode='json'))[:8]}]" if seen[label] > 1 else "" for row, label in zip(rows, plain, strict=True)]
    return [f"{name}{mark}{variant}" for (name, variant), mark in zip(plain, marks, strict=True)]


def _variant(settings: Settings, lang: Lang) -> str:
    zh = lang == "zh"
    parts = [f"{settings.num_fewshot} 样例" if zh else f"{settings.num_fewshot}-shot"] if settings.num_fewshot else []
    parts += ["隐式" if zh else "implicit"] if settings.implicit else []
    parts += [f"前 {settings.limit} 行" if zh else f"first {settings.limit} rows"] if settings.limit is not None else []
    if not parts:
        return ""
    return f"（{'，'.join(parts)}）" if zh else f" ({', '.join(parts)})"


def to_json(table: Table) -> dict[str, Any]:
    """The whole table, with what is known about every model and record."""
    columns = [
        {"key": c.key, "subtask": c.spec.code, "lang": c.lang, "domain": c.spec.domain, "title": c.spec.title.model_dump(), "metric": c.spec.metric.name}
        | {"eval_fingerprint": c.fingerprint}
        for c in table.columns
    ]
    rows = [
        {
            "name": name,
            "model": row.model.model_dump(mode="json"),
            "settings": row.settings.model_dump(mode="json"),
            "is_base": row.is_base,
            "overall": row.overall,
            "means": row.means,
            "cells": [cell and dataclasses.asdict(cell) | {"arrow": cell.arrow} for cell in row.cells],
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
    head = ["category", "model", "base", "tuned_on", "num_fewshot", "implicit", "limit", "overall", *(f"{domain} mean" for domain in domains(table.columns))]
    writer.writerow([*head, *(f"{column.key} {field}" for column in table.columns for field in fields)])
    for label, row in zip(labels(table.rows, "en"), table.rows, strict=True):
        texts = [row.model.category, label, row.model.base or "", " ".join(row.model.tuned_on)]
        settings = [row.settings.num_fewshot, row.settings.implicit, row.settings.limit]
        means = [row.means.get(domain) for domain in domains(table.columns)]
        writer.writerow([*map(_inert, texts), *settings, row.overall, *means, *(value for cell in row.cells for value in _csv_cell(cell))])
    return stream.getvalue()


def _csv_cell(cell: Cell | None) -> tuple[float | str | None, ...]:
    return (cell.score, *cell.interval, cell.n, cell.format_valid, cell.arrow) if cell else (None,) * 6


def _inert(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_STARTS) else text
