"""`anytasktune leaderboard`: build the static site, and look at it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from anytasktune_bench.cli.options import say

records_argument = click.argument("records", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))


@click.group()
def leaderboard() -> None:
    """Build the static leaderboard."""


@leaderboard.command()
@records_argument
@click.option("--out", default=Path("leaderboard/site"), show_default=True, type=click.Path(file_okay=False, path_type=Path), help="Folder of the site.")
@click.option("--json", "as_json", is_flag=True, help="Print the overview's path and the number of models as JSON.")
def build(records: tuple[Path, ...], out: Path, as_json: bool) -> None:
    """Build the static site from result records.

    RECORDS are folders that are searched for records (`record.json` with `samples.jsonl`), at any depth. The site has a table of models by
    sub-tasks, with arrows against each tuned model's base, and pages for each domain, sub-task, model and answer, in English and Chinese. It opens
    from a disk, its figures are readable without JavaScript, and it asks nothing of the network. The table also lies there as results.csv,
    results.tex and data.json.

    \b
    Example:
      anytasktune leaderboard build leaderboard/results --out leaderboard/site
    """
    from anytasktune_bench.leaderboard.site import build_site

    index = build_site(_folders(records), out)
    if as_json:
        models = json.loads((index.parent / "data.json").read_text(encoding="utf-8"))["models"]
        click.echo(json.dumps({"index": str(index), "models": models}, ensure_ascii=False))
    else:
        click.echo(str(index))


@leaderboard.command()
@records_argument
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Port on 127.0.0.1; 0 for any free one.")
def serve(records: tuple[Path, ...], port: int) -> None:
    """Build the site from result records and show it on this machine, until Ctrl-C.

    RECORDS are as for `build`. Nothing is kept, and nothing but this machine can reach the address.

    \b
    Example:
      anytasktune leaderboard serve runs
    """
    from anytasktune_bench.leaderboard.site import build_site
    from anytasktune_bench.leaderboard.site.serve import site_server

    with tempfile.TemporaryDirectory(prefix="anytasktune-site-") as name:
        index = build_site(_folders(records), Path(name) / "site")
        with site_server(index.parent, port) as server:
            click.echo(f"http://127.0.0.1:{server.server_address[1]}/")
            say("Ctrl-C ends it")
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                say("ended")


def _folders(roots: Sequence[Path]) -> list[Path]:
    from anytasktune_bench.errors import RecordError
    from anytasktune_bench.records import find_records

    folders: set[Path] = set()
    for root in roots:
        found = find_records(root)
        if not found:
            raise RecordError(f"{root}: holds no record (record.json with samples.jsonl), at any depth. `anytasktune eval` writes them.")
        folders.update(folder.resolve() for folder in found)
    return sorted(folders)
