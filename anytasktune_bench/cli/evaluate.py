"""`anytasktune eval` and `anytasktune rescore`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from anytasktune_bench.cli.options import (
    device_options,
    json_option,
    lang_option,
    model_and_adapters,
    print_json,
    print_table,
    say,
    select_with_rows,
    source_option,
    tasks_option,
)

if TYPE_CHECKING:
    from anytasktune_bench.evaluation.engines import Engine
    from anytasktune_bench.evaluation.server import Server
    from anytasktune_bench.models import ModelRef
    from anytasktune_bench.records import Record, Sample


@click.command("eval")
@click.argument("model", required=False)
@click.option("--adapter", "adapters", multiple=True, help="A PEFT adapter: a folder, such as `anytasktune train` writes, or a Hub id. Several share one loaded base.")
@click.option("--with-base", is_flag=True, help="Score the base without adapters too.")
@tasks_option
@lang_option
@click.option("--out", default="runs", show_default=True, type=click.Path(path_type=Path), help="Folder for the records.")
@click.option("--overwrite", is_flag=True, help="Replace a record that is there already.")
@click.option("--num-fewshot", default=0, show_default=True, type=click.IntRange(min=0), help="Solved train rows before each question.")
@click.option("--limit", type=click.IntRange(min=1), help="Only the first N rows of each test split.")
@click.option("--implicit", is_flag=True, help="Leave the instruction out, as in the paper's implicit data.")
@click.option("--batch-size", default=40, show_default=True, type=click.IntRange(min=1), help="Rows that are decoded side by side.")
@click.option("--engine", type=click.Choice(["vllm", "sglang"]), help="Let an inference engine answer, started here; it batches by itself.")
@click.option("--tensor-parallel", default=1, show_default=True, type=click.IntRange(min=1), help="GPUs over which an engine spreads each copy of the model.")
@click.option("--data-parallel", default=1, show_default=True, type=click.IntRange(min=1), help="Copies of the model that an engine runs.")
@click.option("--engine-args", default="", help="Further arguments of the engine's server, in quotes.")
@click.option("--served-model", help="Name of the model at a server; the only one it serves if left out.")
@click.option("--concurrency", type=click.IntRange(min=1), help="Requests to a server (8 if left out) or an engine (64) at the same time.")
@click.option("--request", "body", help="Further fields of each request to a server, as JSON.")
@click.option("--name", help="Name of the model in tables.")
@click.option("--category", type=click.Choice(["closed", "open", "domain", "task-fine-tuned"]), help="Category in the leaderboard.")
@click.option("--base", help="Name of the model that this one is compared with; an adapter's base by default.")
@source_option
@device_options
@json_option
def evaluate_command(
    model: str | None, adapters: tuple[str, ...], with_base: bool, tasks: str, lang: tuple[Any, ...], out: Path, overwrite: bool, as_json: bool, **options: Any
) -> None:
    """Let a model answer the test rows and score it.

    MODEL is a folder, a .gguf file, a wheel that holds one, a name that `anytasktune models` lists, a Hub id (with @revision), or the address of an
    OpenAI-compatible server (its key, if it wants one, in OPENAI_API_KEY); it may be left out where --adapter names its base. Writes record.json and
    samples.jsonl into a folder of OUT named after the model and settings. Answers are kept as they come: after any interruption the same command
    goes on where it stopped, and tests that the record holds already are not run again.

    \b
    Example:
      anytasktune eval Qwen/Qwen2-1.5B-Instruct --tasks M1,S1 --lang zh --limit 10
      anytasktune eval --adapter adapters/M1 --adapter adapters/S1 --with-base
      anytasktune eval qwen2-7b --engine vllm --tensor-parallel 2
      anytasktune eval http://localhost:8000/v1 --tasks medicine
    """
    from anytasktune_bench.evaluation.backends import open_backends
    from anytasktune_bench.evaluation.run import EvalOptions, evaluate_into, run_name
    from anytasktune_bench.files import check_writable
    from anytasktune_bench.presets import presets

    specs = select_with_rows(tasks)
    check_writable(out)
    if model and (preset := presets().get(model)):
        options |= {"name": options["name"] or preset.title, "category": options["category"] or preset.category}
    source, folders = _source(model, adapters, options)
    if with_base or not folders:
        folders.insert(0, None)
    if len(folders) > 1 and options["name"]:
        raise click.UsageError("--name is for one model, and these are several. Leave it out.")
    settings = EvalOptions(**{name: value for name, value in options.items() if name in EvalOptions.__dataclass_fields__})
    shown, written = [], set()
    for backend in open_backends(source, folders, settings, progress=say):
        if len(folders) > 1:
            say(f"== {backend.info.name}")
        if backend.info.name in written:
            raise click.UsageError(f"two of the adapters are called {backend.info.name}. Score them one by one, each with a --name of its own.")
        written.add(backend.info.name)
        folder = out / run_name(backend.info.name, settings)
        result = evaluate_into(folder, backend, [(spec, language) for spec in specs for language in lang], settings, progress=say, overwrite=overwrite)
        if result is None:
            continue  # another process of the same run writes the record
        path, record, samples = result
        if as_json:
            shown.append({"record": str(path), "results": {name: found.model_dump() for name, found in record.results.items()}, "means": means_of(record, samples)})
        else:
            print_results(record, samples)
            say(f"wrote {path}")
    if as_json and shown:
        print_json(shown if len(folders) > 1 else shown[0])


def _source(model: str | None, adapters: tuple[str, ...], options: dict[str, Any]) -> tuple[ModelRef | Server | Engine, list[Path | None]]:
    """What answers, and the folders of the adapters."""
    import json
    import shlex

    if model and model.startswith(("http://", "https://")):
        from anytasktune_bench.adapters import resolve_adapter
        from anytasktune_bench.evaluation.server import find_server

        try:
            body = json.loads(options["body"] or "{}")
            if not isinstance(body, dict):
                raise ValueError("it is no object")
        except ValueError as error:
            raise click.BadParameter(f"--request is no JSON object ({error}). Give, for example, '{{\"top_k\": 1}}'.") from error
        return find_server(model, options["served_model"], options["concurrency"] or 8, body), [resolve_adapter(adapter) for adapter in adapters]
    ref, folders = model_and_adapters(model, adapters)
    if not options["engine"]:
        return ref, [*folders]
    from anytasktune_bench.evaluation.engines import Engine

    further = tuple(shlex.split(options["engine_args"]))
    return Engine(options["engine"], ref, options["tensor_parallel"], options["data_parallel"], options["concurrency"] or 64, further), [*folders]


def means_of(record: Record, samples: list[Sample]) -> list[dict[str, Any]]:
    """Means over sub-tasks, as plain values."""
    import dataclasses

    from anytasktune_bench.catalog import load_catalog
    from anytasktune_bench.leaderboard.means import figures_of, means

    catalog = load_catalog()
    return [dataclasses.asdict(mean) for mean in means(record, figures_of(samples, catalog), catalog)]


def print_results(record: Record, samples: list[Sample]) -> None:
    """A table of scores with 95 % cluster-bootstrap intervals, and the means over sub-tasks that are complete."""
    from anytasktune_bench.catalog import load_catalog
    from anytasktune_bench.leaderboard.means import figures_of, means

    catalog = load_catalog()
    figures = figures_of(samples, catalog)
    rows = []
    for (code, lang), figure in figures.items():
        result = record.results[catalog.get(code).task_name(lang)]
        low, high = figure.interval
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
    found_means = means(record, figures, catalog)
    if found_means:
        by_name = {mean.name: {other.lang: other for other in found_means if other.name == mean.name} for mean in found_means}
        cells = [[f"{mean.score:.3f} [{mean.low:.3f}, {mean.high:.3f}]" if (mean := row.get(lang)) else "" for lang in ("zh", "en", "both")] for row in by_name.values()]
        click.echo("")
        print_table(["mean", "zh", "en", "both"], [[name, *line] for name, line in zip(by_name, cells, strict=True)])


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
