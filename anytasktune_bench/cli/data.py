"""`anytasktune data draw | join | check | stats | build`; `publish` and `diff` are in a module of their own."""

from __future__ import annotations

import json
from pathlib import Path

import click

from anytasktune_bench.cli.options import checked, json_option, print_json, print_table, say, select_with_rows
from anytasktune_bench.cli.publish import diff_command, publish_command


@click.group()
def data() -> None:
    """Draw scenarios, join written rows, check, measure, build and publish the datasets."""


data.add_command(publish_command)
data.add_command(diff_command)


@data.command()
@click.argument("name")
@click.option("--split", required=True, type=click.Choice(["train", "validation", "test"]), help="Split that the records are for.")
@click.option("-n", "count", required=True, type=click.IntRange(min=1), help="Number of records.")
@click.option("--seed", type=int, default=None, help="Another seed than the one in scenarios.yaml.")
@click.option("--out", type=click.Path(path_type=Path), help="File to write; standard output if left out.")
def draw(name: str, split: str, count: int, seed: int | None, out: Path | None) -> None:
    """Draw scenario records to write rows from, as JSON lines.

    Situations that already have rows are left out, and numbers go on after the last row.

    \b
    Example:
      anytasktune data draw M1 --split train -n 20 --out records.jsonl
    """
    from anytasktune_bench.catalog import load_catalog
    from anytasktune_bench.data.computed import complete
    from anytasktune_bench.data.join import next_number, used_groups
    from anytasktune_bench.data.scenarios import draw as draw_records
    from anytasktune_bench.data.scenarios import load_scenarios
    from anytasktune_bench.files import write_jsonl

    spec = load_catalog().get(name)
    first = next_number(spec)
    found = draw_records(load_scenarios(spec.folder / "scenarios.yaml"), split, count, used_groups(spec), seed)
    records = []
    for i, record in enumerate(found):
        pair_id = f"{spec.code}-{first + i:04d}"
        records.append({"pair_id": pair_id, "split": split, **complete(spec, record, f"{record['seed']}/{split}/{pair_id}")})
    if out:
        write_jsonl(out, records)
        say(f"wrote {len(records)} records to {out}")
    else:
        for record in records:
            click.echo(json.dumps(record, ensure_ascii=False))


