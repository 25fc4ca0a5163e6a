"""Datasets go to the Hub and come back, with the real clients against an emulator on loopback; and every way in which that fails says what to do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from anytasktune_bench.data.load import load_records
from anytasktune_bench.rows import SPLITS
from anytasktune_bench.spec import LANGS
from tests.hub_emulator import READ_TOKEN, TOKEN, running_hub
from tests.hub_store import HANG, Hub, Repository
from tests.hub_worker import NAME, SPEC, Texts, Worker, environment, records, tiny_folder, working

ROWS: Texts = {"train": ["a", "b"], "validation": ["c"], "test": ["d", "e"]}
REPO = f"datasets/tester/{NAME}"
EDITION = """
import os
from pathlib import Path
import anytasktune_bench.version as version
version.__version__ = os.environ["EDITION_VERSION"]
import anytasktune_bench.catalog as catalog
catalog.PACKAGE_SUBTASKS = Path(os.environ["EDITION_SUBTASKS"])
import shutil
import anytasktune_bench.data.prose as prose
cards = catalog.PACKAGE_SUBTASKS.parent / "cards"
shutil.copytree(prose.sources_path(), cards, dirs_exist_ok=True)
(cards / "changelog.yaml").write_text(f"- version: {version.__version__}\\n  released: null\\n  changes:\\n  - {{text: An edition.}}\\n")
prose.sources_path = lambda: cards
from anytasktune_bench.cli import main
main()
"""
"""The command line of an installed package with other rows and another version."""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running_hub() as found:
        yield found


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hub, Worker]]:
    with running_hub() as hub, working(hub, tmp_path_factory.mktemp("home")) as worker:
        yield hub, worker


@pytest.fixture
def worker(shared: tuple[Hub, Worker]) -> Iterator[Worker]:
    hub, worker = shared
    hub.repositories.clear()
    hub.objects.clear()
    yield worker
    hub.mood, hub.failures, hub.watch = None, [], lambda moment: True


@pytest.fixture
def served(shared: tuple[Hub, Worker], worker: Worker) -> Hub:
    return shared[0]


def repository(hub: Hub) -> Repository:
    return hub.repositories[REPO]


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def command(hub: Hub, home: Path, *arguments: str, code: str = "from anytasktune_bench.cli import main; main()", **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, env=environment(hub.url, home, **more))


@pytest.mark.slow
def test_the_command_publishes_diffs_and_loads_editions(hub: Hub, tmp_path: Path) -> None:
    subtasks = tmp_path / "subtasks"
    shutil.copytree(SPEC.folder, subtasks / "services" / SPEC.id)
    said = []

    def run(version: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        done = command(hub, tmp_path / "home", *arguments, code=EDITION, EDITION_VERSION=version, EDITION_SUBTASKS=str(subtasks), **more)
        said.extend([done.stdout, done.stderr])
        return done

    done = run("1.0.0", "data", "publish", "--namespace", "tester", "--dry-run", token="")
    assert done.returncode == 0 and "a new repository" in done.stdout and "+ review_descriptors_en/test.parquet" in done.stdout and not hub.repositories, done.stderr
    done = run("1.0.0", "data", "publish", "services", "--namespace", "tester", "--private")
    assert done.returncode == 0 and done.stdout.rstrip().endswith("v1.0.0") and repository(hub).private, done.stderr
    assert len(repository(hub).commits) == 2 and repository(hub).tags == {"v1.0.0": repository(hub).commits[-1][0]}
    first = {lang: load_records(SPEC, lang, "test") for lang in LANGS}
    for lang in LANGS:
        path = subtasks / "services" / SPEC.id / "rows" / f"test.{lang}.jsonl"
        path.write_text("".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[:-1]), encoding="utf-8")
    refused = run("1.1.0", "data", "publish", "--namespace", "tester")
    assert refused.returncode == 1 and "Raise it to 2.0.0 at least" in refused.stderr and len(repository(hub).commits) == 2, refused.stderr
    done = run("2.0.0", "data", "publish", "--namespace", "tester", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["published"][0]["tag"] == "v2.0.0" and told["plans"][0]["last"] == "v1.0.0" and set(repository(hub).tags) == {"v1.0.0", "v2.0.0"}
    changed = {file.rpartition("/")[2] for file in told["plans"][0]["changes"]["changed"]}
    assert {"test.parquet", "manifest.json", "README.md", "CHANGELOG.md"} <= changed and not {"train.parquet", "validation.parquet"} & changed
    done = run("2.0.0", "data", "diff", "v1.0.0", "--namespace", "tester")
    assert done.returncode == 0 and "scores are not comparable" in done.stdout and "test: 0 added, 1 removed, 0 changed" in done.stdout, done.stdout + done.stderr
    assert json.loads(run("2.0.0", "data", "diff", "v2.0.0", "local", "--namespace", "tester", "--json").stdout)[0]["changed"] == {}
    show = """
