"""LoRA adapters: finding one by folder or Hub id, what it was trained on, and putting it on its base."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from anytasktune_bench.errors import RunError
from anytasktune_bench.models import ModelRef, first_line, folder_sha256, is_hub_id, load_model

STAMP = "anytasktune.json"
"""File in an adapter's folder that says what it was made from."""


def resolve_adapter(adapter: str) -> Path:
    """The folder that `adapter` means; one from the Hub is downloaded to the Hub's cache.

    Args:
        adapter: a folder, or a Hub id with optional `@revision`.

    Raises:
        RunError: there is no such folder, or it holds no adapter.
        HubError: the Hub does not give it.
    """
    folder = Path(adapter).expanduser()
    if not folder.exists() and is_hub_id(adapter):
        from anytasktune_bench.hub import download

        repo, _, revision = adapter.partition("@")
        folder = download(repo, revision or None, ["adapter_config.json", "adapter_model.safetensors", STAMP])
    adapter_info(folder)
    return folder


def adapter_info(adapter: Path) -> dict[str, Any]:
    """The stamp of an adapter made by `anytasktune train` (empty for a foreign PEFT adapter), with its weights' sha256.

    Raises:
        RunError: the folder holds no adapter.
    """
    if not (adapter / "adapter_config.json").is_file():
        raise RunError(f"{adapter}: holds no adapter (no adapter_config.json). Give the folder that `anytasktune train` wrote, or a Hub id.")
    stamp = adapter / STAMP
    return {**(json.loads(stamp.read_text(encoding="utf-8")) if stamp.is_file() else {}), "adapter_sha256": folder_sha256(adapter)}


def base_of(adapter: Path) -> str:
    """The model that an adapter's configuration names as its base.

    Raises:
        RunError: it names none.
    """
    base = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8")).get("base_model_name_or_path")
    if not base:
        raise RunError(f"{adapter}: does not say which model it was trained on. Give it with --model.")
    return str(base)


def check_base(ref: ModelRef, adapter: Path) -> dict[str, Any]:
    """The adapter's stamp, if it belongs to the base.

    Raises:
        RunError: it was trained on other weights.
    """
    stamp = adapter_info(adapter)
    trained_on = stamp.get("base", {}).get("sha256")
    if trained_on and ref.sha256 and trained_on != ref.sha256:
        raise RunError(f"{adapter}: was trained on {stamp['base']['source']}, and {ref.source} has other weights. Give the adapter's own base.")
    return stamp


def put_on(model: Any, adapter: Path, ref: ModelRef, sha256: str) -> Any:
    """The model with an adapter on it, computing in the model's dtype; one that is on it already gives way.

    Args:
        model: a base model, or what this function gave for another adapter.
        adapter: folder of a PEFT adapter.
        ref: the base; `check_base` says whether the adapter is one of its.
        sha256: of the adapter's weights.

    Raises:
        RunError: the adapter does not fit.
    """
    from peft import PeftModel

    name = sha256[:16]
    try:
        if isinstance(model, PeftModel):
            before = model.active_adapter
            if name != before:
                model.load_adapter(str(adapter.resolve()), adapter_name=name)
                model.set_adapter(name)
                model.delete_adapter(before)
        else:
            model = PeftModel.from_pretrained(model, str(adapter.resolve()), adapter_name=name)
    except (OSError, ValueError, RuntimeError) as error:
        raise RunError(f"{adapter}: cannot be put on {ref.source} ({first_line(error)}). Give the adapter's own base.") from error
    for parameter_name, parameter in model.named_parameters():
        if "lora_" in parameter_name:
            parameter.data = parameter.data.to(model.dtype)
    return model


def load_adapted(ref: ModelRef, adapter: Path, dtype: str = "auto", device: str | None = None) -> Any:
    """The base with the adapter on it.

    Raises:
        RunError: the adapter was trained on other weights, or does not fit.
    """
    stamp = check_base(ref, adapter)
    return put_on(load_model(ref, dtype, device), adapter, ref, stamp["adapter_sha256"])
