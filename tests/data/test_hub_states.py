"""Any sequence of publishing, loading, losing the cache and losing the Hub: a version loads its own rows or nothing.

ANYTASKTUNE_HUB_SEQUENCES says how many sequences are tried; `make soak` tries a thousand.
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from anytasktune_bench.rows import SPLITS, Split
from tests.hub_emulator import running_hub
from tests.hub_store import HANG, Hub
from tests.hub_worker import NAME, Texts, Worker, records, tiny_folder, working

SEQUENCES = int(os.environ.get("ANYTASKTUNE_HUB_SEQUENCES", "20"))
MOODS = ["offline", 500, 403, 404, HANG]
_numbers = itertools.count()


class Versions(RuleBasedStateMachine):
    """One repository, one cache, one long-lived client."""

    hub: Hub
    worker: Worker
    loads = answered = 0

    def __init__(self) -> None:
        super().__init__()
        self.work = tempfile.TemporaryDirectory()
        self.namespace = f"t{next(_numbers)}"
        self.version = (1, 0, 0)
        self.texts: Texts = {"train": ["t"], "validation": ["v"], "test": ["q"]}
        self.prose = ""
        self.published: dict[str, Texts] = {}
        self.cached: set[str] = set()
        self.fresh_cache()

    @property
    def repository(self) -> Any:
        return self.hub.repositories[f"datasets/{self.namespace}/{NAME}"]

    def publish(self) -> dict[str, Any]:
        version = ".".join(map(str, self.version))
        folder = tiny_folder(Path(self.work.name) / str(next(_numbers)), version, self.texts, langs=("en",), prose=self.prose)
        return self.worker("publish", folder=str(folder), namespace=self.namespace)

    def published_as(self, step: str) -> None:
        tag = "v" + ".".join(map(str, self.version))
        assert self.publish() == {"step": step, "tag": tag}
        self.published[tag] = self.texts

    @initialize()
    def first(self) -> None:
        self.published_as("commit")

    @rule(part=st.sampled_from([0, 1, 2]))
    def something_changes(self, part: int) -> None:
        """Test rows under the next MAJOR version, train rows under the next MINOR, the card under the next PATCH."""
        self.version = (*self.version[:part], self.version[part] + 1, *(0,) * (2 - part))
        if part < 2:
            self.texts = {**self.texts, ("test", "train")[part]: [f"new{next(_numbers)}"]}
        self.prose = f"Words {next(_numbers)}."
        self.published_as("commit")

    @rule()
    def publish_again(self) -> None:
        before = len(self.repository.commits)
        self.published_as("nothing")
        assert len(self.repository.commits) == before

    @rule(lowest=st.booleans())
    def test_rows_change_under_too_low_a_version(self, lowest: bool) -> None:
        kept, version = self.texts, self.version
        self.texts = {**self.texts, "test": [f"other{next(_numbers)}"]}
        self.version = version if lowest else (version[0], version[1] + 1, 0)
        before = dict(self.repository.tags), len(self.repository.commits)
        assert f"Raise it to {version[0] + 1}.0.0" in self.publish()["error"].replace("the version", "it")
        assert before == (self.repository.tags, len(self.repository.commits))
        self.texts, self.version = kept, version

    @rule()
    def somebody_else_commits(self) -> None:
        files = self.repository.commits[-1][1]
        self.hub.add(self.repository, {**files, "README.md": files["README.md"] + b"!", "manifest.json": b"{}"})

    @rule()
    def fresh_cache(self) -> None:
        self.cache = str(Path(self.work.name) / f"cache{next(_numbers)}")
        self.cached = set()

    @rule(data=st.data(), split=st.sampled_from(SPLITS))
    def load(self, data: st.DataObject, split: Split) -> None:
        self.load_in(data, split, None, 0)

    @rule(data=st.data(), split=st.sampled_from(SPLITS), mood=st.sampled_from(MOODS))
    def load_without_the_hub(self, data: st.DataObject, split: Split, mood: int | str) -> None:
        self.load_in(data, split, mood, 0)

    @rule(data=st.data(), split=st.sampled_from(SPLITS), mood=st.sampled_from(MOODS), healthy=st.integers(1, 7))
    def lose_the_hub_while_loading(self, data: st.DataObject, split: Split, mood: int | str, healthy: int) -> None:
        self.load_in(data, split, mood, healthy)

    def load_in(self, data: st.DataObject, split: Split, mood: int | str | None, healthy: int) -> None:
        tag = data.draw(st.sampled_from([*sorted(self.published), "v9.9.9"]))
        self.hub.mood, self.hub.healthy = None if mood == "offline" else mood, healthy
        how = {"cache": self.cache, "offline": mood == "offline", "patience": 0.1 if mood == HANG else 30.0}
        try:
            found = self.worker("load", source=f"hub:{self.namespace}@{tag}", lang="en", split=split, **how)
        finally:
            self.hub.mood = None
        type(self).loads += 1
        if "error" in found:
            assert tag not in self.published or (mood is not None and tag not in self.cached), (tag, mood, found)
            return
        assert found["records"] == records(split, "en", self.published[tag][split]), (tag, mood)
        assert found["from"] == f"hub:{self.namespace}/{NAME}@{self.repository.tags[tag]}"
        self.cached.add(tag)
        type(self).answered += 1

    def teardown(self) -> None:
        self.work.cleanup()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[type[Versions]]:
    with running_hub() as hub, working(hub, tmp_path) as worker:
        yield type("Machine", (Versions,), {"hub": hub, "worker": worker})


def test_a_version_loads_its_own_rows_or_nothing(machine: type[Versions]) -> None:
    few = SEQUENCES < 100  # the same ones each time then; `make soak` draws new ones
    options = settings(max_examples=SEQUENCES, stateful_step_count=12, deadline=None, derandomize=few, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(machine, settings=options)
    sys.stdout.write(f"{SEQUENCES} sequences, {machine.loads} loads, {machine.answered} of them answered, each with its own version's rows\n")
    assert machine.loads > machine.answered > SEQUENCES / 4 and not [request for request in machine.hub.unknown if "agent-harnesses" not in request]
