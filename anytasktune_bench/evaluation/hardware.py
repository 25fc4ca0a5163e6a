"""What a run ran on and with, for its record."""

from __future__ import annotations

import importlib.metadata
import platform

PACKAGES = ("anytasktune-bench", "lm-eval", "torch", "transformers", "peft", "datasets", "tokenizers")
"""Packages whose versions go into a record."""


def package_versions() -> dict[str, str]:
    """Versions of the packages that can change a result."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def hardware(device: str) -> dict[str, str]:
    """Device, processor and number of threads."""
    import torch

    return {
        "device": torch.cuda.get_device_name() if device.startswith("cuda") else device,
        "machine": platform.machine(),
        "threads": str(torch.get_num_threads()),
    }
