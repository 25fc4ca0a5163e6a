"""An adapter's model card, and the folder that goes to the Hub."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from anytasktune_bench.adapters import STAMP, adapter_info
from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.data.tables import repo_name
from anytasktune_bench.errors import RunError
from anytasktune_bench.files import write_json, write_text
from anytasktune_bench.hub import NAMESPACE
from anytasktune_bench.models import is_hub_id
from anytasktune_bench.records import Record, find_records, read_record
from anytasktune_bench.spec import Lang
from anytasktune_bench.words import metric_name


@dataclass(frozen=True)
class CardScore:
    """One line of a card's table of scores."""

    subtask: str
    lang: Lang
    metric: str
    n: int
    score: float
    """Primary score of the adapter, in [0, 1]."""
    format_valid: float
    base: float | None
    """Primary score of the base on the same edition of the rows; None if it was not scored."""
    version: str
    """Version of the benchmark that scored it."""
    date: str
    """When it was scored (ISO 8601)."""
    eval_fingerprint: str


def card_scores(stamp: Mapping[str, Any], records: Sequence[Record]) -> list[CardScore]:
    """The adapter's figures among `records`, the base's beside them. Only whole test splits count, zero-shot under the prompt it was trained on."""
    wanted = (None, 0, stamp["settings"]["implicit"])
    usual = [record for record in records if (record.settings.limit, record.settings.num_fewshot, record.settings.implicit) == wanted]
    sha256, source = stamp["base"]["sha256"], stamp["base"]["source"]
    bases = [r for r in usual if r.model.adapter_sha256 is None and (r.model.sha256 == sha256 if sha256 else r.model.source == source)]
    compared = {(name, result.eval_fingerprint): result.metrics["score"] for record in bases for name, result in record.results.items()}
    found = {}
    for record in usual:
        if record.model.adapter_sha256 == stamp["adapter_sha256"]:
            for name, result in record.results.items():
                metric = metric_name(load_catalog().get(result.subtask).metric)
                base = compared.get((name, result.eval_fingerprint))
                score, valid = result.metrics["score"], result.metrics["format_valid"]
                edition = record.version, record.started, result.eval_fingerprint
                found[name] = CardScore(result.subtask, result.lang, metric, result.n, score, valid, base, *edition)
    return list(found.values())


def adapter_card(stamp: Mapping[str, Any], scores: Sequence[CardScore] = (), base: str | None = None, repo: str | None = None) -> str:
    """The model card of an adapter, with the Hub's metadata at its head.

    Args:
        stamp: what the adapter's `anytasktune.json` holds.
        scores: measured figures; they go into `model-index` too.
        base: Hub id of the base, where it has one.
        repo: Hub id of the adapter, once it has one.
    """
    from huggingface_hub import EvalResult, ModelCardData
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    results = [
        EvalResult(
            task_type="text-generation",
            dataset_type="anytasktune-bench",
            dataset_name=f"AnyTaskTune-Bench {line.subtask} {line.lang}",
            dataset_split="test",
            metric_type=line.metric,
            metric_name=line.metric,
            metric_value=round(line.score, 4),
        )
        for line in scores
    ]
    head = ModelCardData(
        base_model=base,
        base_model_relation="adapter" if base else None,
        library_name="peft",
        pipeline_tag="text-generation",
        language=list(stamp["settings"]["langs"]),
        tags=["lora", "task-fine-tuning", "anytasktune-bench"],
        model_name=stamp["name"] if results else None,
        eval_results=results or None,
    )
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)
    subtasks = [load_catalog().get(code) for code in stamp["subtasks"]]
    body = environment.get_template("adapter_card.md.j2").render(stamp=stamp, settings=stamp["settings"], subtasks=subtasks, scores=scores, base=base, repo=repo)
    return f"---\n{head.to_yaml()}\n---\n\n{body}"


def eval_results(scores: Sequence[CardScore]) -> dict[str, str]:
    """The scores as `.eval_results/*.yaml`, by which the Hub shows them on the model's page and on the datasets' leaderboards; path -> text, one per domain."""
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    entries: dict[str, list[EvalResultEntry]] = {}
    for line in scores:
        spec = load_catalog().get(line.subtask)
        notes = f"{line.metric}, zero-shot, {line.n} test rows, version {line.version}, eval_fingerprint {line.eval_fingerprint}"
        dataset = f"{NAMESPACE}/{repo_name(spec.domain)}"
        entry = EvalResultEntry(dataset_id=dataset, task_id=spec.task_name(line.lang), value=round(line.score, 4), date=line.date or None, notes=notes)
        entries.setdefault(repo_name(spec.domain), []).append(entry)
    return {f".eval_results/{name}.yaml": yaml.safe_dump(eval_result_entries_to_yaml(found), sort_keys=False) for name, found in entries.items()}


def write_card(adapter: Path, base: str | None = None, repo: str | None = None, runs: Sequence[Path] | None = None) -> list[CardScore]:
    """Write an adapter's card into its folder, with the scores that are found in `runs` (in its own folder by default); gives the scores."""
    stamp = adapter_info(adapter)
    base = base or (stamp["base"]["source"] if is_hub_id(stamp["base"]["source"]) else None)
    records = [read_record(folder)[0] for run in ([adapter] if runs is None else runs) for folder in find_records(run)]
    scores = card_scores(stamp, records)
    write_text(adapter / "README.md", adapter_card(stamp, scores, base, repo))
    return scores


def hub_base(source: str, base: str | None) -> str:
    """The Hub id of an adapter's base.

    Args:
        source: what it was trained on, as the stamp says.
        base: its Hub id, if `source` is a local copy.

    Raises:
        RunError: neither is a Hub id.
    """
    if base and not is_hub_id(base):
        raise RunError(f"--base {base}: is no Hub id. Give it as owner/name.")
    if not base and not is_hub_id(source):
        raise RunError(f"the base is {source}, a local copy that others do not have. Name the same model on the Hub with --base owner/name.")
    return base or source


@contextlib.contextmanager
def publishable(adapter: Path, repo: str, base: str | None, runs: Sequence[Path]) -> Iterator[Path]:
    """Yield a folder with the adapter as others should get it: no path of this machine in it, and a card with base and scores.

    Args:
        adapter: as `anytasktune train` wrote it.
        repo: Hub id it goes to.
        base: Hub id of its base; where the adapter was trained on a Hub model it may be left out.
        runs: folders to look for records of the adapter and its base in.

    Raises:
        RunError: it is no adapter of ours, or its base has no Hub id.
        RecordError: a record cannot be read.
    """
    stamp = adapter_info(adapter)
    if "settings" not in stamp:
        raise RunError(f"{adapter}: was not made by `anytasktune train` (no {STAMP}), so there is nothing to write a card from. Upload it with `hf upload`.")
    base = hub_base(stamp["base"]["source"], base)
    with tempfile.TemporaryDirectory(prefix="anytasktune-") as work:
        folder = Path(work) / "adapter"
        shutil.copytree(adapter, folder, ignore=shutil.ignore_patterns(".*"))
        config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        write_json(folder / "adapter_config.json", {**config, "base_model_name_or_path": base, "revision": stamp["base"]["revision"]})
        for path, text in eval_results(write_card(folder, base, repo, (adapter, *runs))).items():
            write_text(folder / path, text)
        yield folder
