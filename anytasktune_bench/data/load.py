"""The one loader: rows in the wheel, a built folder or the Hub, the same content wherever they come from."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.data.manifest import MANIFEST, read_manifest, read_split
from anytasktune_bench.data.tables import COLUMNS, repo_name, source_rows, to_record
from anytasktune_bench.errors import DataError
from anytasktune_bench.files import sha256_file
from anytasktune_bench.hub import NAMESPACE, download
from anytasktune_bench.rows import SPLITS, Split
from anytasktune_bench.spec import LANGS, Lang, SubTask
from anytasktune_bench.version import __version__

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

WHEEL = "wheel"
_HUB = re.compile(r"hub(?::(?P<namespace>[^@/]+))?(?:@(?P<revision>.+))?")
_TAG = re.compile(r"v(\d+\.\d+\.\d+)")


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
        source: "wheel" for the rows in the package (and in `ANYTASKTUNE_SUBTASKS`); a folder made by `anytasktune data build`; or
            "hub", "hub@REVISION", "hub:NAMESPACE@REVISION" for the Hugging Face Hub, at the tag of the installed version if no revision is named.

    Returns:
        A `Dataset` with the string columns id, pair_id, group, instruction, input, output, gold (JSON), difficulty and register, or a
        `DatasetDict` of the three splits.

    Raises:
        UnknownSubTaskError: no such sub-task.
        DataError: no such language or split, or the folder lacks it or does not match its manifest.
        HubError: the Hub has no such revision, or cannot be reached and the cache does not hold it.

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
    """The published records of one split, from the sub-task's folder (`wheel`), a built folder, or the Hub.

    Raises:
        DataError: no such language or split, or the folder lacks it or does not match its manifest.
        HubError: the Hub has no such revision, or cannot be reached and the cache does not hold it.
    """
    if lang not in LANGS or split not in SPLITS:
        raise DataError(f"there is no {lang!r} {split!r}; languages are {', '.join(LANGS)}, splits {', '.join(SPLITS)}.")
    if str(source) == WHEEL:
        return [to_record(spec, row) for row in source_rows(spec, split, lang)]
    config = spec.config_name(lang)
    return read_split(domain_folder(source, spec.domain, config), config, split)


def domain_folder(source: str | Path, domain: str, config: str = "*") -> Path:
    """The folder that holds a domain's Parquet files and manifest: the built one, or the Hub's in the cache.

    Args:
        source: as for `load_dataset`, but not "wheel".
        domain: the domain.
        config: fetch this config alone from the Hub; all if left out.

    Raises:
        DataError: what was fetched is another repository or version than the one that was asked for.
        HubError: as for `load_records`.
    """
    if not (place := _hub_place(source, domain)):
        built = Path(source) / repo_name(domain)
        return built if built.is_dir() else Path(source)
    repo, revision = place
    folder = _snapshot(repo, _resolved(repo, revision), config)
    manifest, tagged = read_manifest(folder), _TAG.fullmatch(revision)
    if manifest.name != repo_name(domain) or (tagged and manifest.version != tagged[1]):
        raise DataError(f"{repo}@{revision}: holds {manifest.name} {manifest.version}. The mirror or the tag is wrong; name another with HF_ENDPOINT, or another revision.")
    return folder


def _hub_place(source: str | Path, domain: str) -> tuple[str, str] | None:
    """Repository and revision of a domain where `source` means the Hub."""
    match = _HUB.fullmatch(str(source))
    return (f"{match['namespace'] or NAMESPACE}/{repo_name(domain)}", match["revision"] or f"v{__version__}") if match else None


@functools.cache
def _resolved(repo: str, revision: str) -> str:
    """The commit that a revision means, the same for the whole life of the process."""
    return download(repo, revision, [MANIFEST], kind="dataset").name


@functools.cache
def _snapshot(repo: str, commit: str, config: str) -> Path:
    return download(repo, commit, [MANIFEST, "README.md", f"{config}/*.parquet"], kind="dataset")


def describe_source(source: str | Path, specs: Sequence[SubTask]) -> str:
    """Where rows come from, exactly enough to find the same again and with no path of this machine.

    Returns:
        "wheel"; or, joined by commas, for each domain of `specs` "folder:NAME@SHA256" with the manifest's sha256, or "hub:REPOSITORY@COMMIT".

    Raises:
        DataError: a folder has no manifest.
        HubError: as for `load_records`.
    """
    if str(source) == WHEEL:
        return WHEEL
    found = []
    for domain in dict.fromkeys(spec.domain for spec in specs):
        if place := _hub_place(source, domain):
            found.append(f"hub:{place[0]}@{_resolved(*place)}")
        else:
            folder = domain_folder(source, domain)
            found.append(f"folder:{read_manifest(folder).name}@{sha256_file(folder / MANIFEST)}")
    return ",".join(found)
