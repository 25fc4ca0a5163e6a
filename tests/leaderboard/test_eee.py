"""Records in the published schema and back: nothing is lost, equal records give equal bytes, and the schema itself accepts them."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anytasktune_bench.data.tables import source_rows
from anytasktune_bench.errors import RecordError
from anytasktune_bench.leaderboard.editions import Editions
from anytasktune_bench.leaderboard.eee import Filed, from_eee, model_folder, to_eee
from anytasktune_bench.leaderboard.results import read_filed, samples_path, write_filed
from anytasktune_bench.leaderboard.strict_json import loads
from anytasktune_bench.metrics import SCORER_VERSION, aggregate, score_answer
from anytasktune_bench.prompt import PROMPT_VERSION
from anytasktune_bench.records import ModelInfo, Record, Sample, Settings, TaskResult, samples_sha256
from tests.leaderboard.test_table import BASE, CATALOG, TUNED, Pair, make

EDITIONS = Editions(CATALOG)
SCHEMAS = Path(__file__).parents[1] / "schemas"


def filed(pair: Pair, developer: str = "acme", **changes: Any) -> Filed:
    """A pair with its samples in the order in which an evaluation writes them."""
    samples = sorted(pair[1], key=lambda sample: (sample.task, sample.id))
    return Filed(pair[0].model_copy(update={"samples_sha256": samples_sha256(samples)}), samples, developer, **changes)


def back(evaluation: str, samples: str, editions: Editions = EDITIONS) -> Filed:
    return from_eee(json.loads(evaluation), [json.loads(line) for line in samples.splitlines()], editions)


# Text of a model: any characters but halves of pairs, which no UTF-8 file can hold.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
DIGEST = st.text("0123456789abcdef", min_size=64, max_size=64)
SHARE = st.floats(0, 1)
MODELS = st.builds(
    ModelInfo,
    name=TEXT, category=st.sampled_from(["closed", "open", "domain", "task-fine-tuned"]), base=TEXT | st.none(), source=TEXT, revision=TEXT | st.none(), sha256=DIGEST | st.none(),
    adapter_sha256=DIGEST | st.none(), tuned_on=st.lists(st.sampled_from(["M1", "S1", "true", "1", "null"])).map(tuple), parameters=st.integers(0, 10**12) | st.none(),
    dtype=st.sampled_from(["bfloat16", "1", "null"]) | st.none(), backend=st.sampled_from(["hf", "openai", "vllm"]), chat_template_sha256=DIGEST | st.none(),
    repetition_penalty=st.floats(0.1, 3),
)  # fmt: skip
SETTINGS = st.builds(
    Settings, num_fewshot=st.integers(0, 9), implicit=st.booleans(), limit=st.integers(1, 9) | st.none(), batch_size=st.integers(1, 99), seed=st.integers(0, 2**40),
    prompt_version=st.just(PROMPT_VERSION), scorer_version=st.just(SCORER_VERSION),
)  # fmt: skip
ZONES = st.integers(-12, 12).map(lambda hours: timezone(timedelta(hours=hours)))
STARTS = st.just("") | st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1), timezones=ZONES).map(lambda moment: moment.isoformat(timespec="seconds"))


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    samples, results = [], {}
    for code, lang in draw(st.lists(st.sampled_from([(code, lang) for code in ("L4", "M1", "S1", "H3", "P2") for lang in ("zh", "en")]), unique=True, min_size=1, max_size=3)):
        spec = CATALOG.get(code)
        rows, scores = source_rows(spec, "test", lang)[: draw(st.integers(1, 4))], []
        for row in rows:
            answer = draw(TEXT | st.just(row.output))
            score = score_answer(spec, lang, answer, row.gold, row.output, row.input)
            scores.append(score)
            fields = {"task": spec.task_name(lang), "id": row.id, "group": row.group, "prompt_sha256": draw(DIGEST), "input": row.input, "answer": answer}
            samples.append(Sample(**fields, reference=row.output, gold=row.gold, score=score.score, values=score.values, labels=score.labels))
        counts = {name: draw(st.integers(0, len(rows))) for name in ("empty", "invalid", "truncated")}
        fingerprint = EDITIONS.of(spec, lang).fingerprint
        results[spec.task_name(lang)] = TaskResult(subtask=code, lang=lang, n=len(rows), eval_fingerprint=fingerprint, metrics=aggregate(spec, scores), **counts)
    record = Record(
        version=draw(TEXT), model=draw(MODELS), settings=draw(SETTINGS), results=results, versions=draw(st.dictionaries(TEXT, TEXT, max_size=3)),
        samples_sha256=samples_sha256(samples), data=draw(TEXT | st.none()), started=draw(STARTS), timing=draw(st.dictionaries(TEXT, SHARE, max_size=2)),
        hardware=draw(st.dictionaries(TEXT, TEXT, max_size=2)),
    )  # fmt: skip
    return record, samples


@settings(max_examples=60, deadline=None)
@given(pairs(), st.sampled_from(["first_party", "third_party", "collaborative", "other"]), st.none() | st.sampled_from(["MIT", "Apache-2.0"]))
def test_both_ways_lose_nothing_and_the_schema_accepts_it(pair: Pair, relationship: Any, licence: str | None) -> None:
    sent = Filed(*pair, "acme", relationship, licence)
    evaluation, samples = to_eee(sent, EDITIONS)
    assert back(evaluation, samples) == sent
    assert to_eee(back(evaluation, samples), EDITIONS) == (evaluation, samples)
    VALIDATORS["eval"].validate(loads(evaluation))
    for line in samples.splitlines():
        VALIDATORS["instance_level_eval"].validate(loads(line))


def validator(name: str) -> Any:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    assert schema["version"] == "0.3.0"
    return jsonschema.Draft7Validator(schema)


VALIDATORS = {name: validator(name) for name in ("eval", "instance_level_eval")}


def test_the_schema_is_one_that_can_say_no() -> None:
    evaluation, samples = to_eee(filed(BASE), EDITIONS)
    found, line = json.loads(evaluation), json.loads(samples.split("\n")[0])
    for broken in (
        {**found, "extra": 1},
        {**found, "evaluation_results": 1},
        found | {"detailed_evaluation_results": {"format": "jsonl", "file_path": "data/a/b/c/x_samples.jsonl"}},
    ):
        assert not VALIDATORS["eval"].is_valid(broken)
    assert not VALIDATORS["instance_level_eval"].is_valid({key: value for key, value in line.items() if key != "input"})


def test_what_readers_of_the_schema_find() -> None:
    evaluation, samples = to_eee(filed(TUNED, relationship="first_party", licence="MIT"), EDITIONS)
    found, lines = json.loads(evaluation), [json.loads(line) for line in samples.splitlines()]
    assert found["model_info"]["id"] == "acme/Tuned"
    assert found["model_info"]["additional_details"]["base"] == "Base"
    assert found["model_info"]["additional_details"]["licence"] == "MIT"
    assert [result["evaluation_name"] for result in found["evaluation_results"]] == sorted(TUNED[0].results)
    for result in found["evaluation_results"]:
        assert result["score_details"]["score"] == TUNED[0].results[result["evaluation_name"]].metrics["score"]
        assert result["source_data"]["additional_details"]["eval_fingerprint"] == TUNED[0].results[result["evaluation_name"]].eval_fingerprint
    assert found["detailed_evaluation_results"]["total_rows"] == len(lines) == len(TUNED[1])
    assert {line["evaluation_id"] for line in lines} == {found["evaluation_id"]}
    assert not any("gold" in line or "gold" in line["metadata"] for line in lines)


def test_time_and_machine_change_no_name_and_content_does() -> None:
    one = filed(BASE)
    later = dataclasses.replace(one, record=one.record.model_copy(update={"started": "2030-01-01T00:00:00+00:00", "timing": {"load_s": 1.0}, "hardware": {"device": "cuda"}}))
    assert later.record.uuid == one.record.uuid
    assert dataclasses.replace(one, record=one.record.model_copy(update={"version": "9"})).record.uuid != one.record.uuid


def test_samples_of_another_edition_come_back_without_gold() -> None:
    old = filed(make("Old", codes=("S1",), langs=("en",), fingerprint="f" * 64))
    found = back(*to_eee(old, EDITIONS))
    assert found.record == old.record
    assert [sample.gold for sample in found.samples] == [{}] * len(old.samples)
    assert [sample.answer for sample in found.samples] == [sample.answer for sample in old.samples]


@pytest.mark.parametrize("started", ["yesterday", "2026-01-01T00:00:00", "2026-13-01T00:00:00+00:00"])
def test_a_start_that_is_no_time_with_its_zone_is_refused(started: str) -> None:
    one = filed(BASE)
    with pytest.raises(RecordError, match="no ISO 8601 time"):
        to_eee(dataclasses.replace(one, record=one.record.model_copy(update={"started": started})), EDITIONS)
    assert datetime.now(UTC).isoformat(timespec="seconds")


def test_an_answer_with_any_kind_of_line_end_is_one_line() -> None:
    one = filed(BASE)
    first = one.samples[0].model_copy(update={"answer": "a\nb\rc\x0bd\x0ce\x1cf\x85g\u2028h\u2029i"})
    samples = [first, *one.samples[1:]]
    changed = dataclasses.replace(one, samples=samples, record=one.record.model_copy(update={"samples_sha256": samples_sha256(samples)}))
    text = to_eee(changed, EDITIONS)[1]
    assert len(text.splitlines()) == text.count("\n") == len(samples)
    assert back(*to_eee(changed, EDITIONS)) == changed


def test_an_unknown_sub_task_or_a_missing_score_is_refused() -> None:
    one = filed(BASE)
    task, result = next(iter(one.record.results.items()))
    for change, message in (({"subtask": "X9"}, "unknown sub-task"), ({"metrics": {}}, "no score")):
        results = {**one.record.results, task: result.model_copy(update=change)}
        with pytest.raises(RecordError, match=message):
            to_eee(dataclasses.replace(one, record=one.record.model_copy(update={"results": results})), EDITIONS)


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("Qwen2-1.5B-Instruct", "Qwen2-1.5B-Instruct"),
        ("SmolLM2 + M1,S1", "SmolLM2-+-M1-S1"),
        ("../../etc/passwd", "etc-passwd"),
        ("模型", "model"),
        ("x" * 300, "x" * 80),
        ("a/b", "a-b"),
    ],
)
def test_folders_are_portable_names(name: str, folder: str) -> None:
    assert model_folder(name) == folder


def test_files_are_written_whole_and_read_back(tmp_path: Path) -> None:
    one = filed(BASE)
    path = write_filed(tmp_path, one, EDITIONS)
    assert path == tmp_path / "acme" / "Base" / f"{one.record.uuid}.json"
    assert read_filed(path, EDITIONS) == one
    assert sorted(found.name for found in path.parent.iterdir()) == sorted([path.name, samples_path(path).name])
    before = path.read_bytes(), samples_path(path).read_bytes()
    assert write_filed(tmp_path, one, EDITIONS) == path
    assert (path.read_bytes(), samples_path(path).read_bytes()) == before
