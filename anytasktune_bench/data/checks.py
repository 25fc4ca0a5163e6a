"""Checks 1-4 and 7-9, 12 over the rows of one sub-task; `run_checks` runs all thirteen.

1 schema, ids, NFC, control characters, splits by group and pair · 2 gold against itself and corrupted · 3 grounding · 4 language and explicit
instruction · 5, 6 duplicates and skeletons (`similarity`) · 7 label balance · 8 twins · 9 lengths · 10, 11 personal data and safety (`privacy`) ·
12 canary · 13 blind baselines (`baselines`).
"""

from __future__ import annotations

import itertools
import re
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from anytasktune_bench.data.baselines import baseline_problems, baselines
from anytasktune_bench.data.build import build
from anytasktune_bench.data.computed import computed_gold, merge_gold
from anytasktune_bench.data.degenerate import corrupt
from anytasktune_bench.data.privacy import personal_data, unsafe_detail
from anytasktune_bench.data.problems import Problem, Rows
from anytasktune_bench.data.similarity import near_duplicates, shared_skeletons
from anytasktune_bench.data.tables import CANARY
from anytasktune_bench.gold import check_gold, render
from anytasktune_bench.metrics import score_answer
from anytasktune_bench.rows import Row
from anytasktune_bench.spec import LANGS, Lang, OutputField, SubTask
from anytasktune_bench.text import length, normalise
from anytasktune_bench.values import parse_quantity

KS_ALPHA = 0.01
KS_MIN_ROWS = 40
MAX_IMBALANCE = 1.3
OPTION_ALPHA = 0.05
TWIN_LENGTH_RATIO = (0.8, 3.2)
"""Allowed Chinese characters per English word of a pair."""

_HAN = re.compile(r"[\u4e00-\u9fff]")
_LETTER = re.compile(r"[^\W\d_]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u2028\u2029\ufeff]")

Check = Callable[[Rows], Iterator[Problem]]


@dataclass(frozen=True)
class Report:
    """What the checks found."""

    problems: list[Problem]
    baselines: dict[Lang, dict[str, float]]
    """Score of each blind baseline; empty where check 13 was not run."""


def run_checks(spec: SubTask, with_baselines: bool = True, progress: Callable[[str], None] = lambda _: None) -> Report:
    """Run every check on one sub-task.

    Args:
        spec: the sub-task.
        with_baselines: also run check 13, which takes the most time.
        progress: called with the name of each check before it runs.

    Raises:
        RowError: rows cannot be read at all (this is the first part of check 1).
    """
    rows = Rows.read(spec)
    steps: list[Check] = [schema, gold_scores, grounding, language, near_duplicates, shared_skeletons, label_balance, twins, lengths, personal_data, unsafe_detail, canary]
    problems: list[Problem] = []
    for step in steps:
        progress(step.__name__)
        problems += step(rows)
        if problems and step is schema:
            return Report(problems, {})  # the other checks rely on rows of the right form
    if not with_baselines:
        return Report(problems, {})
    progress("baselines")
    measured = {lang: baselines(rows, lang) for lang in LANGS}
    return Report(problems + list(baseline_problems(spec, measured)), measured)


def schema(rows: Rows) -> Iterator[Problem]:
    """Check 1."""
    spec = rows.spec
    splits_of: dict[str, set[str]] = {}
    for (split, lang), found in rows.rows.items():
        if not found:
            yield Problem(1, f"{spec.code} {split} {lang}", "has no rows. Write some.")
        for before, row in itertools.pairwise(found):
            if before.id >= row.id:
                yield Problem(1, rows.where(row), f"id {row.id} does not follow {before.id}. Sort the file by id.")
        for row in found:
            where = rows.where(row)
            if row.id != f"{spec.code}-{lang}-{row.pair_id.split('-')[1]}" or not row.pair_id.startswith(f"{spec.code}-"):
                yield Problem(1, where, f"id {row.id} and pair_id {row.pair_id} do not fit {spec.code} {lang}. Use {spec.code}-{lang}-NNNN and {spec.code}-NNNN.")
            for name in ("input", "output", "group"):
                text = getattr(row, name)
                if unicodedata.normalize("NFC", text) != text:
                    yield Problem(1, where, f"{name} is not in Unicode form NFC. Normalise it.")
                if bad := _CONTROL.search(text):
                    yield Problem(1, where, f"{name} holds the control character U+{ord(bad[0]):04X}. Remove it.")
            for problem in check_gold(spec, row.gold):
                yield Problem(1, where, f"{problem}. Mend the gold.")
            splits_of.setdefault(f"group {row.group}", set()).add(split)
            splits_of.setdefault(f"pair {row.pair_id}", set()).add(split)
        for group, n in Counter(row.group for row in found).items():
            if n > 3:
                yield Problem(1, f"{spec.code} {split} {lang}", f"group {group} has {n} rows; at most 3 are allowed. Drop some.")
    for name, splits in splits_of.items():
        if len(splits) > 1:
            yield Problem(1, spec.code, f"{name} stands in {' and '.join(sorted(splits))}. A twin or family must stay in one split; move its rows.")


