"""The gate: a correct submission is accepted; more than fifty that are not are refused, each with its reason and what to do."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
import os
import pickle
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anytasktune_bench.catalog import SUBTASKS_ENV, load_catalog
from anytasktune_bench.errors import RecordError
from anytasktune_bench.files import json_text, jsonl_text
from anytasktune_bench.leaderboard.editions import Editions
from anytasktune_bench.leaderboard.eee import Filed, to_eee
from anytasktune_bench.leaderboard.gate import check, check_content
from anytasktune_bench.leaderboard.results import MAX_EVALUATION, MAX_LINE, MAX_SAMPLES, samples_path, write_filed
from anytasktune_bench.metrics import aggregate
from anytasktune_bench.records import Sample, samples_sha256
from tests.leaderboard.test_eee import filed
from tests.leaderboard.test_table import CATALOG, make

EDITIONS = Editions(CATALOG)
GOOD = filed(make("Good", 0.5, codes=("S1", "L4"), langs=("en",)), licence="MIT")
TASK = "anytasktune_s1_en"


class Submission:
    """A correct record in a folder of results, and ways to spoil it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = write_filed(root, GOOD, EDITIONS)
        self.samples = samples_path(self.path)

    def edit(self, change: Callable[[Any], Any]) -> None:
        """Change the evaluation's JSON."""
        found = json.loads(self.path.read_text(encoding="utf-8"))
        change(found)
        self.path.write_text(json_text(found), encoding="utf-8")

    def edit_samples(self, change: Callable[[list[Any]], Any]) -> None:
        """Change the samples' JSON; the checksum follows."""
        lines = [json.loads(line) for line in self.samples.read_text(encoding="utf-8").split("\n")[:-1]]
        change(lines)
        self.write_samples(jsonl_text(lines).encode())

    def write_samples(self, raw: bytes) -> None:
        self.samples.write_bytes(raw)
        self.edit(lambda found: found["detailed_evaluation_results"].update(checksum=hashlib.sha256(raw).hexdigest()))

    def forge(self, record: dict[str, Any] | None = None, samples: list[Sample] | None = None, **changes: Any) -> None:
        """Write another record in perfect form, as one would who knows the format."""
        self.path.unlink()
        self.samples.unlink()
        kept = GOOD.samples if samples is None else samples
        made = GOOD.record.model_copy(update={"samples_sha256": samples_sha256(kept), **(record or {})})
        forged = dataclasses.replace(GOOD, record=made, samples=kept, **changes)
        self.path = write_filed(self.root, forged, EDITIONS)
        self.samples = samples_path(self.path)

    def forge_result(self, **changes: Any) -> None:
        self.forge({"results": {**GOOD.record.results, TASK: GOOD.record.results[TASK].model_copy(update=changes)}})

    def forge_sample(self, place: int = -1, **changes: Any) -> None:
        samples = list(GOOD.samples)
        samples[place] = samples[place].model_copy(update=changes)
        self.forge(samples=samples)

    def forge_model(self, **changes: Any) -> None:
        self.forge({"model": GOOD.record.model.model_copy(update=changes)})

    def forge_settings(self, **changes: Any) -> None:
        self.forge({"settings": GOOD.record.settings.model_copy(update=changes)})

    def move(self, folder: str) -> None:
        target = self.root / folder
        target.mkdir(parents=True)
        for file in (self.samples, self.path):
            file.rename(target / file.name)
        for left in (self.path.parent, self.path.parent.parent):
            if left.is_dir() and not any(left.iterdir()):
                left.rmdir()

    def text(self, old: str, new: str) -> None:
        """Replace text in the evaluation as it stands."""
        before = self.path.read_text(encoding="utf-8")
        assert old in before
        self.path.write_text(before.replace(old, new, 1), encoding="utf-8")


def only(keep: Callable[[Sample], bool]) -> list[Sample]:
    return [sample for sample in GOOD.samples if keep(sample)]


