"""`anytasktune train`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from anytasktune_bench.cli.options import device_options, json_option, lang_option, print_json, say, seed_option, select_with_rows, source_option


@click.command()
@click.argument("tasks")
@click.option("--model", required=True, help="Base model: a folder, a .gguf file, a wheel that holds one, or a Hub id.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the adapter; adapters/<tasks> if left out.")
@lang_option
@click.option("--epochs", default=3.0, show_default=True, help="Passes over the train rows.")
@click.option("--lr", "learning_rate", default=1e-3, show_default=True, help="Peak learning rate; 1e-4 to 2e-4 for models of 7B parameters.")
@click.option("--batch-size", default=4, show_default=True, type=click.IntRange(min=1), help="Rows per forward pass.")
@click.option("--accumulation", default=1, show_default=True, type=click.IntRange(min=1), help="Forward passes per step.")
@click.option("--lora-r", default=16, show_default=True, type=click.IntRange(min=1), help="Rank of the adapter.")
@click.option("--lora-alpha", default=32, show_default=True, type=click.IntRange(min=1), help="Scale of the adapter, divided by the rank.")
@click.option("--max-length", default=4096, show_default=True, help="Rows with more tokens are an error; nothing is cut.")
@click.option("--variants", is_flag=True, help="Train on all wordings of the instruction.")
@click.option("--implicit", is_flag=True, help="Train without the instruction, as in the paper's implicit data.")
@click.option("--limit", type=click.IntRange(min=1), help="Only the first N rows of each train split.")
@click.option("--name", help="Name of the adapter in tables.")
@seed_option
@source_option
@device_options
@json_option
def train(tasks: str, model: str, out: Path | None, lang: tuple[Any, ...], as_json: bool, **options: Any) -> None:
    """Task-fine-tune a model: train a LoRA adapter on sub-tasks.

    TASKS are codes, ids or domains, separated by commas; their train rows are mixed. Loss is on the answer only. Validation loss is
    measured after every epoch and the best epoch is kept.

    \b
    Example:
      anytasktune train M1,S1 --model Qwen/Qwen2-1.5B-Instruct --lr 2e-4 --out adapters/M1-S1
    """
    from anytasktune_bench.models import resolve_model
    from anytasktune_bench.training.run import TrainOptions
    from anytasktune_bench.training.run import train as run_training

    specs = select_with_rows(tasks)
    folder = out or Path("adapters") / "-".join(spec.code for spec in specs)
    ref = resolve_model(model, progress=say)
    stamp = run_training(ref, specs, folder, TrainOptions(langs=lang, **options), quiet=as_json, progress=say)
    if as_json:
        print_json({"adapter": str(folder), **stamp})
        return
    figures = stamp["figures"]
    say(f"{figures['steps']:.0f} steps in {figures['seconds']:.0f} s, {figures['tokens_per_second']:.0f} tokens/s, best validation loss {figures['best_validation']:.4f}")
    click.echo(str(folder))
