"""`anytasktune train | recipes`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from anytasktune_bench.cli.adapters import push_adapter
from anytasktune_bench.cli.options import (
    device_options,
    json_option,
    lang_option,
    print_json,
    print_table,
    say,
    seed_option,
    select_with_rows,
    source_option,
)

if TYPE_CHECKING:
    from anytasktune_bench.models import ModelRef
    from anytasktune_bench.spec import SubTask
    from anytasktune_bench.training.options import TrainOptions


@click.command()
@click.argument("tasks")
@click.option("--model", help="Base model: a folder, a .gguf file, a wheel that holds one, or a Hub id; the recipe's if left out.")
@click.option("--recipe", help="A recipe (`anytasktune recipes`) or a YAML file of that form; flags go before it.")
@click.option(
    "--mix", default="all", show_default=True, type=click.Choice(["all", "subtask", "action", "domain"]), help="One adapter for all of TASKS, or one per sub-task, action, domain."
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the adapter, or of the adapters with another --mix; adapters/<tasks> or adapters if left out.")
@lang_option
@click.option("--epochs", default=3.0, show_default=True, help="Passes over the train rows.")
@click.option("--lr", "learning_rate", default=1e-3, show_default=True, help="Peak learning rate; 1e-4 to 2e-4 for models of 7B parameters.")
@click.option("--batch-size", default=4, show_default=True, type=click.IntRange(min=1), help="Rows per forward pass.")
@click.option("--accumulation", default=1, show_default=True, type=click.IntRange(min=1), help="Forward passes per step.")
@click.option("--lora-r", default=16, show_default=True, type=click.IntRange(min=1), help="Rank of the adapter.")
@click.option("--lora-alpha", default=32, show_default=True, type=click.IntRange(min=1), help="Scale of the adapter, divided by the rank.")
@click.option("--rslora", is_flag=True, help="Scale by alpha / sqrt(r).")
@click.option("--dora", is_flag=True, help="Train magnitude and direction apart; slower.")
@click.option("--neftune", type=float, help="Noise on the input embeddings, for example 5.")
@click.option("--qlora", is_flag=True, help="Base in 4 bits; needs CUDA and bitsandbytes.")
@click.option("--checkpointing", is_flag=True, help="Recompute activations: less memory, slower.")
@click.option("--warmup", default=0.05, show_default=True, help="Share of the steps over which the learning rate rises.")
@click.option("--temperature", default=1.0, show_default=True, type=click.FloatRange(min=1), help="Over 1, small sub-tasks are drawn more often, large ones less.")
@click.option("--patience", type=click.IntRange(min=1), help="Stop after so many epochs without a lower validation loss.")
@click.option("--max-length", default=4096, show_default=True, help="Rows with more tokens are an error; nothing is cut.")
@click.option("--variants", is_flag=True, help="Train on all wordings of the instruction.")
@click.option("--replay", default=0.0, show_default=True, type=click.FloatRange(min=0), help="General rows per train row, against forgetting; 0.2 to 0.5 is usual.")
@click.option("--replay-data", default="self", show_default=True, help="General rows: self (prompts of the package, answered by the base), a JSONL file, or a Hub dataset.")
@click.option("--implicit", is_flag=True, help="Train without the instruction, as in the paper's implicit data.")
@click.option("--limit", type=click.IntRange(min=1), help="Only the first N rows of each train split.")
@click.option("--name", help="Name of the adapter in tables (with one adapter).")
@click.option("--report-to", default="none", show_default=True, help="Logger of transformers' Trainer, such as tensorboard or wandb.")
@click.option("--resume", is_flag=True, help="Go on with an unfinished run; adapters that are finished are left as they are.")
@click.option("--eval", "score", is_flag=True, help="Then score the adapter on its sub-tasks' test rows; records and scores go into its folder and card.")
@click.option("--push", "repo", help="Then write the adapter to the Hub as this repository; with several adapters, each name is appended.")
@click.option("--base", help="Hub id of the base for --push, if it is a local copy here.")
@click.option("--private", is_flag=True, help="Make a new repository private.")
@click.option("--dry-run", is_flag=True, help="Say what the run will take, and stop.")
@seed_option
@source_option
@device_options
@json_option
@click.pass_context
def train(
    ctx: click.Context,
    /,
    tasks: str,
    model: str | None,
    recipe: str | None,
    mix: Any,
    out: Path | None,
    lang: tuple[Any, ...],
    resume: bool,
    score: bool,
    repo: str | None,
    base: str | None,
    private: bool,
    dry_run: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Task-fine-tune a model: train a LoRA adapter on sub-tasks.

    TASKS are codes, ids or domains, separated by commas; their train rows are mixed, or with --mix there is one adapter per sub-task, business
    action or domain. Loss is on the answer only. Validation loss is measured after every epoch and the best epoch is kept.

    \b
    Example:
      anytasktune train M1,S1 --model Qwen/Qwen2-1.5B-Instruct --lr 2e-4 --out adapters/M1-S1
      anytasktune train medicine --recipe qwen2-7b-lora --mix subtask --dry-run
      anytasktune train M1 --recipe qwen2-1.5b-lora --eval --push your-name/qwen2-1.5b-m1
    """
    from anytasktune_bench.catalog import load_catalog
    from anytasktune_bench.errors import RunError
    from anytasktune_bench.models import resolve_model
    from anytasktune_bench.training.card import hub_base
    from anytasktune_bench.training.mixture import adapters_of
    from anytasktune_bench.training.options import TrainOptions, load_recipe

    if recipe:
        chosen = load_recipe(recipe)
        model = model or chosen.model
        given = {name for name in options if ctx.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE}
        options |= {name: value for name, value in chosen.options.items() if name not in given}
    if not model:
        raise RunError("no model was named. Give one with --model, or a recipe with --recipe.")
    wanted = adapters_of(select_with_rows(tasks), mix, load_catalog().actions())
    settings = TrainOptions(langs=lang, **options)
    if len(wanted) > 1 and settings.name:
        raise RunError("--name is for one adapter, and this makes several. Leave it out.")
    ref = resolve_model(model, progress=say)
    if dry_run:
        _dry_run(ref, wanted, settings, as_json)
        return
    if (score or repo) and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise RunError("--eval and --push are for one process. Train first, then run `anytasktune eval --adapter` and `anytasktune push`.")
    if repo:
        hub_base(ref.source, base)
    single = mix == "all"
    folders = {name: (out or Path("adapters") / name) if single else (out or Path("adapters")) / name for name in wanted}
    made = [_train_one(ref, specs, folders[name], settings, resume, as_json) for name, specs in wanted.items()]
    for name, specs in wanted.items():
        if score:
            _score(ref, specs, folders[name], settings, as_json)
        if repo:
            say(push_adapter(folders[name], repo if single else f"{repo}-{name}", base, (), private))
    if as_json:
        print_json(made[0] if single else made)