def gold_scores(rows: Rows) -> Iterator[Problem]:
    """Check 2: the output parses and scores 1.0, is what the gold renders to, a corrupted one scores less, and computed gold follows from the scenario."""
    for _, row in rows.all():
        score = score_answer(rows.spec, row.lang, row.output, row.gold, row.output, row.input)
        if score.score != 1.0 or not score.parsed.valid:
            yield Problem(2, rows.where(row), f"output scores {score.score:.3f} against its own gold and must score 1.0. Mend output or gold.")
        computed = computed_gold(rows.spec, row.scenario)
        if merge_gold(row.gold, computed) != row.gold:
            yield Problem(2, rows.where(row), f"gold is not what follows from the scenario: {computed}. Mend scenario or gold.")
        if row.output != render(rows.spec, row.lang, row.gold):
            yield Problem(2, rows.where(row), "output differs from the gold's first aliases in the required format. Make both agree.")
        if score_answer(rows.spec, row.lang, corrupt(rows.spec, row), row.gold, row.output, row.input).score >= 1.0:
            yield Problem(2, rows.where(row), "a corrupted output still scores 1.0. Tighten the gold's aliases.")


def grounding(rows: Rows) -> Iterator[Problem]:
    """Check 3: each extracted value has an alias that stands in the input."""
    for _, row in rows.all():
        text = normalise(row.input, row.lang)
        for name, aliases in _extracted(rows.spec, row.gold):
            if not any(normalise(alias, row.lang) in text for alias in aliases):
                yield Problem(3, rows.where(row), f"no alias of {name} {aliases[0]!r} stands in the input. Copy the text's own words.")


