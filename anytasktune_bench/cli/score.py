"""`anytasktune score`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from anytasktune_bench.cli.options import print_json, print_table, say

if TYPE_CHECKING:
    from anytasktune_bench.spec import Lang, SubTask


@click.command()
@click.argument("task")
@click.option("--lang", type=click.Choice(["zh", "en"]), required=True, help="Language of the answer.")
@click.option("--row", "row_id", help="Id of the row to score against, such as M1-zh-0001; the sub-task's worked example if left out.")
@click.option("--gold", "gold_file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help='JSON file {"input": ..., "output": ..., "gold": {...}} instead of a row.')
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def score(task: str, lang: str, row_id: str | None, gold_file: Path | None, as_json: bool) -> None:
    """Score one answer from standard input and show why.

    \b
    Example:
      echo "油腻，包装差" | anytasktune score S1 --lang zh
      anytasktune score M1 --lang en --row M1-en-0001 < answer.txt
    """
    from anytasktune_bench.catalog import load_catalog
    from anytasktune_bench.errors import RunError
    from anytasktune_bench.gold import check_gold
    from anytasktune_bench.metrics import score_answer

    spec = load_catalog().get(task)
    if row_id and gold_file:
        raise RunError("--row and --gold were both given. Give one of them.")
    language: Lang = "zh" if lang == "zh" else "en"
    target = _read_gold(gold_file) if gold_file else _row(spec, language, row_id) if row_id else spec.example[language].model_dump()
    if problems := check_gold(spec, target["gold"]):
        raise RunError(f"{gold_file or row_id}: {'; '.join(problems)}. `anytasktune show {spec.code} --json` has a gold in the example.")
    try:
        answer = sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise RunError("standard input is not UTF-8. Convert it first, for example with iconv.") from error
    found = score_answer(spec, language, answer, target["gold"], target.get("output", ""), target.get("input", ""))
    if as_json:
        print_json({"score": found.score, "format_valid": found.parsed.valid, "values": found.values, "notes": [vars(note) for note in found.notes]})
        return
    click.echo(f"{spec.code} {lang}: score {found.score:.3f}, format {'as asked for' if found.parsed.valid else 'not as asked for'}")
    if found.notes:
        print_table(["part", "credit", "answer", "wanted"], [[note.what, f"{note.credit:.3f}", _short(note.answer), _short(note.gold)] for note in found.notes])
    click.echo("secondary: " + ", ".join(f"{name} {value:.3f}" for name, value in found.values.items()))
    if not row_id and not gold_file:
        say("scored against the worked example; `--row ID` takes a row of the datasets, `--gold FILE` one of yours")


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 60 else flat[:59] + "…"


def _read_gold(path: Path) -> dict[str, Any]:
    from anytasktune_bench.errors import RunError

    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError, OSError) as error:
        raise RunError(f"{path}: is no readable JSON file ({error}).") from error
    if not isinstance(found, dict) or not isinstance(found.get("gold"), dict):
        raise RunError(f'{path}: must hold {{"input": ..., "output": ..., "gold": {{...}}}}; only gold is required.')
    return found


def _row(spec: SubTask, lang: Lang, row_id: str) -> dict[str, Any]:
    from anytasktune_bench.data.tables import source_rows
    from anytasktune_bench.errors import RunError
    from anytasktune_bench.rows import SPLITS, has_rows

    if has_rows(spec.folder):
        for split in SPLITS:
            for row in source_rows(spec, split, lang):
                if row.id == row_id:
                    return row.model_dump()
    raise RunError(f"{spec.code} has no {lang} row {row_id!r}. Ids look like {spec.code}-{lang}-0001.")