@data.command()
@click.argument("name")
@click.argument("records", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("written", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def join(name: str, records: Path, written: tuple[Path, ...]) -> None:
    """Join scenario RECORDS with WRITTEN pairs into the sub-task's rows.

    A written pair is {"pair_id": ..., "zh": {"input": ..., "gold": ...}, "en": {...}}; label sub-tasks take the gold from the record.

    \b
    Example:
      anytasktune data join M1 records.jsonl written.jsonl
    """
    from anytasktune_bench.catalog import load_catalog
    from anytasktune_bench.data.join import join as join_rows
    from anytasktune_bench.data.join import merge_into, read_jsonl

    spec = load_catalog().get(name)
    rows = join_rows(spec, read_jsonl(records), [text for path in written for text in read_jsonl(path)])
    merge_into(spec, rows)
    for (split, lang), found in sorted(rows.items()):
        say(f"{spec.code} {split} {lang}: {len(found)} rows")
    say(f"next: `anytasktune data check {spec.code}`")


@data.command()
@click.argument("names", nargs=-1)
@click.option("--baselines/--no-baselines", default=True, show_default=True, help="Also run check 13, the blind baselines, which takes the most time.")
@json_option
def check(names: tuple[str, ...], baselines: bool, as_json: bool) -> None:
    """Run the thirteen checks over the rows; exit with 1 if any finds a problem.

    \b
    Example:
      anytasktune data check M1 S1
    """
    from anytasktune_bench.data.baselines import limit_of
    from anytasktune_bench.errors import CheckError

    specs = select_with_rows(list(names) or ["all"], or_all=True)
    problems, figures = checked(specs, baselines, quiet=as_json)
    if as_json:
        print_json({"problems": [{"check": p.check, "where": p.where, "message": p.message} for p in problems], "baselines": figures})
    else:
        if figures:
            click.echo("Blind baselines: primary score on the test rows of answers that do not do the task")
            limits = {spec.code: limit_of(spec) for spec in specs}
            kinds = list(dict.fromkeys(kind for found in figures.values() for kind in found))
            rows = [[name, f"{limits[name.split()[0]]:.2f}", *(f"{found[kind]:.3f}" if kind in found else "" for kind in kinds)] for name, found in figures.items()]
            print_table(["test", "limit", *kinds], rows)
        for problem in problems:
            say(str(problem))
    if problems:
        raise CheckError(f"{len(problems)} problems in {', '.join(spec.code for spec in specs)}; see above.")
    say(f"all checks pass: {', '.join(spec.code for spec in specs)}")


@data.command("questions")
@click.argument("name")
@click.option("--lang", required=True, type=click.Choice(["zh", "en"]), help="Language of the rows.")
def questions_command(name: str, lang: str) -> None:
    """Print the test rows without gold, for a reader who is to answer them blind.

    \b
    Example:
      anytasktune data questions M1 --lang zh > questions.jsonl
    """
    from anytasktune_bench.catalog import load_catalog
    from anytasktune_bench.data.agreement import questions

    for question in questions(load_catalog().get(name), "zh" if lang == "zh" else "en"):
        click.echo(json.dumps(question, ensure_ascii=False))


@data.command("agree")
@click.argument("name")
@click.argument("answers", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--lang", required=True, type=click.Choice(["zh", "en"]), help="Language of the answers.")
@click.option("--reader", required=True, help="Name of the reader, such as A.")
@click.option("--stage", required=True, type=click.Choice(["before", "after"]), help="Before or after the rows were mended.")
@click.option("--save/--no-save", default=True, show_default=True, help="Write the figure into the sub-task's agreement.yaml.")
@json_option
def agree(name: str, answers: Path, lang: str, reader: str, stage: str, save: bool, as_json: bool) -> None:
    """Score a blind reader's ANSWERS to the test rows, and show every disagreement.

    ANSWERS holds {"id": ..., "answer": ...} a line, for all test rows of the language.

    \b
    Example:
      anytasktune data agree M1 reader-a.jsonl --lang zh --reader A --stage before
    """
    from anytasktune_bench.catalog import load_catalog
    from anytasktune_bench.data.agreement import Reading, add_reading, score_reading
    from anytasktune_bench.data.join import read_jsonl
    from anytasktune_bench.leaderboard.statistics import cluster_bootstrap
    from anytasktune_bench.metrics import primary

    spec, language = load_catalog().get(name), "zh" if lang == "zh" else "en"
    given = {str(entry.get("id")): str(entry.get("answer", "")) for entry in read_jsonl(answers)}
    rows, scores = score_reading(spec, language, read_jsonl(answers))  # type: ignore[arg-type]
    low, high = cluster_bootstrap(spec, scores, [row.group for row in rows])
    reading = Reading.model_validate(
        {"lang": lang, "reader": reader, "stage": stage, "n": len(rows), "score": round(float(primary(spec, scores)[0]), 4), "low": round(low, 4), "high": round(high, 4)}
    )
    differ = [(row, score) for row, score in zip(rows, scores, strict=True) if score.score < 1.0]
    if as_json:
        print_json({**reading.model_dump(), "disagreements": [{"id": row.id, "score": score.score, "answer": given[row.id], "output": row.output} for row, score in differ]})
    else:
        for row, score in differ:
            click.echo(f"{row.id} {score.score:.3f}\n  answer: {given[row.id]!r}\n  gold:   {row.output!r}")
            for note in score.notes:
                if note.credit < 1.0:
                    click.echo(f"    {note.what}: {note.credit:.2f} | {note.answer} | {note.gold}")
        click.echo(f"{spec.code} {lang} reader {reader}, {stage} mending: {reading.score:.3f} [{low:.3f}, {high:.3f}], n {len(rows)}, {len(differ)} rows under 1")
    if save:
        say(f"wrote {add_reading(spec, reading)}")


@data.command("stats")
@click.argument("names", nargs=-1)
@json_option
def stats_command(names: tuple[str, ...], as_json: bool) -> None:
    """Show sizes, lengths, variety and balance of the rows.

    Lengths are characters without white space (zh) and words (en).

    \b
    Example:
      anytasktune data stats L4 --json
    """
    from anytasktune_bench.data.stats import stats

    found = {spec.code: stats(spec) for spec in select_with_rows(list(names) or ["all"])}
    if as_json:
        print_json(found)
        return
    columns = ["rows", "groups", "input_mean", "input_min", "input_max", "output_mean", "distinct_2", "unique_openings", "most_repeated_opening"]
    print_table(
        ["code", "split", *columns],
        [[code, name, *(str(figures.get(column, "")) for column in columns)] for code, splits in found.items() for name, figures in splits.items()],
    )
    for code, splits in found.items():
        for name in ("test zh", "test en"):
            click.echo(f"{code} {name}: " + ", ".join(f"{key} {n}" for key, n in splits[name].get("balance", {}).items()))


@data.command("build")
@click.argument("names", nargs=-1)
@click.option("--out", default="build/data", show_default=True, type=click.Path(path_type=Path), help="Folder to write into.")
def build_command(names: tuple[str, ...], out: Path) -> None:
    """Write each domain's dataset repository: Parquet, card, metadata for other tools, and a manifest with sha256.

    The same rows give the same bytes, and every file carries the canary.

    \b
    Example:
      anytasktune data build --out build/data
      python -c 'from anytasktune_bench import load_dataset; print(load_dataset("M1", "en", "test", source="build/data"))'
    """
    from anytasktune_bench.data.build import build

    for folder in build(select_with_rows(list(names) or ["all"]), out, progress=lambda config: say(f"built {config}")):
        click.echo(str(folder))