def inflated(sub: Submission) -> None:
    """Another row's right answer is claimed for a wrong one, with metrics that fit the claim."""
    samples = [sample.model_copy(update={"score": 1.0}) if sample.task == TASK else sample for sample in GOOD.samples]
    sub.forge({"results": {**GOOD.record.results, TASK: GOOD.record.results[TASK].model_copy(update={"metrics": GOOD.record.results[TASK].metrics | {"score": 1.0}})}}, samples)


def own_gold(sub: Submission) -> None:
    """References of one's own, which one's answers match."""
    samples = [sample.model_copy(update={"reference": sample.answer}) if sample.task == TASK else sample for sample in GOOD.samples]
    sub.forge(samples=samples)


def missing_rows(sub: Submission) -> None:
    """The rows that were answered wrong are left out, with everything else right."""
    samples = only(lambda sample: sample.task != TASK or sample.score == 1)
    spec = CATALOG.get("S1")
    scores = [sample.as_score(spec) for sample in samples if sample.task == TASK]
    result = GOOD.record.results[TASK].model_copy(update={"n": len(scores), "metrics": aggregate(spec, scores)})
    sub.forge({"results": {**GOOD.record.results, TASK: result}}, samples)


def doubled(sub: Submission) -> None:
    """A right answer counts twice, a wrong one not."""
    right = next(sample for sample in GOOD.samples if sample.task == TASK and sample.score == 1)
    wrong = next(sample for sample in GOOD.samples if sample.task == TASK and sample.score < 1)
    sub.forge(samples=sorted((right if sample is wrong else sample for sample in GOOD.samples), key=lambda sample: (sample.task, sample.id)))


def symlinked(sub: Submission, part: str, outside: Path) -> None:
    """A file or folder of the submission is a link to somewhere else."""
    victim = {"evaluation": sub.path, "samples": sub.samples, "folder": sub.path.parent, "developer": sub.path.parent.parent}[part]
    outside.mkdir()
    moved = outside / victim.name
    victim.rename(moved)
    victim.symlink_to(moved)


def deep(value: Any, levels: int) -> Any:
    for _ in range(levels):
        value = [value]
    return value


def copied(sub: Submission) -> None:
    """The same record by another developer, in perfect form."""
    write_filed(sub.root, dataclasses.replace(GOOD, developer="other"), EDITIONS)


def with_tasks(sub: Submission, **renamed: str) -> None:
    results = {renamed.get(task, task): result for task, result in GOOD.record.results.items()}
    sub.forge({"results": results}, sorted((s.model_copy(update={"task": renamed.get(s.task, s.task)}) for s in GOOD.samples), key=lambda s: (s.task, s.id)))


