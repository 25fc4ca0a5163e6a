"""Checks 5 and 6: rows that are too much alike, within a split and across splits. Fixed blocks are taken out first."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from anytasktune_bench.data.problems import Problem, Rows, gold_texts
from anytasktune_bench.rows import Row, Split
from anytasktune_bench.spec import LANGS, Lang
from anytasktune_bench.text import normalise

JACCARD_WITHIN, JACCARD_ACROSS, COSINE_ACROSS = 0.7, 0.5, 0.85
SHINGLE: dict[Lang, int] = {"zh": 5, "en": 3}
"""Characters (zh) or words (en) of a shingle."""
RUN: dict[Lang, int] = {"zh": 12, "en": 8}
"""Characters (zh) or words (en) of a masked run that rows must not share."""
MAX_ROWS_WITH_RUN = 2
_MONTH = "january|february|march|april|may|june|july|august|september|october|november|december"
_DATE: dict[Lang, re.Pattern[str]] = {
    "zh": re.compile(r"#(?:[年月日号时点分]#?)+(?:许|左右)?"),
    "en": re.compile(rf"(?:(?:at|on|in|of|about|around|the) )*(?:# ?(?:[ap]\.? ?m\.?|(?:{_MONTH})\b)|(?:{_MONTH}) #)(?:,? (?:on |in |of )?(?:#|{_MONTH}))*"),
}
"""Dates and times, after digits became #: a shared way to write them is no shared wording."""


def units(text: str, lang: Lang) -> list[str]:
    """Characters without white space (zh) or words (en) of the normal form."""
    normal = normalise(text, lang)
    return list(normal.replace(" ", "")) if lang == "zh" else re.findall(r"[\w'#@]+", normal)


def shingles(text: str, lang: Lang) -> set[str]:
    """All runs of `SHINGLE[lang]` units."""
    found, n = units(text, lang), SHINGLE[lang]
    return {"\x1f".join(found[i : i + n]) for i in range(max(len(found) - n + 1, 1))}


def jaccard_matrix(sets: list[set[str]]) -> np.ndarray:
    """Exact Jaccard similarity of every pair, shape (n, n), by one sparse matrix product."""
    from scipy.sparse import csr_matrix

    ids: dict[str, int] = {}
    columns = [ids.setdefault(s, len(ids)) for found in sets for s in found]
    offsets = np.cumsum([0, *(len(found) for found in sets)])
    matrix = csr_matrix((np.ones(len(columns)), columns, offsets), shape=(len(sets), max(len(ids), 1)))
    common = np.asarray((matrix @ matrix.T).toarray())
    sizes = np.diff(offsets)
    return np.asarray(common / np.maximum(sizes[:, None] + sizes[None, :] - common, 1))


