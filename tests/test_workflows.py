"""The workflow that checks submissions: it has nothing to lose, runs nothing of a pull request, and its commands do what they say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from anytasktune_bench.leaderboard.editions import Editions
from anytasktune_bench.leaderboard.results import write_filed
from tests.leaderboard.test_eee import filed
from tests.leaderboard.test_table import CATALOG, make

PATH = Path(__file__).parents[1] / ".github" / "workflows" / "leaderboard.yml"
WORKFLOW: dict[Any, Any] = yaml.safe_load(PATH.read_text(encoding="utf-8"))
STEPS: list[dict[str, Any]] = WORKFLOW["jobs"]["check"]["steps"]
ONLY_ADDS, CHECK = (next(step["run"] for step in STEPS if step.get("name") == name) for name in ("A submission adds records and changes nothing else", "Check the records"))


def test_it_has_no_secrets_and_may_only_read() -> None:
    assert list(WORKFLOW[True]) == ["pull_request"]  # YAML 1.1 reads the key `on` as true
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert all("permissions" not in job for job in WORKFLOW["jobs"].values())
    assert "secrets" not in yaml.safe_dump(WORKFLOW["jobs"])
    checkouts = [step["with"] for step in STEPS if step.get("uses", "").startswith("actions/checkout")]
    assert len(checkouts) == 2 and all(options["persist-credentials"] is False for options in checkouts)


def test_only_the_base_branch_is_installed_and_no_text_of_a_pull_request_reaches_a_shell() -> None:
    runs = [step["run"] for step in STEPS if "run" in step]
    assert [run for run in runs if "pip" in run] == ["python -m pip install --quiet ./base"]
    assert not any("${{" in run for run in runs)
    assert all("submission/" not in run or run is CHECK for run in runs)


class PullRequest:
    """A repository as the workflow sees it: `submission` holds the merge of a pull request into its base."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.tree = folder, folder / "submission"
        self.tree.mkdir()
        self.git("init", "--quiet", "--initial-branch", "main")
        self.results = self.tree / "leaderboard" / "results"
        write_filed(self.results, filed(make("Old", 0.4, codes=("S1",), langs=("en",))), Editions(CATALOG))
        self.commit()
        self.git("checkout", "--quiet", "-b", "pull")

    def git(self, *arguments: str) -> None:
        who = {f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER") for part, value in (("NAME", "someone"), ("EMAIL", "someone@example.org"))}
        subprocess.run(["git", *arguments], cwd=self.tree, check=True, capture_output=True, env={**os.environ, **who, "GIT_CONFIG_GLOBAL": "/dev/null"})

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "change")

    def merge(self) -> None:
        self.commit()
        self.git("checkout", "--quiet", "main")
        self.git("merge", "--quiet", "--no-ff", "--message", "merge", "pull")

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """A step of the workflow, with `anytasktune` as this package's."""
        tools = self.folder / "bin"
        tools.mkdir(exist_ok=True)
        (tools / "anytasktune").write_text(f'#!/bin/sh\nexec "{sys.executable}" -P -m anytasktune_bench "$@"\n')
        (tools / "anytasktune").chmod(0o755)
        env = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        return subprocess.run(["bash", "-e", "-o", "pipefail", "-c", script], cwd=self.folder, capture_output=True, text=True, env=env)


@pytest.fixture
def pull(tmp_path: Path) -> PullRequest:
    return PullRequest(tmp_path)


def submit(pull: PullRequest) -> Path:
    return write_filed(pull.results, filed(make("New model", 0.6, codes=("S1",), langs=("en",))), Editions(CATALOG))


def test_an_honest_submission_passes(pull: PullRequest) -> None:
    path = submit(pull)
    pull.merge()
    assert pull.run(ONLY_ADDS).returncode == 0
    checked = pull.run(CHECK)
    assert (checked.returncode, checked.stdout) == (0, f"submission/{path.relative_to(pull.tree)}: accepted\n"), checked.stderr


def test_a_dishonest_one_does_not(pull: PullRequest) -> None:
    path = submit(pull)
    path.write_text(path.read_text(encoding="utf-8").replace('"score": 0.', '"score": 0.9', 1), encoding="utf-8")
    pull.merge()
    checked = pull.run(CHECK)
    assert checked.returncode != 0 and "refused: " in checked.stderr and "Traceback" not in checked.stderr


def test_a_submission_that_touches_anything_else_does_not(pull: PullRequest) -> None:
    submit(pull)
    next(pull.results.glob("*/Old/*.json")).unlink()
    (pull.tree / "conftest.py").write_text("raise SystemExit('executed')\n")
    pull.merge()
    found = pull.run(ONLY_ADDS)
    assert found.returncode == 1 and "A\tconftest.py" in found.stdout and "D\tleaderboard/results/acme/Old/" in found.stdout


def test_code_and_links_in_a_submission_are_refused_and_not_run(pull: PullRequest) -> None:
    for name in ("anytasktune_bench.py", "sitecustomize.py", "json.py"):
        (pull.results / name).write_text(f"open({str(pull.folder / 'executed')!r}, 'w')\n")
        (pull.tree / name).write_text(f"open({str(pull.folder / 'executed')!r}, 'w')\n")
    (pull.results / "$(touch executed)").write_text("")
    (pull.results / "a b\nc.json").write_text("{}")
    (pull.results / "link").symlink_to("/etc")
    pull.merge()
    checked = pull.run(CHECK)
    assert checked.returncode != 0 and checked.stderr.count("refused: ") == 6
    assert not (pull.folder / "executed").exists()


def test_the_results_folder_as_a_link_is_refused(pull: PullRequest) -> None:
    pull.git("rm", "-r", "--quiet", "leaderboard/results")
    pull.results.parent.mkdir(exist_ok=True)
    pull.results.symlink_to("/etc")
    pull.merge()
    checked = pull.run(CHECK)
    assert checked.returncode != 0 and "is a symbolic link" in checked.stderr
