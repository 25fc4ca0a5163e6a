"""Fixtures: the catalog, and tiny real models that train and generate in seconds."""

from __future__ import annotations

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_UPDATE_DOWNLOAD_COUNTS", "0")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads only get in each other's way on models this small
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from anytasktune_bench.catalog import Catalog, load_catalog
from anytasktune_bench.data.tables import source_rows
from anytasktune_bench.rows import SPLITS
from anytasktune_bench.spec import LANGS, Lang, SubTask

SPECS = load_catalog().with_rows
CASES = [(spec, lang) for spec in SPECS for lang in LANGS]
CASE_IDS = [spec.task_name(lang) for spec, lang in CASES]

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% if enable_thinking is defined and enable_thinking %}<think>{% endif %}{% endif %}"
)


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load_catalog()


def build_tiny_model(folder: Path, *, chat: bool, seed: int = 0, architecture: str = "llama") -> Path:
    """A two-layer model with random weights and a byte-level tokenizer trained on the rows, saved like any model."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

    texts = [text for spec in load_catalog().select("M1,S1,L4") for lang in LANGS for split in SPLITS for row in source_rows(spec, split, lang) for text in (row.input, row.output)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(vocab_size=800, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>" if chat else "<|endoftext|>", pad_token="<|endoftext|>")
    if chat:
        fast.chat_template = CHATML
    torch.manual_seed(seed)
    shape: dict[str, Any] = {
        "vocab_size": len(fast),
        "hidden_size": 48,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": 4096,
        "eos_token_id": fast.eos_token_id,
        "pad_token_id": fast.pad_token_id,
        "bos_token_id": None,
        "tie_word_embeddings": True,
        "initializer_range": 0.2,  # wide enough for sharp answers, since only adapters are trained
    }
    if architecture == "gemma3":  # text beside a picture encoder; a window shorter than the prompts in every other layer
        text = {**shape, "layer_types": ["sliding_attention", "full_attention"], "sliding_window": 64}
        picture = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 28, "patch_size": 14}
        config = AutoConfig.for_model(architecture, text_config=text, vision_config=picture, mm_tokens_per_image=4, eos_token_id=fast.eos_token_id, pad_token_id=fast.pad_token_id)
    else:
        config = AutoConfig.for_model(architecture, **shape)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    return folder


def random_adapter(base: Path, folder: Path, seed: int, std: float = 0.3) -> Path:
    """A LoRA adapter with random weights for a tiny model, large enough to change what it answers."""
    import torch
    from peft import LoraConfig, get_peft_model

    from anytasktune_bench.models import load_model, resolve_model

    torch.manual_seed(seed)
    model = get_peft_model(load_model(resolve_model(str(base)), "float32", "cpu"), LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data.normal_(std=std)
    model.save_pretrained(folder)
    return folder


def evaluated(model: Any, specs: Sequence[SubTask], langs: Sequence[Lang], options: Any, adapter: Path | None = None) -> Any:
    """Record and samples of one model (folder, reference or server) on some sub-tasks."""
    from anytasktune_bench.evaluation.backends import open_backends
    from anytasktune_bench.evaluation.run import evaluate
    from anytasktune_bench.models import resolve_model

    source = resolve_model(str(model)) if isinstance(model, Path) else model
    (backend,) = open_backends(source, [adapter], options)
    return evaluate(backend, [(spec, lang) for spec in specs for lang in langs], options)


@pytest.fixture(scope="session")
def chat_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("models") / "tiny-chat", chat=True)


@pytest.fixture(scope="session")
def plain_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("models") / "tiny-plain", chat=False, seed=1)


@pytest.fixture
def copied_subtask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """Copies M1's folder under a new id, with only task.yaml and rows edited."""

    def copy(code: str) -> Path:
        source: SubTask = load_catalog().get("M1")
        folder = tmp_path / "mine" / "medicine" / "my_items"
        (folder / "rows").mkdir(parents=True)
        spec = (source.folder / "task.yaml").read_text(encoding="utf-8")
        (folder / "task.yaml").write_text(spec.replace("code: M1", f"code: {code}").replace("id: key_info_extraction", "id: my_items"), encoding="utf-8")
        for path in (source.folder / "rows").glob("*.jsonl"):
            (folder / "rows" / path.name).write_text(path.read_text(encoding="utf-8").replace("M1-", f"{code}-"), encoding="utf-8")
        return tmp_path / "mine"

    yield copy
