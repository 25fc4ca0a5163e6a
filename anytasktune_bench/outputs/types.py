"""What a reader returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Parsed:
    """What a reader found in an answer."""

    valid: bool
    """Whether the answer has the format that the instruction asks for."""
    value: Any
    """By output kind, see `outputs.parse`."""
    cleaned: str
    """The answer without thinking text, fence and lead-in."""
