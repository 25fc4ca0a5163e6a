"""`anytasktune eval` and `anytasktune rescore`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from anytasktune_bench.cli.options import (
    adapter_option,
    device_options,
    json_option,
    lang_option,
    model_and_adapter,
    print_json,
    print_table,
    say,
    select_with_rows,
    source_option,
    tasks_option,
)

if TYPE_CHECKING:
    from anytasktune_bench.evaluation.server import Server
    from anytasktune_bench.models import ModelRef
    from anytasktune_bench.records import Record, Sample


@click.command("eval")
@click.argument("model", required=False)
@adapter_option
@tasks_option
@lang_option
@click.option("--out", default="runs", show_default=True, type=click.Path(path_type=Path), help="Folder for the records.")
@click.option("--num-fewshot", default=0, show_default=True, type=click.IntRange(min=0), help="Solved train rows before each question.")
@click.option("--limit", type=click.IntRange(min=1), help="Only the first N rows of each test split.")
@click.option("--implicit", is_flag=True, help="Leave the instruction out, as in the paper's implicit data.")
@click.option("--batch-size", default=40, show_default=True, type=click.IntRange(min=1), help="Rows that are decoded side by side.")
@click.option("--served-model", help="Name of the model at a server; the only one it serves if left out.")
@click.option("--concurrency", default=8, show_default=True, type=click.IntRange(min=1), help="Requests to a server at the same time.")
@click.option("--name", help="Name of the model in tables.")
@click.option("--category", type=click.Choice(["closed", "open", "domain", "task-fine-tuned"]), help="Category in the leaderboard.")
@click.option("--base", help="Name of the model that this one is compared with; an adapter's base by default.")
@source_option
@device_options
@json_option
def evaluate_command(
    model: str | None, adapter: str | None, tasks: str, lang: tuple[Any, ...], out: Path, served_model: str | None, concurrency: int, as_json: bool, **options: Any
) -> None:
    """Let a model answer the test rows and score it.

    MODEL is a folder, a .gguf file, a wheel that holds one, a name that `anytasktune models` lists, a Hub id (with @revision), or the address of an
    OpenAI-compatible server (its key, if it wants one, in OPENAI_API_KEY); it may be left out where --adapter names its base. Writes record.json and
    samples.jsonl into a folder of OUT named after the model and settings. Answers are kept as they come: after any interruption the same command
    goes on where it stopped.

    \b
    Example:
      anytasktune eval Qwen/Qwen2-1.5B-Instruct --tasks M1,S1 --lang zh --limit 10
      anytasktune eval --adapter adapters/M1-S1 --tasks M1,S1
      anytasktune eval qwen3-0.6b --tasks paper13
      anytasktune eval http://localhost:8000/v1 --tasks medicine
    """
    from anytasktune_bench.adapters import resolve_adapter
    from anytasktune_bench.evaluation.backends import model_name
    from anytasktune_bench.evaluation.run import EvalOptions, evaluate_into, run_name
    from anytasktune_bench.evaluation.server import find_server
    from anytasktune_bench.files import check_writable
    from anytasktune_bench.presets import presets

    specs = select_with_rows(tasks)
    check_writable(out)
    if model and (preset := presets().get(model)):
        options |= {"name": options["name"] or preset.title, "category": options["category"] or preset.category}
    settings = EvalOptions(**options)
    ref: ModelRef | Server
    if model and model.startswith(("http://", "https://")):
        ref, folder = find_server(model, served_model, concurrency), resolve_adapter(adapter) if adapter else None
    else:
        ref, folder = model_and_adapter(model, adapter)
    path, record, samples = evaluate_into(out / run_name(model_name(ref, folder, settings), settings), ref, specs, lang, settings, folder, progress=say)
    if as_json:
        print_json({"record": str(path), "results": {name: result.model_dump() for name, result in record.results.items()}})
        return
    print_results(record, samples)
    say(f"wrote {path}")


def print_results(record: Record, samples: list[Sample]) -> None:
    """A table of scores with 95 % cluster-bootstrap intervals."""
    from anytasktune_bench.catalog import load_catalog
    from anytasktune_bench.leaderboard.statistics import cluster_bootstrap

    rows = []
    for name, result in record.results.items():
        spec = load_catalog().get(result.subtask)
        found = [sample for sample in samples if sample.task == name]
        low, high = cluster_bootstrap(spec, [sample.as_score(spec) for sample in found], [sample.group for sample in found])
        metrics = result.metrics
        rows.append(
            [
                f"{result.subtask} {result.lang}",
                str(result.n),
                f"{metrics['score']:.3f}",
                f"[{low:.3f}, {high:.3f}]",
                f"{metrics['format_valid']:.2f}",
                f"{metrics['rouge_l']:.3f}",
                f"{result.empty}/{result.invalid}/{result.truncated}",
            ]
        )
    click.echo(record.model.name)
    print_table(["test", "n", "score", "95 % CI", "format_valid", "rouge_l", "empty/invalid/truncated"], rows)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@json_option
def rescore(folder: Path, as_json: bool) -> None:
    """Recompute a record's scores from its samples, without a model.

    Exits with 1 if they differ from the record.

    \b
    Example:
      anytasktune rescore runs/SmolLM2-135M-Instruct
    """
    from anytasktune_bench.catalog import load_catalog
    from anytasktune_bench.errors import RecordError
    from anytasktune_bench.records import read_record
    from anytasktune_bench.records import rescore as recompute

    record, samples = read_record(folder)
    found = recompute(record, samples, load_catalog().get)
    different = [name for name, metrics in found.items() if metrics != record.results[name].metrics]
    if as_json:
        print_json({"metrics": found, "different": different})
    elif not different:
        print_results(record, samples)
    if different:
        raise RecordError(f"{folder}: {', '.join(different)} score differently now (the record was made with scorer version {record.settings.scorer_version}). Evaluate again.")
    say("scores agree with the record")


@click.command()
@click.argument("name", required=False)
@json_option
def models(name: str | None, as_json: bool) -> None:
    """List the systems that `eval` knows by name, or show one.

    Every one is a public checkpoint of a system; the paper does not say which checkpoints it used.

    \b
    Example:
      anytasktune models
      anytasktune models chatmed
    """
    from anytasktune_bench.errors import RunError
    from anytasktune_bench.presets import presets, suggestion

    found = presets()
    if name and name not in found:
        raise RunError(f"there is no system {name!r}.{suggestion(name)} `anytasktune models` lists all.")
    if as_json:
        print_json(found[name].model_dump() if name else {key: preset.model_dump() for key, preset in found.items()})
    elif name:
        for key, value in found[name].model_dump(exclude_none=True, exclude={"needs"}).items():
            click.echo(f"{key}: {value}")
        click.echo(f"needs: {found[name].needs.en}")
    else:
        columns = ["name", "system", "in the paper", "category", "B parameters", "status", "verified", "licence"]
        print_table(columns, [[p.name, p.title, p.paper or "", p.category, f"{p.parameters:g}" if p.parameters else "", p.status, p.verified, p.licence] for p in found.values()])
