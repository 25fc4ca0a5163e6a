"""Building and loading: the same bytes, the same content, and tampering found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anytasktune_bench import load_dataset
from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.data.build import build
from anytasktune_bench.data.load import load_records
from anytasktune_bench.data.stats import distinct_2, stats
from anytasktune_bench.data.tables import CANARY, COLUMNS, eval_fingerprint, train_fingerprint
from anytasktune_bench.errors import DataError, OutputError
from anytasktune_bench.files import sha256_file
from anytasktune_bench.rows import SPLITS
from tests.conftest import CASE_IDS, CASES


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("built")
    build(load_catalog().with_rows, out)
    return out


def _bytes(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): sha256_file(path) for path in sorted(root.rglob("*")) if path.is_file()}


def test_a_rebuild_is_byte_identical(built: Path, tmp_path: Path) -> None:
    build(load_catalog().with_rows, tmp_path)
    assert _bytes(tmp_path) == _bytes(built)
    build(load_catalog().with_rows, tmp_path)
    assert _bytes(tmp_path) == _bytes(built)


@pytest.mark.parametrize(("spec", "lang"), CASES, ids=CASE_IDS)
def test_wheel_and_built_folder_hold_the_same_rows(built: Path, spec, lang) -> None:
    for split in SPLITS:
        assert load_records(spec, lang, split) == load_records(spec, lang, split, built)


def test_load_dataset_gives_hugging_face_datasets(built: Path) -> None:
    test = load_dataset("M1", "en", "test")
    assert test.num_rows == 40 and tuple(test.column_names) == COLUMNS
    assert json.loads(test[0]["gold"])["fields"]["symptom"]
    both = load_dataset("charge_prediction", "zh", source=built)
    assert {name: both[name].num_rows for name in both} == {"train": 100, "validation": 20, "test": 60}


def test_every_file_carries_the_canary_and_its_hash(built: Path) -> None:
    for manifest_path in built.glob("*/manifest.json"):
        manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
        for config in manifest["configs"].values():
            for split in config["splits"].values():
                path = manifest_path.parent / split["file"]
                assert CANARY.encode() in path.read_bytes() and sha256_file(path) == split["sha256"]


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    spec = load_catalog().get("S1")
    build([spec], tmp_path)
    path = next(tmp_path.rglob("review_descriptors_en/test.parquet"))
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(DataError, match="sha256"):
        load_records(spec, "en", "test", tmp_path)
    with pytest.raises(DataError, match=r"manifest\.json"):
        load_records(spec, "en", "test", tmp_path / "nowhere")
    with pytest.raises(DataError, match="languages are"):
        load_records(spec, "fr", "test")  # type: ignore[arg-type]


def test_an_unwritable_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        build([load_catalog().get("S1")], tmp_path / "file" / "out")


def test_fingerprints_move_with_what_scores_depend_on() -> None:
    spec = load_catalog().get("S1")
    test, train = load_records(spec, "en", "test"), load_records(spec, "en", "train")
    before = eval_fingerprint(spec, "en", test)
    assert before == eval_fingerprint(spec.model_copy(update={"title": spec.title.model_copy(update={"en": "X"})}), "en", test)
    assert before != eval_fingerprint(spec, "en", test[1:])
    assert before != eval_fingerprint(spec, "en", [{**test[0], "gold": "{}"}, *test[1:]])
    wider = spec.output.model_copy(update={"max_items": 9})
    assert before != eval_fingerprint(spec.model_copy(update={"output": wider}), "en", test)
    assert train_fingerprint(spec, "en", train, test) != train_fingerprint(spec, "en", train[1:], test)


def test_stats_count_what_is_there() -> None:
    found = stats(load_catalog().get("L4"))
    assert found["test zh"]["rows"] == 60 and set(found["test zh"]["balance"].values()) == {3}
    assert found["train en"]["rows"] == 100 and set(found["train en"]["balance"].values()) == {5}
    assert distinct_2(["a b a b"], "en") == pytest.approx(2 / 3)


def test_no_opening_stands_more_than_twice_in_a_split() -> None:
    for spec in load_catalog().with_rows:
        assert {name: f["most_repeated_opening"] for name, f in stats(spec).items() if f["most_repeated_opening"] > 2} == {}
