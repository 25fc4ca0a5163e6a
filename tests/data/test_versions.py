"""Which version may follow which: the rules, and what a comparison of two editions says."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anytasktune_bench.data.manifest import read_manifest
from anytasktune_bench.data.versions import Level, check_version, compare, last_version, least_version, parse_version, reasons
from anytasktune_bench.errors import DataError
from tests.hub_worker import SPEC, Texts, tiny_folder

ROWS: Texts = {"train": ["a", "b"], "validation": ["c"], "test": ["d", "e"]}
ZH, EN = f"{SPEC.id}_zh", f"{SPEC.id}_en"
numbers = st.integers(0, 30)
versions = st.tuples(numbers, numbers, numbers)


def text(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("editions")
    return {
        "base": tiny_folder(root / "base", "1.0.0", ROWS),
        "card": tiny_folder(root / "card", "1.0.1", ROWS, prose="Other words."),
        "train": tiny_folder(root / "train", "1.1.0", {**ROWS, "train": ["b", "new"]}),
        "test": tiny_folder(root / "test", "2.0.0", {**ROWS, "test": ["d", "other", "more"]}),
        "less": tiny_folder(root / "less", "2.0.0", ROWS, langs=("en",)),
    }


@pytest.mark.parametrize(
    ("old", "new", "level", "after_one", "after_zero"),
    [
        ("base", "base", None, "1.2.4", "0.2.4"),
        ("base", "card", None, "1.2.4", "0.2.4"),
        ("base", "train", Level.MINOR, "1.3.0", "0.3.0"),
        ("less", "base", Level.MINOR, "1.3.0", "0.3.0"),
        ("base", "test", Level.MAJOR, "2.0.0", "0.3.0"),
        ("base", "less", Level.MAJOR, "2.0.0", "0.3.0"),
    ],
)
def test_the_least_version_follows_from_what_changed(folders: dict[str, Path], old: str, new: str, level: Level | None, after_one: str, after_zero: str) -> None:
    why = reasons(read_manifest(folders[old]), read_manifest(folders[new]))
    assert (why[0].level if why else None) == level
    for last, least in (("v1.2.3", after_one), ("v0.2.3", after_zero)):
        assert least_version(last, why) == least
        check_version("repo", least, last, why)
        with pytest.raises(DataError, match=f"Raise it to {least} at least"):
            check_version("repo", last.removeprefix("v"), last, why)


@given(last=versions, version=versions)
def test_a_version_that_may_follow_is_higher_and_so_is_every_one_above_it(last: tuple[int, int, int], version: tuple[int, int, int]) -> None:
    least = parse_version(least_version(text(last), ()))
    assert least > last and parse_version(f"v{text(version)}") == version
    if version >= least:
        check_version("repo", text(version), text(last), ())
    else:
        with pytest.raises(DataError, match=text(least)):
            check_version("repo", text(version), text(last), ())


@given(st.lists(versions, min_size=1), st.lists(st.sampled_from(["main", "v1", "v1.0.0rc1", "latest"])))
def test_the_last_version_is_the_highest_of_the_tags_that_are_versions(found: list[tuple[int, int, int]], others: list[str]) -> None:
    assert last_version([*(f"v{text(version)}" for version in found), *others]) == f"v{text(max(found))}"
    assert last_version(others) is None


def test_a_comparison_names_rows_and_what_they_touch(folders: dict[str, Path]) -> None:
    assert compare(folders["base"], folders["card"]).changed == {}
    train = compare(folders["base"], folders["train"]).changed
    assert set(train) == {ZH, EN} and all(config.comparable and not config.same_training for config in train.values())
    assert set(train[EN].splits) == {"train"} and train[EN].splits["train"].changed == ("S1-en-train-0", "S1-en-train-1")
    test = compare(folders["base"], folders["test"]).changed[ZH]
    assert not test.comparable and test.same_training
    assert (test.splits["test"].added, test.splits["test"].removed, test.splits["test"].changed) == (("S1-zh-test-2",), (), ("S1-zh-test-1",))
    assert compare(folders["test"], folders["base"]).changed[ZH].splits["test"].removed == ("S1-zh-test-2",)
    less = compare(folders["base"], folders["less"])
    assert less.removed == (ZH,) and less.changed == {} and compare(folders["less"], folders["base"]).added == (ZH,)


def test_what_is_no_edition_is_an_error_that_says_so(folders: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no readable manifest"):
        compare(folders["base"], tmp_path)
    (tmp_path / "manifest.json").write_text('{"name": "x", "version": "1.0.0"}')
    with pytest.raises(DataError, match="no manifest of a dataset"):
        compare(folders["base"], tmp_path)
    (tmp_path / "manifest.json").write_text('{"name": "x", "version": "1.0.0", "configs": {}}')
    with pytest.raises(DataError, match="two editions of one domain"):
        compare(folders["base"], tmp_path)
    with pytest.raises(DataError, match=r"MAJOR\.MINOR\.PATCH"):
        parse_version("1.0")
