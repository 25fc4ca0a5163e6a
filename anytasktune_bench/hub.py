"""The Hugging Face Hub: what stands in a repository, one commit for all that differs, and files at a fixed revision."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from anytasktune_bench.errors import HubError
from anytasktune_bench.files import sha256_file

NAMESPACE = "anytasktune"
"""Owner of the benchmark's repositories."""

LOGIN = "Log in with `hf auth login`, or set HF_TOKEN to a token that may write."
WRITE_PATIENCE = 6
"""How much longer than a read (HF_HUB_DOWNLOAD_TIMEOUT, 10 s) a write may keep us waiting: the Hub answers a commit when it is done."""

Kind = Literal["model", "dataset", "space"]


@dataclass(frozen=True)
class RemoteFile:
    """A file in a repository."""

    size: int
    oid: str
    """sha256 of the content of a large file, else its git blob id."""
    large: bool


@dataclass(frozen=True)
class Refs:
    """Where a repository's main branch and tags stand, as commits."""

    head: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Changes:
    """Files of a folder against those of a repository: path -> bytes."""

    added: dict[str, int] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    removed: dict[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


@contextlib.contextmanager
def hub_errors(repo: str) -> Iterator[None]:
    """Turn what the Hub's client raises into one error that names the fix, and let no request wait for ever.

    Raises:
        HubError: the Hub cannot be reached, refuses, or has no such repository or revision.
    """
    from huggingface_hub import errors, get_session

    http_error: type[Exception] = errors.HTTPError  # type: ignore[attr-defined]  # the HTTP client's, under the name that does not change with it
    try:
        if _bound not in (hooks := get_session().event_hooks)["request"]:
            hooks["request"].append(_bound)
        yield
    except errors.OfflineModeIsEnabled as error:
        raise HubError(f"{repo}: the Hub is switched off by HF_HUB_OFFLINE, and the cache does not hold it. Unset it, and run again.") from error
    except errors.HFValidationError as error:
        raise HubError(f"{repo}: is no name of a repository. Give it as owner/name.") from error
    except errors.LocalTokenNotFoundError as error:
        raise HubError(f"{repo}: needs a token. {LOGIN}") from error
    except errors.GatedRepoError as error:
        raise HubError(f"{repo}: is gated. Ask for access on its page, then log in with `hf auth login`.") from error
    except errors.RepositoryNotFoundError as error:
        raise HubError(f"{repo}: there is no such repository, or it is private and you may not see it. Check the name. {LOGIN}") from error
    except errors.HfHubHTTPError as error:
        raise HubError(_refusal(repo, error)) from error
    except (http_error, ConnectionError, TimeoutError) as error:
        raise HubError(f"{repo}: the Hub cannot be reached ({str(error) or type(error).__name__}). Check the network, and run the command again.") from error


def _bound(request: Any) -> None:
    """Give a request that would wait for ever the client's own limit; it sets none for most calls."""
    from huggingface_hub import constants

    seconds = constants.HF_HUB_DOWNLOAD_TIMEOUT * (1 if request.method in ("GET", "HEAD") else WRITE_PATIENCE)
    limits = request.extensions.get("timeout", {})
    request.extensions["timeout"] = {phase: seconds if limits.get(phase) is None else limits[phase] for phase in ("connect", "read", "write", "pool")}


def _refusal(repo: str, error: Any) -> str:
    status = error.response.status_code if error.response is not None else 0
    said = (error.server_message or str(error)).strip().split("\n")[0]
    if status in (401, 403):
        return f"{repo}: the Hub refuses ({status}: {said}). {LOGIN}"
    if status == 412:
        return f"{repo}: somebody else committed to it meanwhile ({said}). Nothing was written; run the command again, it starts from what stands there now."
    if status == 429:
        wait = error.response.headers.get("Retry-After")
        return f"{repo}: too many requests (429: {said}). Wait {f'{wait} seconds' if wait else 'five minutes'}, and run the command again; it goes on where it stopped."
    return f"{repo}: the Hub answers {status or 'with an error'} ({said}). Nothing was lost here; run the command again."


def refs(repo: str, kind: Kind) -> Refs | None:
    """Where main and the tags stand; None if there is no such repository.

    Raises:
        HubError: the Hub refuses or cannot be reached.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RepositoryNotFoundError

    with hub_errors(repo):
        try:
            found = HfApi().list_repo_refs(repo, repo_type=kind)
        except RepositoryNotFoundError:
            return None
    head = next((branch.target_commit for branch in found.branches if branch.name == "main"), "")
    return Refs(head, {tag.name: tag.target_commit for tag in found.tags})


def tree(repo: str, kind: Kind, revision: str) -> dict[str, RemoteFile]:
    """Every file of a repository at a revision, by path.

    Raises:
        HubError: the Hub refuses or cannot be reached, or there is no such revision.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    with hub_errors(repo):
        entries = [entry for entry in HfApi().list_repo_tree(repo, repo_type=kind, revision=revision, recursive=True) if isinstance(entry, RepoFile)]
    return {entry.path: RemoteFile(entry.size, entry.lfs.sha256 if entry.lfs else entry.blob_id, entry.lfs is not None) for entry in entries}


def changes(folder: Path, files: Mapping[str, RemoteFile]) -> Changes:
    """What makes a repository with `files` equal to `folder`. The Hub's own `.gitattributes` is never removed."""
    local = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    added = {name: path.stat().st_size for name, path in local.items() if name not in files}
    changed = {name: path.stat().st_size for name, path in local.items() if name in files and not _same(path, files[name])}
    removed = {name: file.size for name, file in files.items() if name not in local and name != ".gitattributes"}
    return Changes(added, changed, removed)


def _same(path: Path, file: RemoteFile) -> bool:
    if path.stat().st_size != file.size:
        return False
    if file.large:
        return sha256_file(path) == file.oid
    return hashlib.sha1(b"blob %d\0" % file.size + path.read_bytes()).hexdigest() == file.oid


def create(repo: str, kind: Kind, private: bool) -> None:
    """Make a repository if there is none.

    Raises:
        HubError: the Hub refuses or cannot be reached, or nobody is logged in.
    """
    from huggingface_hub import HfApi

    with hub_errors(repo):
        HfApi(token=True).create_repo(repo, repo_type=kind, private=private, exist_ok=True, space_sdk="static" if kind == "space" else None)


def commit(folder: Path, repo: str, kind: Kind, wanted: Changes, *, parent: str, message: str, create_pr: bool = False) -> tuple[str, str]:
    """Write `wanted` from `folder` as exactly one commit, or not at all.

    `upload_folder` of the Hub's client may split a folder into several commits, so that one that is broken off leaves half of it.

    Args:
        folder: where the files are.
        repo: `owner/name`.
        kind: what sort of repository it is.
        wanted: what `changes` gave.
        parent: the commit that main must still be at.
        message: of the commit.
        create_pr: open a pull request instead of writing to main.

    Returns:
        The commit's id and address; the pull request's address with `create_pr`.

    Raises:
        HubError: the Hub refuses or cannot be reached, main has moved, or the card's metadata are wrong.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
    from huggingface_hub.errors import HfHubHTTPError

    operations: list[Any] = [CommitOperationDelete(path_in_repo=path, is_folder=False) for path in wanted.removed]
    operations += [CommitOperationAdd(path_in_repo=path, path_or_fileobj=folder / path) for path in (*wanted.added, *wanted.changed)]
    with hub_errors(repo):
        try:
            made = HfApi(token=True).create_commit(repo, operations, commit_message=message, repo_type=kind, parent_commit=parent or None, create_pr=create_pr)
        except HfHubHTTPError:
            raise
        except RuntimeError as error:  # a large file that could not be sent; why is its cause
            raise error.__cause__ or HubError(f"{repo}: {error} Nothing was written; run the command again.") from None
        except ValueError as error:
            raise HubError(f"{repo}: the Hub does not take these files: {' '.join(str(error).split())}. Nothing was written; mend them, and run the command again.") from error
    return made.oid, str(made.pr_url if create_pr else made.commit_url)


def tag(repo: str, kind: Kind, name: str, revision: str) -> None:
    """Tag a commit. Tags do not move: one that is there already is an error.

    Raises:
        HubError: there is such a tag, or the Hub refuses or cannot be reached.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    with hub_errors(repo):
        try:
            HfApi(token=True).create_tag(repo, tag=name, revision=revision, repo_type=kind)
        except HfHubHTTPError as error:
            if error.response.status_code != 409:
                raise
            raise HubError(f"{repo}: {name} was tagged by somebody else meanwhile. Run the command again; it compares what stands there.") from error


def upload(folder: Path, repo: str, *, kind: Kind = "model", private: bool = False, message: str, mirror: bool = False) -> str:
    """Write a folder to a repository as one commit; the repository is made if there is none, and files that are equal are not sent again.

    Args:
        folder: what to write.
        repo: `owner/name`.
        kind: "model", "dataset" or "space".
        private: make a new repository private.
        message: of the commit.
        mirror: remove files that the folder does not have.

    Returns:
        The address of the commit; that of the last one where nothing was new.

    Raises:
        HubError: the Hub refuses or cannot be reached.
    """
    create(repo, kind, private)
    found = refs(repo, kind)
    head = found.head if found else ""
    wanted = changes(folder, tree(repo, kind, head) if head else {})
    wanted = wanted if mirror else replace(wanted, removed={})
    return commit(folder, repo, kind, wanted, parent=head, message=message)[1] if wanted else commit_url(repo, kind, head)


def commit_url(repo: str, kind: Kind, oid: str) -> str:
    """Address of a commit."""
    from huggingface_hub import constants

    return f"{constants.ENDPOINT}/{'' if kind == 'model' else f'{kind}s/'}{repo}/commit/{oid}"


def download(repo: str, revision: str | None, patterns: Sequence[str], kind: Kind = "model") -> Path:
    """The files of a repository at a revision, in the Hub's cache; the folder's name is the commit.

    Where the Hub cannot be asked, the cache answers if it holds just this revision; another one is never given instead.

    Raises:
        HubError: the Hub refuses or cannot be reached, or there is no such repository or revision.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError, RevisionNotFoundError

    which = f"{repo}@{revision}" if revision else repo
    try:
        with hub_errors(repo):
            return Path(snapshot_download(repo, repo_type=kind, revision=revision, allow_patterns=list(patterns)))
    except LocalEntryNotFoundError as error:
        why = (str(error.__cause__) or type(error.__cause__).__name__).strip().split("\n")[0]
        raise HubError(f"{which}: is not in the cache, and the Hub cannot be reached ({why}). Check the name and the network.") from error
    except OSError as error:
        raise HubError(f"{which}: cannot be read into the cache ({error}). Free some space, or name another folder with HF_HOME.") from error
    except HubError as error:
        if not isinstance(error.__cause__, RevisionNotFoundError):
            raise
        found = refs(repo, kind)
        raise HubError(f"{which}: there is no such revision. Tags there: {', '.join(sorted(found.tags)) if found and found.tags else 'none'}.") from error.__cause__