HOSTILE: dict[str, tuple[Callable[[Submission], Any], str]] = {
    # form
    "a field is missing": (lambda sub: sub.edit(lambda found: found.pop("eval_library")), "field 'eval_library': Field required"),
    "a field is unknown": (lambda sub: sub.edit(lambda found: found.update(command="rm -rf /")), "field 'command': Extra inputs"),
    "another schema version": (lambda sub: sub.edit(lambda found: found.update(schema_version="0.2.2")), "field 'schema_version'"),
    "a text in the place of a number": (lambda sub: sub.edit(lambda found: found["evaluation_results"][0]["score_details"].update(score="best")), "score_details.score'"),
    "no results": (lambda sub: sub.edit(lambda found: found.update(evaluation_results=[])), "field 'evaluation_results'"),
    "a list in the place of an object": (lambda sub: sub.path.write_text("[]"), "the evaluation: field ''"),
    "a result twice": (lambda sub: sub.edit(lambda found: found["evaluation_results"].append(found["evaluation_results"][0])), "a task stands twice"),
    "NaN": (lambda sub: sub.text('"max_score": 1', '"max_score": NaN'), "NaN is no JSON number"),
    "NaN as score": (lambda sub: sub.edit(lambda found: found["evaluation_results"][0]["score_details"]["details"].update(secondary='{"rouge_l":NaN}')), "NaN is no JSON number"),
    "infinity": (lambda sub: sub.text('"max_score": 1', '"max_score": Infinity'), "Infinity is no JSON number"),
    "a number beyond all bounds": (lambda sub: sub.text('"max_score": 1', '"max_score": 1e999'), "too large for a number"),
    "a score above one": (lambda sub: sub.edit(lambda found: found["evaluation_results"][0]["score_details"].update(score=1.5)), "less than or equal to 1"),
    "a negative score": (lambda sub: sub.edit_samples(lambda lines: lines[0]["evaluation"].update(score=-0.1)), "greater than or equal to 0"),
    "negative n": (lambda sub: sub.edit(lambda found: found["evaluation_results"][0]["score_details"]["uncertainty"].update(num_samples=-40)), "num_samples'"),
    "negative count": (lambda sub: sub.forge_result(truncated=-1), "truncated lies in 0 to 40"),
    "a key twice": (lambda sub: sub.text('"schema_version": "0.3.0"', '"schema_version": "0.3.0", "schema_version": "0.3.0"'), "a key stands twice"),
    "broken JSON": (lambda sub: sub.text("{", "{{"), "broken JSON"),
    "JSON cut off": (lambda sub: sub.path.write_bytes(sub.path.read_bytes()[:-100]), "broken JSON"),
    "deep JSON": (lambda sub: sub.edit(lambda found: found.update(extra=deep(1, 500))), "nested too deep"),
    "very deep JSON": (lambda sub: sub.path.write_text("[" * 500_000), "nested too deep"),
    "deep JSON inside a text": (lambda sub: sub.edit_samples(lambda lines: lines[0]["metadata"].update(values="[" * 50_000)), "nested too deep"),
    "a lone surrogate": (lambda sub: sub.text('"Good"', '"Good\\ud800"'), "lone surrogate"),
    "a lone surrogate in an answer": (lambda sub: sub.write_samples(sub.samples.read_bytes().replace(b'"raw": ["', b'"raw": ["\\udc00', 1)), "lone surrogate"),
    "another encoding": (lambda sub: sub.path.write_bytes(sub.path.read_text(encoding="utf-8").encode("utf-16")), "is no UTF-8 text"),
    "a byte order mark": (lambda sub: sub.path.write_bytes(b"\xef\xbb\xbf" + sub.path.read_bytes()), "broken JSON"),
    "other spacing": (lambda sub: sub.path.write_text(json.dumps(json.loads(sub.path.read_text(encoding="utf-8")))), "not byte for byte"),
    "other line ends": (lambda sub: sub.write_samples(sub.samples.read_bytes().replace(b"\n", b"\r\n")), "not byte for byte"),
    # size
    "a large evaluation": (lambda sub: sub.path.write_bytes(b" " * (MAX_EVALUATION + 1)), f"larger than {MAX_EVALUATION} bytes"),
    "large samples": (lambda sub: sub.samples.write_bytes(b"{}\n" * (MAX_SAMPLES // 3 + 1)), f"larger than {MAX_SAMPLES} bytes"),
    "a huge line": (lambda sub: sub.edit_samples(lambda lines: lines[0]["output"].update(raw=["x" * MAX_LINE])), f"a line of more than {MAX_LINE} bytes"),
    "an answer beyond its budget": (lambda sub: sub.forge_sample(answer="x" * 100_000), "tokens hold"),
    "a name of 10 kB": (lambda sub: sub.forge_model(name="x" * 10_000), "longer than 120 characters"),
    "a text of 10 kB among the versions": (lambda sub: sub.forge({"versions": {"torch": "x" * 10_000}}), "longer than 80 characters"),
    "a compression bomb": (lambda sub: sub.write_samples(gzip.compress(b"0" * 50_000_000)), "is no UTF-8 text"),
    "a pickle": (lambda sub: sub.path.write_bytes(pickle.dumps({"schema_version": "0.3.0"})), "is no UTF-8 text"),
    "samples cut off": (lambda sub: sub.write_samples(sub.samples.read_bytes()[:-50]), "it was cut"),
    # files and places
    "a compressed file beside": (lambda sub: sub.path.with_suffix(".json.gz").write_bytes(gzip.compress(b"{}")), "is no part of a record"),
    "an archive beside": (lambda sub: zipfile.ZipFile(sub.path.with_suffix(".zip"), "w").close(), "is no part of a record"),
    "a pickle beside": (lambda sub: sub.path.with_name("weights.pkl").write_bytes(pickle.dumps(print)), "is no part of a record"),
    "a script beside": (lambda sub: sub.path.with_name("conftest.py").write_text("import os"), "is no part of a record"),
    "a hidden file beside": (lambda sub: sub.path.with_name(".gitattributes").write_text("* filter=x"), "is no part of a record"),
    "a file above": (lambda sub: (sub.root / "README.md").write_text("best model"), "is no part of a record"),
    "an empty folder": (lambda sub: (sub.root / "acme" / "None").mkdir(), "is an empty folder"),
    "no samples": (lambda sub: sub.samples.unlink(), "_samples.jsonl is missing"),
    "samples alone": (lambda sub: sub.path.unlink(), ".json is missing"),
    "the evaluation is a link": (lambda sub: symlinked(sub, "evaluation", sub.root.parent / "outside"), "is a symbolic link"),
    "the samples are a link": (lambda sub: symlinked(sub, "samples", sub.root.parent / "outside"), "is a symbolic link"),
    "the folder is a link": (lambda sub: symlinked(sub, "folder", sub.root.parent / "outside"), "is a symbolic link"),
    "the developer's folder is a link": (lambda sub: symlinked(sub, "developer", sub.root.parent / "outside"), "is a symbolic link"),
    "a link to a secret": (lambda sub: sub.path.with_name("key.json").symlink_to("/etc/passwd"), "is a symbolic link"),
    "a pipe": (lambda sub: os.mkfifo(sub.path.with_name("pipe.json")), "is no regular file"),
    "a wrong uuid": (lambda sub: [f.rename(f.with_name("00000000-0000-4000-8000-000000000000" + f.name[36:])) for f in (sub.path, sub.samples)], "not named after its content"),
    "no uuid": (lambda sub: sub.path.rename(sub.path.with_name("result.json")), "is no part of a record"),
    "the folder of another model": (lambda sub: sub.move("acme/Other"), "lies in the wrong folder"),
    "the folder of another developer": (lambda sub: sub.move("rival/Good"), "lies in the wrong folder"),
    "a folder too deep": (lambda sub: sub.move("x/acme/Good/more"), "lies in the wrong folder"),
    "the same record twice": (copied, "lies in"),
    "a developer that leaves the folder": (lambda sub: sub.edit(lambda f: f["model_info"].update(developer="../../../etc")), "is no folder name"),
    "an id that leaves the folder": (lambda sub: sub.edit(lambda f: f["model_info"].update(id="acme/../../Good")), "not byte for byte"),
    "samples that lie elsewhere": (lambda sub: sub.edit(lambda f: f["detailed_evaluation_results"].update(file_path="../../../../etc/passwd")), "not byte for byte"),
    "a model that is a path": (lambda sub: sub.forge_model(source="/home/someone/model"), "is a path"),
    "a model whose path climbs": (lambda sub: sub.forge_model(source="../model"), "is a path"),
    # content
    "an inflated score": (lambda sub: sub.forge_result(metrics=GOOD.record.results[TASK].metrics | {"score": 0.99}), "claims score = 0.99, but the samples give"),
    "a score inflated a little": (lambda sub: sub.forge_result(metrics={k: v + 1e-6 if k == "score" else v for k, v in GOOD.record.results[TASK].metrics.items()}), "claims score"),
    "an inflated secondary metric": (lambda sub: sub.forge_result(metrics=GOOD.record.results[TASK].metrics | {"rouge_l": 1.0}), "claims rouge_l = 1.0"),
    "a metric left out": (lambda sub: sub.forge_result(metrics={"score": GOOD.record.results[TASK].metrics["score"]}), "claims count_in_range = None"),
    "inflated sample scores": (inflated, "its answer earns"),
    "hidden invalid answers": (lambda sub: sub.forge_result(invalid=7), "but the samples give 0 and 0"),
    "references of one's own": (own_gold, "the reference of S1-en-"),
    "inputs of one's own": (lambda sub: sub.forge_sample(input="An easy one."), "the input of"),
    "groups of one's own": (lambda sub: sub.forge_sample(group="all"), "the group of"),
    "missing rows": (missing_rows, "rows have no sample"),
    "one missing row": (lambda sub: sub.forge(samples=GOOD.samples[:-1]), "1 of 40 rows have no sample"),
    "a row twice": (doubled, "stands more than once"),
    "a row that is none": (lambda sub: sub.forge_sample(id="S1-en-9999"), "is no test row"),
    "a train row": (lambda sub: sub.forge_sample(id="S1-en-0090"), "is no test row"),
    "samples in another order": (lambda sub: sub.forge(samples=GOOD.samples[::-1]), "do not stand in the order"),
    "samples of a task without result": (lambda sub: sub.forge({"results": {TASK: GOOD.record.results[TASK]}}), "which has no result"),
    "a wrong n": (lambda sub: sub.forge_result(n=41), "claims n = 41, but has 40 samples"),
    "the fingerprint of another edition": (lambda sub: sub.forge_result(eval_fingerprint="f" * 64), "another edition"),
    "an unknown sub-task": (lambda sub: sub.edit(lambda f: f["evaluation_results"][0]["source_data"]["additional_details"].update(subtask="Z9")), "no sub-task, domain or group"),
    "a domain for a sub-task": (lambda sub: sub.edit(lambda f: f["evaluation_results"][1]["source_data"]["additional_details"].update(subtask="law")), "means 5 sub-tasks"),
    "a task under another name": (lambda sub: with_tasks(sub, anytasktune_s1_en="anytasktune_s9_en"), "is not the task of S1 in en"),
    "an unknown language": (lambda sub: sub.edit(lambda f: f["evaluation_results"][0]["source_data"]["additional_details"].update(lang="fr")), "lang'"),
    "part of the rows": (lambda sub: sub.forge_settings(limit=40), "without --limit"),
    "negative few-shot": (lambda sub: sub.forge_settings(num_fewshot=-1), "num_fewshot: -1 does not lie in"),
    "negative parameters": (lambda sub: sub.forge_model(parameters=-7), "parameters: -7 does not lie in"),
    "negative time": (lambda sub: sub.forge({"timing": {"load_s": -1.0}}), "timing: -1.0 does not lie in"),
    "an empty name": (lambda sub: sub.forge_model(name=" "), "the model has no name"),
    "a name that turns text around": (lambda sub: sub.forge_model(name="Good\u202edooG"), "control or formatting characters"),
    "a name with a terminal code": (lambda sub: sub.forge_model(name="Good\x1b[2J"), "control or formatting characters"),
    "a hash that is none": (lambda sub: sub.forge_model(sha256="<script>"), "is no sha256"),
    "a prompt hash that is none": (lambda sub: sub.forge_sample(prompt_sha256="none"), "is no sha256"),
    "an unknown category": (lambda sub: sub.edit(lambda f: f["model_info"]["additional_details"].update(category="winner")), "category'"),
    "samples that were changed alone": (lambda sub: sub.samples.write_bytes(sub.samples.read_bytes().replace(b'": false', b'": true', 1)), "checksum differs"),
    "samples that were changed with their checksum": (lambda sub: sub.edit_samples(lambda lines: lines[0]["output"].update(raw=["theft"])), "samples_sha256 differs"),
    "a wrong mark of right": (lambda sub: sub.edit_samples(lambda lines: lines[0]["evaluation"].update(is_correct=not lines[0]["evaluation"]["is_correct"])), "not byte for byte"),
    "a start without zone": (lambda sub: sub.edit(lambda f: f.update(evaluation_timestamp="2026-01-01T00:00:00")), "no ISO 8601 time"),
}  # fmt: skip


@pytest.fixture
def submission(tmp_path: Path) -> Submission:
    return Submission(tmp_path / "results")


def test_a_correct_submission_is_accepted(submission: Submission) -> None:
    for paths in ([submission.path], [submission.samples], [submission.path.parent], [submission.root], [submission.path, submission.samples, submission.root]):
        (verdict,) = check(paths, EDITIONS)
        assert (verdict.path, verdict.problem) == (submission.path, None)


def test_forging_changes_nothing_by_itself(submission: Submission) -> None:
    submission.forge()
    submission.edit(lambda found: None)
    submission.edit_samples(lambda lines: None)
    assert [verdict.problem for verdict in check([submission.root], EDITIONS)] == [None]


def test_there_are_more_than_fifty_hostile_submissions() -> None:
    assert len(HOSTILE) > 50


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_submission_is_refused_with_its_reason(name: str, submission: Submission) -> None:
    spoil, reason = HOSTILE[name]
    before = {path for path in submission.root.parent.iterdir()}
    spoil(submission)
    problems = [verdict.problem for verdict in check([submission.root], EDITIONS) if verdict.problem]
    assert problems and any(reason in problem for problem in problems), problems
    assert all(problem.rstrip().endswith((".", ")")) and len(problem) < 700 for problem in problems)
    assert {path for path in submission.root.parent.iterdir()} - before <= {submission.root.parent / "outside"}  # nothing was written anywhere


@pytest.mark.parametrize("part", ["evaluation", "samples", "folder", "developer"])
def test_links_are_refused_when_the_file_is_named_itself(part: str, submission: Submission) -> None:
    symlinked(submission, part, submission.root.parent / "outside")
    (verdict,) = check([submission.path], EDITIONS)
    assert verdict.problem and "symbolic link" in verdict.problem


@settings(max_examples=150, deadline=None)
@given(st.booleans(), st.lists(st.tuples(st.integers(0, 1 << 20), st.binary(max_size=6), st.integers(0, 4)), min_size=1, max_size=4))
def test_no_change_of_bytes_gets_through_or_breaks_the_gate(in_samples: bool, cuts: list[tuple[int, bytes, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        submission = Submission(Path(folder))
        file = submission.samples if in_samples else submission.path
        before = changed = file.read_bytes()
        for place, put, skip in cuts:
            start = place % (len(changed) + 1)
            changed = changed[:start] + put + changed[start + skip :]
        submission.write_samples(changed) if in_samples else file.write_bytes(changed)
        (verdict,) = check([submission.root], EDITIONS)
        assert (verdict.problem is None) == (changed == before)


def test_one_refused_record_leaves_the_others(submission: Submission) -> None:
    other = write_filed(submission.root, filed(make("Other", 0.3, codes=("S1",), langs=("en",))), EDITIONS)
    submission.edit(lambda found: found.pop("model_info"))
    assert {verdict.path: verdict.problem is None for verdict in check([submission.root], EDITIONS)} == {submission.path: False, other: True}


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (verdict,) = check([tmp_path / "nowhere"], EDITIONS)
    assert verdict.problem and "is not there" in verdict.problem


def test_records_of_own_sub_tasks_are_refused(copied_subtask: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(SUBTASKS_ENV, str(copied_subtask("X7")))
    editions = Editions(load_catalog())
    spec = editions.catalog.get("X7")
    result = next(iter(GOOD.record.results.values())).model_copy(update={"subtask": "X7", "eval_fingerprint": editions.of(spec, "en").fingerprint})
    own = Filed(GOOD.record.model_copy(update={"results": {spec.task_name("en"): result}, "samples_sha256": samples_sha256([])}), [], "acme")
    evaluation, _ = to_eee(dataclasses.replace(own, samples=[GOOD.samples[0].model_copy(update={"task": spec.task_name("en")})]), editions)
    assert "X7" in evaluation
    with pytest.raises(RecordError, match="no sub-task of the benchmark"):
        check_content(own, editions)
