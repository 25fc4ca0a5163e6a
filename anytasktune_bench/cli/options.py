"""Options and helpers that several commands share."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from anytasktune_bench.data.problems import Problem
    from anytasktune_bench.models import ModelRef
    from anytasktune_bench.spec import SubTask

F = TypeVar("F", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
lang_option = click.option("--lang", default="zh,en", show_default=True, callback=lambda _, __, value: parse_langs(value), help="Languages, separated by commas.")
tasks_option = click.option("--tasks", default="all", show_default=True, help="Codes, ids, domains, paper13 or all, separated by commas.")
seed_option = click.option("--seed", default=0, show_default=True, help="Random seed.")
source_option = click.option(
    "--data", "source", default="wheel", show_default=True, help="Where rows come from: wheel, a folder made by `anytasktune data build`, or hub[:NAMESPACE][@REVISION]."
)

adapter_option = click.option("--adapter", help="A PEFT adapter: a folder, such as `anytasktune train` writes, or a Hub id.")


def parse_langs(value: str) -> tuple[str, ...]:
    """`"zh,en"` as languages, each once."""
    langs = tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
    wrong = [lang for lang in langs if lang not in ("zh", "en")]
    if wrong or not langs:
        raise click.BadParameter(f"{', '.join(wrong) or 'nothing'} is no language here; use zh, en or zh,en.")
    return langs


def select_with_rows(names: str | Sequence[str], or_all: bool = False) -> list[SubTask]:
    """The sub-tasks that `names` mean and that have rows; the others are said to be left out.

    Args:
        names: as for `Catalog.select`.
        or_all: give all of them where none has rows in every split, instead of raising.

    Raises:
        UnknownSubTaskError: a name means nothing.
        DataError: none of them has rows.
    """
    from anytasktune_bench.catalog import load_catalog
    from anytasktune_bench.errors import DataError
    from anytasktune_bench.rows import has_rows

    specs = load_catalog().select(names)
    found = [spec for spec in specs if has_rows(spec.folder)]
    without = ", ".join(spec.code for spec in specs if spec not in found)
    if not found and or_all:
        return specs
    if not found:
        raise DataError(f"{without}: there are no rows yet. Write some (`anytasktune data draw`, `data join`), or choose another sub-task.")
    if without:
        say(f"left out, since they have no rows yet: {without}")
    return found


def checked(specs: Sequence[SubTask], baselines: bool = True, quiet: bool = False) -> tuple[list[Problem], dict[str, dict[str, float]]]:
    """Run the checks behind a bar; gives the problems, and the blind baselines' scores by test."""
    from tqdm import tqdm

    from anytasktune_bench.data.checks import run_checks

    problems: list[Problem] = []
    figures: dict[str, dict[str, float]] = {}
    with tqdm(specs, unit="sub-task", leave=False, disable=quiet or not sys.stderr.isatty()) as bar:
        for spec in bar:
            report = run_checks(spec, baselines, progress=lambda step, code=spec.code: bar.set_description(f"{code} {step}"))  # type: ignore[misc]
            problems += report.problems
            figures |= {f"{spec.code} {lang}": scores for lang, scores in report.baselines.items()}
    return problems, figures


def device_options(command: F) -> F:
    """`--dtype` and `--device`."""
    command = click.option("--device", default=None, help="Torch device; a GPU if there is one, else cpu.")(command)
    dtypes = click.Choice(["auto", "bfloat16", "float16", "float32"])
    return click.option("--dtype", default="auto", show_default=True, type=dtypes, help="auto is bfloat16 where the device computes in it.")(command)


def say(text: str) -> None:
    """A line on standard error, so that standard output holds results only."""
    click.echo(text, err=True)


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=1, default=str))


def print_table(header: list[str], rows: list[list[str]]) -> None:
    """Print rows under a header, columns aligned by display width (a Chinese character is two wide)."""
    widths = [max(display_width(row[i]) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, *rows]:
        click.echo("  ".join(cell + " " * (widths[i] - display_width(cell)) for i, cell in enumerate(row)).rstrip())


def display_width(text: str) -> int:
    """Columns that a text takes in a terminal."""
    import unicodedata

    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def model_and_adapters(model: str | None, adapters: Sequence[str]) -> tuple[ModelRef, list[Path]]:
    """The model that is meant, and the folders of adapters for it.

    Args:
        model: as for `resolve_model`; the base of the first adapter if None.
        adapters: folders or Hub ids. For a known system that is an adapter over a base, and none given, its own.

    Raises:
        RunError: neither is given, one cannot be found, or the adapter does not say what its base is.
    """
    from anytasktune_bench.adapters import base_of, resolve_adapter
    from anytasktune_bench.errors import RunError
    from anytasktune_bench.models import resolve_model
    from anytasktune_bench.presets import presets

    if model and not adapters and (preset := presets().get(model)) and preset.base:
        adapters = [preset.id if preset.revision is None else f"{preset.id}@{preset.revision}"]
    folders = [resolve_adapter(adapter) for adapter in adapters]
    if not model and not folders:
        raise RunError("no model was named. Give one with --model, or an adapter with --adapter.")
    return resolve_model(model or base_of(folders[0]), progress=say), folders


def model_and_adapter(model: str | None, adapter: str | None) -> tuple[ModelRef, Path | None]:
    """As `model_and_adapters`, for one adapter or none."""
    ref, folders = model_and_adapters(model, [adapter] if adapter else [])
    return ref, folders[0] if folders else None
