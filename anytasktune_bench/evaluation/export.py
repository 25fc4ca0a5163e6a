"""Write the lm-eval YAMLs of the catalog. They are projections: `export tasks --check` fails when they are out of date."""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Sequence
from pathlib import Path

from anytasktune_bench.data.load import load_records
from anytasktune_bench.data.tables import eval_fingerprint
from anytasktune_bench.errors import RunError
from anytasktune_bench.files import write_text
from anytasktune_bench.metrics import score_answer
from anytasktune_bench.spec import LANGS, Lang, SubTask
from anytasktune_bench.version import __version__

_MODULE = "anytasktune_bench.evaluation.task"


def task_yaml(spec: SubTask, lang: Lang) -> str:
    """The lm-eval YAML of one sub-task in one language."""
    first = load_records(spec, lang, "test")[0]
    metrics = ["score", *score_answer(spec, lang, "", json.loads(first["gold"]), first["output"], first["input"]).values]
    metric_list = "".join(
        f"  - {{metric: {name}, aggregation: {f'!function {_MODULE}.aggregate_primary' if name == 'score' else 'mean'}, higher_is_better: {str('rate' not in name).lower()}}}\n"
        for name in metrics
    )
    tags = ["anytasktune", f"anytasktune_{spec.domain}", f"anytasktune_{lang}", f"anytasktune_{spec.code.lower()}"]
    if spec.paper_column:
        tags.insert(1, "anytasktune_paper13")
    return f"""\
# {spec.title[lang]} ({spec.code}). Made by `anytasktune export tasks` from {spec.full_id}/task.yaml; do not edit.
task: {spec.task_name(lang)}
class: !function {_MODULE}.BenchTask
tag: [{", ".join(tags)}]
custom_dataset: !function {_MODULE}.dataset
training_split: train
validation_split: validation
test_split: test
fewshot_split: train
output_type: generate_until
doc_to_text: "{{{{instruction}}}}\\n{{{{input}}}}"
doc_to_target: output
target_delimiter: ""
generation_kwargs: {{until: [], do_sample: false, max_gen_toks: {spec.output.max_new_tokens[lang]}}}
process_results: !function {_MODULE}.process_results
metric_list:
{metric_list}metadata:
  version: "{__version__}"
  subtask: {spec.code}
  lang: {lang}
  eval_fingerprint: {eval_fingerprint(spec, lang, load_records(spec, lang, "test"))}
"""


def _task_files(specs: Sequence[SubTask]) -> dict[str, str]:
    """File name -> content of every YAML."""
    return {f"{spec.task_name(lang)}.yaml": task_yaml(spec, lang) for spec in specs for lang in LANGS}


def export_tasks(specs: Sequence[SubTask], out: Path) -> list[Path]:
    """Write one YAML per sub-task and language into `out` and remove YAMLs there that no sub-task has.

    Raises:
        OutputError: the folder cannot be written.
    """
    files = _task_files(specs)
    for name, text in files.items():
        write_text(out / name, text)
    for path in out.glob("anytasktune_*.yaml"):
        if path.name not in files:
            path.unlink()
    return [out / name for name in sorted(files)]


def drift(specs: Sequence[SubTask], out: Path) -> list[str]:
    """What in `out` differs from what `export_tasks` would write, as sentences."""
    files = _task_files(specs)
    problems = [f"{out / name}: is missing" for name in files if not (out / name).is_file()]
    problems += [f"{out / name}: is out of date" for name, text in files.items() if (out / name).is_file() and (out / name).read_text(encoding="utf-8") != text]
    return problems + [f"{path}: belongs to no sub-task" for path in sorted(out.glob("anytasktune_*.yaml")) if path.name not in files]


def tasks_path() -> Path:
    """The folder of the shipped YAMLs: in the wheel, or `tasks/` beside the package in a checkout.

    Raises:
        RunError: neither is there.
    """
    package = Path(str(importlib.resources.files("anytasktune_bench")))
    for folder in (package / "_tasks", package.parent / "tasks"):
        if any(folder.glob("anytasktune_*.yaml")):
            return folder
    raise RunError("no lm-eval tasks are installed. Write them with `anytasktune export tasks --out DIR`.")
