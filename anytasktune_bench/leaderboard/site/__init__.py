"""The static site: pages in two languages, the table as JSON, CSV and LaTeX, and every answer as data for the sample explorer.

Pages ask nothing of the network, every foreign text is escaped and isolated, and equal records give equal bytes.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from anytasktune_bench.catalog import Catalog, load_catalog
from anytasktune_bench.data.prose import summary
from anytasktune_bench.errors import OutputError, RecordError
from anytasktune_bench.files import check_writable
from anytasktune_bench.leaderboard.editions import Editions
from anytasktune_bench.leaderboard.results import read_results
from anytasktune_bench.leaderboard.site.board import Board
from anytasktune_bench.leaderboard.site.explorer import explorer_files
from anytasktune_bench.leaderboard.site.exports import to_csv, to_json, to_latex
from anytasktune_bench.leaderboard.site.pages import Renderer, address
from anytasktune_bench.leaderboard.site.views import board_script
from anytasktune_bench.leaderboard.table import build_table

MANIFEST = "site.txt"
"""Lists the files of a site, one a line; a folder that holds others is never replaced."""

_STATIC = Path(__file__).parent / "static"


def build_site(records: Sequence[Path], out: Path, catalog: Catalog | None = None, reproduced: Collection[str] | None = None) -> Path:
    """Build the site from result records. It is built beside `out` and then renamed, so a reader sees the old site or the new one.

    Args:
        records: what `results.find_results` finds, in any order.
        out: the site's folder; made, or replaced where it holds nothing but a site.
        catalog: the sub-tasks; those of the installation if None.
        reproduced: as for `build_table`.

    Returns:
        The path of the English overview.

    Raises:
        RecordError: there is no record, or one is wrong.
        OutputError: `out` holds other files, or cannot be written.
    """
    if not records:
        raise RecordError("there is no record to build a leaderboard from. `anytasktune eval` writes them.")
    check_replaceable(out.resolve())
    editions = Editions(catalog or load_catalog())
    found = read_results(records, editions)
    table = build_table([filed.pair for filed in found], editions.catalog, reproduced)
    return write_site(Board(table, editions.catalog, summary(), {filed.record.uuid: filed for filed in found}), out)


def write_site(board: Board, out: Path) -> Path:
    """Write the site of a board; see `build_site`."""
    out = out.resolve()
    check_replaceable(out)
    check_writable(out.parent)
    try:
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as name:
            new, old = Path(name) / "new", Path(name) / "old"
            written = []
            for path, text in [*static_files(), *data_files(board)]:
                _write(new / path, text)
                written.append(path)
            for path, text in Renderer(board).pages():
                _write(new / path, text)
                written.append(path)
            for path, text in explorer_files(board):
                _write(new / "data" / path, text)
                written.append(f"data/{path}")
            _write(new / MANIFEST, "".join(f"{path}\n" for path in sorted([*written, MANIFEST])))
            if out.exists():
                out.rename(old)
            try:
                new.rename(out)
            except OSError:
                if old.exists():
                    old.rename(out)
                raise
    except OSError as error:
        raise OutputError(f"{out}: cannot be written ({error.strerror or error}). Free some space or choose a writable folder.") from error
    return out / address("en", "index.html")


def static_files() -> Iterator[tuple[str, str]]:
    """(path in the site, text) of the style sheet and the scripts."""
    for path in sorted(_STATIC.iterdir()):
        yield path.name, path.read_text(encoding="utf-8")


def data_files(board: Board) -> Iterator[tuple[str, str]]:
    """(path in the site, text) of the table in its other forms."""
    yield "data.json", json.dumps(to_json(board.table), ensure_ascii=False, sort_keys=True, allow_nan=False, indent=1) + "\n"
    yield "results.csv", to_csv(board.table)
    yield "results.tex", to_latex(board.table)
    yield "data/board.js", board_script(board)


def site_files(folder: Path) -> frozenset[str]:
    """The files of a site, by its own list; none where the folder is no site."""
    manifest = folder / MANIFEST
    return frozenset(manifest.read_text(encoding="utf-8").splitlines()) if manifest.is_file() else frozenset()


def check_replaceable(out: Path) -> None:
    """Refuse a folder that holds anything but a site.

    Raises:
        OutputError: with the first such file.
    """
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out}: is a file. Choose a folder.")
    known = site_files(out)
    foreign = next((path for path in sorted(out.rglob("*")) if not path.is_dir() and path.relative_to(out).as_posix() not in known), None)
    if foreign is not None:
        raise OutputError(f"{out}: holds {foreign.relative_to(out)}, which is no part of a site and would be lost. Choose an empty or a new folder.")


def _write(path: Path, text: str) -> None:
    """The whole folder is renamed into place when it is complete, so its files need no renaming of their own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8"))