def _train_one(ref: ModelRef, specs: list[SubTask], folder: Path, options: TrainOptions, resume: bool, quiet: bool) -> dict[str, Any]:
    import json
    import shutil

    from anytasktune_bench.adapters import STAMP
    from anytasktune_bench.training.checkpoints import unfinished_folder
    from anytasktune_bench.training.run import train as run_training

    first = int(os.environ.get("RANK", "0")) == 0  # of several processes under a launcher, one speaks
    if resume and (folder / STAMP).is_file():
        shutil.rmtree(unfinished_folder(folder), ignore_errors=True)  # a run that was killed on its last line
        say(f"{folder} is finished")
        return {"adapter": str(folder), **json.loads((folder / STAMP).read_text(encoding="utf-8"))}
    stamp = run_training(ref, specs, folder, options, quiet=quiet, progress=say, resume=resume)
    if first and not quiet:
        figures = stamp["figures"]
        say(f"{figures['steps']:.0f} steps in {figures['seconds']:.0f} s, {figures['tokens_per_second']:.0f} tokens/s, best validation loss {figures['best_validation']:.4f}")
        click.echo(str(folder))
    return {"adapter": str(folder), **stamp}


def _score(ref: ModelRef, specs: list[SubTask], folder: Path, options: TrainOptions, quiet: bool) -> None:
    """Score a finished adapter on its test rows, keep the record in its folder, and write the scores into its card."""
    from anytasktune_bench.cli.evaluate import print_results
    from anytasktune_bench.evaluation.backends import open_backends
    from anytasktune_bench.evaluation.run import EvalOptions, evaluate_into
    from anytasktune_bench.training.card import write_card

    settings = EvalOptions(dtype=options.dtype, device=options.device, source=options.source, implicit=options.implicit)
    tests = [(spec, lang) for spec in specs for lang in options.langs]
    for backend in open_backends(ref, [folder], settings, progress=say):
        result = evaluate_into(folder / "eval", backend, tests, settings, progress=say)
    write_card(folder)
    if not quiet and result is not None:
        print_results(*result[1:])


def _dry_run(ref: ModelRef, wanted: dict[str, list[SubTask]], options: TrainOptions, as_json: bool) -> None:
    from anytasktune_bench.models import load_tokenizer
    from anytasktune_bench.training.estimate import estimate
    from anytasktune_bench.training.run import examples_of

    tokenizer = load_tokenizer(ref)
    found = {name: estimate(ref, examples_of(tokenizer, specs, options)[0].examples, options) for name, specs in wanted.items()}
    if as_json:
        print_json({name: vars(value) for name, value in found.items()})
        return
    columns = ("rows", "tokens_per_epoch", "answer_tokens_per_epoch", "longest_row", "steps")
    print_table(
        ["adapter", "sub-tasks", *columns, "memory_gib", "minutes"],
        [[name, str(len(wanted[name])), *(str(getattr(e, c)) for c in columns), f"{e.memory_gib:.1f}", f"{e.seconds / 60:.1f}"] for name, e in found.items()],
    )
    first = next(iter(found.values()))
    say(f"{first.parameters / 1e6:.0f} M parameters, of which {first.trained_parameters / 1e6:.1f} M are trained beside them; memory and time are estimates for this machine")


@click.command()
@click.option("--path", "show_path", is_flag=True, help="Print the folder they lie in; its subfolder accelerate holds settings for several GPUs.")
@json_option
def recipes(show_path: bool, as_json: bool) -> None:
    """List the recipes that `train --recipe` takes.

    \b
    Example:
      anytasktune recipes
    """
    from anytasktune_bench.training.options import RECIPES
    from anytasktune_bench.training.options import recipes as all_recipes

    if show_path:
        click.echo(str(RECIPES))
        return
    found = all_recipes()
    if as_json:
        print_json({name: recipe.model_dump() for name, recipe in found.items()})
        return
    print_table(["recipe", "model", "for", "verified"], [[name, recipe.model, recipe.hardware, recipe.verified] for name, recipe in found.items()])
