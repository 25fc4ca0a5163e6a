"""Built repositories as others read them: the Hub's tools, datasets, LLaMA-Factory, Inspect, Croissant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.data.build import build
from anytasktune_bench.data.cards import export_cards
from anytasktune_bench.data.tables import CANARY, COLUMNS
from anytasktune_bench.files import sha256_file
from anytasktune_bench.prompt import user_message
from anytasktune_bench.rows import SPLITS
from anytasktune_bench.spec import DOMAINS
from anytasktune_bench.version import __version__

ROOT = Path(__file__).parents[2]
SECTIONS = [
    "Summary", "Configurations", "Quick start", "Fields", "Splits", "Provenance", "How the rows were written and checked", "Personal and sensitive data",
    "Metrics, baselines, reference scores", "Intended and out-of-scope use", "Bias and limits", "Contamination", "Licence", "Changelog", "Citation",
]  # fmt: skip
DOMAIN = pytest.mark.parametrize("domain", DOMAINS)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("repositories")
    build(load_catalog().with_rows, out)
    return out


def repository(built: Path, domain: str) -> Path:
    return built / f"anytasktune-{domain}"


def front_matter(folder: Path) -> dict[str, Any]:
    from huggingface_hub import DatasetCard

    found: dict[str, Any] = DatasetCard.load(folder / "README.md").data.to_dict()
    return found


def rows_of(path: Path) -> list[dict[str, str]]:
    import pyarrow.parquet as pq

    found: list[dict[str, str]] = pq.read_table(path).to_pylist()
    return found


def test_committed_cards_are_up_to_date_and_are_what_is_built(built: Path) -> None:
    cards = export_cards(load_catalog().with_rows)
    committed = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "dataset_cards").glob("*.md")}
    assert committed == cards, "run `anytasktune export cards`"
    assert {f"{domain}.md": (repository(built, domain) / "README.md").read_text(encoding="utf-8") for domain in DOMAINS} == cards


@DOMAIN
def test_every_file_carries_the_canary_and_is_in_the_manifest(built: Path, domain: str) -> None:
    folder = repository(built, domain)
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    manifest = json.loads(files.pop("manifest.json").read_text(encoding="utf-8"))
    assert manifest["files"] == {name: sha256_file(path) for name, path in files.items()} and manifest["canary"] == CANARY
    assert all(CANARY.encode() in path.read_bytes() for path in files.values())
    assert {"README.md", "CHANGELOG.md", "eval.yaml", "croissant.json", "dataset_info.json"} <= files.keys()


@DOMAIN
def test_a_card_has_its_metadata_and_fifteen_sections(built: Path, domain: str) -> None:
    from huggingface_hub import DatasetCard, DatasetCardData, metadata_load

    folder = repository(built, domain)
    card = DatasetCard.load(folder / "README.md")
    data = card.data.to_dict()
    assert metadata_load(folder / "README.md") == data == DatasetCardData(**data).to_dict()
    assert (data["language"], data["license"], data["annotations_creators"], data["source_datasets"]) == (["zh", "en"], "cc-by-4.0", ["machine-generated"], ["original"])
    assert data["size_categories"] == ["n<1K" if sum(s["num_examples"] for info in data["dataset_info"] for s in info["splits"]) < 1000 else "1K<n<10K"]
    assert [config.get("default", False) for config in data["configs"]] == [True] + [False] * (len(data["configs"]) - 1)
    heads = [line.removeprefix("## ") for line in card.text.splitlines() if line.startswith("## ")]
    assert heads == [f"{number}. {name}" for number, name in enumerate(SECTIONS, start=1)]
    for spec in load_catalog().select(domain):
        assert spec.title.zh in card.text and f"<code>{spec.config_name('en')}</code>" in card.text


@DOMAIN
def test_no_card_shows_a_test_row(built: Path, domain: str) -> None:
    folder = repository(built, domain)
    text = (folder / "README.md").read_text(encoding="utf-8")
    for path in folder.glob("*/test.parquet"):
        assert not any(json.dumps(row["input"], ensure_ascii=False) in text for row in rows_of(path))


@pytest.mark.slow
@DOMAIN
def test_datasets_loads_every_config_of_a_card(built: Path, domain: str, tmp_path: Path) -> None:
    from datasets import load_dataset

    folder = repository(built, domain)
    for info in front_matter(folder)["dataset_info"]:
        found = load_dataset(str(folder), info["config_name"], cache_dir=str(tmp_path))
        for split in info["splits"]:
            rows = found[split["name"]]
            assert rows.num_rows == split["num_examples"] and rows.info.splits[split["name"]].num_bytes == split["num_bytes"]
            assert str(rows.info.version) == __version__ and tuple(rows.column_names) == COLUMNS
            assert rows[0] == rows_of(folder / info["config_name"] / f"{split['name']}.parquet")[0]


def test_datasets_streams_a_config_and_knows_the_default(built: Path, tmp_path: Path) -> None:
    from datasets import load_dataset

    folder = repository(built, "medicine")
    streamed = load_dataset(str(folder), "triage_department_en", split="test", streaming=True)
    assert list(streamed) == rows_of(folder / "triage_department_en" / "test.parquet")
    assert load_dataset(str(folder), cache_dir=str(tmp_path))["test"][0]["id"].startswith("M1-zh-")


ALPACA = {"file_name", "formatting", "columns", "canary"}
"""Keys of an entry: LLaMA-Factory's for a local file in Alpaca form, and the canary, which it passes over."""


