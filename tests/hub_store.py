"""What the Hub emulator knows: repositories, large files, and how it is to fail."""

from __future__ import annotations

import base64
import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

LFS_SUFFIXES = (".safetensors", ".parquet", ".bin")
TOKEN = "hf_emulated"
READ_TOKEN = "hf_emulated_reader"
HANG = "hang"

Files = dict[str, bytes]


@dataclass
class Repository:
    private: bool
    commits: list[tuple[str, Files]] = field(default_factory=list)
    """Of main, newest last."""
    tags: dict[str, str] = field(default_factory=dict)
    proposals: list[tuple[str, Files]] = field(default_factory=list)
    """Commits of pull requests."""
    sdk: str | None = None

    def at(self, revision: str) -> tuple[str, Files] | None:
        wanted = self.tags.get(revision, revision)
        if wanted == "main":
            return self.commits[-1]
        if match := re.fullmatch(r"refs/pr/(\d+)", wanted):
            return self.proposals[int(match[1]) - 1]
        return next((commit for commit in (*self.commits, *self.proposals) if commit[0] == wanted), None)


class Hub:
    """What the server knows."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.objects: Files = {}
        self.failures: list[tuple[str, int, dict[str, str]]] = []
        self.requests: list[str] = []
        self.unknown: list[str] = []
        self.url = ""
        self.mood: int | str | None = None
        self.healthy = 0
        """Requests that are still served before the mood shows."""
        self.watch: Callable[[str], bool] = lambda moment: True
        """Told "before" and "after" each request is served; one that it refuses before is dropped."""
        self.closed = threading.Event()
        self.lock = threading.Lock()

    def fail(self, text: str, status: int, times: int = 1, **headers: str) -> None:
        self.failures += [(text, status, headers)] * times

    def write(self, repository: Repository, lines: list[dict[str, Any]], proposal: bool = False) -> str:
        files = dict(repository.commits[-1][1])
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"]) if value.get("encoding") == "base64" else value["content"].encode()
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.objects[value["oid"]]
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        return self.add(repository, files, proposal)

    @staticmethod
    def add(repository: Repository, files: Files, proposal: bool = False) -> str:
        text = repr((len(repository.commits), len(repository.proposals), sorted((path, hashlib.sha1(data).hexdigest()) for path, data in files.items())))
        oid = hashlib.sha1(text.encode()).hexdigest()
        (repository.proposals if proposal else repository.commits).append((oid, files))
        return oid

    def next_failure(self, path: str) -> tuple[int | str, dict[str, str]] | None:
        with self.lock:
            for i, (text, status, headers) in enumerate(self.failures):
                if text in path:
                    del self.failures[i]
                    return status, headers
            if self.mood is not None and self.healthy <= 0:
                return self.mood, {}
            self.healthy -= 1
        return None


def git_sha1(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def oid_of(path: str, data: bytes) -> str:
    return hashlib.sha256(data).hexdigest() if path.endswith(LFS_SUFFIXES) else git_sha1(data)


def entries(files: Files) -> Iterator[dict[str, Any]]:
    """Files and the folders above them, as the tree lists them."""
    folders = {path.rsplit("/", n)[0] for path in files for n in range(1, path.count("/") + 1)}
    for path in sorted({*files, *folders}):
        if path in folders:
            yield {"type": "directory", "path": path, "oid": hashlib.sha1(path.encode()).hexdigest(), "size": 0}
        else:
            data = files[path]
            large = {"lfs": {"oid": oid_of(path, data), "size": len(data), "pointerSize": 130}} if path.endswith(LFS_SUFFIXES) else {}
            yield {"type": "file", "path": path, "size": len(data), "oid": git_sha1(data), **large}
