"""vLLM and SGLang: their command lines, and the whole way with a server in their place that takes the same command lines."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.errors import RunError
from anytasktune_bench.evaluation.backends import open_backends
from anytasktune_bench.evaluation.engines import Engine, installed, serve_command
from anytasktune_bench.evaluation.run import EvalOptions, evaluate
from anytasktune_bench.models import ModelRef, resolve_model
from tests.conftest import evaluated

ROOT = Path(__file__).parents[2]
SPECS = load_catalog().select("S1,L4")
OPTIONS = EvalOptions(limit=3, dtype="float32")


@pytest.fixture
def engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Programs named as the engines are, that serve a tiny model."""
    folder = tmp_path / "bin"
    (folder / "sglang").mkdir(parents=True)
    program = folder / "vllm"
    program.write_text(f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom tests.chat_server import main\nmain(sys.argv[1:])\n")
    program.chmod(0o755)
    (folder / "sglang" / "__init__.py").write_text("")
    (folder / "sglang" / "launch_server.py").write_text(program.read_text())
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.syspath_prepend(str(folder))
    return folder


@pytest.fixture(scope="module")
def adapters(chat_model: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    from tests.conftest import random_adapter

    return [random_adapter(chat_model, tmp_path_factory.mktemp("adapters") / f"a{seed}", seed) for seed in (1, 2)]


def lora(folder: Path, rank: int, pattern: dict[str, int] | None = None) -> Path:
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"r": rank, "rank_pattern": pattern or {}}))
    return folder


def test_command_lines(engines: Path, tmp_path: Path) -> None:
    ref = ModelRef("Qwen2-7B-Instruct", "Qwen/Qwen2-7B-Instruct", "Qwen/Qwen2-7B-Instruct", "abc")
    made = {"a": lora(tmp_path / "a", 16), "b": lora(tmp_path / "b", 8, {"q_proj": 24})}
    assert serve_command(Engine("vllm", ref, 2, 3, arguments=("--max-model-len", "8192")), made, 8000) == [
        str(engines / "vllm"), "serve", "Qwen/Qwen2-7B-Instruct", "--served-model-name", "Qwen2-7B-Instruct", "--host", "127.0.0.1", "--port", "8000", "--dtype", "auto",
        "--revision", "abc", "--tensor-parallel-size", "2", "--data-parallel-size", "3", "--enable-lora", "--max-loras", "2", "--max-lora-rank", "32",
        "--lora-modules", f"a={tmp_path / 'a'}", f"b={tmp_path / 'b'}", "--max-model-len", "8192",
    ]  # fmt: skip
    assert serve_command(Engine("sglang", ref), made, 8000, "bfloat16") == [
        sys.executable, "-m", "sglang.launch_server", "--model-path", "Qwen/Qwen2-7B-Instruct", "--served-model-name", "Qwen2-7B-Instruct", "--host", "127.0.0.1",
        "--port", "8000", "--dtype", "bfloat16", "--revision", "abc", "--tp-size", "1", "--dp-size", "1", "--enable-lora", "--max-loras-per-batch", "3",
        "--max-lora-rank", "24", "--lora-paths", f"a={tmp_path / 'a'}", f"b={tmp_path / 'b'}",
    ]  # fmt: skip
    assert "--enable-lora" not in serve_command(Engine("vllm", ref), {}, 8000)
    with pytest.raises(RunError, match="rank 600"):
        serve_command(Engine("vllm", ref), {"c": lora(tmp_path / "c", 600)}, 8000)


@pytest.mark.parametrize("kind", ["vllm", "sglang"])
def test_what_is_not_installed_is_said(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(RunError, match="not installed"):
        serve_command(Engine(kind, ModelRef("x", "x", "x")), {}, 8000)  # type: ignore[arg-type]


def test_an_installed_engine_is_pointed_out_where_there_is_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name == "sglang" or None)
    assert (installed("cuda:0"), installed("cpu")) == ("sglang", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert installed("cuda") is None


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["vllm", "sglang"])
def test_an_engine_with_adapters_answers_as_transformers_does(engines: Path, chat_model: Path, adapters: list[Path], kind: str) -> None:
    ref, tests = resolve_model(str(chat_model)), [(spec, "en") for spec in SPECS]
    folders = [None, *adapters]
    here = [evaluated(ref, SPECS, ("en",), OPTIONS, folder) for folder in folders]
    assert len({tuple(sample.answer for sample in samples) for _, samples in here}) == 3, "the adapters answer otherwise"
    there = [evaluate(backend, tests, OPTIONS) for backend in open_backends(Engine(kind, ref, concurrency=4), folders, OPTIONS)]  # type: ignore[arg-type]
    for (record, samples), served in zip(here, there, strict=True):
        assert served is not None
        assert [sample.answer for sample in served[1]] == [sample.answer for sample in samples]
        assert served[0].results == record.results and served[0].model.backend == kind
        same = ("name", "category", "base", "sha256", "adapter_sha256", "chat_template_sha256")
        assert all(getattr(served[0].model, name) == getattr(record.model, name) for name in same)


def test_an_engine_that_ends_says_why(engines: Path, chat_model: Path) -> None:
    with pytest.raises(RunError, match=r"ended with 1: no GPU"):
        list(open_backends(Engine("vllm", resolve_model(str(chat_model)), arguments=("--fail", "no GPU")), [None], OPTIONS))
