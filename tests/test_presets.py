"""The known systems: every row of the paper's table is there, and a name leads to what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from anytasktune_bench import models, presets
from anytasktune_bench.errors import RunError
from anytasktune_bench.models import resolve_model
from anytasktune_bench.presets import Preset, presets_path

PAPER = {
    "GPT4", "GPT3.5", "LLaMA3-8b", "LLaMA3-70b", "Qwen2-7B", "Baichuan2-13B", "ChatGLM4-9B", "internLM2-20B",
    "ChatMed", "DISC-MedLLM", "FinGPT", "ChatLaw", "DISC-LawLLM", "MindChat", "SoulChat", "MachineMindset(MBTIGPT)",
}  # fmt: skip

PINNED = {
    "baichuan2-13b": "<reserved_106>Extract.\nA rash.<reserved_107>",
    "chatlaw": "<s>Consult:\nExtract.\nA rash.\nResponse:\n",
    "chatmed": "<s>问：\nExtract.\nA rash.\n答：\n",
    "disc-lawllm": "<reserved_102>Extract.\nA rash.<reserved_103>",
    "disc-medllm": "<reserved_102>Extract.\nA rash.<reserved_103>",
    "fingpt": "<s>Instruction: Extract.\nInput: A rash.\nAnswer: ",
    "soulchat": "用户：Extract.\nA rash.\n心理咨询师：",
}
"""What a model reads where its tokenizer has no template of its own and the preset gives one."""


def test_every_system_of_the_paper_and_a_dozen_of_today() -> None:
    found = presets.presets()
    assert {preset.paper for preset in found.values() if preset.paper} == PAPER
    assert sum(preset.paper is None for preset in found.values()) >= 12
    assert all(path.stem == path.stem.lower() for path in presets_path().glob("*.yaml"))


@pytest.mark.parametrize("preset", presets.presets().values(), ids=lambda preset: preset.name)
def test_a_name_leads_to_its_model_or_says_what_to_do(preset: Preset) -> None:
    if preset.status in ("ok", "gated"):
        ref = resolve_model(preset.name)
        assert (ref.location, ref.name, ref.chat_template) == (preset.base or preset.id, preset.title, preset.chat_template)
        assert not preset.remote_code
    else:
        with pytest.raises(RunError, match="cannot be loaded here") as raised:
            resolve_model(preset.name)
        assert preset.needs.en in str(raised.value) and (preset.serve or "") in str(raised.value)


@pytest.mark.parametrize("preset", [p for p in presets.presets().values() if p.chat_template], ids=lambda preset: preset.name)
def test_a_template_ends_with_what_begins_the_answer(preset: Preset) -> None:
    from transformers.utils.chat_template_utils import render_jinja_template

    turns = [{"role": "user", "content": "Extract.\nA cough."}, {"role": "assistant", "content": "cough"}, {"role": "user", "content": "Extract.\nA rash."}]
    (text,), _ = render_jinja_template([turns], chat_template=preset.chat_template, add_generation_prompt=True, bos_token="<s>", eos_token="</s>")
    assert text.index("A cough.") < text.index("cough\n" if "\ncough\n" in text else "cough") and text.count("A rash.") == 1
    assert len(text) - text.index("A rash.") - len("A rash.") <= 16, "little stands between the question and its answer"
    (asked,), _ = render_jinja_template([turns[-1:]], chat_template=preset.chat_template, add_generation_prompt=True, bos_token="<s>", eos_token="</s>")
    assert asked == PINNED[preset.name]


def test_close_names_are_suggested_and_folders_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chat_model: Path) -> None:
    with pytest.raises(RunError, match="Did you mean qwen2-7b"):
        resolve_model("qwen2-7")
    (tmp_path / "qwen2-7b").symlink_to(chat_model)
    monkeypatch.chdir(tmp_path)
    assert resolve_model("qwen2-7b").sha256


def test_a_tokenizer_without_a_template_takes_the_presets(plain_model: Path) -> None:
    ref = models.ModelRef("x", str(plain_model), "x", chat_template="{% for m in messages %}Q: {{ m['content'] }} A:{% endfor %}")
    tokenizer = models.load_tokenizer(ref)
    assert tokenizer.apply_chat_template([{"role": "user", "content": "1"}], tokenize=False) == "Q: 1 A:"


def test_a_broken_preset_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.yaml").write_text("title: Mine\nstatus: server\n", encoding="utf-8")
    monkeypatch.setattr(presets, "presets_path", lambda: tmp_path)
    presets.presets.cache_clear()
    with pytest.raises(RunError, match=r"mine\.yaml"):
        presets.presets()
    presets.presets.cache_clear()


ARCHITECTURES = sorted({preset.architecture for preset in presets.presets().values() if preset.architecture})


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_tiny_model_of_each_architecture_goes_the_whole_way(architecture: str, tmp_path: Path) -> None:
    """Answers in a batch behind a shared prefix are those of `generate` on each prompt alone."""
    import torch

    from anytasktune_bench.catalog import load_catalog
    from anytasktune_bench.evaluation.run import EvalOptions
    from anytasktune_bench.prompt import render
    from tests.conftest import build_tiny_model, evaluated

    ref = models.resolve_model(str(build_tiny_model(tmp_path / architecture, chat=True, architecture=architecture)))
    spec = load_catalog().get("L4")
    record, samples = evaluated(ref, [spec], ("en",), EvalOptions(limit=4, dtype="float32", device="cpu", batch_size=3))
    assert record.model.parameters and record.model.chat_template_sha256 and len(samples) == 4
    tokenizer, model = models.load_tokenizer(ref), models.load_model(ref, "float32", "cpu")
    assert model.config.model_type == architecture
    for sample in samples:
        ids = torch.tensor([tokenizer(render(tokenizer, spec, "en", sample.input), add_special_tokens=False)["input_ids"]])
        written = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=spec.output.max_new_tokens["en"], do_sample=False)[0, ids.shape[1] :]
        assert tokenizer.decode(written, skip_special_tokens=True) == sample.answer
