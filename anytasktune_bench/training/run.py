"""Train a LoRA adapter on sub-tasks and write it with a stamp that says what it was made from."""

from __future__ import annotations

import contextlib
import math
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from anytasktune_bench.adapters import STAMP
from anytasktune_bench.data.load import describe_source, load_records
from anytasktune_bench.data.tables import train_fingerprint
from anytasktune_bench.errors import OutputError, RunError
from anytasktune_bench.files import check_writable, write_json, write_text
from anytasktune_bench.models import ModelRef, first_line, load_model, load_tokenizer, pick_device, pick_dtype
from anytasktune_bench.prompt import PROMPT_VERSION
from anytasktune_bench.spec import SubTask
from anytasktune_bench.training.card import write_card
from anytasktune_bench.training.checkpoints import ADAPTER, CHECKPOINTS, open_run
from anytasktune_bench.training.options import TrainOptions
from anytasktune_bench.training.plot import loss_svg
from anytasktune_bench.version import __version__


def train(
    ref: ModelRef,
    specs: Sequence[SubTask],
    out: Path,
    options: TrainOptions,
    quiet: bool = False,
    progress: Callable[[str], None] = lambda _: None,
    resume: bool = False,
) -> dict[str, Any]:
    """Train one adapter on the train rows of `specs` and write it to `out`.

    Validation loss is measured after every epoch, and the epoch where it was lowest is the one that is kept. Checkpoints stand in a hidden
    folder beside `out` until the run ends, so that `resume` can go on after any interruption; it gives what an unbroken run would have given.

    Args:
        ref: the base model.
        specs: sub-tasks; their rows are mixed.
        out: folder of the adapter; it must not hold one yet.
        options: how.
        quiet: no bar.
        progress: told what begins.
        resume: go on with an unfinished run.

    Returns:
        The stamp, as written to `out/anytasktune.json`.

    Raises:
        RunError: the model cannot be loaded, rows are too long, the loss is not a number, or an unfinished run stands in the way.
        OutputError: `out` is taken or cannot be written.
    """
    check_writable(out.parent)
    import torch
    from accelerate import PartialState
    from safetensors import SafetensorError
    from transformers import set_seed

    # Under `accelerate launch` or torchrun every process runs this; the first one alone touches files.
    processes = PartialState(cpu=(options.device or pick_device()) == "cpu")
    quiet, progress = quiet or not processes.is_main_process, progress if processes.is_main_process else lambda _: None
    set_seed(options.seed)
    progress(f"loading {ref.source}")
    tokenizer = load_tokenizer(ref)
    train_set, validation_set, fingerprints = examples_of(tokenizer, specs, options)
    plan, data = _plan(ref, specs, options, fingerprints), describe_source(options.source, specs)
    with processes.main_process_first():
        folder, checkpoint = open_run(out, plan, resume or not processes.is_main_process)
    try:
        base = _load_base(ref, options)
        train_set.examples += _replay(ref, base, tokenizer, specs, len(train_set), options, progress)
        model = _with_lora(base, options)
        steps = math.ceil(len(train_set) / (options.batch_size * options.accumulation * processes.num_processes))
        progress(
            f"{len(train_set)} train and {len(validation_set)} validation rows, {math.ceil(steps * options.epochs)} steps" + (f", from {checkpoint.name}" if checkpoint else "")
        )
        started = time.monotonic()
        history, figures = _fit(model, train_set, validation_set, folder, options, quiet, checkpoint, progress)
        if any(not math.isfinite(value) for entry in history for value in entry.values()):
            shutil.rmtree(folder, ignore_errors=True)
            raise RunError("the loss is not a number. Lower --lr, or use --dtype float32.")
        finished = folder / ADAPTER
        stamp = {"name": options.name or "-".join(spec.code for spec in specs), **plan, "data": data, "history": history}
        stamp["figures"] = {
            **figures,
            "seconds": round(time.monotonic() - started, 1),
            "device": pick_device(),
            "threads": torch.get_num_threads(),
            "processes": processes.num_processes,
        }
        if processes.is_main_process:
            write_json(finished / STAMP, stamp)
            write_text(finished / "loss.svg", loss_svg(history, f"{stamp['name']} on {ref.name}"))
            write_card(finished)
            if out.exists():
                out.rmdir()
            shutil.move(finished, out)
            shutil.rmtree(folder)
        processes.wait_for_everyone()
    except OSError as error:
        raise OutputError(f"{out}: cannot be written ({error.strerror or error}). Free some space and go on with --resume, or choose a writable folder.") from error
    except (RuntimeError, SafetensorError) as error:  # torch and safetensors report a full disk in ways of their own
        if not any(sign in str(error) for sign in ("PytorchStreamWriter", "IoError", "I/O", "file write failed")):
            raise
        raise OutputError(f"{out}: cannot be written ({first_line(error)}). Free some space and go on with --resume, or choose a writable folder.") from error
    return stamp


