"""Time and memory of building the dataset repositories, at today's rows and at many times as many. Figures, not tests.

Usage: python -m tests.bench_data [FACTOR [DOMAIN]], by default 100 and all domains. The rows are today's, repeated with ids and groups of their own.
"""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.rows import SPLITS, rows_path
from anytasktune_bench.spec import LANGS, SubTask


def repeated(spec: SubTask, factor: int, folder: Path) -> SubTask:
    """`spec` over a copy of its folder that holds its rows `factor` times."""
    shutil.copytree(spec.folder, folder, ignore=shutil.ignore_patterns("rows"))
    for split in SPLITS:
        for lang in LANGS:
            source, target = rows_path(spec.folder, split, lang), rows_path(folder, split, lang)
            rows = [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()]
            target.parent.mkdir(exist_ok=True)
            with target.open("w", encoding="utf-8") as stream:
                for number in range(factor):
                    for row in rows:
                        ids = {key: f"{row[key][:-4]}{number}{row[key][-4:]}" for key in ("id", "pair_id")} if number else {}
                        stream.write(json.dumps({**row, **ids, "group": f"{row['group']}/{number}"}, ensure_ascii=False) + "\n")
    return spec.model_copy(update={"folder": folder})


def measure(factor: int, domain: str) -> None:
    """Build once in this process and print one line: rows, time, speed and this process's highest memory."""
    from anytasktune_bench.data.build import build

    with tempfile.TemporaryDirectory() as work:
        specs = [repeated(spec, factor, Path(work) / spec.domain / spec.id) for spec in load_catalog().select(domain)]
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.monotonic()
        folders = build(specs, Path(work) / "out")
        taken = time.monotonic() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        manifests = [json.loads((folder / "manifest.json").read_text(encoding="utf-8")) for folder in folders]
        rows = sum(split["rows"] for manifest in manifests for config in manifest["configs"].values() for split in config["splits"].values())
        size = sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file())
    sys.stdout.write(
        f"build {domain} at {factor:>4} times: {rows:>8,} rows {taken:8.1f} s {rows / taken:8,.0f} rows/s {size / 1e6:8.1f} MB written, "
        f"peak RSS {peak / 1024:6.0f} MB ({before / 1024:.0f} MB before)\n"
    )


def main() -> None:
    """Measure each factor in a process of its own, so that peaks are theirs."""
    factor, domain = sys.argv[1] if len(sys.argv) > 1 else "100", sys.argv[2] if len(sys.argv) > 2 else "all"
    for times in ("1", factor):
        subprocess.run([sys.executable, "-c", f"from tests.bench_data import measure; measure({int(times)}, {domain!r})"], check=True)


if __name__ == "__main__":
    main()
