"""Files appear whole or not at all, and what a killed writer leaves is told from what a living one writes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from anytasktune_bench.errors import OutputError
from anytasktune_bench.files import atomic_path, check_writable, clear_abandoned, write_text

WRITER = """
import sys, time
from pathlib import Path
from anytasktune_bench.files import atomic_path
with atomic_path(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(ValueError, match="inside"), atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
        raise ValueError("inside")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.txt", "old")]


def test_only_the_file_of_a_killed_writer_is_cleared_away(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path / name)], stdout=subprocess.PIPE, text=True) for name in ("dead.json", "alive.json")]
    try:
        assert all(writer.stdout is not None and writer.stdout.readline() == "ready\n" for writer in writers)
        writers[0].send_signal(signal.SIGKILL)
        writers[0].wait()
        assert len(list(tmp_path.iterdir())) == 2
        clear_abandoned(tmp_path)
        (left,) = tmp_path.iterdir()
        assert left.name.startswith(".alive.json.")
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()


def test_a_folder_is_tried_without_a_trace(tmp_path: Path) -> None:
    check_writable(tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        check_writable(tmp_path / "file")
    if os.geteuid() != 0:
        (tmp_path / "new").chmod(0o500)
        with pytest.raises(OutputError, match="cannot be written"):
            check_writable(tmp_path / "new")
