"""The leaderboard as a static Space on the Hugging Face Hub."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import yaml

from anytasktune_bench.data.tables import repo_name
from anytasktune_bench.errors import RecordError
from anytasktune_bench.files import write_text
from anytasktune_bench.hub import NAMESPACE, upload
from anytasktune_bench.leaderboard.site import MANIFEST, site_files
from anytasktune_bench.spec import DOMAINS


def space_card() -> str:
    """The Space's README: the front matter by which the Hub serves the page as it is."""
    head = {
        "title": "AnyTaskTune-Bench leaderboard",
        "emoji": "📋",
        "colorFrom": "blue",
        "colorTo": "gray",
        "sdk": "static",
        "app_file": "index.html",
        "pinned": False,
        "short_description": "Models by explicit task, in Chinese and English",
        "datasets": [f"{NAMESPACE}/{repo_name(domain)}" for domain in DOMAINS],
    }
    front = yaml.safe_dump(head, allow_unicode=True, sort_keys=False)
    return f"---\n{front}---\n\nA page that `anytasktune leaderboard build` makes from result records; the records hold every answer, and `anytasktune rescore` recomputes them.\n"


def publish_site(site: Path, space: str, private: bool = False) -> str:
    """Write a site to a static Space as one commit; files that the site does not have are removed there.

    Args:
        site: a folder made by `anytasktune leaderboard build`.
        space: `owner/name`.
        private: make a new Space private.

    Returns:
        The address of the commit; that of the last one where nothing was new.

    Raises:
        RecordError: the folder is no site.
        HubError: the Hub refuses or cannot be reached.
    """
    names = sorted(site_files(site) or {MANIFEST})
    if missing := [name for name in names if not (site / name).resolve().is_relative_to(site.resolve()) or not (site / name).is_file()]:
        raise RecordError(f"{site}: is no leaderboard (there is no {missing[0]}). Make it with `anytasktune leaderboard build RECORDS --out {site}`.")
    with tempfile.TemporaryDirectory(prefix="anytasktune-") as work:
        folder = Path(work) / "site"
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(site / name, folder / name)
        write_text(folder / "README.md", space_card())
        return upload(folder, space, kind="space", private=private, message="Leaderboard", mirror=True)
