"""The Hugging Face Hub: writing a folder to a repository in one commit, and reading one at a fixed revision."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from anytasktune_bench.errors import HubError

LOGIN = "Log in with `hf auth login`, or set HF_TOKEN to a token that may write."


@contextlib.contextmanager
def hub_errors(repo: str) -> Iterator[None]:
    """Turn what the Hub's client raises into one error that names the fix.

    Raises:
        HubError: the Hub cannot be reached, refuses, or has no such repository or revision.
    """
    from huggingface_hub import errors

    http_error: type[Exception] = errors.HTTPError  # type: ignore[attr-defined]  # the HTTP client's, under the name that does not change with it
    try:
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
        status = error.response.status_code if error.response is not None else 0
        said = (error.server_message or str(error)).strip().split("\n")[0]
        if status in (401, 403):
            raise HubError(f"{repo}: the Hub refuses ({status}: {said}). {LOGIN}") from error
        raise HubError(f"{repo}: the Hub answers {status or 'with an error'} ({said}). Nothing was lost here; run the command again.") from error
    except (http_error, ConnectionError, TimeoutError) as error:
        raise HubError(f"{repo}: the Hub cannot be reached ({str(error) or type(error).__name__}). Check the network, and run the command again.") from error


def upload(folder: Path, repo: str, *, kind: str = "model", private: bool = False, message: str) -> str:
    """Write a folder to a repository as one commit; the repository is made if there is none, and files that are equal are not sent again.

    Args:
        folder: what to write.
        repo: `owner/name`.
        kind: "model", "dataset" or "space".
        private: make a new repository private.
        message: of the commit.

    Returns:
        The address of the commit; that of the last one where nothing was new.

    Raises:
        HubError: the Hub refuses or cannot be reached.
    """
    from huggingface_hub import HfApi

    with hub_errors(repo):
        api = HfApi()
        api.create_repo(repo, repo_type=kind, private=private, exist_ok=True)
        return str(api.upload_folder(folder_path=folder, repo_id=repo, repo_type=kind, commit_message=message).commit_url)


def download(repo: str, revision: str | None, patterns: Sequence[str]) -> Path:
    """The files of a model repository at a revision, in the Hub's cache.

    Raises:
        HubError: the Hub refuses or cannot be reached, or there is no such repository or revision.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        with hub_errors(repo):
            return Path(snapshot_download(repo, revision=revision, allow_patterns=list(patterns)))
    except LocalEntryNotFoundError as error:
        raise HubError(f"{repo}: is not in the cache, and the Hub cannot be reached. Check the name and the network.") from error
