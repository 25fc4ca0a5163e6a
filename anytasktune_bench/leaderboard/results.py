"""The records of a leaderboard on disk: `<developer>/<model>/<uuid>.json` with `<uuid>_samples.jsonl`, or folders as `anytasktune eval` leaves them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import yaml
from pydantic import ValidationError

from anytasktune_bench.errors import RecordError
from anytasktune_bench.files import write_text
from anytasktune_bench.leaderboard.editions import Editions
from anytasktune_bench.leaderboard.eee import Filed, from_eee, to_eee
from anytasktune_bench.leaderboard.strict_json import loads
from anytasktune_bench.records import find_records, read_record
from anytasktune_bench.spec import Strict

MAX_EVALUATION, MAX_SAMPLES, MAX_LINE = 1 << 20, 1 << 25, 1 << 18
"""Bytes of the two files, and of one line of samples; a whole record has about 100 kB, 5 MB and 5 kB."""

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
EVALUATION_NAME = re.compile(rf"{_UUID}\.json")
SAMPLES_NAME = re.compile(rf"{_UUID}_samples\.jsonl")


def samples_path(evaluation: Path) -> Path:
    """Where the samples of an evaluation lie."""
    return evaluation.with_name(f"{evaluation.stem}_samples.jsonl")


def write_filed(root: Path, filed: Filed, editions: Editions) -> Path:
    """Write a record into a folder of results, samples first, so that an evaluation never lacks its samples.

    Returns:
        The evaluation's file.

    Raises:
        RecordError: as for `to_eee`.
        OutputError: the folder cannot be written.
    """
    evaluation, samples = to_eee(filed, editions)
    path = root / filed.model_id / f"{filed.record.uuid}.json"
    write_text(samples_path(path), samples)
    write_text(path, evaluation)
    return path


def read_filed(path: Path, editions: Editions) -> Filed:
    """Read an evaluation and its samples.

    Raises:
        RecordError: a file is missing, too large or not in the form, or the samples are not those of the evaluation.
    """
    evaluation = loads(_text(path, MAX_EVALUATION))
    text = _text(samples_path(path), MAX_SAMPLES)
    lines = text.split("\n")
    if lines.pop():
        raise RecordError(f"{samples_path(path).name}: does not end with a line break; it was cut. Send the whole file.")
    if any(len(line.encode()) > MAX_LINE for line in lines):
        raise RecordError(f"{samples_path(path).name}: has a line of more than {MAX_LINE} bytes. An answer within its budget is much shorter; evaluate again.")
    filed = from_eee(evaluation, [loads(line) for line in lines], editions)
    if evaluation["detailed_evaluation_results"]["checksum"] != hashlib.sha256(text.encode()).hexdigest():
        raise RecordError(f"{samples_path(path).name}: is not the file that {path.name} was written with (checksum differs). Send both as they were written.")
    return filed


def _text(path: Path, limit: int) -> str:
    try:
        with path.open("rb") as stream:
            raw = stream.read(limit + 1)
    except OSError as error:
        raise RecordError(f"{path.name}: cannot be read ({error.strerror}). A record is UUID.json with UUID_samples.jsonl beside it.") from error
    if len(raw) > limit:
        raise RecordError(f"{path.name}: is larger than {limit} bytes. Send only what `anytasktune leaderboard add` writes.")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RecordError(f"{path.name}: is no UTF-8 text (byte {error.start}); compressed or binary files are not read.") from error


def find_results(root: Path) -> list[Path]:
    """Evaluations, and folders of runs, below `root`, sorted."""
    return sorted([*find_records(root), *(path for path in root.rglob("*.json") if EVALUATION_NAME.fullmatch(path.name))])


def read_results(paths: Sequence[Path], editions: Editions) -> list[Filed]:
    """What `find_results` found; a run that was not filed has no developer.

    Raises:
        RecordError: one is wrong.
    """
    return [_read(path, editions) for path in paths]


def _read(path: Path, editions: Editions) -> Filed:
    if path.is_dir():
        return Filed(*read_record(path), developer="")
    try:
        return read_filed(path, editions)
    except RecordError as error:
        raise RecordError(f"{path}: {error}") from error


class _Reproduced(Strict):
    reproduced: tuple[str, ...] | None = None


def read_reproduced(path: Path) -> frozenset[str]:
    """UUIDs of the records that a maintainer ran, again or in the first place.

    Raises:
        RecordError: the file cannot be read or has not the form.
    """
    try:
        return frozenset(_Reproduced.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {}).reproduced or ())
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        raise RecordError(f"{path}: is no list of reproduced records. Write `reproduced:` and one UUID a line below it, `- UUID`. ({error})") from error
