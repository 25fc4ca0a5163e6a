"""`make bench-training`: our trainer against TRL's SFTTrainer on the same tokens, in the same run, and its cost at 1x, 2x and 4x rows.

Usage: python -m tests.bench_training MODEL [LLAMAFACTORY-CLI], where MODEL is a folder, a .gguf file or a wheel that holds one. Each trainer runs in a process
of its own, so that peak memory is its own. Needs TRL (`make bench-training` installs it). LLaMA-Factory pins other versions of everything, so it
is measured where its command lies in an environment of its own; it makes its tokens itself, from the same rows through its own template.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

BATCH, STEPS, RATE = 8, 5, 5e-4
TASK, LANG = "M1", "en"


def rows(tokenizer: Any, times: int = 1) -> list[Any]:
    """The same examples in the same order for every trainer."""
    from anytasktune_bench.catalog import load_catalog
    from anytasktune_bench.data.load import load_records
    from anytasktune_bench.training.examples import encode_rows

    spec = load_catalog().get(TASK)
    return encode_rows(tokenizer, spec, LANG, load_records(spec, LANG, "train")[: BATCH * STEPS])[: BATCH * STEPS] * times


class Clock:
    """Seconds of each step, the first left out because it warms up: wall time, and processor time, which other work on the machine hardly touches."""

    def __init__(self) -> None:
        self.wall: list[float] = []
        self.cpu: list[float] = []

    def mark(self) -> None:
        self.wall.append(time.monotonic())
        self.cpu.append(time.process_time())

    def rates(self, examples: list[Any]) -> dict[str, float]:
        counted = sum(len(e.ids) for e in examples[BATCH : BATCH * len(self.wall)])
        seconds = self.wall[-1] - self.wall[0]
        return {"wall": counted / seconds, "cpu": counted / (self.cpu[-1] - self.cpu[0]), "seconds": seconds}


def lora(model: Any) -> Any:
    from anytasktune_bench.training.options import TrainOptions
    from anytasktune_bench.training.run import _with_lora

    return _with_lora(model, TrainOptions())


def report(name: str, examples: list[Any], clock: Clock, losses: list[float]) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    sys.stdout.write("RESULT " + json.dumps({"name": name, **clock.rates(examples), "peak_gib": round(peak, 2), "losses": losses}) + "\n")


def callback(clock: Clock, losses: list[float]) -> Any:
    from transformers import TrainerCallback

    class Marks(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_: Any, **__: Any) -> None:
            clock.mark()

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
            if logs and "loss" in logs:
                losses.append(round(float(logs["loss"]), 4))

    return Marks()


def common(folder: str, **more: Any) -> dict[str, Any]:
    """Arguments that both trainers share."""
    return {
        "output_dir": folder, "per_device_train_batch_size": BATCH, "num_train_epochs": 1, "learning_rate": RATE, "lr_scheduler_type": "constant", "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none", "use_cpu": True, "dataloader_pin_memory": False, "disable_tqdm": True, "seed": 0, **more,
    }  # fmt: skip


def ours(model: str, folder: str, times: int = 1) -> None:
    from transformers import TrainingArguments

    from anytasktune_bench.models import load_model, load_tokenizer, resolve_model
    from anytasktune_bench.training.examples import Examples, collate
    from anytasktune_bench.training.run import _bf16_speed
    from anytasktune_bench.training.trainer import TaskTrainer

    ref = resolve_model(model)
    examples, clock, losses = rows(load_tokenizer(ref), times), Clock(), []
    adapted = lora(load_model(ref))
    arguments = TrainingArguments(**common(folder, bf16=True, remove_unused_columns=False, train_sampling_strategy="sequential"))

    class InOrder(TaskTrainer):
        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            from torch.utils.data import SequentialSampler

            return SequentialSampler(self.train_dataset)

    trainer = InOrder(model=adapted, args=arguments, train_dataset=Examples(examples), data_collator=collate, callbacks=[callback(clock, losses)])
    with _bf16_speed(adapted, enabled=True):
        trainer.train()
    report("ours" if times == 1 else f"ours, {times}x rows", examples, clock, losses)


def theirs(model: str, folder: str, tuned: bool) -> None:
    """TRL with its defaults as far as a CPU allows, or with the best settings found: no checkpointing, bf16 base."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    from anytasktune_bench.models import load_model, load_tokenizer, resolve_model

    ref = resolve_model(model)
    tokenizer = load_tokenizer(ref)
    examples, clock, losses = rows(tokenizer), Clock(), []
    data = Dataset.from_list([{"input_ids": list(e.ids), "completion_mask": [0] * (len(e.ids) - e.answer) + [1] * e.answer} for e in examples])
    more: dict[str, Any] = {"gradient_checkpointing": False} if tuned else {}
    config = SFTConfig(**common(folder, max_length=None, completion_only_loss=True, train_sampling_strategy="sequential", **more))
    adapted = lora(load_model(ref, "auto" if tuned else "float32"))
    trainer = SFTTrainer(model=adapted, args=config, train_dataset=data, processing_class=tokenizer, callbacks=[callback(clock, losses)])
    trainer.train()
    report("TRL, best settings found" if tuned else "TRL, defaults", examples, clock, losses)


