"""Find the sub-tasks and select among them. There is no list to edit: a folder with a `task.yaml` is a sub-task."""

from __future__ import annotations

import difflib
import functools
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml
from pydantic import Field, ValidationError, model_validator

from anytasktune_bench.errors import SpecError, UnknownSubTaskError
from anytasktune_bench.rows import has_rows
from anytasktune_bench.spec import DOMAINS, Bilingual, Domain, Strict, SubTask, load_spec

PACKAGE_SUBTASKS = Path(__file__).parent / "subtasks"
SUBTASKS_ENV = "ANYTASKTUNE_SUBTASKS"
"""Further folders of sub-tasks, separated like PATH."""


class Action(Strict):
    """A business action: an ordered chain of steps, each a set of sub-tasks that run side by side."""

    id: str
    domain: Domain
    title: Bilingual
    steps: tuple[tuple[str, ...], ...] = Field(min_length=1)
    """Codes of sub-tasks, step by step."""


class Catalog:
    """All sub-tasks known to this process, in a fixed order (domain, then code)."""

    def __init__(self, specs: Iterable[SubTask]) -> None:
        self.specs: tuple[SubTask, ...] = tuple(sorted(specs, key=lambda s: (DOMAINS.index(s.domain), _natural(s.code))))
        for attribute in ("code", "full_id"):
            seen: dict[str, Path] = {}
            for spec in self.specs:
                name = getattr(spec, attribute).lower()
                if name in seen:
                    raise SpecError(f"{spec.folder}: {attribute} {name!r} is taken by {seen[name]}. Choose another.")
                seen[name] = spec.folder

    @functools.cached_property
    def groups(self) -> dict[str, tuple[SubTask, ...]]:
        """Every selectable name in lower case -> its sub-tasks."""
        names: dict[str, tuple[SubTask, ...]] = {"all": self.specs, "paper13": tuple(s for s in self.specs if s.paper_column)}
        for domain in DOMAINS:
            names[domain] = tuple(s for s in self.specs if s.domain == domain)
        by_id: dict[str, list[SubTask]] = {}
        for spec in self.specs:
            by_id.setdefault(spec.id, []).append(spec)
        for name, specs in by_id.items():
            if len(specs) == 1:
                names[name] = (specs[0],)
        for spec in self.specs:
            names[spec.code.lower()] = names[spec.full_id] = (spec,)
        return {name: specs for name, specs in names.items() if specs}

    @property
    def with_rows(self) -> tuple[SubTask, ...]:
        """The sub-tasks that have rows in every split and language."""
        return tuple(spec for spec in self.specs if has_rows(spec.folder))

    def select(self, names: str | Sequence[str]) -> list[SubTask]:
        """The sub-tasks that `names` mean, in catalog order, each once.

        Args:
            names: codes, ids, `domain/id`, domains, `paper13` or `all`; a string may hold several, separated by commas.

        Raises:
            UnknownSubTaskError: a name means nothing; the closest names are suggested.
        """
        wanted = [n.strip() for n in (names.split(",") if isinstance(names, str) else names) if n.strip()]
        groups = self.groups
        chosen: set[str] = set()
        for name in wanted:
            if name.lower() not in groups:
                close = difflib.get_close_matches(name.lower(), groups, n=3, cutoff=0.5)
                hint = f"Did you mean {' or '.join(close)}?" if close else "`anytasktune ls` shows what there is."
                raise UnknownSubTaskError(f"no sub-task, domain or group is called {name!r}. {hint}")
            chosen |= {spec.code for spec in groups[name.lower()]}
        if not chosen:
            raise UnknownSubTaskError("no sub-task was named. `anytasktune ls` shows what there is.")
        return [spec for spec in self.specs if spec.code in chosen]

    def get(self, name: str) -> SubTask:
        """The one sub-task that `name` means.

        Raises:
            UnknownSubTaskError: none or several.
        """
        found = self.select(name)
        if len(found) != 1:
            raise UnknownSubTaskError(f"{name!r} means {len(found)} sub-tasks ({', '.join(s.code for s in found)}). Name one.")
        return found[0]

    def actions(self) -> list[Action]:
        """The business actions whose sub-tasks are all in the catalog."""
        codes = {spec.code for spec in self.specs}
        return [a for a in _package_actions() if all(code in codes for step in a.steps for code in step)]


def discover(folder: Path) -> list[SubTask]:
    """Every sub-task below `folder` (`<domain>/<id>/task.yaml`).

    Raises:
        SpecError: the folder is missing or a spec in it is wrong.
    """
    if not folder.is_dir():
        raise SpecError(f"{folder}: there is no such folder of sub-tasks. Check --subtasks or {SUBTASKS_ENV}.")
    return [load_spec(path) for path in sorted(folder.glob("*/*/task.yaml"))]


def load_catalog() -> Catalog:
    """The package's sub-tasks and those in the folders of `ANYTASKTUNE_SUBTASKS` (which `--subtasks DIR` sets)."""
    return _load_catalog(os.environ.get(SUBTASKS_ENV, ""))


@functools.cache
def _load_catalog(folders: str) -> Catalog:
    extra = (spec for folder in dict.fromkeys(folders.split(os.pathsep)) if folder for spec in discover(Path(folder)))
    return Catalog([*discover(PACKAGE_SUBTASKS), *extra])


class _Actions(Strict):
    actions: tuple[Action, ...]

    @model_validator(mode="after")
    def _unique(self) -> _Actions:
        ids = [action.id for action in self.actions]
        if len(set(ids)) != len(ids):
            raise ValueError("an action id stands twice")
        return self


@functools.cache
def _package_actions() -> tuple[Action, ...]:
    path = Path(__file__).parent / "actions.yaml"
    try:
        return _Actions.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))).actions
    except (yaml.YAMLError, ValidationError) as error:
        raise SpecError(f"{path}: {error}") from error


def _natural(code: str) -> tuple[str, int]:
    head = code.rstrip("0123456789")
    return head, int(code[len(head) :] or 0)
