"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from anytasktune_bench.errors import OutputError


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it is flushed and renamed to `path`, on failure removed.

    Raises:
        OutputError: the folder or file cannot be written (permission, space).
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _claimed_temporary(path) as temporary:
            yield temporary
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            temporary.chmod(0o644)
            temporary.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error}). Free some space or choose a writable folder.") from error


@contextlib.contextmanager
def _claimed_temporary(path: Path) -> Iterator[Path]:
    """A temporary file that is locked while its writer lives, so that `clear_abandoned` can tell."""
    while True:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        fcntl.flock(handle, fcntl.LOCK_EX)
        if Path(name).exists():
            break
        os.close(handle)  # cleared away between its making and its lock
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)
        os.close(handle)


def clear_abandoned(folder: Path) -> None:
    """Remove the temporary files in `folder` whose writers were killed."""
    for path in folder.glob(".*.tmp"):
        with contextlib.suppress(OSError), path.open("rb") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically with Unix line ends."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


_SEPARATORS = str.maketrans({"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def json_text(value: Any) -> str:
    """A value as JSON: sorted keys, no NaN, so that equal values give equal text."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False) + "\n"


def jsonl_text(values: Iterable[Any]) -> str:
    """Values as JSON, one a line, keys in the given order; line separators of Unicode are escaped, so that every reader sees the same lines."""
    return "".join(json.dumps(value, ensure_ascii=False, allow_nan=False).translate(_SEPARATORS) + "\n" for value in values)


def write_json(path: Path, value: Any) -> None:
    """Write a value as `json_text`, atomically."""
    write_text(path, json_text(value))


def write_jsonl(path: Path, values: Iterable[Any]) -> None:
    """Write values as `jsonl_text`, atomically."""
    write_text(path, jsonl_text(values))


def check_writable(folder: Path) -> None:
    """Make `folder` and try to write into it, before any long work.

    Raises:
        OutputError: it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:  # without a name where the system can, so that a kill leaves nothing
            probe.write(b"x")
            probe.flush()
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror or error}). Free some space or choose a writable folder.") from error


def sha256_file(path: Path) -> str:
    """Hex sha256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def canonical_json(value: Any) -> bytes:
    """A value as JSON with sorted keys and no spaces: equal values give equal bytes."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def sha256_json(value: Any) -> str:
    """Hex sha256 of a value's canonical JSON."""
    return hashlib.sha256(canonical_json(value)).hexdigest()