def cosine_matrix(texts: list[str]) -> np.ndarray:
    """Cosine of tf-idf vectors over character 3- to 5-grams, shape (n, n)."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectors: Any = TfidfVectorizer(analyzer="char", ngram_range=(3, 5)).fit_transform(texts)
    return np.asarray((vectors @ vectors.T).toarray())


def _alike(rows: Rows, lang: Lang) -> tuple[list[tuple[Split, Row]], np.ndarray, np.ndarray]:
    """The rows of one language, and of every pair of them Jaccard of shingles and tf-idf cosine, each of shape (n, n)."""
    found = rows.of(lang)
    texts = [rows.spec.input.free_text(row.input, lang) for _, row in found]
    return found, jaccard_matrix([shingles(text, lang) for text in texts]), cosine_matrix([normalise(text, lang) for text in texts])


def near_duplicates(rows: Rows) -> Iterator[Problem]:
    """Check 5: Jaccard of shingles >= 0.7 within a split or >= 0.5 across splits; tf-idf cosine >= 0.85 across splits."""
    for lang in LANGS:
        found, jaccard, cosine = _alike(rows, lang)
        for i, j in zip(*np.triu_indices(len(found), k=1), strict=True):
            (split_a, a), (split_b, b) = found[i], found[j]
            across = split_a != split_b
            if jaccard[i, j] >= (JACCARD_ACROSS if across else JACCARD_WITHIN):
                yield Problem(5, rows.where(b), f"is too like {a.id} ({split_a}): Jaccard {jaccard[i, j]:.2f}. Rewrite one of them.")
            elif across and cosine[i, j] >= COSINE_ACROSS:
                yield Problem(5, rows.where(b), f"is too like {a.id} ({split_a}): tf-idf cosine {cosine[i, j]:.2f}. Rewrite one of them.")


def likeness(rows: Rows, lang: Lang) -> dict[str, float]:
    """How alike the two most alike rows are, in [0, 1]: `jaccard_within` a split, `jaccard_across` splits and `cosine_across` splits."""
    found, jaccard, cosine = _alike(rows, lang)
    splits = np.array([split for split, _ in found])
    pairs = np.triu(np.ones((len(found), len(found)), dtype=bool), k=1)
    across = pairs & (splits[:, None] != splits[None, :])
    most = {"jaccard_within": jaccard[pairs & ~across], "jaccard_across": jaccard[across], "cosine_across": cosine[across]}
    return {name: float(values.max(initial=0.0)) for name, values in most.items()}


def masked(rows: Rows, row: Row, lang: Lang) -> list[str]:
    """Units of a row's free text with gold strings, numbers and names masked, so that filled-in sentence frames look alike."""
    text = rows.spec.input.free_text(row.input, lang)
    if rows.spec.output.kind != "label":
        for gold in sorted({g for g in gold_texts(row.gold) if g in text}, key=len, reverse=True):
            text = text.replace(gold, " _ ")
    if lang == "en":
        text = re.sub(r"(?<=[a-z,;] )[A-Z][a-z]+\b", "@", text)
    text = normalise(text, lang)
    text = _DATE[lang].sub("#", re.sub(r"\d+(?:\.\d+)?", "#", text))
    return re.findall(r"[\w#@]", re.sub(r"[a-z][a-z0-9]*", "@", text)) if lang == "zh" else re.findall(r"[\w'#@]+", text)


def _is_wording(run: tuple[str, ...]) -> bool:
    """Whether at least half of a run is words, not masks."""
    return 2 * sum(unit in "_#@" for unit in run) <= len(run)


def shared_skeletons(rows: Rows) -> Iterator[Problem]:
    """Check 6: a masked run of 12 characters (zh) or 8 words (en) in train and test, or in more than two rows of a split."""
    for lang in LANGS:
        holders: dict[tuple[str, ...], dict[Split, list[Row]]] = defaultdict(lambda: defaultdict(list))
        for split, row in rows.of(lang):
            sequence = masked(rows, row, lang)
            for run in {tuple(sequence[i : i + RUN[lang]]) for i in range(len(sequence) - RUN[lang] + 1)}:
                if _is_wording(run):
                    holders[run][split].append(row)
        reported: set[tuple[str, ...]] = set()
        for run, by_split in holders.items():
            shown = ("" if lang == "zh" else " ").join(run)
            crowded = next((found for found in by_split.values() if len(found) > MAX_ROWS_WITH_RUN), None)
            if crowded and (key := tuple(row.id for row in crowded)) not in reported:
                reported.add(key)
                yield Problem(6, rows.where(crowded[-1]), f"shares the run {shown!r} with {', '.join(row.id for row in crowded[:-1])}. Rewrite all but two.")
            if by_split.get("train") and by_split.get("test"):
                a, b = by_split["train"][0], by_split["test"][0]
                if (a.id, b.id) not in reported:
                    reported.add((a.id, b.id))
                    yield Problem(6, rows.where(b), f"shares the run {shown!r} with {a.id} in train. Rewrite one of them.")
