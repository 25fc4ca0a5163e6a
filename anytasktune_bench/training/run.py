"""Train a LoRA adapter on sub-tasks and write it with a stamp that says what it was made from."""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from anytasktune_bench.data.load import WHEEL, load_records
from anytasktune_bench.data.tables import train_fingerprint
from anytasktune_bench.errors import OutputError, RunError
from anytasktune_bench.files import check_writable, write_json
from anytasktune_bench.models import ModelRef, first_line, load_model, load_tokenizer, pick_device, pick_dtype
from anytasktune_bench.prompt import PROMPT_VERSION
from anytasktune_bench.spec import LANGS, Lang, SubTask
from anytasktune_bench.version import __version__

STAMP = "anytasktune.json"


@dataclass(frozen=True)
class TrainOptions:
    """How to train. The defaults suit small models; for 7B models use a learning rate of 1e-4 to 2e-4."""

    langs: tuple[Lang, ...] = LANGS
    epochs: float = 3.0
    learning_rate: float = 1e-3
    batch_size: int = 4
    accumulation: int = 1
    lora_r: int = 16
    lora_alpha: int = 32
    warmup: float = 0.05
    """Share of the steps over which the learning rate rises."""
    max_length: int = 4096
    """Rows longer than this many tokens are an error, never cut."""
    seed: int = 0
    dtype: str = "auto"
    device: str | None = None
    variants: bool = False
    """Train on all wordings of the instruction, not on number 0 alone."""
    implicit: bool = False
    """Train without the instruction."""
    limit: int | None = None
    """First rows of each train split only."""
    source: str = WHEEL
    name: str | None = None


