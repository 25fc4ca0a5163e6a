"""`anytasktune export` and `anytasktune tasks`."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from anytasktune_bench.cli.options import say, select_with_rows


@click.group()
def export() -> None:
    """Write files that are made from the specifications."""


def _report(kind: str, out: Path, problems: Sequence[str]) -> None:
    """Say that a folder is up to date, or name what is not and exit with 1."""
    for problem in problems:
        say(problem)
    if problems:
        say(f"error: run `anytasktune export {kind} --out {out}` and commit the result.")
        sys.exit(1)
    say(f"{out} is up to date")


def _write_or_check(kind: str, out: Path, files: Mapping[str, str], check: bool) -> None:
    """Make the Markdown files of a folder those given, or only say what differs."""
    from anytasktune_bench.files import write_text

    here = {path.name: path.read_text(encoding="utf-8") for path in out.glob("*.md")}
    if check:
        problems = [f"{out / name}: {'is out of date' if name in files and name in here else 'is missing' if name in files else 'belongs to nothing'}"
                    for name in sorted(files.keys() | here.keys()) if files.get(name) != here.get(name)]  # fmt: skip
        _report(kind, out, problems)
        return
    for name, text in files.items():
        write_text(out / name, text)
    for name in here.keys() - files.keys():
        (out / name).unlink()
    say(f"wrote {len(files)} files to {out}")


@export.command("tasks")
@click.option("--out", default="tasks", show_default=True, type=click.Path(path_type=Path), help="Folder of the YAMLs.")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if the folder is out of date.")
def export_tasks_command(out: Path, check: bool) -> None:
    """Write one lm-eval YAML per sub-task and language.

    \b
    Example:
      anytasktune export tasks --check
    """
    from anytasktune_bench.evaluation.export import drift, export_tasks

    specs = select_with_rows("all")
    if check:
        _report("tasks", out, drift(specs, out))
        return
    say(f"wrote {len(export_tasks(specs, out))} files to {out}")


@export.command("docs")
@click.option("--out", default="docs/subtasks", show_default=True, type=click.Path(path_type=Path), help="Folder of the pages.")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if the folder is out of date.")
def export_docs_command(out: Path, check: bool) -> None:
    """Write one page per sub-task: instruction, format, metric in plain words, a worked score.

    \b
    Example:
      anytasktune export docs --check
    """
    from anytasktune_bench.catalog import load_catalog
    from anytasktune_bench.pages import index, page

    specs = load_catalog().specs
    _write_or_check("docs", out, {"README.md": index(specs)} | {f"{spec.code.lower()}.md": page(spec) for spec in specs}, check)


@export.command("cards")
@click.option("--out", default="dataset_cards", show_default=True, type=click.Path(path_type=Path), help="Folder of the cards.")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if the folder is out of date.")
def export_cards_command(out: Path, check: bool) -> None:
    """Write the dataset card of each domain, as `anytasktune data build` puts it into the domain's repository.

    \b
    Example:
      anytasktune export cards --check
    """
    from anytasktune_bench.data.cards import export_cards

    _write_or_check("cards", out, export_cards(select_with_rows("all")), check)


@export.command("summary")
@click.option("--out", default="dataset_cards/summary.json", show_default=True, type=click.Path(path_type=Path), help="File to write.")
def export_summary_command(out: Path) -> None:
    """Write sizes, blind baselines, blind-reader agreement and variety of all rows into one file.

    \b
    Example:
      anytasktune export summary
    """
    from anytasktune_bench.data.quality import summarise
    from anytasktune_bench.files import write_json

    found = summarise(select_with_rows("all"), progress=lambda code: say(f"measuring {code}"))
    write_json(out, found)
    say(f"wrote {len(found)} sub-tasks to {out}")


@export.command("scores")
@click.argument("results", default=Path("leaderboard/results"), type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", default="dataset_cards/reference_scores.json", show_default=True, type=click.Path(path_type=Path), help="File to write.")
def export_scores_command(results: Path, out: Path) -> None:
    """Write the scores of the records in RESULTS into one file, for the cards.

    \b
    Example:
      anytasktune export scores leaderboard/results
    """
    from anytasktune_bench.catalog import load_catalog
    from anytasktune_bench.files import write_json
    from anytasktune_bench.leaderboard.editions import Editions
    from anytasktune_bench.leaderboard.references import reference_scores
    from anytasktune_bench.leaderboard.results import find_results, read_results
    from anytasktune_bench.leaderboard.table import build_table

    catalog = load_catalog()
    found = reference_scores(build_table([filed.pair for filed in read_results(find_results(results), Editions(catalog))], catalog))
    write_json(out, found)
    say(f"wrote scores of {len(found)} tasks to {out}")


@click.group()
def tasks() -> None:
    """Find the lm-eval tasks."""


@tasks.command("path")
def path_command() -> None:
    """Print the folder of the lm-eval YAMLs.

    \b
    Example:
      lm_eval run --include_path "$(anytasktune tasks path)" --tasks anytasktune_m1_en --model hf --model_args pretrained=DIR --apply_chat_template
    """
    from anytasktune_bench.evaluation.export import tasks_path

    click.echo(str(tasks_path()))
