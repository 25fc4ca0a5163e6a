"""The site goes to a static Space, with the real client against an emulator of the Hub on loopback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml
from huggingface_hub import SpaceCardData

from anytasktune_bench.leaderboard.results import find_results
from anytasktune_bench.leaderboard.site import build_site, site_files
from tests.hub_emulator import TOKEN, running_hub
from tests.hub_worker import environment

RECORDS = Path(__file__).parents[2] / "leaderboard" / "results"


def test_a_site_becomes_a_static_space_and_pages_that_left_go(tmp_path: Path) -> None:
    site = build_site(find_results(RECORDS), tmp_path / "site").parent
    with running_hub() as hub:

        def publish(folder: Path, token: str = TOKEN) -> subprocess.CompletedProcess[str]:
            code = "from anytasktune_bench.cli import main; main()"
            arguments = [sys.executable, "-c", code, "leaderboard", "publish", str(folder), "--space", "tester/board"]
            return subprocess.run(arguments, capture_output=True, text=True, env=environment(hub.url, tmp_path / "home", token=token))

        refused = publish(site, token="")
        assert refused.returncode == 1 and "hf auth login" in refused.stderr and not hub.repositories
        done = publish(site)
        assert done.returncode == 0 and done.stdout.startswith(f"{hub.url}/spaces/tester/board/commit/"), done.stderr
        space = hub.repositories["spaces/tester/board"]
        files = space.commits[-1][1]
        assert space.sdk == "static" and set(files) == site_files(site) | {"README.md", ".gitattributes"}
        assert all(files[name] == (site / name).read_bytes() for name in site_files(site))
        head = SpaceCardData(**yaml.safe_load(files["README.md"].decode().split("---\n")[1]))
        assert (head.sdk, head.app_file) == ("static", "index.html") and len(head.short_description) <= 60  # type: ignore[attr-defined]
        hub.add(space, {**files, "old.html": b"old"})
        assert publish(site).returncode == 0 and set(space.commits[-1][1]) == set(files)
        count = len(space.commits)
        assert publish(site).returncode == 0 and len(space.commits) == count
        wrong = publish(tmp_path)
        assert wrong.returncode == 1 and "leaderboard build" in wrong.stderr