import json, sys
from anytasktune_bench import load_dataset
sys.stdout.write(json.dumps([load_dataset("S1", lang, "test", source=sys.argv[1]).to_list() for lang in ("zh", "en")]))
"""
    for revision, cut in (("v1.0.0", None), ("v2.0.0", -1)):
        done = command(hub, tmp_path / "home", f"hub:tester@{revision}", code=show)
        assert json.loads(done.stdout) == [first[lang][:cut] for lang in LANGS], done.stderr
    assert not any(TOKEN in text for text in said)
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path


def test_a_publish_with_failing_checks_writes_nothing(hub: Hub, tmp_path: Path) -> None:
    subtasks = tmp_path / "subtasks"
    shutil.copytree(SPEC.folder, subtasks / "services" / SPEC.id)
    path = subtasks / "services" / SPEC.id / "rows" / "test.en.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join([*lines[:-1], json.dumps({**json.loads(lines[-1]), "input": "Call me on 13812345678."}) + "\n"]), encoding="utf-8")
    done = command(hub, tmp_path / "home", "data", "publish", "--namespace", "tester", code=EDITION, EDITION_VERSION="1.0.0", EDITION_SUBTASKS=str(subtasks))
    assert done.returncode == 1 and "nothing was published" in done.stderr and not hub.repositories, done.stderr
    done = command(hub, tmp_path / "home", "data", "publish", "M1")
    assert done.returncode == 1 and "'M1' is no domain" in done.stderr


def test_files_that_left_are_removed_and_the_hubs_own_stays(served: Hub, worker: Worker, tmp_path: Path) -> None:
    old, new = tiny_folder(tmp_path / "old", "1.0.0", ROWS), tiny_folder(tmp_path / "new", "2.0.0", ROWS, langs=("en",))
    assert worker("publish", folder=str(old)) == {"step": "commit", "tag": "v1.0.0"}
    assert worker("publish", folder=str(new)) == {"step": "commit", "tag": "v2.0.0"}
    assert set(repository(served).at("v1.0.0")[1]) == names(old) | {".gitattributes"}  # type: ignore[index]
    assert set(repository(served).at("v2.0.0")[1]) == names(new) | {".gitattributes"}  # type: ignore[index]
    assert len(repository(served).commits) == 3


def test_a_commit_without_its_tag_is_tagged_and_not_made_again(served: Hub, worker: Worker, tmp_path: Path) -> None:
    folder = tiny_folder(tmp_path, "1.0.0", ROWS)
    served.fail("/tag/", 500)
    assert "answers 500" in worker("publish", folder=str(folder))["error"] and not repository(served).tags
    assert worker("publish", folder=str(folder)) == {"step": "tag", "tag": "v1.0.0"}
    assert len(repository(served).commits) == 2
    assert worker("publish", folder=str(folder)) == {"step": "nothing", "tag": "v1.0.0"}


def test_a_pull_request_is_tagged_once_it_is_merged(served: Hub, worker: Worker, tmp_path: Path) -> None:
    folder = tiny_folder(tmp_path, "1.0.0", ROWS)
    assert worker("publish", folder=str(folder), create_pr=True)["tag"] is None
    found = repository(served)
    assert len(found.commits) == len(found.proposals) == 1 and not found.tags
    found.commits.append(found.proposals[0])
    assert worker("publish", folder=str(folder)) == {"step": "tag", "tag": "v1.0.0"}


@pytest.mark.parametrize(
    ("fail", "said"),
    [
        (("/commit/", 403), "hf auth login"),
        (("/commit/", 413), "answers 413"),
        (("/commit/", 429), "Wait 77 seconds"),
        (("/preupload/", 429, 6), "Wait 77 seconds"),
        (("/lfs/", 500, 20), "answers 500"),
        (("/lfs/", 403, 20), "refuses (403"),
        (("/repos/create", 403), "hf auth login"),
        (("/refs", 503), "answers 503"),
    ],
)
def test_a_hub_that_refuses_is_told_with_what_to_do_and_a_second_run_ends_well(served: Hub, worker: Worker, tmp_path: Path, fail: Any, said: str) -> None:
    folder = tiny_folder(tmp_path, "1.0.0", ROWS)
    served.fail(*fail, **{"Retry-After": "77"})
    assert said in worker("publish", folder=str(folder))["error"]
    served.failures = []
    assert not served.repositories or (not repository(served).tags and len(repository(served).commits) == 1)
    assert worker("publish", folder=str(folder))["tag"] == "v1.0.0" and len(repository(served).commits) == 2


@pytest.mark.parametrize(("token", "said"), [("", "needs a token"), ("hf_wrong", "hf auth login"), (READ_TOKEN, "refuses (403")])
def test_who_may_not_write_is_told_and_writes_nothing(served: Hub, worker: Worker, tmp_path: Path, token: str, said: str) -> None:
    folder = tiny_folder(tmp_path, "1.0.0", ROWS)
    error = worker("publish", folder=str(folder), token=token)["error"]
    assert said in error and "hf auth login" in error and (not token or token not in error) and not served.repositories


def test_a_version_that_is_published_keeps_its_files(served: Hub, worker: Worker, tmp_path: Path) -> None:
    assert "error" not in worker("publish", folder=str(tiny_folder(tmp_path / "one", "1.0.0", ROWS)))
    before = dict(repository(served).tags), list(repository(served).commits)
    for name, texts, prose, least in (("rows", {**ROWS, "test": ["z"]}, "", "2.0.0"), ("train", {**ROWS, "train": ["z"]}, "", "1.1.0"), ("card", ROWS, "More words.", "1.0.1")):
        error = worker("publish", folder=str(tiny_folder(tmp_path / name, "1.0.0", texts, prose=prose)))["error"]
        assert "v1.0.0 is published with other files" in error and f"to {least} at least" in error
    assert "no version" in worker("publish", folder=str(tiny_folder(tmp_path / "odd", "1.0", ROWS)))["error"]
    assert before == (repository(served).tags, repository(served).commits)


def test_main_that_moves_while_we_write_is_not_overwritten(served: Hub, worker: Worker, tmp_path: Path) -> None:
    assert "error" not in worker("publish", folder=str(tiny_folder(tmp_path / "one", "1.0.0", ROWS)))
    folder, found = tiny_folder(tmp_path / "two", "1.1.0", {**ROWS, "train": ["z"]}), repository(served)

    def meanwhile(moment: str) -> bool:
        if "/preupload/" in served.requests[-1]:
            served.watch = lambda moment: True
            served.add(found, {**found.commits[-1][1], "NOTES.md": b"mine"})
        return True

    served.watch = meanwhile
    assert "somebody else committed" in worker("publish", folder=str(folder))["error"]
    assert set(found.tags) == {"v1.0.0"} and "NOTES.md" in found.commits[-1][1]
    assert worker("publish", folder=str(folder))["tag"] == "v1.1.0"
    assert set(found.commits[-1][1]) == names(folder) | {".gitattributes"}


def test_a_tag_that_somebody_sets_meanwhile_is_not_moved(served: Hub, worker: Worker, tmp_path: Path) -> None:
    folder = tiny_folder(tmp_path, "1.0.0", ROWS)

    def meanwhile(moment: str) -> bool:
        if "/tag/" in served.requests[-1]:
            repository(served).tags.setdefault("v1.0.0", repository(served).commits[0][0])
        return True

    served.watch = meanwhile
    assert "tagged by somebody else" in worker("publish", folder=str(folder))["error"]
    assert repository(served).tags == {"v1.0.0": repository(served).commits[0][0]}


def test_nothing_is_tagged_that_the_hub_took_in_part_only(served: Hub, worker: Worker, tmp_path: Path) -> None:
    folder, served.mood = tiny_folder(tmp_path, "1.0.0", ROWS), None
    served.fail("/commit/", 500)
    worker("publish", folder=str(folder))
    found = repository(served)
    served.add(found, {**found.commits[-1][1], ".gitignore": b"README.md\n"})
    error = worker("publish", folder=str(folder))["error"]
    assert "README.md" in error and "nothing was tagged" in error and not found.tags


def test_a_card_that_the_hub_does_not_take_is_said_before_anything_is_sent(served: Hub, worker: Worker, tmp_path: Path) -> None:
    folder = tiny_folder(tmp_path, "1.0.0", ROWS)
    (folder / "README.md").write_text("---\nconfigs: 3\n---\n")
    assert "configs must be a list" in worker("publish", folder=str(folder))["error"] and not served.objects


def test_a_hub_that_hangs_or_is_not_there_is_an_error_within_the_clients_patience(hub: Hub, tmp_path: Path) -> None:
    folder = tiny_folder(tmp_path / "data" / NAME, "0.1.0", ROWS)
    code = f"""