def _extracted(spec: SubTask, gold: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """(name, aliases) of everything in a gold that is copied from the input."""
    yield from (("item", aliases) for aliases in gold.get("items", ()))
    yield from (("expression", pair["expression"]) for pair in gold.get("pairs", ()))
    if "json" in gold:
        yield from (("value", aliases) for aliases in _json_aliases(gold["json"]))
    for leaf in spec.leaves:
        if leaf.name not in ("slot_f1", "set_f1"):
            continue
        for name, value in gold.get("fields", {}).items():
            field = spec.field(name)
            if not field.labels and (leaf.name == "slot_f1" or name in leaf.fields):
                yield from ((name, aliases) for aliases in (value if field.kind == "list" else [value]))


def _json_aliases(value: Any) -> Iterator[list[str]]:
    if isinstance(value, dict):
        for part in value.values():
            yield from _json_aliases(part)
    elif isinstance(value, list) and value and all(isinstance(part, str) for part in value):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from _json_aliases(part)


def language(rows: Rows) -> Iterator[Problem]:
    """Check 4: rows are in their language, and every wording of the instruction names all keys and labels (explicit data)."""
    for _, row in rows.all():
        han, letters = len(_HAN.findall(row.input)), len(_LETTER.findall(row.input))
        if row.lang == "zh" and han < 0.6 * letters:
            yield Problem(4, rows.where(row), f"only {han} of {letters} letters are Chinese. Write the row in Chinese.")
        if row.lang == "en" and (han or _HAN.search(row.output)):
            yield Problem(4, rows.where(row), "an English row holds Chinese characters. Write it in English.")
    spec = rows.spec
    for lang in LANGS:
        names = [f.name(lang) for f in spec.output.fields] + [label.name(lang) for label in spec.output.labels]
        names += [label.name(lang) for f in spec.output.fields for label in f.labels]
        if spec.output.empty_literal:
            names.append(spec.output.empty_literal[lang])
        for number, instruction in enumerate(spec.instruction[lang]):
            if missing := [name for name in names if name.casefold() not in instruction.casefold()]:
                yield Problem(4, f"{spec.folder / 'task.yaml'} instruction {lang} {number}", f"does not name {', '.join(missing)}. Explicit data name every key and label.")


def label_balance(rows: Rows) -> Iterator[Problem]:
    """Check 7: no label stands in test more than 1.3 times as often as under a uniform spread, and none is missing.

    Of several options in the input the right one is not the longest more often than chance (binomial test, p >= 0.05).
    """
    spec = rows.spec
    sets = {None: spec.output.labels if spec.output.kind == "label" else ()} | {f.id: f.labels for f in spec.output.fields if f.kind == "label" and f.labels}
    for lang in LANGS:
        test = rows.rows["test", lang]
        for field, labels in sets.items():
            counts = Counter(str(row.gold["fields"][field] if field else row.gold["label"]) for row in test if labels)  # type: ignore[index,call-overload]
            limit = max(MAX_IMBALANCE * len(test) / max(len(labels), 1), 1)
            for label in labels:
                if counts[label.id] > limit:
                    yield Problem(7, f"{spec.code} test {lang}", f"label {label.id} stands {counts[label.id]} times, more than {limit:.1f}. Balance the labels.")
                if not counts[label.id]:
                    yield Problem(7, f"{spec.code} test {lang}", f"label {label.id} has no row. Add some.")
            yield from _longest_option(rows, lang, field, [label.name(lang) for label in labels])


def _longest_option(rows: Rows, lang: Lang, field: str | None, names: list[str]) -> Iterator[Problem]:
    found = []
    for _, row in rows.of(lang):
        options = dict(re.findall(r"^([A-Z])\. (.*)$", row.input, re.MULTILINE))
        if field and names and set(options) == set(names):
            right = length(options[str(row.gold["fields"][field])], lang)  # type: ignore[index,call-overload]
            found.append(right == max(length(text, lang) for text in options.values()))
    if found:
        from scipy.stats import binomtest

        if binomtest(sum(found), len(found), 1 / len(names), alternative="greater").pvalue < OPTION_ALPHA:
            yield Problem(7, f"{rows.spec.code} {lang}", f"the right option is the longest in {sum(found)} of {len(found)} rows. Lengthen others.")


def twins(rows: Rows) -> Iterator[Problem]:
    """Check 8: each row has its twin in the other language, with the same labels, keys, counts and numbers, and of like length."""
    for split in ("train", "validation", "test"):
        en = {row.pair_id: row for row in rows.rows[split, "en"]}
        zh = {row.pair_id: row for row in rows.rows[split, "zh"]}
        for pair in sorted(set(en) ^ set(zh)):
            yield Problem(8, rows.where(en.get(pair) or zh[pair]), f"pair {pair} has no twin in {'zh' if pair in en else 'en'} {split}. Write it.")
        for pair in sorted(set(en) & set(zh)):
            a, b = zh[pair], en[pair]
            differ = [key for key in a.gold if _shared(rows.spec, a, key) != _shared(rows.spec, b, key)] + (["group"] if a.group != b.group else [])
            if differ:
                yield Problem(8, rows.where(b), f"pair {pair}: {', '.join(differ)} differ between zh and en in keys, labels, counts or numbers. Make the twins agree.")
            ratio = length(a.input, "zh") / max(length(b.input, "en"), 1)
            if not TWIN_LENGTH_RATIO[0] <= ratio <= TWIN_LENGTH_RATIO[1]:
                yield Problem(8, rows.where(b), f"pair {pair}: {ratio:.2f} Chinese characters per English word; {TWIN_LENGTH_RATIO} is the band. Bring the twins to like length.")


def _shared(spec: SubTask, row: Row, key: str) -> Any:
    """What twins must share of one part of the gold; wordings may differ in number and form."""
    value: Any = row.gold.get(key)
    if key == "fields":
        return {name: _shared_field(spec.field(name), row.lang, found) for name, found in value.items()}
    if key == "points":
        return {name: len(found) for name, found in value.items()}
    if key in ("anti_points", "references"):
        return None  # wordings, as many as a language needs
    return len(value) if key == "issues" else _shape(value) if key in ("items", "pairs", "json") else value


def _shared_field(field: OutputField, lang: Lang, value: Any) -> Any:
    if field.labels:
        return sorted(value) if field.kind == "list" else value
    if field.kind == "number":
        quantity = parse_quantity(value[0], lang)
        return quantity.value if quantity else None
    return [item[0] for item in value] if field.kind == "list" and field.compare == "exact" else _shape(value)


def _shape(value: object) -> object:
    """Keys, numbers, nulls and the number of items; lists of aliases are alike."""
    if isinstance(value, dict):
        return {k: _shape(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_shape(v) for v in value] if value and not isinstance(value[0], str) else "aliases"
    return value


def lengths(rows: Rows) -> Iterator[Problem]:
    """Check 9: inputs keep the spec's range, outputs the caps, and train and test are alike (two-sample Kolmogorov-Smirnov test)."""
    from scipy.stats import ks_2samp

    spec = rows.spec
    for _, row in rows.all():
        low, high = spec.input.bounds(row.lang)
        n = length(row.input, row.lang)
        if not low <= n <= high:
            unit = "characters" if row.lang == "zh" else "words"
            yield Problem(9, rows.where(row), f"input has {n} {unit}; {low} to {high} are allowed. Shorten or lengthen it.")
    for lang in LANGS:
        train, test = (np.array([length(row.input, lang) for row in rows.rows[split, lang]]) for split in ("train", "test"))
        if min(len(train), len(test)) >= KS_MIN_ROWS and (p := ks_2samp(train, test).pvalue) <= KS_ALPHA:
            yield Problem(
                9, f"{spec.code} {lang}", f"input lengths of train and test differ (KS p = {p:.4f}; means {train.mean():.0f} and {test.mean():.0f}). Draw both from the same bands."
            )


def canary(rows: Rows) -> Iterator[Problem]:
    """Check 12: every published file carries the canary."""
    with tempfile.TemporaryDirectory() as name:
        for folder in build([rows.spec], Path(name)):
            for path in sorted(p for p in folder.rglob("*") if p.is_file()):
                if CANARY.encode() not in path.read_bytes():
                    yield Problem(12, str(path.relative_to(name)), "lacks the canary. Write it into the file.")
