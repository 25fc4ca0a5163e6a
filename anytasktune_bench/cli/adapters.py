"""`anytasktune merge | drift | push | run`: what is done with adapters once they are trained."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from anytasktune_bench.cli.options import device_options, json_option, lang_option, model_and_adapter, print_json, say


@click.command()
@click.argument("adapter")
@click.option("--model", help="The adapter's base, if it is not where the adapter says.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the merged model.")
@click.option("--dtype", default="bfloat16", show_default=True, type=click.Choice(["bfloat16", "float16", "float32"]), help="Of the written weights; the sum is taken in float32.")
def merge(adapter: str, model: str | None, out: Path, dtype: str) -> None:
    """Merge an adapter into its base, so that it runs anywhere a plain model runs.

    \b
    Example:
      anytasktune merge adapters/M1-S1 --out merged/M1-S1
    """
    from anytasktune_bench.training.merge import merge as merge_adapter

    ref, folder = model_and_adapter(model, adapter)
    assert folder is not None
    click.echo(str(merge_adapter(ref, folder, out, dtype)))


@click.command()
@click.argument("adapter")
@click.option("--model", help="The adapter's base, if it is not where the adapter says.")
@lang_option
@device_options
@json_option
def drift(adapter: str, model: str | None, lang: tuple[Any, ...], dtype: str, device: str | None, as_json: bool) -> None:
    """Measure how far an adapter moves its base on general prompts.

    Sixty held-out prompts that belong to no sub-task: loss on the base's own answers with and without the adapter, and how alike the answers are.

    \b
    Example:
      anytasktune drift adapters/M1-S1
    """
    from anytasktune_bench.adapters import load_adapted
    from anytasktune_bench.catalog import load_catalog
    from anytasktune_bench.models import load_tokenizer
    from anytasktune_bench.training.replay import measure_drift

    ref, folder = model_and_adapter(model, adapter)
    assert folder is not None
    found = measure_drift(ref, load_adapted(ref, folder, dtype, device), load_tokenizer(ref), load_catalog().specs[0], lang, progress=say)
    if as_json:
        print_json(vars(found))
        return
    rise = found.loss_tuned - found.loss_base
    click.echo(f"loss on the base's own answers to {found.prompts} general prompts: base {found.loss_base:.3f}, tuned {found.loss_tuned:.3f} ({rise:+.3f})")
    click.echo(f"answers: {found.same_answers:.0%} word for word alike, ROUGE-L {found.rouge_l:.3f}")


@click.command()
@click.argument("adapter", type=click.Path(path_type=Path))
@click.argument("repo")
@click.option("--base", help="Hub id of the adapter's base, if it was trained on a local copy.")
@click.option("--runs", multiple=True, type=click.Path(path_type=Path, exists=True), help="Folder with records of the adapter and its base for the card; repeatable.")
@click.option("--private", is_flag=True, help="Make a new repository private.")
def push(adapter: Path, repo: str, base: str | None, runs: tuple[Path, ...], private: bool) -> None:
    """Write an adapter to the Hugging Face Hub, with a card that says what it is and what it scored.

    ADAPTER is a folder that `anytasktune train` wrote, REPO its Hub id. Needs a token that may write (`hf auth login`). Pushing again sends only what is new.

    \b
    Example:
      anytasktune eval --adapter adapters/M1-S1 --tasks M1,S1 --out runs
      anytasktune push adapters/M1-S1 your-name/qwen2-1.5b-m1-s1 --runs runs
    """
    click.echo(push_adapter(adapter, repo, base, runs, private))


def push_adapter(adapter: Path, repo: str, base: str | None, runs: tuple[Path, ...], private: bool) -> str:
    """Upload what `publishable` makes of an adapter; gives the commit's address."""
    from anytasktune_bench.hub import upload
    from anytasktune_bench.training.card import publishable

    with publishable(adapter, repo, base, runs) as folder:
        say(f"writing {adapter} to {repo}")
        return upload(folder, repo, private=private, message=f"Adapter {adapter.resolve().name}")


@click.command("run")
@click.argument("action")
@click.option("--adapters", type=click.Path(path_type=Path), help="Folder with adapters, as `train --mix subtask --out` leaves it; the base answers where there is none.")
@click.option("--model", help="The base model; the first adapter's if left out.")
@click.option("--lang", type=click.Choice(["zh", "en"]), help="Language of the prompts; by the text if left out.")
@device_options
@json_option
def run_command(action: str, adapters: Path | None, model: str | None, lang: str | None, dtype: str, device: str | None, as_json: bool) -> None:
    """Run a business action's sub-tasks as a chain on one input from standard input.

    One base is loaded once; each sub-task is answered with its own adapter, and every answer is shown parsed.

    \b
    Example:
      echo "My knee has hurt for two weeks, worse on the stairs." | anytasktune run triage --adapters adapters
    """
    from anytasktune_bench.adapters import base_of
    from anytasktune_bench.catalog import load_catalog
    from anytasktune_bench.cli.predict import language_of, read_input
    from anytasktune_bench.errors import RunError
    from anytasktune_bench.models import resolve_model
    from anytasktune_bench.training.chain import run_action

    catalog = load_catalog()
    actions = {found.id: found for found in catalog.actions()}
    if action not in actions:
        raise RunError(f"there is no action {action!r}. There are {', '.join(actions)}.")
    text = read_input()
    language = language_of(text, lang)
    if not model and adapters:
        first = next(iter(sorted(path.parent for path in adapters.rglob("adapter_config.json"))), None)
        model = base_of(first) if first else None
    if not model:
        raise RunError("no model was named. Give one with --model, or a folder of adapters with --adapters.")
    steps = []
    for step in run_action(resolve_model(model, progress=say), actions[action], catalog, language, text, adapters, dtype, device):
        steps.append(step)
        if not as_json:
            click.echo(f"{step.subtask} ({step.adapter or 'base'}){'' if step.valid else ', not in the required format'}\n{step.answer}\n")
    if as_json:
        print_json({"action": action, "lang": language, "steps": [vars(step) for step in steps]})
    if not all(step.valid for step in steps):
        sys.exit(1)