from pathlib import Path
from anytasktune_bench.data.publish import plan, publish
from anytasktune_bench.errors import HubError
import sys
try:
    folder = Path({str(folder)!r})
    publish(plan(folder, "tester"), folder)
except HubError as error:
    sys.exit(str(error))
"""
    hub.mood = HANG
    for healthy in (0, 3):
        hub.healthy = healthy
        done = command(hub, tmp_path / "home", code=code, HF_HUB_DOWNLOAD_TIMEOUT="1")
        assert done.returncode == 1 and "cannot be reached (timed out)" in done.stderr and "Traceback" not in done.stderr, done.stderr
    done = command(hub, tmp_path / "home", code=code, HF_ENDPOINT="http://127.0.0.1:9")
    assert done.returncode == 1 and "cannot be reached" in done.stderr
    done = command(hub, tmp_path / "home", code=code, HF_HUB_OFFLINE="1")
    assert done.returncode == 1 and "switched off by HF_HUB_OFFLINE" in done.stderr


def test_a_tag_or_mirror_with_another_versions_rows_is_refused(served: Hub, worker: Worker, tmp_path: Path) -> None:
    for version in ("1.0.0", "2.0.0"):
        worker("publish", folder=str(tiny_folder(tmp_path / version, version, {**ROWS, "test": [version]})))
    found = repository(served)
    found.tags["v1.0.0"] = found.tags["v2.0.0"]
    assert "holds anytasktune-services 2.0.0" in worker("load", source="hub:tester@v1.0.0", lang="en", split="test", cache=str(tmp_path / "cache"))["error"]
    path, files = "review_descriptors_en/test.parquet", dict(found.commits[-1][1])
    served.add(found, {**files, path: files[path] + b"x"})
    assert "sha256" in worker("load", source="hub:tester@main", lang="en", split="test", cache=str(tmp_path / "cache"))["error"]
    fixed = worker("load", source=f"hub:tester@{found.tags['v2.0.0']}", lang="en", split="test", cache=str(tmp_path / "cache"))
    assert fixed["records"] == records("test", "en", ["2.0.0"])


def test_plain_datasets_load_and_stream_a_pinned_config(served: Hub, worker: Worker, tmp_path: Path) -> None:
    for version in ("1.0.0", "2.0.0"):
        worker("publish", folder=str(tiny_folder(tmp_path / version, version, {**ROWS, "test": [version]})))
    code = f"""
