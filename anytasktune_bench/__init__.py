"""AnyTaskTune-Bench: bilingual explicit task datasets, their scoring, and task-fine-tuning.

`load_dataset` is loaded on first use, so that importing the package stays light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anytasktune_bench.version import __version__

if TYPE_CHECKING:
    from anytasktune_bench.data.load import load_dataset

__all__ = ["__version__", "load_dataset"]


def __getattr__(name: str) -> Any:
    if name == "load_dataset":
        from anytasktune_bench.data.load import load_dataset

        return load_dataset
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
