"""Exceptions. Every message names what is wrong, where, and what to do about it.

AnyTaskTuneError
├── SpecError           a task.yaml, actions.yaml or scenarios.yaml is wrong
├── UnknownSubTaskError a name that selects nothing
├── RowError            a row is wrong (file:line, field, fix)
├── CheckError          rows were read but do not pass the checks
├── DataError           a split, build or manifest is missing or does not match
├── RecordError         a result record or its samples are wrong
├── RunError            a run cannot start or go on (model, folder, settings)
├── HubError            the Hugging Face Hub refuses or cannot be reached
└── OutputError         a file cannot be written (permission, space)
"""

from __future__ import annotations


class AnyTaskTuneError(Exception):
    """Base class of all errors that the command line prints without a traceback."""


class SpecError(AnyTaskTuneError):
    """A specification file is wrong."""


class UnknownSubTaskError(AnyTaskTuneError):
    """A name selects no sub-task."""


class RowError(AnyTaskTuneError):
    """A row is wrong."""


class CheckError(AnyTaskTuneError):
    """Rows do not pass the checks."""


class DataError(AnyTaskTuneError):
    """A split, a built folder or a manifest is missing or does not match."""


class RecordError(AnyTaskTuneError):
    """A result record or its samples are wrong."""


class RunError(AnyTaskTuneError):
    """A run cannot start or go on."""


class HubError(AnyTaskTuneError):
    """The Hugging Face Hub refuses or cannot be reached."""


class OutputError(AnyTaskTuneError):
    """A file cannot be written."""
