"""The house: imports run one way, the package is light, exported names are as stated."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import anytasktune_bench
from anytasktune_bench.cli import COMMANDS, cli

ROOT = Path(anytasktune_bench.__file__).parent
LAYERS = [
    {"version", "errors"},
    {"files", "hub", "spec", "subtasks"},
    {"banks", "presets", "words"},
    {"rows"},
    {"catalog", "text", "prompt"},
    {"values", "gold"},
    {"outputs"},
    {"metrics"},
    {"pages"},
    {"models", "packed", "shared_prefix", "generation"},
    {"adapters"},
    {"records"},
    {"data"},
    {"evaluation", "training"},
    {"leaderboard"},
    {"cli"},
    {"__main__"},
]
"""A module may import from earlier sets, and from its own package; siblings of a set do not import each other unless listed."""
WITHIN = {("catalog", "spec"), ("files", "errors"), ("hub", "files"), ("spec", "errors"), ("generation", "shared_prefix"), ("models", "files"), ("errors", "version")}
NEVER = {("leaderboard", "evaluation"), ("leaderboard", "training")}
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if isinstance(node, ast.ImportFrom) and node.module == "anytasktune_bench":
            names = [f"anytasktune_bench.{a.name}" for a in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("anytasktune_bench.")}
    return found


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_run_one_way(path: Path) -> None:
    own = path.relative_to(ROOT).parts[0].removesuffix(".py")
    if own == "__init__":
        return
    assert own in RANK, f"give {own} a place in LAYERS"
    for other in _imports(path) - {own}:
        if other in ("load_dataset", "__version__"):
            continue
        assert RANK[other] < RANK[own] or (own, other) in WITHIN, f"{own} imports {other}"
        assert (own, other) not in NEVER


HEAVY = ["torch", "transformers", "lm_eval", "datasets", "peft", "sklearn", "scipy", "pyarrow"]


@pytest.mark.parametrize(
    "code", ["import anytasktune_bench", "from anytasktune_bench.cli import main; main(['--help'])", "import anytasktune_bench.metrics, anytasktune_bench.catalog"]
)
def test_heavy_packages_are_not_loaded(code: str) -> None:
    probe = f"import sys\ntry:\n    {code}\nexcept SystemExit:\n    pass\nprint('LOADED', [m for m in {HEAVY!r} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout
    assert found.strip().endswith("LOADED []")


def test_exported_names() -> None:
    assert sorted(anytasktune_bench.__all__) == anytasktune_bench.__all__
    assert all(getattr(anytasktune_bench, name) for name in anytasktune_bench.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        _ = anytasktune_bench.nothing


def test_help_lines_are_those_of_the_commands() -> None:
    context = cli.make_context("anytasktune", ["--help"], resilient_parsing=True)
    for name, (_, line) in COMMANDS.items():
        command = cli.get_command(context, name)
        assert command is not None and command.name == name
        assert command.help and " ".join(command.help.split("\n\n")[0].split()) == line


def test_every_leaf_command_has_an_example() -> None:
    context = cli.make_context("anytasktune", ["--help"], resilient_parsing=True)

    def leaves(command):  # type: ignore[no-untyped-def]
        return [leaf for child in command.commands.values() for leaf in leaves(child)] if getattr(command, "commands", None) else [command]

    for name in COMMANDS:
        for leaf in leaves(cli.get_command(context, name)):
            assert "Example:" in (leaf.help or ""), f"{name} {leaf.name}"


def test_modules_have_one_subject() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in ROOT.rglob("*.py")}
    # A sub-task's compute.py stands alone, since folders of own sub-tasks are loaded by path.
    assert {name: n for name, n in lengths.items() if n > (500 if name.endswith("compute.py") else 400)} == {}
