"""Put a domain's built folder on the Hub: one repository a domain, one commit and one tag a version.

Whatever happens in between, the same call ends in the same state: the commit is atomic, a commit that was not tagged is known by its tree, and a
tag is set only on a commit whose tree is the folder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from anytasktune_bench import hub
from anytasktune_bench.data.manifest import MANIFEST, read_manifest
from anytasktune_bench.data.versions import Reason, check_version, last_version, least_version, parse_version, reasons
from anytasktune_bench.errors import DataError, HubError
from anytasktune_bench.hub import Changes

Step = Literal["commit", "tag", "nothing"]


@dataclass(frozen=True)
class Plan:
    """What publishing a folder will do."""

    repo: str
    version: str
    step: Step
    """`commit` (and tag it), `tag` a commit that holds these files already, or `nothing`."""
    last: str | None
    """The tag that this version follows; None for the first one, and where there is nothing to do."""
    reasons: tuple[Reason, ...]
    """Why the version had to rise, besides files that neither scores nor training depend on."""
    changes: Changes
    """Files against those of `last`."""
    head: str
    """The commit that main is at, or that is tagged already; empty if there is no repository yet."""
    writes: Changes
    """Files against those of `head`. It differs from `changes` where main has moved since `last`."""


@dataclass(frozen=True)
class Published:
    """What publishing a folder did."""

    repo: str
    version: str
    step: Step
    url: str
    """The commit, or the pull request."""
    tag: str | None
    """None for a pull request, which has no tag until it is merged and published again."""


def plan(folder: Path, namespace: str) -> Plan:
    """Compare a domain's built folder with its repository.

    Raises:
        DataError: the version is published with other files, or is too low for what changed; the least version that would do is named.
        HubError: the Hub refuses or cannot be reached.
    """
    manifest = read_manifest(folder)
    repo, tag = f"{namespace}/{manifest.name}", f"v{manifest.version}"
    parse_version(manifest.version)
    found = hub.refs(repo, "dataset")
    if found is None or not found.head:
        everything = hub.changes(folder, {})
        return Plan(repo, manifest.version, "commit", None, (), everything, "", everything)
    if tag in found.tags:
        _check_published(folder, repo, tag, found.tags[tag])
        return Plan(repo, manifest.version, "nothing", None, (), Changes(), found.tags[tag], Changes())
    writes = changes = hub.changes(folder, hub.tree(repo, "dataset", found.head))
    why: tuple[Reason, ...] = ()
    if last := last_version(list(found.tags)):
        changes = writes if found.tags[last] == found.head else hub.changes(folder, hub.tree(repo, "dataset", found.tags[last]))
        why = reasons(read_manifest(hub.download(repo, found.tags[last], [MANIFEST], kind="dataset")), manifest)
        check_version(repo, manifest.version, last, why)
    return Plan(repo, manifest.version, "commit" if writes else "tag", last, why, changes, found.head, writes)


def _check_published(folder: Path, repo: str, tag: str, commit: str) -> None:
    """Hold that a version that is published already has the folder's files.

    Raises:
        DataError: it has others.
    """
    other = hub.changes(folder, hub.tree(repo, "dataset", commit))
    if not other:
        return
    why = reasons(read_manifest(hub.download(repo, commit, [MANIFEST], kind="dataset")), read_manifest(folder))
    files = [*other.added, *other.changed, *other.removed]
    because = "; ".join(map(str, why)) or "no row that scores or training depend on"
    raise DataError(
        f"{repo}: {tag} is published with other files ({len(files)} differ, such as {files[0]}; {because}), and tags do not move. "
        f"Raise the version to {least_version(tag, why)} at least, in anytasktune_bench/version.py."
    )


def publish(planned: Plan, folder: Path, private: bool = False, create_pr: bool = False, progress: Callable[[str], None] = lambda _: None) -> Published:
    """Do what `plan` said.

    Args:
        planned: the plan for `folder`.
        folder: the domain's built folder.
        private: make a new repository private.
        create_pr: open a pull request instead of writing to main; nothing is tagged.
        progress: told what begins.

    Raises:
        HubError: the Hub refuses or cannot be reached, or main has moved since the plan. Run again, it goes on where it stopped.
    """
    repo, tag, commit = planned.repo, f"v{planned.version}", planned.head
    url = hub.commit_url(repo, "dataset", commit)
    if planned.step == "commit":
        writes = planned.writes
        if not commit:
            progress(f"making {repo}")
            hub.create(repo, "dataset", private)
            found = hub.refs(repo, "dataset")
            commit = found.head if found else ""
            writes = hub.changes(folder, hub.tree(repo, "dataset", commit) if commit else {})
        progress(f"writing {len(writes.added) + len(writes.changed)} files to {repo}")
        commit, url = hub.commit(folder, repo, "dataset", writes, parent=commit, message=f"Version {planned.version}", create_pr=create_pr)
        if create_pr:
            return Published(repo, planned.version, planned.step, url, None)
        if left := hub.changes(folder, hub.tree(repo, "dataset", commit)):
            names = ", ".join([*left.added, *left.changed, *left.removed][:3])
            raise HubError(f"{repo}: the commit {commit} is not what was sent ({names} differ), so nothing was tagged. Look for a .gitignore there, and run the command again.")
    if planned.step != "nothing":
        hub.tag(repo, "dataset", tag, commit)
    return Published(repo, planned.version, planned.step, url, tag)
