"""`anytasktune leaderboard`: build the static site and look at it, file records for it, check what others send, publish it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from anytasktune_bench.cli.options import say

if TYPE_CHECKING:
    from anytasktune_bench.leaderboard.eee_schema import Relationship

RESULTS = Path("leaderboard/results")
FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group()
def leaderboard() -> None:
    """Build the static leaderboard, file and check records for it, publish it as a Space."""


records_argument = click.argument("records", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
reproduced_option = click.option(
    "--reproduced",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="List of the records that a maintainer ran; only these are ranked. Without it all are, as fits one's own runs.",
)


@leaderboard.command()
@records_argument
@click.option("--out", default=Path("leaderboard/site"), show_default=True, type=FOLDER, help="Folder of the site.")
@reproduced_option
@click.option("--json", "as_json", is_flag=True, help="Print the overview's path and the number of models as JSON.")
def build(records: tuple[Path, ...], out: Path, reproduced: Path | None, as_json: bool) -> None:
    """Build the static site from result records.

    RECORDS are folders that are searched at any depth for records: those that `anytasktune leaderboard add` wrote, and those that
    `anytasktune eval` left. The site has a table of models by sub-tasks, with arrows against each tuned model's base, and pages for each domain,
    sub-task, model and answer, in English and Chinese. It opens from a disk, its figures are readable without JavaScript, and it asks nothing of
    the network. The table also lies there as results.csv, results.tex and data.json.

    \b
    Example:
      anytasktune leaderboard build leaderboard/results --out leaderboard/site
    """
    index = _build(records, reproduced, out)
    if as_json:
        models = json.loads((index.parent / "data.json").read_text(encoding="utf-8"))["models"]
        click.echo(json.dumps({"index": str(index), "models": models}, ensure_ascii=False))
    else:
        click.echo(str(index))


@leaderboard.command()
@records_argument
@reproduced_option
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Port on 127.0.0.1; 0 for any free one.")
def serve(records: tuple[Path, ...], reproduced: Path | None, port: int) -> None:
    """Build the site from result records and show it on this machine, until Ctrl-C.

    RECORDS are as for `build`. Nothing is kept, and nothing but this machine can reach the address.

    \b
    Example:
      anytasktune leaderboard serve runs
    """
    from anytasktune_bench.leaderboard.site.serve import site_server

    with tempfile.TemporaryDirectory(prefix="anytasktune-site-") as name:
        index = _build(records, reproduced, Path(name) / "site")
        with site_server(index.parent, port) as server:
            click.echo(f"http://127.0.0.1:{server.server_address[1]}/")
            say("Ctrl-C ends it")
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                say("ended")


def _build(roots: Sequence[Path], reproduced: Path | None, out: Path) -> Path:
    from anytasktune_bench.errors import RecordError
    from anytasktune_bench.leaderboard.results import find_results, read_reproduced
    from anytasktune_bench.leaderboard.site import build_site

    places: set[Path] = set()
    for root in roots:
        found = find_results(root)
        if not found:
            raise RecordError(f"{root}: holds no record, at any depth. `anytasktune eval` writes them.")
        places.update(place.resolve() for place in found)
    return build_site(sorted(places), out, reproduced=read_reproduced(reproduced) if reproduced else None)


@leaderboard.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--developer", required=True, help="Who provides the model, as in a Hub id: letters, digits, dots, hyphens, underscores.")
@click.option("--licence", help="Licence of the weights, for example Apache-2.0.")
@click.option(
    "--relationship",
    type=click.Choice(["first_party", "third_party", "collaborative", "other"]),
    default="other",
    show_default=True,
    help="Of who ran the evaluation to the developer.",
)
@click.option("--results", default=RESULTS, show_default=True, type=FOLDER, help="Folder of the leaderboard's records.")
def add(run: Path, developer: str, licence: str | None, relationship: Relationship, results: Path) -> None:
    """File a run for the leaderboard.

    RUN is a folder with record.json and samples.jsonl, as `anytasktune eval` leaves it, over all rows of its tests. The record is checked as
    `anytasktune leaderboard check` does, then written in the form of Every Eval Ever 0.3.0: DEVELOPER/MODEL/UUID.json with
    UUID_samples.jsonl beside it.

    \b
    Example:
      anytasktune leaderboard add runs/Qwen2-1.5B-Instruct --developer Qwen --licence Apache-2.0
    """
    from anytasktune_bench.catalog import load_catalog
    from anytasktune_bench.errors import RecordError
    from anytasktune_bench.leaderboard.editions import Editions
    from anytasktune_bench.leaderboard.eee import Filed
    from anytasktune_bench.leaderboard.gate import check_content
    from anytasktune_bench.leaderboard.results import write_filed
    from anytasktune_bench.records import read_record

    record, samples = read_record(run)
    filed, editions = Filed(record, samples, developer, relationship, licence), Editions(load_catalog())
    try:
        check_content(filed, editions)
    except RecordError as error:
        raise RecordError(f"{run}: {error}") from error
    click.echo(str(write_filed(results, filed, editions)))


@leaderboard.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the verdicts as JSON.")
def check(paths: tuple[Path, ...], as_json: bool) -> None:
    """Check records that somebody sends for the leaderboard.

    PATHS are evaluations (UUID.json), or folders that are searched at any depth. A record must have the form, cover every test row of the
    installed edition, and its samples must give exactly the scores that it claims. Files are read as data only. Exits with 1 where anything
    is refused, and says why.

    \b
    Example:
      anytasktune leaderboard check leaderboard/results
    """
    from anytasktune_bench.catalog import load_catalog
    from anytasktune_bench.errors import RecordError
    from anytasktune_bench.leaderboard.editions import Editions
    from anytasktune_bench.leaderboard.gate import check as check_paths

    verdicts = check_paths(paths, Editions(load_catalog()))
    if as_json:
        click.echo(json.dumps([{"path": str(verdict.path), "problem": verdict.problem} for verdict in verdicts], ensure_ascii=False, indent=1))
    else:
        for verdict in verdicts:
            if verdict.problem is None:
                click.echo(f"{verdict.path}: accepted")
    refused = [verdict for verdict in verdicts if verdict.problem]
    if refused:
        raise RecordError("\n".join(f"{_plain(str(verdict.path))}: refused: {_plain(verdict.problem or '')}" for verdict in refused))


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


def _plain(text: str) -> str:
    """A text from elsewhere that cannot move the terminal's cursor or fill its screen."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text[:600])
