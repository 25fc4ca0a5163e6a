"""`anytasktune data publish | diff`: versioned datasets on the Hugging Face Hub."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from anytasktune_bench.cli.options import checked, json_option, print_json, say, select_with_rows
from anytasktune_bench.hub import NAMESPACE

if TYPE_CHECKING:
    from anytasktune_bench.data.publish import Plan
    from anytasktune_bench.data.versions import Diff
    from anytasktune_bench.spec import SubTask

namespace_option = click.option("--namespace", default=NAMESPACE, show_default=True, help="Owner of the repositories on the Hub.")


@click.command("publish")
@click.argument("domains", nargs=-1)
@namespace_option
@click.option("--private", is_flag=True, help="Make new repositories private.")
@click.option("--dry-run", is_flag=True, help="Show what would be written, and stop.")
@click.option("--create-pr", is_flag=True, help="Open pull requests instead of writing to main; once they are merged, publish again to tag them.")
@json_option
def publish_command(domains: tuple[str, ...], namespace: str, private: bool, dry_run: bool, create_pr: bool, as_json: bool) -> None:
    """Put the datasets on the Hugging Face Hub, one repository per domain, as one commit and one tag.

    Runs the data checks, builds, and shows what differs from the last tag. The version is that of the package, and must have risen as much as what
    changed asks for. Needs a token that may write (`hf auth login`, or HF_TOKEN). Nothing is written before all domains are planned; after any
    interruption the same command goes on and ends in the same state.

    \b
    Example:
      anytasktune data publish --dry-run
      anytasktune data publish medicine law --namespace your-name --private
    """
    from anytasktune_bench.data.build import build
    from anytasktune_bench.data.publish import plan, publish
    from anytasktune_bench.errors import CheckError

    specs = _of_domains(domains)
    say(f"checking {', '.join(spec.code for spec in specs)}")
    problems, _ = checked(specs, quiet=as_json)
    if problems:
        for problem in problems:
            say(str(problem))
        raise CheckError(f"{len(problems)} problems, so nothing was published; see above. `anytasktune data check` shows them again.")
    with tempfile.TemporaryDirectory(prefix="anytasktune-") as work:
        folders = build(specs, Path(work), progress=lambda config: say(f"built {config}"))
        plans = [plan(folder, namespace) for folder in folders]
        if not as_json:
            for planned in plans:
                _show(planned)
        done = [] if dry_run else [publish(planned, folder, private, create_pr, progress=say) for planned, folder in zip(plans, folders, strict=True)]
    if as_json:
        print_json({"plans": [asdict(planned) for planned in plans], "published": [asdict(made) for made in done]})
        return
    for made in done:
        click.echo(f"{made.url} {made.tag or 'is a pull request; merge it, and publish again to tag it'}")


def _of_domains(domains: Sequence[str]) -> list[SubTask]:
    """The sub-tasks of whole domains.

    Raises:
        UnknownSubTaskError: a name is no domain.
    """
    from anytasktune_bench.errors import UnknownSubTaskError
    from anytasktune_bench.spec import DOMAINS

    if wrong := [name for name in domains if name not in DOMAINS]:
        raise UnknownSubTaskError(f"{wrong[0]!r} is no domain, and a repository holds a whole one. There are {', '.join(DOMAINS)}.")
    return select_with_rows(list(domains) or ["all"])


def _show(planned: Plan) -> None:
    after = f" after {planned.last}" if planned.last else ""
    steps = {
        "commit": f"version {planned.version}{after}" if planned.last or planned.head else f"version {planned.version}, a new repository",
        "tag": f"version {planned.version}{after} is committed already, and gets its tag",
        "nothing": f"version {planned.version} is published, and nothing has changed",
    }
    click.echo(f"{planned.repo}: {steps[planned.step]}")
    for reason in planned.reasons:
        click.echo(f"  {reason} (at least {reason.level.name})")
    for sign, files in (("+", planned.changes.added), ("~", planned.changes.changed), ("-", planned.changes.removed)):
        for path, size in files.items():
            click.echo(f"  {sign} {path} {size:,} bytes")
    if planned.last and planned.step == "commit" and planned.writes != planned.changes:
        click.echo(f"  main has moved since {planned.last}; what was written there meanwhile is replaced")


@click.command("diff")
@click.argument("old")
@click.argument("new", default="local")
@click.option("--domain", "domains", multiple=True, help="Only this domain; repeatable.")
@namespace_option
@json_option
def diff_command(old: str, new: str, domains: tuple[str, ...], namespace: str, as_json: bool) -> None:
    """Show what differs between two editions of the datasets: rows, and which scores and adapters it touches.

    OLD and NEW are a tag on the Hub (v0.1.0), `local` for the rows of this package, a folder made by `anytasktune data build`, or
    hub[:NAMESPACE][@REVISION].

    \b
    Example:
      anytasktune data diff v0.1.0
      anytasktune data diff v0.1.0 v0.2.0 --domain medicine --json
    """
    from anytasktune_bench.data.versions import compare

    specs = _of_domains(domains)
    found = []
    with tempfile.TemporaryDirectory(prefix="anytasktune-") as work:
        for domain in dict.fromkeys(spec.domain for spec in specs):
            own = [spec for spec in specs if spec.domain == domain]
            found.append(compare(*(_edition(which, own, namespace, Path(work)) for which in (old, new))))
    if as_json:
        print_json([asdict(diff) for diff in found])
        return
    for diff in found:
        _show_diff(diff)


def _edition(which: str, specs: Sequence[SubTask], namespace: str, work: Path) -> Path:
    """The folder of one domain's edition."""
    import re

    from anytasktune_bench.data.build import build
    from anytasktune_bench.data.load import domain_folder

    if which == "local":
        return build(specs, work)[0]
    return domain_folder(f"hub:{namespace}@{which}" if re.fullmatch(r"v\d+\.\d+\.\d+", which) else which, specs[0].domain)


def _show_diff(diff: Diff) -> None:
    from anytasktune_bench.rows import SPLITS

    click.echo(f"{diff.name}: {diff.old} -> {diff.new}" + ("" if diff.added or diff.removed or diff.changed else ", the same rows and fingerprints"))
    for sign, names in (("+", diff.added), ("-", diff.removed)):
        for name in names:
            click.echo(f"  {sign} {name}")
    for name, config in diff.changed.items():
        says = [] if config.comparable else ["scores are not comparable"]
        says += [] if config.same_training else ["training differs"]
        click.echo(f"  ~ {name}: {', '.join(says) or 'the order of rows differs'}")
        for split in SPLITS:
            if rows := config.splits.get(split):
                click.echo(f"      {split}: {len(rows.added)} added, {len(rows.removed)} removed, {len(rows.changed)} changed")
