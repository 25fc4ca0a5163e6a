"""Answers on disk as they come, so that a run that was interrupted goes on where it stopped."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from anytasktune_bench.errors import OutputError, RunError
from anytasktune_bench.files import clear_abandoned, sha256_json


class Answers:
    """Finished answers of one run, in a file that belongs to it alone while it runs.

    The file's name is a fingerprint of everything that changes an answer besides the prompt; inside, a prompt's fingerprint leads to its answer. A
    line is written whole or, where the process is killed in the middle of one, left out by the next run.

    Args:
        folder: where the record will be written; the answers stand in a hidden file beside it.
        identity: what changes an answer (model, adapter, dtype, batch size, versions of packages).
        rank: number of this process among several that share a run; each writes a file of its own and reads all.

    Raises:
        RunError: on entering, another run writes there.
        OutputError: the folder cannot be written.
    """

    def __init__(self, folder: Path, identity: Any, rank: int = 0) -> None:
        self.folder = folder
        self._stem = f".{folder.name}.{sha256_json(identity)[:16]}"
        self.path = folder.with_name(f"{self._stem}.{rank}.jsonl")
        self._lock_path = folder.with_name(f".{folder.name}.{rank}.lock")
        self._known: dict[str, str] = {}
        self._file: FileIO | None = None
        self._lock: TextIO | None = None

    def __enter__(self) -> Self:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = self._lock_path.open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for other in self.path.parent.glob(f"{self._stem}.*.jsonl"):
                self._read(other)
            good = self._read(self.path) if self.path.is_file() else 0
            self._file = self.path.open("r+b" if good else "wb", buffering=0)  # so that closing has nothing left to write
            self._file.truncate(good)
            self._file.seek(good)
        except BlockingIOError as error:
            raise RunError(f"{self.folder}: another run writes there. Wait for it, or give --out or --name.") from error
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written ({error.strerror}). Free some space or choose a writable folder.") from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._file:
            self._file.close()
        if self._lock:
            self._lock.close()
            self._lock_path.unlink(missing_ok=True)

    def __len__(self) -> int:
        return len(self._known)

    def _read(self, path: Path) -> int:
        """Take up the lines that are whole; gives the number of bytes they take."""
        good = 0
        for line in path.read_bytes().splitlines(keepends=True):
            try:
                key, answer = json.loads(line)
            except (ValueError, TypeError):
                break
            if not line.endswith(b"\n"):
                break
            self._known[key] = answer
            good += len(line)
        return good

    @staticmethod
    def key(task: str, prompt: str, budget: int) -> str:
        """Fingerprint of one question."""
        return sha256_json([task, prompt, budget])

    def get(self, key: str) -> str | None:
        """The answer to a question, or None where it is not there yet."""
        return self._known.get(key)

    def add(self, key: str, answer: str) -> None:
        """Keep an answer.

        Raises:
            OutputError: the disk is full; what was kept before stays.
        """
        if key in self._known:
            return
        self._known[key] = answer
        assert self._file is not None
        line = json.dumps([key, answer]).encode() + b"\n"
        try:
            if self._file.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written ({error.strerror}). Free some space and run the same command again; finished answers are kept.") from error


def discard(folder: Path) -> None:
    """Tidy up once the record in `folder` is written: the answers kept for it, of all processes and earlier setups, and what killed writers left there."""
    clear_abandoned(folder)
    name = re.compile(rf"\.{re.escape(folder.name)}\.[0-9a-f]{{16}}\.\d+\.jsonl")
    for path in folder.parent.glob(".*.jsonl"):
        if name.fullmatch(path.name):
            path.unlink(missing_ok=True)
