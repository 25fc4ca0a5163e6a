"""Build the published folders: Parquet per config and split, and a manifest with the sha256 of each file."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from anytasktune_bench.data.tables import CANARY, COLUMNS, eval_fingerprint, source_rows, to_record, train_fingerprint
from anytasktune_bench.errors import OutputError
from anytasktune_bench.files import sha256_file, write_json
from anytasktune_bench.rows import SPLITS
from anytasktune_bench.spec import LANGS, SubTask
from anytasktune_bench.version import __version__


def repo_name(domain: str) -> str:
    """Name of a domain's dataset repository, without the namespace."""
    return f"anytasktune-{domain}"


def build(specs: Sequence[SubTask], out: Path, progress: Callable[[str], None] = lambda _: None) -> list[Path]:
    """Write `out/anytasktune-<domain>/<config>/<split>.parquet` and `manifest.json` for each domain of `specs`.

    A domain's folder is built beside its place and put there whole, so that a reader never sees half of it. The same rows give the
    same bytes.

    Returns:
        The domains' folders.

    Raises:
        RowError: a row cannot be read.
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
    configs: dict[str, Any] = {}
    for spec in specs:
        for lang in LANGS:
            records = {split: [to_record(spec, row) for row in source_rows(spec, split, lang)] for split in SPLITS}
            config = spec.config_name(lang)
            splits = {}
            for split in SPLITS:
                path = folder / config / f"{split}.parquet"
                write_parquet(records[split], path)
                splits[split] = {"file": f"{config}/{split}.parquet", "rows": len(records[split]), "sha256": sha256_file(path)}
            configs[config] = {
                "subtask": spec.code,
                "lang": lang,
                "eval_fingerprint": eval_fingerprint(spec, lang, records["test"]),
                "train_fingerprint": train_fingerprint(spec, lang, records["train"], records["validation"]),
                "splits": splits,
            }
            progress(config)
    write_json(folder / "manifest.json", {"name": repo_name(specs[0].domain), "version": __version__, "canary": CANARY, "configs": configs})


def write_parquet(records: Sequence[dict[str, str]], path: Path) -> None:
    """Write records as a Parquet file of string columns that carries the canary in its metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, pa.string()) for name in COLUMNS], metadata={"canary": CANARY})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(records), schema=schema), path, compression="zstd")
