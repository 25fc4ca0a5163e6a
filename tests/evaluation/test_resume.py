"""Runs that are interrupted go on: answers on disk, served models that fail, and two runs that would write to one place."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.errors import OutputError, RunError
from anytasktune_bench.evaluation.answers import Answers
from anytasktune_bench.evaluation.backends import open_backends
from anytasktune_bench.evaluation.run import EvalOptions, evaluate_into, run_name
from anytasktune_bench.evaluation.server import Server, find_server
from anytasktune_bench.models import resolve_model
from anytasktune_bench.spec import Lang, SubTask
from tests.chat_server import serving
from tests.conftest import evaluated

SPECS = load_catalog().select("S1,L4")
OPTIONS = EvalOptions(limit=5, dtype="float32", device="cpu", batch_size=2, name="run")


def into(out: Path, model: Any, langs: Sequence[Lang], options: EvalOptions = OPTIONS, specs: Sequence[SubTask] = SPECS, **kwargs: Any) -> Any:
    (backend,) = open_backends(model, [None], options)
    return evaluate_into(out / run_name(backend.info.name, options), backend, [(spec, lang) for spec in specs for lang in langs], options, **kwargs)


def test_answers_stay_whatever_happens(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with Answers(folder, "a") as answers:
        answers.add("1", "眼睛\nfirst")
        answers.add("2", "second")
    path = answers.path
    whole = path.read_bytes()
    for broken in (whole + b'["3", "half', whole + b"\xff\xfe\n", whole + b"{}\n", whole[:-1] + b"\n[1]\n"):
        path.write_bytes(broken)
        with Answers(folder, "a") as answers:
            assert len(answers) == 2 and answers.get("1") == "眼睛\nfirst" and answers.get("3") is None
            answers.add("3", "third")
        with Answers(folder, "a") as answers:
            assert answers.get("3") == "third"
    with Answers(folder, "b") as other:
        assert len(other) == 0 and other.path != path
        with pytest.raises(RunError, match="another run"), Answers(folder, "a"):
            pass
    with pytest.raises(OutputError), Answers(Path("/proc/nothing/run"), "a"):
        pass


def test_a_run_goes_on_with_whole_batches_and_gives_the_same_record(chat_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = resolve_model(str(chat_model))
    wanted, _ = evaluated(ref, SPECS, ("en",), OPTIONS)
    added = 0
    add = Answers.add

    def stop(self: Answers, key: str, answer: str) -> None:
        nonlocal added
        added += 1
        if added > 3:
            raise KeyboardInterrupt
        add(self, key, answer)

    monkeypatch.setattr(Answers, "add", stop)
    with pytest.raises(KeyboardInterrupt):
        into(tmp_path, ref, ("en",))
    monkeypatch.setattr(Answers, "add", add)
    assert not (tmp_path / "run_first5").exists() and len(list(tmp_path.glob(".run_first5.*.jsonl"))) == 1
    computed: list[int] = []
    from anytasktune_bench import generation

    decode = generation._decode
    monkeypatch.setattr(generation, "_decode", lambda model, cache, shared, suffixes, *rest: computed.append(len(suffixes)) or decode(model, cache, shared, suffixes, *rest))
    said: list[str] = []
    _, record, _ = into(tmp_path, ref, ("en",), progress=said.append)
    assert record.content_sha256() == wanted.content_sha256()
    assert sum(computed) == 10 - 2 and any("3 answers" in line for line in said), "the finished batch of 2 is not computed again, the half one is"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run_first5"]


@pytest.mark.slow
def test_killed_runs_go_on_to_the_same_record() -> None:
    done = subprocess.run([sys.executable, "-m", "tests.kills", "eval", "5"], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0 and "5 ends equal" in done.stdout, done.stdout + done.stderr


def test_tests_that_a_record_holds_are_not_run_again_and_others_are_added(chat_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = resolve_model(str(chat_model))
    whole, samples = evaluated(ref, SPECS, ("zh", "en"), OPTIONS)
    into(tmp_path, ref, ("en",))
    from anytasktune_bench import generation

    computed: list[int] = []
    decode = generation._decode
    monkeypatch.setattr(generation, "_decode", lambda model, cache, prefix, suffixes, *rest: computed.append(len(suffixes)) or decode(model, cache, prefix, suffixes, *rest))
    _, record, found = into(tmp_path, ref, ("zh", "en"))
    assert sum(computed) == 10 and record.content_sha256() == whole.content_sha256() and found == samples
    said: list[str] = []
    (tmp_path / f".run_first5.{'0' * 16}.0.jsonl").write_text("")  # as after a kill between the record and the end
    (tmp_path / ".run_first5.0.lock").write_text("")
    assert into(tmp_path, ref, ("zh",), progress=said.append)[1] == record and sum(computed) == 10 and "--overwrite" in said[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["run_first5"]
    with pytest.raises(RunError, match=r"another setup \(batch_size\)"):
        into(tmp_path, ref, ("en",), EvalOptions(limit=5, dtype="float32", device="cpu", batch_size=3, name="run"))
    assert list(into(tmp_path, ref, ("zh",), overwrite=True)[1].results) == ["anytasktune_l4_zh", "anytasktune_s1_zh"]


def test_a_served_model_answers_as_it_does_here_whatever_fails(chat_model: Path, tmp_path: Path) -> None:
    here, samples = evaluated(resolve_model(str(chat_model)), SPECS, ("zh", "en"), OPTIONS)
    with serving(chat_model, failing=0.2, seed=3) as served:
        server = find_server(served.url + "/", None, 3)
        assert server.model == chat_model.name
        _, record, answers = into(tmp_path, server, ("zh", "en"))
        assert served.failed and [a.answer for a in answers] == [s.answer for s in samples]
        assert {name: result.metrics for name, result in record.results.items()} == {name: result.metrics for name, result in here.results.items()}
        assert set(served.answered.values()) == {1}, "no answer is paid for twice"
    assert record.model.backend == "openai" and record.model.source == chat_model.name
    assert "127.0.0.1" not in (tmp_path / "run_first5" / "record.json").read_text()


def test_a_server_that_goes_down_loses_nothing(chat_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(chat_model) as served:
        server = Server(served.url, chat_model.name, concurrency=1, retries=0)
        answer = served.answer

        def gone(body: dict[str, Any]) -> str:
            if sum(served.answered.values()) >= 4:
                served.failing = 1.0
            return answer(body)

        monkeypatch.setattr(served, "answer", gone)
        with pytest.raises(RunError, match=r"(no answer after 1 tries|answers (429|500|503)|no chat completion)"):
            into(tmp_path, server, ("en",))
        kept = json.loads(next(tmp_path.glob(".run_first5.*.jsonl")).read_text().splitlines()[0])
        assert len(kept) == 2
        served.failing = 0.0
        monkeypatch.setattr(served, "answer", answer)
        into(tmp_path, server, ("en",))
        assert set(served.answered.values()) == {1} and len(served.answered) == 10


def test_servers_that_cannot_be_used_say_why(chat_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RunError, match="--served-model"):
        find_server("http://127.0.0.1:9/v1", None, 1)
    with serving(chat_model) as served:
        served.names = ["a", "b"]
        with pytest.raises(RunError, match="serves a, b"):
            find_server(served.url, None, 1)
        served.key = "secret"
        server = Server(served.url, "a", retries=0)
        with pytest.raises(RunError, match="401"):
            evaluated(server, SPECS[:1], ("en",), OPTIONS)
        monkeypatch.setenv("OPENAI_API_KEY", "secret")
        assert evaluated(server, SPECS[:1], ("en",), OPTIONS)[0].results["anytasktune_l4_en"].n == 5
        with pytest.raises(RunError, match="--enable-lora"):
            evaluated(server, SPECS[:1], ("en",), OPTIONS, tmp_path)
        with pytest.raises(RunError, match="404"):
            evaluated(Server(served.url + "/nowhere", "a", retries=0), SPECS[:1], ("en",), OPTIONS)
