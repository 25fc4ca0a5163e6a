"""`anytasktune leaderboard`: build the static page, and publish it."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.group()
def leaderboard() -> None:
    """Build the static leaderboard, and publish it as a Space."""


@leaderboard.command()
@click.argument("records", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", default=Path("leaderboard/site"), show_default=True, type=click.Path(file_okay=False, path_type=Path), help="Folder of the page.")
@click.option("--json", "as_json", is_flag=True, help="Print the page's path and the number of models as JSON.")
def build(records: tuple[Path, ...], out: Path, as_json: bool) -> None:
    """Build the static page from result records.

    RECORDS are folders that are searched for records (`record.json` with `samples.jsonl`), at any depth. The page is a table of models by
    sub-tasks, with arrows against each tuned model's base; it is readable without JavaScript and asks nothing of the network. The folder
    also gets the page in Chinese, and the table as results.csv and data.json.

    \b
    Example:
      anytasktune leaderboard build leaderboard/results --out leaderboard/site
    """
    from anytasktune_bench.errors import RecordError
    from anytasktune_bench.leaderboard.site import build_site
    from anytasktune_bench.records import find_records

    folders: set[Path] = set()
    for root in records:
        found = find_records(root)
        if not found:
            raise RecordError(f"{root}: holds no record (record.json with samples.jsonl), at any depth. `anytasktune eval` writes them.")
        folders.update(folder.resolve() for folder in found)
    index = build_site(sorted(folders), out)
    if as_json:
        models = json.loads((index.parent / "data.json").read_text(encoding="utf-8"))["models"]
        click.echo(json.dumps({"index": str(index), "models": models}, ensure_ascii=False))
    else:
        click.echo(str(index))


@leaderboard.command()
@click.argument("site", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--space", required=True, help="The Space on the Hugging Face Hub, as owner/name; made if there is none.")
@click.option("--private", is_flag=True, help="Make a new Space private.")
def publish(site: Path, space: str, private: bool) -> None:
    """Write the page to a static Space on the Hugging Face Hub.

    SITE is a folder that `anytasktune leaderboard build` made. Needs a token that may write (`hf auth login`, or HF_TOKEN). Nothing new, no commit.

    \b
    Example:
      anytasktune leaderboard publish leaderboard/site --space your-name/anytasktune-leaderboard
    """
    from anytasktune_bench.leaderboard.space import publish_site

    click.echo(publish_site(site, space, private))