@DOMAIN
def test_llama_factory_finds_the_prompt_of_the_benchmark(built: Path, domain: str) -> None:
    folder = repository(built, domain)
    info = json.loads((folder / "dataset_info.json").read_text(encoding="utf-8"))
    assert len(info) == 4 * len(load_catalog().select(domain))
    for name, entry in info.items():
        row, columns = rows_of(folder / entry["file_name"])[0], entry["columns"]
        assert entry.keys() == ALPACA and entry["formatting"] == "alpaca" and columns.keys() == {"prompt", "query", "response"}
        code, lang = name.split("_")[1:3]
        prompt = user_message(load_catalog().get(code), "zh" if lang == "zh" else "en", row["input"])
        assert f"{row[columns['prompt']]}\n{row[columns['query']]}" == prompt and row[columns["response"]] == row["output"]
        assert "test" not in entry["file_name"]


@DOMAIN
def test_eval_yaml_names_every_test_and_sends_the_prompt_of_the_benchmark(built: Path, domain: str) -> None:
    folder = repository(built, domain)
    found = yaml.safe_load((folder / "eval.yaml").read_text(encoding="utf-8"))
    assert found["evaluation_framework"] == "inspect-ai" and found["name"] and found["description"]
    assert [task["id"] for task in found["tasks"]] == [spec.task_name(lang) for spec in load_catalog().select(domain) for lang in ("zh", "en")]
    for task in found["tasks"]:
        assert task.keys() == {"id", "config", "split", "field_spec", "solvers", "scorers"} and {scorer["name"] for scorer in task["scorers"]} <= {"exact", "f1"}
        row, fields = rows_of(folder / task["config"] / f"{task['split']}.parquet")[0], task["field_spec"]
        template, generate = task["solvers"]
        assert (template["name"], generate["name"], row[fields["target"]]) == ("prompt_template", "generate", row["output"])
        sent = template["args"]["template"].format(prompt=row[fields["input"]], **{name: row[name] for name in fields["metadata"]})
        assert sent == f"{row['instruction']}\n{row['input']}"


@DOMAIN
def test_croissant_validates_and_reads_the_rows(built: Path, domain: str) -> None:
    mlcroissant = pytest.importorskip("mlcroissant", reason="mlcroissant is not installed (`pip install --group dev`)")
    folder = repository(built, domain)
    found = mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))
    issues = found.metadata.ctx.issues
    assert not issues.errors and all("datePublished" in issue for issue in issues.warnings), issues.report()
    assert found.metadata.data_biases and found.metadata.data_limitations and found.metadata.personal_sensitive_information
    sets = [record_set.id for record_set in found.metadata.record_sets]
    configs = [config["config_name"] for config in front_matter(folder)["configs"]]
    assert sets == [f"{config}_{split}" for config in configs for split in SPLITS]
    for name in (sets[0], sets[-1]):
        read = [{key.removeprefix(f"{name}/"): value.decode() for key, value in record.items()} for record in found.records(record_set=name)]
        config, _, split = name.rpartition("_")
        assert read == rows_of(folder / config / f"{split}.parquet")


def test_croissant_refuses_a_changed_file(tmp_path: Path) -> None:
    mlcroissant = pytest.importorskip("mlcroissant", reason="mlcroissant is not installed (`pip install --group dev`)")
    (folder,) = build([load_catalog().get("S1")], tmp_path)
    (folder / "review_descriptors_zh" / "test.parquet").write_bytes((folder / "review_descriptors_en" / "test.parquet").read_bytes())
    with pytest.raises(mlcroissant.GenerationError, match=r"Download\(review_descriptors_zh/test.parquet\)"):
        list(mlcroissant.Dataset(jsonld=str(folder / "croissant.json")).records(record_set="review_descriptors_zh_test"))


def test_a_folder_of_one_sub_task_names_no_other_config(tmp_path: Path) -> None:
    (folder,) = build([load_catalog().get("L4")], tmp_path)
    configs = [config["config_name"] for config in front_matter(folder)["configs"]]
    assert configs == ["charge_prediction_zh", "charge_prediction_en"] == sorted((p.name for p in folder.iterdir() if p.is_dir()), reverse=True)
    assert "`contract_clause_zh`" not in (folder / "README.md").read_text(encoding="utf-8")
