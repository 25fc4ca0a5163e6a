"""Build the published repositories: Parquet per config and split, the card, metadata for other tools, and a manifest with every file's sha256."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from anytasktune_bench.data.cards import card, changelog
from anytasktune_bench.data.companions import croissant, dataset_info, eval_yaml
from anytasktune_bench.data.content import Content, survey
from anytasktune_bench.data.tables import CANARY, COLUMNS, ROW_GROUP, repo_name
from anytasktune_bench.errors import OutputError
from anytasktune_bench.files import sha256_file, write_json, write_text
from anytasktune_bench.rows import SPLITS
from anytasktune_bench.spec import LANGS, SubTask
from anytasktune_bench.version import __version__

MANIFEST = "manifest.json"


def build(specs: Sequence[SubTask], out: Path, progress: Callable[[str], None] = lambda _: None) -> list[Path]:
    """Write the repository `out/anytasktune-<domain>` of each domain of `specs`.

    It holds `<config>/<split>.parquet`, `README.md` (the card), `CHANGELOG.md`, `eval.yaml` (the Hub's community evaluations), `croissant.json`,
    `dataset_info.json` (LLaMA-Factory) and `manifest.json`; each carries the canary. A domain's folder is built beside its place and put there
    whole, so that a reader never sees half of it. The same rows give the same bytes, and memory does not grow with the number of rows.

    Returns:
        The domains' folders.

    Raises:
        RowError: a row cannot be read.
        DataError: a source of the cards is missing or wrong.
        OutputError: the folder cannot be written.
    """
    folders = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        for domain in dict.fromkeys(spec.domain for spec in specs):
            temporary = Path(tempfile.mkdtemp(prefix=f".{domain}.", dir=out))
            try:
                _build_domain([spec for spec in specs if spec.domain == domain], temporary, progress)
                temporary.chmod(0o755)
                target = out / repo_name(domain)
                if target.exists():
                    shutil.rmtree(target)
                temporary.rename(target)
                folders.append(target)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise OutputError(f"{out}: cannot be written ({error.strerror or error}). Free some space or choose a writable folder.") from error
    return folders


def _build_domain(specs: Sequence[SubTask], folder: Path, progress: Callable[[str], None]) -> None:
    contents = []
    for spec in specs:
        for lang in LANGS:
            config = folder / spec.config_name(lang)
            config.mkdir()
            contents.append(survey(spec, lang, through=lambda split, records, config=config: written(records, config / f"{split}.parquet")))  # type: ignore[misc]
            progress(config.name)
    write_text(folder / "README.md", card(contents))
    write_text(folder / "CHANGELOG.md", changelog(specs[0].domain))
    write_text(folder / "eval.yaml", eval_yaml(contents))
    write_json(folder / "dataset_info.json", dataset_info(contents))
    write_json(folder / "croissant.json", croissant(contents, {path: sha256 for path, sha256 in _hashes(folder).items() if path.endswith(".parquet")}))
    write_json(folder / MANIFEST, _manifest(contents, _hashes(folder)))


def _hashes(folder: Path) -> dict[str, str]:
    """Path -> sha256 of every file so far."""
    return {path.relative_to(folder).as_posix(): sha256_file(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def _manifest(contents: Sequence[Content], files: dict[str, str]) -> dict[str, Any]:
    configs = {
        content.name: {
            "subtask": content.spec.code,
            "lang": content.lang,
            "eval_fingerprint": content.eval_fingerprint,
            "train_fingerprint": content.train_fingerprint,
            "splits": {split: {"file": content.file(split), "rows": content.sizes[split].rows, "sha256": files[content.file(split)]} for split in SPLITS},
        }
        for content in contents
    }
    return {"name": repo_name(contents[0].spec.domain), "version": __version__, "canary": CANARY, "configs": configs, "files": files}


def written(records: Iterable[dict[str, str]], path: Path) -> Iterator[dict[str, str]]:
    """Yield records while writing them to a Parquet file of string columns with the canary in its metadata, a row group at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, pa.string()) for name in COLUMNS], metadata={"canary": CANARY})
    remaining = iter(records)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while group := list(itertools.islice(remaining, ROW_GROUP)):
            writer.write_table(pa.Table.from_pylist(group, schema=schema))
            yield from group
