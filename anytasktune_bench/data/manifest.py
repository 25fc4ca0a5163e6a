"""A dataset folder's manifest: what it holds, and the sha256 that says it is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from anytasktune_bench.errors import DataError
from anytasktune_bench.files import sha256_file
from anytasktune_bench.rows import Split
from anytasktune_bench.spec import Lang

MANIFEST = "manifest.json"
RELOAD = "Remove it, and build or download it again."


class SplitFile(BaseModel):
    """One split's file."""

    file: str
    rows: int
    sha256: str


class Config(BaseModel):
    """One sub-task in one language."""

    subtask: str
    lang: Lang
    eval_fingerprint: str
    train_fingerprint: str
    splits: dict[Split, SplitFile]


class Manifest(BaseModel):
    """What `data build` says of a domain's folder."""

    model_config = ConfigDict(frozen=True)

    name: str
    """Name of the repository, without its owner."""
    version: str
    configs: dict[str, Config]


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a domain's folder.

    Raises:
        DataError: there is none, or it has not the right form.
    """
    path = folder / MANIFEST
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"{folder}: has no readable {MANIFEST}. Make the folder with `anytasktune data build`.") from error
    except ValidationError as error:
        raise DataError(f"{path}: is no manifest of a dataset ({error.errors()[0]['msg']}). {RELOAD}") from error


def read_split(folder: Path, config: str, split: Split) -> list[dict[str, Any]]:
    """The records of one split of a domain's folder, checked against the manifest.

    Raises:
        DataError: the manifest does not list it, or its file is missing or differs.
    """
    import pyarrow.parquet as pq

    manifest = read_manifest(folder)
    if config not in manifest.configs or split not in manifest.configs[config].splits:
        raise DataError(f"{folder / MANIFEST}: lists no {config} {split}; it has {', '.join(manifest.configs)}. {RELOAD}")
    entry = manifest.configs[config].splits[split]
    path = folder / entry.file
    if not path.is_file() or sha256_file(path) != entry.sha256:
        raise DataError(f"{path}: is missing or differs from the manifest's sha256. {RELOAD}")
    records: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return records
