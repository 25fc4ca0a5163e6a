"""Metrics in words: both languages, for every sub-task, with the same numbers."""

from __future__ import annotations

import re

import pytest

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.spec import SubTask
from anytasktune_bench.words import metric_name, metric_words

SPECS = load_catalog().specs


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.code)
def test_a_metric_is_said_in_both_languages(spec: SubTask) -> None:
    zh, en = metric_words(spec, "zh"), metric_words(spec, "en")
    assert re.search("[\u4e00-\u9fff]", zh) and not re.search("[\u4e00-\u9fff]", re.sub("`[^`]*`", "", en))
    for part in spec.leaves:
        assert f"`{part.name}`" in zh and f"`{part.name}`" in en
    numbers = [sorted(set(re.findall(r"\d+(?:\.\d+)?", re.sub("F1|`[^`]*`", "", text)))) for text in (zh, en)]
    assert set(numbers[1]) - {"0", "1"} == set(numbers[0]) - {"0", "1"}
    for name in [name for part in spec.leaves for name in ([part.field] if part.field else part.fields)]:
        assert f"`{spec.field(name).zh}`" in zh and f"`{spec.field(name).en}`" in en


def test_names_of_means_say_their_parts() -> None:
    assert metric_name(load_catalog().get("P1").metric) == "mean(key_points, set_f1, key_points)"