def _replay(ref: ModelRef, base: Any, tokenizer: Any, specs: Sequence[SubTask], rows: int, options: TrainOptions, progress: Callable[[str], None]) -> list[Any]:
    """General examples that are mixed in, `options.replay` per train row."""
    wanted = round(options.replay * rows)
    if not wanted:
        return []
    from anytasktune_bench.training.replay import SELF, read_pairs, replay_examples, self_answers

    if options.replay_data == SELF:
        pairs = [pair for lang in options.langs for pair in self_answers(ref, base, tokenizer, "train", lang, progress) if pair["answer"]]
    else:
        pairs = read_pairs(options.replay_data)
    found = replay_examples(pairs, tokenizer, specs[0], wanted, options.seed)
    kept = [example for example in found if len(example.ids) <= options.max_length]
    progress(f"{len(kept)} general rows are mixed in" + (f" ({wanted} were asked for, {len(pairs)} are there)" if len(kept) < wanted else ""))
    return kept


def _plan(ref: ModelRef, specs: Sequence[SubTask], options: TrainOptions, fingerprints: dict[str, str]) -> dict[str, Any]:
    """What decides the adapter: base, sub-tasks with their data's fingerprints, settings, versions."""
    return {
        "subtasks": [spec.code for spec in specs],
        "base": {"name": ref.name, "source": ref.source, "revision": ref.revision, "sha256": ref.sha256},
        "version": __version__,
        "prompt_version": PROMPT_VERSION,
        "train_fingerprints": fingerprints,
        "settings": options.content(),
    }


def _load_base(ref: ModelRef, options: TrainOptions) -> Any:
    """The base model, in 4 bits for QLoRA.

    Raises:
        RunError: QLoRA without CUDA or bitsandbytes.
    """
    if not options.qlora:
        return load_model(ref, options.dtype, options.device)
    import importlib.util

    if pick_device() != "cuda" or importlib.util.find_spec("bitsandbytes") is None:
        raise RunError("QLoRA needs an NVIDIA GPU with CUDA and the package bitsandbytes. Train with plain LoRA instead (leave --qlora out, or use a recipe without it).")
    import torch
    from peft import prepare_model_for_kbit_training
    from transformers import BitsAndBytesConfig

    config = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=torch.bfloat16)
    return prepare_model_for_kbit_training(load_model(ref, "bfloat16", options.device, quantization_config=config), use_gradient_checkpointing=options.checkpointing)


def examples_of(tokenizer: Any, specs: Sequence[SubTask], options: TrainOptions) -> tuple[Any, Any, dict[str, str]]:
    """Tokenised train and validation rows, and the data's fingerprints by task.

    Raises:
        RunError: rows are longer than `max_length`; they are counted and the longest is named.
    """
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
    config = LoraConfig(
        r=options.lora_r, lora_alpha=options.lora_alpha, lora_dropout=0.0, use_rslora=options.rslora, use_dora=options.dora, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    return get_peft_model(model, config)


def _fit(
    model: Any, train_set: Any, validation_set: Any, folder: Path, options: TrainOptions, quiet: bool, checkpoint: Path | None, progress: Callable[[str], None]
) -> tuple[list[dict[str, float]], dict[str, float]]:
    from transformers import EarlyStoppingCallback, PrinterCallback, TrainingArguments
    from transformers.utils import logging as transformers_logging

    from anytasktune_bench.training.examples import collate
    from anytasktune_bench.training.trainer import LogAtEpochEnd, Progress, StopOnNaN, TaskTrainer, history_of

    transformers_logging.set_verbosity_error()
    cpu = (options.device or pick_device()) == "cpu"
    arguments = TrainingArguments(
        output_dir=str(folder / CHECKPOINTS),
        per_device_train_batch_size=options.batch_size,
        per_device_eval_batch_size=options.batch_size * 2,
        gradient_accumulation_steps=options.accumulation,
        gradient_checkpointing=options.checkpointing,
        num_train_epochs=options.epochs,
        learning_rate=options.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=options.warmup,
        max_grad_norm=1.0,
        weight_decay=0.0,
        neftune_noise_alpha=options.neftune,
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
        report_to=options.report_to,
        label_names=["labels"],
        ddp_find_unused_parameters=False,
    )
    holder: list[TaskTrainer] = []
    bar = Progress(lambda: holder[0], quiet)
    callbacks: list[Any] = [bar, StopOnNaN(), LogAtEpochEnd(), *([EarlyStoppingCallback(options.patience)] if options.patience else [])]
    trainer = TaskTrainer(model=model, args=arguments, train_dataset=train_set, eval_dataset=validation_set, data_collator=collate, callbacks=callbacks)
    trainer.temperature = options.temperature
    trainer.share_prefix = arguments.world_size == 1 and not options.checkpointing
    trainer.say = progress
    trainer.remove_callback(PrinterCallback)
    holder.append(trainer)
    with _bf16_speed(model, enabled=arguments.bf16):
        try:
            result = trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        except (ValueError, KeyError) as error:
            if checkpoint is None:
                raise
            raise RunError(f"{checkpoint}: cannot be gone on with ({first_line(error)}). Remove {folder} and start anew.") from error
    trainer.save_model(str(folder / ADAPTER))  # by every process, since each may hold a part of the weights
    (folder / ADAPTER / "training_args.bin").unlink(missing_ok=True)
    seconds = result.metrics["train_runtime"]
    return history_of(trainer.state.log_history), {
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
