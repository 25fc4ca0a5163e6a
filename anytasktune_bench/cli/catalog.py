"""`anytasktune ls | show | new`."""

from __future__ import annotations

from pathlib import Path

import click

from anytasktune_bench.cli.options import json_option, print_json, print_table, say


@click.command()
@click.argument("names", nargs=-1)
@json_option
def ls(names: tuple[str, ...], as_json: bool) -> None:
    """List sub-tasks, domains and actions.

    NAMES select: codes, ids, domains, paper13 or all.

    \b
    Example:
      anytasktune ls medicine
    """
    from anytasktune_bench.catalog import load_catalog
    from anytasktune_bench.rows import SPLITS, read_rows, rows_path

    catalog = load_catalog()
    specs = catalog.select(list(names) or ["all"])
    entries = []
    for spec in specs:
        paths = {split: rows_path(spec.folder, split, "zh") for split in SPLITS}
        entries.append(
            {
                "code": spec.code,
                "id": spec.full_id,
                "title": spec.title.model_dump(),
                "output": spec.output.kind,
                "metric": spec.metric.name,
                "rows_per_language": {split: len(read_rows(path)) if path.exists() else 0 for split, path in paths.items()},
                "paper_column": spec.paper_column,
            }
        )
    actions = [{"id": a.id, "title": a.title.model_dump(), "steps": [list(step) for step in a.steps]} for a in catalog.actions()]
    if as_json:
        print_json({"subtasks": entries, "actions": actions})
        return
    rows = [
        [
            str(e["code"]),
            str(e["id"]),
            spec.title.en,
            spec.title.zh,
            str(e["output"]),
            str(e["metric"]),
            "/".join(str(n) for n in e["rows_per_language"].values()),  # type: ignore[attr-defined]
        ]
        for e, spec in zip(entries, specs, strict=True)
    ]
    print_table(["code", "domain/id", "title", "标题", "output", "metric", "train/val/test"], rows)
    for action in actions:
        click.echo(f"action {action['id']}: {' -> '.join('+'.join(step) for step in action['steps'])}")


@click.command()
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show one sub-task: instruction, format, metric, example.

    \b
    Example:
      anytasktune show M1
    """
    from anytasktune_bench.catalog import load_catalog
    from anytasktune_bench.spec import LANGS

    spec = load_catalog().get(name)
    if as_json:
        print_json(spec.model_dump(mode="json"))
        return
    click.echo(f"{spec.code}  {spec.full_id}\n{spec.title.en} / {spec.title.zh}\n{spec.summary.en}\n{spec.summary.zh}")
    click.echo(f"\nOutput: {spec.output.kind}. Metric: {spec.metric.name} {dict(spec.metric.params) or ''}")
    click.echo(f"Input: {spec.input.what} {spec.input.zh_chars[0]}-{spec.input.zh_chars[1]} characters, {spec.input.en_words[0]}-{spec.input.en_words[1]} words.")
    for lang in LANGS:
        example = spec.example[lang]
        click.echo(f"\n[{lang}] {spec.config_name(lang)}, lm-eval task {spec.task_name(lang)}\n{spec.instruction[lang][0]}\n\n{example.input}\n-> {example.output}")
    click.echo(f"\nFolder: {spec.folder}")


TEMPLATE = """\
# A sub-task. `anytasktune --subtasks {root} show {code}` reads it; `data check` says what is still wrong.
code: {code}
id: {id}
domain: {domain}
title: {{zh: 标题, en: Title}}
summary:
  zh: 一句话说明。
  en: One sentence on what the sub-task does.
instruction:
  # Number 0 is scored. It must name the format and every key or label.
  zh:
    - 判断这条消息是否紧急。只回答：紧急 或 不紧急。
  en:
    - "Is this message urgent? Answer with exactly one of: Urgent; Not Urgent."
input:
  what: one message
  zh_chars: [10, 200]
  en_words: [8, 150]
output:
  kind: label
  labels:
    - {{id: urgent, zh: 紧急, en: Urgent}}
    - {{id: not_urgent, zh: 不紧急, en: Not Urgent}}
  max_new_tokens: {{zh: 16, en: 8}}
metric: {{name: macro_f1}}
example:
  zh: {{input: 门口漏水了，快来人。, output: 紧急, gold: {{label: urgent}}}}
  en: {{input: "Water is coming through the ceiling, please send somebody.", output: Urgent, gold: {{label: urgent}}}}
"""


@click.command()
@click.argument("full_id", metavar="DOMAIN/ID")
@click.option("--code", required=True, help="Short code, such as X1: capitals and digits.")
@click.option("--out", default="subtasks", show_default=True, type=click.Path(path_type=Path), help="Root folder of your sub-tasks.")
def new(full_id: str, code: str, out: Path) -> None:
    """Start a sub-task of your own in a folder.

    Writes task.yaml and empty row files; use them with `anytasktune --subtasks DIR ...`.

    \b
    Example:
      anytasktune new services/message_urgency --code X1 --out my-subtasks
    """
    from anytasktune_bench.errors import OutputError, SpecError
    from anytasktune_bench.files import write_text
    from anytasktune_bench.rows import SPLITS, rows_path
    from anytasktune_bench.spec import DOMAINS, LANGS, load_spec

    domain, _, task_id = full_id.partition("/")
    if domain not in DOMAINS or not task_id:
        raise SpecError(f"{full_id!r}: must be DOMAIN/ID with a domain of {', '.join(DOMAINS)}.")
    folder = out / domain / task_id
    if folder.exists():
        raise OutputError(f"{folder}: is there already. Choose another id, or edit its task.yaml.")
    write_text(folder / "task.yaml", TEMPLATE.format(root=out, code=code, id=task_id, domain=domain))
    try:
        load_spec(folder / "task.yaml")
    except SpecError:
        (folder / "task.yaml").unlink()
        folder.rmdir()
        raise
    for split in SPLITS:
        for lang in LANGS:
            write_text(rows_path(folder, split, lang), "")
    say(f"wrote {folder}/task.yaml and empty row files")
    say(f"next: edit them, then `anytasktune --subtasks {out} data check {code}`")
