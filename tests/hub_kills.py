"""Publishing that is killed at random requests and run again: every end must equal that of an unbroken run, to the commit."""

from __future__ import annotations

import random
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from tests.hub_emulator import running_hub
from tests.hub_store import Hub
from tests.hub_worker import NAME, Texts, Worker, tiny_folder, working

MOMENTS = ("before", "after", "a little later")
"""When the process is killed: before the Hub serves the request, after that but before the reply, or some milliseconds on."""


def state(hub: Hub, namespace: str) -> Any:
    """Every commit with its files, and where the tags stand."""
    repository = hub.repositories[f"datasets/{namespace}/{NAME}"]
    return repository.commits, repository.tags


def strike(hub: Hub, victim: Worker, request: int, moment: str, rng: random.Random) -> None:
    """Have the victim killed at one of its next requests."""
    seen = {"before": 0, "after": 0}
    when, delay, lock = ("after" if moment == MOMENTS[2] else moment), rng.uniform(0, 0.02), threading.Lock()

    def watch(now: str) -> bool:
        with lock:
            seen[now] += 1
            if now != when or seen[now] != request:
                return True
        if moment == MOMENTS[2]:
            threading.Timer(delay, victim.process.kill).start()
            return True
        victim.process.kill()
        return False

    hub.watch = watch


def kills(count: int, seed: int = 0) -> tuple[int, int]:
    """Kill `count` publishing processes; gives how many were struck before they ended, and how many ends were equal."""
    rng = random.Random(seed)
    struck = equal = 0
    with tempfile.TemporaryDirectory() as work, running_hub() as hub, working(hub, Path(work) / "home") as helper:
        old: Texts = {"train": ["a", "b"], "validation": ["c"], "test": ["d"]}
        folders = [tiny_folder(Path(work) / version, version, texts) for version, texts in (("1.0.0", old), ("2.0.0", {**old, "test": ["e"], "train": ["f"]}))]
        requests = []
        for folder in folders:
            before = len(hub.requests)
            helper("publish", folder=str(folder), namespace="whole")
            requests.append(len(hub.requests) - before)
        wanted = state(hub, "whole")
        for place in range(count):
            namespace, which = f"killed{place}", rng.randrange(len(folders))
            for folder in folders[:which]:
                helper("publish", folder=str(folder), namespace=namespace)
            with working(hub, Path(work) / "victim") as victim:
                victim("ready")
                hub.objects.clear()  # so that large files are sent again
                strike(hub, victim, rng.randint(1, requests[which]), rng.choice(MOMENTS), rng)
                victim.send("publish", folder=str(folders[which]), namespace=namespace)
                assert victim.process.stdout
                struck += victim.process.stdout.readline() == ""
            time.sleep(0.05)  # what the Hub was serving, it serves
            hub.watch = lambda moment: True
            ends = [helper("publish", folder=str(folder), namespace=namespace) for folder in folders[which:]]
            equal += not any("error" in end for end in ends) and state(hub, namespace) == wanted
    return struck, equal
