"""The one loader: rows in the wheel or a built folder, the same content either way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.data.tables import COLUMNS, repo_name, source_rows, to_record
from anytasktune_bench.errors import DataError
from anytasktune_bench.files import sha256_file
from anytasktune_bench.rows import SPLITS, Split
from anytasktune_bench.spec import LANGS, Lang, SubTask

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

WHEEL = "wheel"


@overload
def load_dataset(name: str, lang: Lang, split: Split, *, source: str | Path = ...) -> Dataset: ...
@overload
def load_dataset(name: str, lang: Lang, split: None = ..., *, source: str | Path = ...) -> DatasetDict: ...
def load_dataset(name: str, lang: Lang, split: Split | None = None, *, source: str | Path = WHEEL) -> Dataset | DatasetDict:
    """Load one sub-task in one language as a Hugging Face dataset.

    Args:
        name: code or id, such as "M1" or "key_info_extraction".
        lang: "zh" or "en".
        split: "train", "validation" or "test"; all three if None.
        source: "wheel" for the rows in the package (and in `ANYTASKTUNE_SUBTASKS`), or a folder made by `anytasktune data build`.

    Returns:
        A `Dataset` with the string columns id, pair_id, group, instruction, input, output, gold (JSON), difficulty and register, or a
        `DatasetDict` of the three splits.

    Raises:
        UnknownSubTaskError: no such sub-task.
        DataError: no such language or split, or the built folder lacks it or does not match its manifest.

    Example:
        >>> load_dataset("M1", "en", "test")[0]["instruction"][:11]
        'Extract thr'
    """
    from datasets import Dataset, DatasetDict

    if split is not None:
        return Dataset.from_list(load_records(load_catalog().get(name), lang, split, source), features=_features())
    spec = load_catalog().get(name)
    return DatasetDict({s: Dataset.from_list(load_records(spec, lang, s, source), features=_features()) for s in SPLITS})


def _features() -> Any:
    from datasets import Features, Value

    return Features({name: Value("string") for name in COLUMNS})


def load_records(spec: SubTask, lang: Lang, split: Split, source: str | Path = WHEEL) -> list[dict[str, str]]:
    """The published records of one split, from the sub-task's folder (`wheel`) or from a built folder.

    Raises:
        DataError: no such language or split, or the built folder lacks it or does not match its manifest.
    """
    if lang not in LANGS or split not in SPLITS:
        raise DataError(f"there is no {lang!r} {split!r}; languages are {', '.join(LANGS)}, splits {', '.join(SPLITS)}.")
    if str(source) == WHEEL:
        return [to_record(spec, row) for row in source_rows(spec, split, lang)]
    return _built_records(Path(source), spec, lang, split)


def _built_records(root: Path, spec: SubTask, lang: Lang, split: Split) -> list[dict[str, str]]:
    import pyarrow.parquet as pq

    folder = root / repo_name(spec.domain) if (root / repo_name(spec.domain)).is_dir() else root
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        entry = manifest["configs"][spec.config_name(lang)]["splits"][split]
    except (OSError, json.JSONDecodeError) as error:
        raise DataError(f"{folder}: has no readable manifest.json. Build it with `anytasktune data build --out {root}`.") from error
    except KeyError as error:
        raise DataError(f"{folder}/manifest.json: lists no {spec.config_name(lang)} {split}. Build it again.") from error
    path = folder / entry["file"]
    if not path.is_file() or sha256_file(path) != entry["sha256"]:
        raise DataError(f"{path}: is missing or differs from the manifest's sha256. Build or download it again.")
    records: list[dict[str, str]] = pq.read_table(path).to_pylist()
    return records