def llamafactory(model: str, folder: str, command: str) -> None:
    """LLaMA-Factory's LoRA fine-tuning of the same rows, in bf16 without recomputation; seconds are its own steps' without the first."""
    from anytasktune_bench.catalog import load_catalog
    from anytasktune_bench.data.load import load_records
    from anytasktune_bench.models import load_tokenizer, resolve_model

    ref, spec = resolve_model(model), load_catalog().get(TASK)
    records = load_records(spec, LANG, "train")[: BATCH * STEPS]
    data = [{"instruction": spec.instruction[LANG][0], "input": record["input"], "output": record["output"]} for record in records]
    where = Path(folder)
    (where / "rows.json").write_text(json.dumps(data), encoding="utf-8")
    (where / "dataset_info.json").write_text(json.dumps({"rows": {"file_name": "rows.json"}}), encoding="utf-8")
    settings = {
        "model_name_or_path": ref.location, "stage": "sft", "do_train": True, "finetuning_type": "lora", "lora_target": "all", "lora_rank": 16, "lora_alpha": 32,
        "dataset": "rows", "dataset_dir": folder, "template": "smollm2" if "SmolLM2" in ref.name else "qwen", "cutoff_len": 4096, "output_dir": str(where / "out"),
        "per_device_train_batch_size": BATCH, "gradient_accumulation_steps": 1, "num_train_epochs": 1, "learning_rate": RATE, "lr_scheduler_type": "constant", "logging_steps": 1,
        "save_strategy": "no", "report_to": "none", "bf16": True, "use_cpu": True, "disable_gradient_checkpointing": True,
        "disable_shuffling": True, "preprocessing_num_workers": 1,
    }  # fmt: skip
    (where / "run.yaml").write_text(json.dumps(settings), encoding="utf-8")  # JSON is YAML; its reader of .json files fails
    marks, losses = [], []
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen([command, "train", str(where / "run.yaml")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    said = []
    for line in process.stdout or ():
        said.append(line)
        if match := re.search(r"'loss': '?([\d.]+)", line):
            marks.append(time.monotonic())
            losses.append(round(float(match[1]), 4))
    if process.wait() or len(marks) < 2:
        raise SystemExit("".join(said[-25:]))
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    examples = rows(load_tokenizer(ref))
    counted = sum(len(e.ids) for e in examples[BATCH : BATCH * len(marks)])
    seconds = marks[-1] - marks[0]
    result = {"name": "LLaMA-Factory, bf16", "wall": counted / seconds, "cpu": 0, "seconds": seconds, "peak_gib": round(usage.ru_maxrss / 2**20, 2), "losses": losses}
    sys.stdout.write("RESULT " + json.dumps(result) + "\n")


def main(model: str, command: str | None) -> None:
    """Run each trainer in a process of its own and print a table with ratios."""
    import tempfile

    found = []
    for kind in ("ours", "trl-tuned", "trl", *(["llamafactory"] if command else []), "2", "4"):
        with tempfile.TemporaryDirectory() as folder:
            arguments = [sys.executable, "-m", "tests.bench_training", model, kind, folder, *([command] if kind == "llamafactory" and command else [])]
            done = subprocess.run(arguments, capture_output=True, text=True, cwd=Path(__file__).parents[1])
        line = next((line for line in done.stdout.splitlines() if line.startswith("RESULT ")), None)
        if line is None:
            sys.stdout.write(f"{kind}: did not run\n{done.stderr[-1500:]}\n")
            continue
        found.append(json.loads(line.removeprefix("RESULT ")))
    mine = found[0]
    sys.stdout.write(f"training, {STEPS} steps of {BATCH} rows of {TASK} {LANG}, {Path(model).name}; seconds and rates without the first step\n")
    for entry in found:
        ratio = f"ours {mine['wall'] / entry['wall']:5.2f} x" + (f" (processor time {mine['cpu'] / entry['cpu']:5.2f} x)" if entry["cpu"] else "")
        worst = max(abs(a - b) for a, b in zip(mine["losses"], entry["losses"], strict=False))
        speed = f"{entry['seconds']:6.1f} s  {entry['wall']:7.1f} tokens/s  {ratio}  peak {entry['peak_gib']:5.2f} GiB"
        sys.stdout.write(f"  {entry['name']:26} {speed}  losses {entry['losses'][:STEPS]}  worst difference {worst:.4f}\n")


if __name__ == "__main__":
    if len(sys.argv) < 4:
        main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
    elif sys.argv[2] == "ours" or sys.argv[2].isdigit():
        ours(sys.argv[1], sys.argv[3], int(sys.argv[2]) if sys.argv[2].isdigit() else 1)
    elif sys.argv[2] == "llamafactory":
        llamafactory(sys.argv[1], sys.argv[3], sys.argv[4])
    else:
        theirs(sys.argv[1], sys.argv[3], tuned=sys.argv[2] == "trl-tuned")
