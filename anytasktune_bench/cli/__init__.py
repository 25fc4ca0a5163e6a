"""The command line. Each command group lies in a module of its own, loaded when it is used."""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import click

from anytasktune_bench.errors import AnyTaskTuneError
from anytasktune_bench.version import __version__

COMMANDS = {
    "ls": ("catalog", "List sub-tasks, domains and actions."),
    "show": ("catalog", "Show one sub-task: instruction, format, metric, example."),
    "new": ("catalog", "Start a sub-task of your own in a folder."),
    "data": ("data", "Draw scenarios, join written rows, check, measure, build and publish the datasets."),
    "export": ("tasks", "Write files that are made from the specifications."),
    "tasks": ("tasks", "Find the lm-eval tasks."),
    "eval": ("evaluate", "Let a model answer the test rows and score it."),
    "models": ("evaluate", "List the systems that `eval` knows by name, or show one."),
    "rescore": ("evaluate", "Recompute a record's scores from its samples, without a model."),
    "train": ("train", "Task-fine-tune a model: train a LoRA adapter on sub-tasks."),
    "recipes": ("train", "List the recipes that `train --recipe` takes."),
    "merge": ("adapters", "Merge an adapter into its base, so that it runs anywhere a plain model runs."),
    "drift": ("adapters", "Measure how far an adapter moves its base on general prompts."),
    "push": ("adapters", "Write an adapter to the Hugging Face Hub, with a card that says what it is and what it scored."),
    "run": ("adapters", "Run a business action's sub-tasks as a chain on one input from standard input."),
    "score": ("score", "Score one answer from standard input and show why."),
    "predict": ("predict", "Answer one input from standard input."),
    "leaderboard": ("leaderboard", "Build the static leaderboard, file and check records for it, publish it as a Space."),
    "demo": ("demo", "Run everything once with a small model on a CPU."),
}
"""Command -> (module, help line). The help line stands here so that `--help` loads no command."""


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"anytasktune_bench.cli.{COMMANDS[cmd_name][0]}")
        attribute = {"eval": "evaluate_command", "run": "run_command"}.get(cmd_name, cmd_name)
        command: click.Command = getattr(module, attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command list without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_line) for name, (_, help_line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="anytasktune")
@click.option("--subtasks", multiple=True, type=click.Path(path_type=Path), help="A folder with further sub-tasks; repeatable. Also: ANYTASKTUNE_SUBTASKS.")
def cli(subtasks: tuple[Path, ...]) -> None:
    """Bilingual task datasets, their scoring, and task-fine-tuning.

    \b
    Example:
      anytasktune ls
      anytasktune eval Qwen/Qwen2-1.5B-Instruct --tasks M1,S1 --out runs
    """
    if subtasks:
        from anytasktune_bench.catalog import SUBTASKS_ENV

        before = os.environ.get(SUBTASKS_ENV)
        os.environ[SUBTASKS_ENV] = os.pathsep.join([*([before] if before else []), *(str(folder.resolve()) for folder in subtasks)])


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; errors of this package are printed without a traceback and exit with 1."""
    os.environ.setdefault("HF_UPDATE_DOWNLOAD_COUNTS", "0")
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers|peft")  # between libraries, nothing a user can act on
    try:
        cli.main(args=None if arguments is None else list(arguments), prog_name="anytasktune")
    except AnyTaskTuneError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