import json, sys
from datasets import get_dataset_config_names, load_dataset
found = []
for revision in ("v1.0.0", "v2.0.0"):
    whole = load_dataset("tester/{NAME}", "{SPEC.id}_zh", revision=revision)
    stream = load_dataset("tester/{NAME}", "{SPEC.id}_zh", revision=revision, split="test", streaming=True)
    found.append([{{split: rows.to_list() for split, rows in whole.items()}}, list(stream), str(whole["test"].info.version)])
sys.stdout.write(json.dumps([found, get_dataset_config_names("tester/{NAME}", revision="v1.0.0")]))
"""
    done = command(served, tmp_path / "home", code=code)
    assert done.returncode == 0, done.stderr
    found, configs = json.loads(done.stdout)
    assert configs == [f"{SPEC.id}_zh", f"{SPEC.id}_en"]
    for (whole, stream, named), version in zip(found, ("1.0.0", "2.0.0"), strict=True):
        assert whole == {split: records(split, "zh", {**ROWS, "test": [version]}[split]) for split in SPLITS}
        assert stream == whole["test"] and named == version


def test_a_snapshot_that_was_carried_over_serves_a_machine_without_the_hub(served: Hub, worker: Worker, tmp_path: Path) -> None:
    worker("publish", folder=str(tiny_folder(tmp_path / "data", "1.0.0", ROWS)))
    fetch = f"from huggingface_hub import snapshot_download; snapshot_download('tester/{NAME}', repo_type='dataset', revision='v1.0.0')"
    assert command(served, tmp_path / "there", code=fetch).returncode == 0
    shutil.copytree(tmp_path / "there" / "hub", tmp_path / "here", symlinks=True)
    found = worker("load", source="hub:tester@v1.0.0", lang="zh", split="train", cache=str(tmp_path / "here"), offline=True)
    assert found["records"] == records("train", "zh", ROWS["train"])
    assert "not in the cache" in worker("load", source="hub:tester@v1.1.0", lang="zh", split="train", cache=str(tmp_path / "here"), offline=True)["error"]


def test_killed_publishes_end_as_unbroken_ones() -> None:
    done = subprocess.run([sys.executable, "-m", "tests.kills", "publish", "5"], capture_output=True, text=True, cwd=Path(__file__).parents[2], env=dict(os.environ))
    assert done.returncode == 0 and "5 ends equal" in done.stdout, done.stdout + done.stderr
