"""A process with the real Hub clients that does what it is told, a JSON line in and a JSON line out.

The clients read HF_ENDPOINT and the like when they are imported, so a test drives them in a process of its own; this one is started once and does many
things. `tiny_folder` makes folders that take it milliseconds to publish.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.data.build import written
from anytasktune_bench.data.tables import COLUMNS
from anytasktune_bench.files import sha256_file, sha256_json, write_json, write_text
from anytasktune_bench.rows import SPLITS, Split
from anytasktune_bench.spec import LANGS
from tests.hub_emulator import TOKEN, Hub

CODE = "S1"
SPEC = load_catalog().get(CODE)
NAME = f"anytasktune-{SPEC.domain}"
Texts = dict[Split, Sequence[str]]
"""The input of each row, by split."""


def records(split: Split, lang: str, texts: Sequence[str]) -> list[dict[str, str]]:
    """Rows that differ in their input alone."""
    return [dict.fromkeys(COLUMNS, "x") | {"id": f"{CODE}-{lang}-{split}-{n}", "input": text, "gold": "{}"} for n, text in enumerate(texts)]


def tiny_folder(folder: Path, version: str, texts: Texts, langs: Sequence[str] = LANGS, prose: str = "") -> Path:
    """A dataset folder of S1 with a few rows, in the form of `data build`."""
    configs: dict[str, Any] = {}
    for lang in langs:
        config = f"{SPEC.id}_{lang}"
        rows = {split: records(split, lang, texts[split]) for split in SPLITS}
        for split in SPLITS:
            (folder / config).mkdir(parents=True, exist_ok=True)
            list(written(rows[split], folder / config / f"{split}.parquet"))
        files = {split: f"{config}/{split}.parquet" for split in SPLITS}
        configs[config] = {
            "subtask": CODE,
            "lang": lang,
            "eval_fingerprint": sha256_json(rows["test"]),
            "train_fingerprint": sha256_json([rows["train"], rows["validation"]]),
            "splits": {split: {"file": files[split], "rows": len(rows[split]), "sha256": sha256_file(folder / files[split])} for split in SPLITS},
        }
    card = [{"config_name": name, "version": version, "data_files": [{"split": split, "path": f"{name}/{split}.parquet"} for split in SPLITS]} for name in configs]
    card[0]["default"] = True
    write_text(folder / "README.md", f"---\n{yaml.safe_dump({'configs': card}, sort_keys=False)}---\n\n# {NAME}\n{prose}\n")
    write_json(folder / "manifest.json", {"name": NAME, "version": version, "canary": "canary", "configs": configs})
    return folder


def environment(hub_url: str, home: Path, token: str = TOKEN, **more: str) -> dict[str, str]:
    """What a process with the real clients needs to talk to the emulator."""
    given = {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": hub_url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(home), "HF_TOKEN": token, "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    return {**os.environ, **given, **more}


class Worker:
    """The process, as a test sees it."""

    def __init__(self, hub: Hub, home: Path) -> None:
        arguments = [sys.executable, "-m", "tests.hub_worker"]
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment(hub.url, home))

    def send(self, what: str, **arguments: Any) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"do": what, **arguments}) + "\n")
        self.process.stdin.flush()

    def __call__(self, what: str, **arguments: Any) -> dict[str, Any]:
        """Do it; gives what came out, or {"error": the message of one of this package's errors}."""
        self.send(what, **arguments)
        assert self.process.stdout
        answer = self.process.stdout.readline()
        assert answer, f"the worker died at {what} {arguments}"
        found: dict[str, Any] = json.loads(answer)
        assert "fault" not in found, found
        return found

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def working(hub: Hub, home: Path) -> Iterator[Worker]:
    worker = Worker(hub, home)
    try:
        yield worker
    finally:
        worker.close()


def _ready() -> dict[str, Any]:
    return {}


def _publish(folder: str, namespace: str = "tester", token: str = TOKEN, create_pr: bool = False) -> dict[str, Any]:
    from anytasktune_bench.data.publish import plan, publish

    os.environ["HF_TOKEN"] = token
    planned = plan(Path(folder), namespace)
    done = publish(planned, Path(folder), create_pr=create_pr)
    return {"step": done.step, "tag": done.tag}


def _load(source: str, lang: str, split: Split, cache: str, offline: bool = False, patience: float = 30.0) -> dict[str, Any]:
    from huggingface_hub import constants

    from anytasktune_bench import hub
    from anytasktune_bench.data import load

    hub._bound = lambda request: request.extensions.update(timeout=dict.fromkeys(("connect", "read", "write", "pool"), patience))
    constants.HF_HUB_OFFLINE, constants.HF_HUB_CACHE = offline, cache
    load._resolved.cache_clear()  # as a new process would find it
    load._snapshot.cache_clear()
    try:
        return {"records": load.load_records(SPEC, "zh" if lang == "zh" else "en", split, source), "from": load.describe_source(source, [SPEC])}
    finally:
        constants.HF_HUB_OFFLINE = False


if __name__ == "__main__":
    import huggingface_hub.utils._http as http
    from huggingface_hub import HfApi, create_commit, snapshot_download  # noqa: F401
    from huggingface_hub.utils import logging

    from anytasktune_bench.errors import AnyTaskTuneError

    logging.set_verbosity_error()
    http.time = SimpleNamespace(sleep=lambda seconds: None)  # type: ignore[attr-defined]  # retries need not wait here
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = {"ready": _ready, "publish": _publish, "load": _load}[order.pop("do")](**order)
        except AnyTaskTuneError as error:
            answer = {"error": str(error)}
        except Exception as error:
            answer = {"fault": repr(error)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
