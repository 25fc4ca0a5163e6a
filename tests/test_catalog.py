"""Finding, selecting and reading specifications."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from anytasktune_bench.catalog import PACKAGE_SUBTASKS, SUBTASKS_ENV, Catalog, load_catalog
from anytasktune_bench.errors import SpecError, UnknownSubTaskError
from anytasktune_bench.rows import has_rows
from anytasktune_bench.spec import LANGS, SubTask, load_spec


def test_everything_a_person_types_selects() -> None:
    catalog = load_catalog()
    for name in ("M1", "m1", "key_info_extraction", "medicine/key_info_extraction"):
        assert [spec.code for spec in catalog.select(name)] == ["M1"]
    assert [spec.code for spec in catalog.select("S1, M1,M1")] == ["M1", "S1"]
    assert {spec.domain for spec in catalog.select("law")} == {"law"}
    assert all(spec.paper_column for spec in catalog.select("paper13"))
    assert catalog.select("all") == list(catalog.specs)


@pytest.mark.parametrize(("typed", "meant"), [("key_info_extracton", "key_info_extraction"), ("medicin", "medicine"), ("M9", "m"), ("charge_predicton", "charge_prediction")])
def test_a_typing_slip_gets_a_suggestion(typed: str, meant: str) -> None:
    with pytest.raises(UnknownSubTaskError, match=meant):
        load_catalog().select(typed)


def test_nothing_and_too_much_are_errors() -> None:
    with pytest.raises(UnknownSubTaskError, match="anytasktune ls"):
        load_catalog().select(" , ")
    with pytest.raises(UnknownSubTaskError, match="Name one"):
        load_catalog().get("all")


def test_codes_and_ids_are_unique(tmp_path: Path) -> None:
    spec = load_catalog().get("M1")
    with pytest.raises(SpecError, match="taken"):
        Catalog([spec, spec.model_copy(update={"id": "other"})])


@pytest.mark.parametrize("spec", load_catalog().specs, ids=lambda spec: spec.code)
def test_specs_are_explicit_and_complete(spec: SubTask) -> None:
    for lang in LANGS:
        assert len(spec.instruction[lang]) >= 3
        assert len(set(spec.instruction[lang])) == len(spec.instruction[lang])
    for name in ("guideline.md", "scenarios.yaml"):
        assert (spec.folder / name).is_file() or not has_rows(spec.folder)
    assert spec.folder.is_relative_to(PACKAGE_SUBTASKS)


def _broken(tmp_path: Path, **changes: object) -> Path:
    data = yaml.safe_load((load_catalog().get("L4").folder / "task.yaml").read_text(encoding="utf-8"))
    data.update(changes)
    folder = tmp_path / "law" / "charge_prediction"
    folder.mkdir(parents=True)
    (folder / "task.yaml").write_text(yaml.safe_dump({k: v for k, v in data.items() if v is not None}, allow_unicode=True), encoding="utf-8")
    return folder / "task.yaml"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"colour": "red"}, "colour"),
        ({"metric": None}, "metric"),
        ({"domain": "astrology"}, "domain"),
        ({"metric": {"name": "bleu"}}, "metric.name"),
        ({"metric": {"name": "mean"}}, "needs `of`"),
        ({"output": {"kind": "label", "max_new_tokens": {"zh": 1, "en": 1}}}, "needs `labels`"),
        ({"output": {"kind": "fields", "max_new_tokens": {"zh": 1, "en": 1}}}, "needs `fields`"),
        ({"id": "other_name"}, "Give both the same name"),
        ({"code": "l4"}, "code"),
    ],
)
def test_a_wrong_spec_names_file_and_key(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    path = _broken(tmp_path, **changes)
    with pytest.raises(SpecError) as error:
        load_spec(path)
    assert said in str(error.value) and str(path) in str(error.value)


def test_broken_yaml_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "task.yaml"
    path.write_text("code: [M1\n", encoding="utf-8")
    with pytest.raises(SpecError, match=r"task\.yaml"):
        load_spec(path)


def test_a_missing_folder_of_sub_tasks_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(SUBTASKS_ENV, str(tmp_path / "nowhere"))
    with pytest.raises(SpecError, match="nowhere"):
        load_catalog()


def test_all_output_kinds_and_metrics_of_the_benchmark_have_a_form(tmp_path: Path) -> None:
    """The specification can hold every planned sub-task, also those whose reader or metric comes later."""
    fields = [{"id": "a", "zh": "甲", "en": "A", "kind": "text", "compare": "soft", "required": True}]
    label = [{"id": "x", "zh": "是", "en": "Yes"}, {"id": "y", "zh": "否", "en": "No"}]
    nested = {"name": "mean", "of": [{"name": "macro_f1", "field": "a"}, {"name": "key_points", "field": "a", "params": {"over_cap": 0}}], "weights": [0.8, 0.2]}
    tokens = {"zh": 9, "en": 9}
    cases = [
        ({"kind": "pairs", "separator": {"zh": " -> ", "en": " -> "}, "caps": {"term": {"zh_chars": 10, "en_words": 5}}}, {"name": "pair_f1"}),
        ({"kind": "number", "unit": {"zh": "个月", "en": "months"}, "fields": [{**fields[0], "kind": "number", "compare": "exact"}]}, {"name": "log_tol", "params": {"base": 2.5}}),
        ({"kind": "json", "fields": [*fields, {**fields[0], "id": "a[].b"}]}, {"name": "json_slot_f1"}),
        ({"kind": "headed", "fields": fields, "caps": {"question": {"zh_chars": [4, 30], "en_words": [3, 20]}}}, nested),
        ({"kind": "numbered", "min_items": 2, "max_items": 5, "caps": {"line": {"zh_chars": 40, "en_words": 30}}}, {"name": "issue_f1"}),
        ({"kind": "fields", "fields": [{**fields[0], "kind": "label", "compare": "label", "labels": label}]}, {"name": "field_accuracy", "fields": ["a"], "params": {"gate": "a"}}),
    ]
    for number, (output, metric) in enumerate(cases):
        path = _broken(tmp_path / str(number), output={**output, "max_new_tokens": tokens}, metric=metric)
        spec = load_spec(path)
        assert spec.output.kind == output["kind"] and spec.metric.name == metric["name"]
