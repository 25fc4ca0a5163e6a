"""What changed between two editions of a domain's dataset, and the least version that may carry it.

MAJOR when scores stop being comparable (test rows, labels, prompts or a primary metric changed, or a config is gone), MINOR for additions (a new
config, other train or validation rows), PATCH for the rest. While MAJOR is 0, what would raise it raises MINOR, as Semantic Versioning has it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

from anytasktune_bench.data.manifest import Manifest, read_manifest, read_split
from anytasktune_bench.errors import DataError
from anytasktune_bench.rows import SPLITS, Split

Version = tuple[int, int, int]


class Level(IntEnum):
    """Which part of a version must rise."""

    PATCH = 0
    MINOR = 1
    MAJOR = 2


@dataclass(frozen=True)
class Reason:
    """One way in which two editions differ."""

    level: Level
    what: str
    configs: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.what}: {', '.join(self.configs)}"


@dataclass(frozen=True)
class SplitDiff:
    """Ids of the rows that differ in one split."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]


@dataclass(frozen=True)
class ConfigDiff:
    """How one config differs."""

    comparable: bool
    """Whether scores on both editions may stand side by side."""
    same_training: bool
    splits: dict[Split, SplitDiff] = field(default_factory=dict)
    """The splits whose rows differ."""


@dataclass(frozen=True)
class Diff:
    """How two editions of a domain differ."""

    name: str
    old: str
    new: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: dict[str, ConfigDiff]
    reasons: tuple[Reason, ...]


def parse_version(text: str) -> Version:
    """`"1.2.3"` or `"v1.2.3"` as numbers.

    Raises:
        DataError: it is not of that form.
    """
    if not (match := re.fullmatch(r"v?(\d+)\.(\d+)\.(\d+)", text)):
        raise DataError(f"{text!r} is no version; versions are MAJOR.MINOR.PATCH, such as 1.2.3.")
    return int(match[1]), int(match[2]), int(match[3])


def last_version(tags: list[str]) -> str | None:
    """The highest of the tags that are versions, as it is written there."""
    versions = [tag for tag in tags if re.fullmatch(r"v\d+\.\d+\.\d+", tag)]
    return max(versions, key=parse_version, default=None)


def reasons(old: Manifest, new: Manifest) -> tuple[Reason, ...]:
    """Why the version must rise, the gravest first; none if configs and their fingerprints are the same."""
    common = [name for name in new.configs if name in old.configs]
    found = [
        Reason(Level.MAJOR, "configs removed", tuple(name for name in old.configs if name not in new.configs)),
        Reason(
            Level.MAJOR,
            "test rows, labels, prompt or metric changed",
            tuple(name for name in common if old.configs[name].eval_fingerprint != new.configs[name].eval_fingerprint),
        ),
        Reason(Level.MINOR, "configs added", tuple(name for name in new.configs if name not in old.configs)),
        Reason(Level.MINOR, "train or validation rows changed", tuple(name for name in common if old.configs[name].train_fingerprint != new.configs[name].train_fingerprint)),
    ]
    return tuple(reason for reason in found if reason.configs)


def least_version(last: str, why: tuple[Reason, ...]) -> str:
    """The lowest version that may follow `last`."""
    major, minor, patch = parse_version(last)
    level = max((reason.level for reason in why), default=Level.PATCH)
    if major == 0:
        level = min(level, Level.MINOR)
    return {Level.MAJOR: f"{major + 1}.0.0", Level.MINOR: f"{major}.{minor + 1}.0", Level.PATCH: f"{major}.{minor}.{patch + 1}"}[level]


def check_version(name: str, version: str, last: str, why: tuple[Reason, ...]) -> None:
    """Hold that `version` may follow `last`.

    Raises:
        DataError: it is too low; the least version that would do is named.
    """
    least = least_version(last, why)
    if parse_version(version) < parse_version(least):
        because = "; ".join(map(str, why)) or "files changed that no score and no training depends on"
        raise DataError(f"{name}: after {last}, version {version} is too low for what changed ({because}). Raise it to {least} at least, in anytasktune_bench/version.py.")


def compare(old: Path, new: Path) -> Diff:
    """Compare two folders of a domain row by row.

    Raises:
        DataError: a folder is not whole, or they are of different domains.
    """
    before, after = read_manifest(old), read_manifest(new)
    if before.name != after.name:
        raise DataError(f"{new}: holds {after.name}, and {old} holds {before.name}. Compare two editions of one domain.")
    changed = {}
    for name in (name for name in after.configs if name in before.configs):
        was, now = before.configs[name], after.configs[name]
        splits = {split: diff for split in SPLITS if (diff := _split_diff(old, new, name, split, was.splits[split].sha256 == now.splits[split].sha256))}
        config = ConfigDiff(was.eval_fingerprint == now.eval_fingerprint, was.train_fingerprint == now.train_fingerprint, splits)
        if splits or not config.comparable or not config.same_training:
            changed[name] = config
    return Diff(
        before.name,
        before.version,
        after.version,
        tuple(name for name in after.configs if name not in before.configs),
        tuple(name for name in before.configs if name not in after.configs),
        changed,
        reasons(before, after),
    )


def _split_diff(old: Path, new: Path, config: str, split: Split, same: bool) -> SplitDiff | None:
    if same:
        return None
    before, after = ({record["id"]: record for record in read_split(folder, config, split)} for folder in (old, new))
    diff = SplitDiff(
        tuple(row for row in after if row not in before),
        tuple(row for row in before if row not in after),
        tuple(row for row in after if row in before and after[row] != before[row]),
    )
    return diff if diff.added or diff.removed or diff.changed else None