def train(
    ref: ModelRef,
    specs: Sequence[SubTask],
    out: Path,
    options: TrainOptions,
    quiet: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Train one adapter on the train rows of `specs` and write it to `out`.

    Validation loss is measured after every epoch, and the epoch where it was lowest is the one that is kept.

    Args:
        ref: the base model.
        specs: sub-tasks; their rows are mixed.
        out: folder of the adapter; it must not hold one yet.
        options: how.
        quiet: no bar.
        progress: told what begins.

    Returns:
        The stamp, as written to `out/anytasktune.json`.

    Raises:
        RunError: the model cannot be loaded, rows are too long, or the loss is not a number.
        OutputError: `out` is taken or cannot be written.
    """
    if out.exists() and any(out.iterdir()):
        raise OutputError(f"{out}: is not empty. Choose another --out, or remove it.")
    check_writable(out.parent)
    import torch
    from safetensors import SafetensorError
    from transformers import set_seed

    set_seed(options.seed)
    progress(f"loading {ref.source}")
    tokenizer = load_tokenizer(ref)
    train_set, validation_set, fingerprints = _examples(tokenizer, specs, options)
    model = _with_lora(load_model(ref, options.dtype, options.device), options)
    steps_per_epoch = math.ceil(len(train_set) / (options.batch_size * options.accumulation))
    progress(f"{len(train_set)} train and {len(validation_set)} validation rows, {math.ceil(steps_per_epoch * options.epochs)} steps")
    try:
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
            started = time.monotonic()
            history, figures = _fit(model, tokenizer, train_set, validation_set, Path(folder) / "checkpoints", options, quiet)
            if any(not math.isfinite(value) for entry in history for value in entry.values()):
                raise RunError("the loss is not a number. Lower --learning-rate, or use --dtype float32.")
            finished = Path(folder) / "adapter"
            model.save_pretrained(finished)
            stamp = _stamp(ref, specs, options, fingerprints, history)
            stamp["figures"] = {**figures, "seconds": round(time.monotonic() - started, 1), "device": pick_device(), "threads": torch.get_num_threads()}
            write_json(finished / STAMP, stamp)
            if out.exists():
                out.rmdir()
            shutil.move(finished, out)
    except OSError as error:
        raise OutputError(f"{out}: cannot be written ({error.strerror or error}). Free some space or choose a writable folder.") from error
    except (RuntimeError, SafetensorError) as error:  # torch and safetensors report a full disk in ways of their own
        if not any(sign in str(error) for sign in ("PytorchStreamWriter", "IoError", "I/O", "file write failed")):
            raise
        raise OutputError(f"{out}: cannot be written ({first_line(error)}). Free some space or choose a writable folder.") from error
    return stamp


def _examples(tokenizer: Any, specs: Sequence[SubTask], options: TrainOptions) -> tuple[Any, Any, dict[str, str]]:
    from anytasktune_bench.training.examples import Examples, encode_rows

    train_rows, validation_rows, fingerprints = [], [], {}
    for spec in specs:
        for lang in options.langs:
            train_records = load_records(spec, lang, "train", options.source)
            validation_records = load_records(spec, lang, "validation", options.source)
            fingerprints[spec.task_name(lang)] = train_fingerprint(spec, lang, train_records, validation_records)
            train_rows += encode_rows(tokenizer, spec, lang, train_records[: options.limit], variants=options.variants, implicit=options.implicit, seed=options.seed)
            validation_rows += encode_rows(tokenizer, spec, lang, validation_records[: options.limit], implicit=options.implicit)
    long = [e for e in (*train_rows, *validation_rows) if len(e.ids) > options.max_length]
    if long:
        worst = max(long, key=lambda e: len(e.ids))
        raise RunError(f"{len(long)} rows are longer than {options.max_length} tokens (the longest, {worst.row_id}, has {len(worst.ids)}). Raise --max-length.")
    return Examples(train_rows), Examples(validation_rows), fingerprints


def _with_lora(model: Any, options: TrainOptions) -> Any:
    from peft import LoraConfig, get_peft_model

    model.config.use_cache = False
    config = LoraConfig(r=options.lora_r, lora_alpha=options.lora_alpha, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")
    return get_peft_model(model, config)


def _fit(model: Any, tokenizer: Any, train_set: Any, validation_set: Any, folder: Path, options: TrainOptions, quiet: bool) -> tuple[list[dict[str, float]], dict[str, float]]:
    from transformers import PrinterCallback, TrainingArguments
    from transformers.utils import logging as transformers_logging

    from anytasktune_bench.training.examples import collate
    from anytasktune_bench.training.trainer import Progress, TaskTrainer

    transformers_logging.set_verbosity_error()
    cpu = (options.device or pick_device()) == "cpu"
    arguments = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=options.batch_size,
        per_device_eval_batch_size=options.batch_size * 2,
        gradient_accumulation_steps=options.accumulation,
        num_train_epochs=options.epochs,
        learning_rate=options.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=options.warmup,
        max_grad_norm=1.0,
        weight_decay=0.0,
        bf16=pick_dtype(options.dtype) == "bfloat16",
        use_cpu=cpu,
        dataloader_pin_memory=not cpu,
        seed=options.seed,
        data_seed=options.seed,
        logging_steps=5,
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=1,
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        remove_unused_columns=False,
        disable_tqdm=True,
        report_to="none",
        label_names=["labels"],
    )
    holder: list[TaskTrainer] = []
    bar = Progress(lambda: holder[0], quiet)
    trainer = TaskTrainer(model=model, args=arguments, train_dataset=train_set, eval_dataset=validation_set, data_collator=collate, callbacks=[bar])
    trainer.remove_callback(PrinterCallback)
    holder.append(trainer)
    with _bf16_speed(model, enabled=arguments.bf16):
        result = trainer.train()
    seconds = result.metrics["train_runtime"]
    return bar.history, {
        "steps": float(trainer.state.global_step),
        "best_validation": float(trainer.state.best_metric or float("nan")),
        "tokens": float(trainer.tokens_seen),
        "tokens_computed": float(trainer.tokens_computed),
        "tokens_per_second": round(trainer.tokens_seen / seconds, 1),
    }


@contextlib.contextmanager
def _bf16_speed(model: Any, enabled: bool) -> Iterator[None]:
    """Switch off PEFT's cast of inputs to fp32: under autocast the fp32 adapters compute in bf16 all the same, and the cast costs a tenth of the time."""
    layers = [module for module in model.modules() if hasattr(module, "cast_input_dtype_enabled")] if enabled else []
    for module in layers:
        module.cast_input_dtype_enabled = False
    try:
        yield
    finally:
        for module in layers:
            module.cast_input_dtype_enabled = True


def _stamp(ref: ModelRef, specs: Sequence[SubTask], options: TrainOptions, fingerprints: dict[str, str], history: list[dict[str, float]]) -> dict[str, Any]:
    settings = json.loads(json.dumps({key: value for key, value in asdict(options).items() if key not in ("name", "source")}))
    return {
        "name": options.name or "-".join(spec.code for spec in specs),
        "subtasks": [spec.code for spec in specs],
        "base": {"name": ref.name, "source": ref.source, "revision": ref.revision, "sha256": ref.sha256},
        "version": __version__,
        "prompt_version": PROMPT_VERSION,
        "train_fingerprints": fingerprints,
        "settings": settings,
        "history": history,
    }
