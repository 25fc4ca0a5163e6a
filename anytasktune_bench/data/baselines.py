"""Check 13: what answers earn that do not do the task (blind and degenerate baselines)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from anytasktune_bench.data.degenerate import constants, everything, sentences, shortest_clauses
from anytasktune_bench.data.problems import Problem, Rows
from anytasktune_bench.data.similarity import cosine_matrix
from anytasktune_bench.metrics import Score, primary, score_answer
from anytasktune_bench.rows import Row
from anytasktune_bench.spec import Lang, SubTask
from anytasktune_bench.text import normalise

LIMIT = 0.35
LIMIT_OVER_CHANCE = 0.10
LIMITED = ("constant", "copy", "copy_60", "repeat", "everything")
"""Baselines with a limit; the others are published as they are."""


def baselines(rows: Rows, lang: Lang) -> dict[str, float]:
    """Primary score in [0, 1] on the test rows of answers that need no understanding of the row.

    `constant` the best fixed answer (chosen on test, so an upper bound) · `copy` the input · `copy_60` its first 60 % · `repeat` its
    sentences, one a line, twice · `everything` all keys, labels or lines at once, or all of the input's clauses as items · `clauses` the
    input's shortest clauses as items, values or lines, as many as are allowed (not limited: it uses the row) · `nearest` the output of the
    most similar train input (tf-idf cosine) · `logistic` tf-idf and logistic regression trained on train (label sub-tasks only).
    """
    spec, train, test = rows.spec, rows.rows["train", lang], rows.rows["test", lang]
    result = {
        "constant": _mean(spec, lang, test, [best_constant(rows, lang)] * len(test)),
        "copy": _mean(spec, lang, test, [row.input for row in test]),
        "copy_60": _mean(spec, lang, test, [row.input[: len(row.input) * 6 // 10] for row in test]),
        "repeat": _mean(spec, lang, test, ["\n".join(sentences(row.input) * 2) for row in test]),
        "everything": max(_mean(spec, lang, test, answers) for answers in everything(spec, lang, test)),
        "clauses": _mean(spec, lang, test, [shortest_clauses(spec, lang, row) for row in test]),
        "nearest": _mean(spec, lang, test, _nearest(rows, lang)),
    }
    if spec.output.kind == "label":
        result["logistic"] = _mean(spec, lang, test, _logistic(spec, lang, train, test))
    return result


def best_constant(rows: Rows, lang: Lang) -> str:
    """The fixed answer with the greatest primary score on the test rows, out of every label, every gold answer and the most frequent values."""
    spec, train, test = rows.spec, rows.rows["train", lang], rows.rows["test", lang]
    return max(constants(spec, lang, train, test), key=lambda answer: _mean(spec, lang, test, [answer] * len(test)))


def limit_of(spec: SubTask) -> float:
    """The most that a limited baseline may earn: 0.35, or 0.10 over chance for label sub-tasks."""
    return 1 / len(spec.output.labels) + LIMIT_OVER_CHANCE if spec.output.kind == "label" else LIMIT


def baseline_problems(spec: SubTask, measured: Mapping[Lang, Mapping[str, float]]) -> Iterator[Problem]:
    """Check 13, over what `baselines` measured per language."""
    limit = limit_of(spec)
    for lang, scores in measured.items():
        for name, score in scores.items():
            if name in LIMITED and score > limit:
                yield Problem(
                    13, f"{spec.code} test {lang}", f"the blind baseline {name!r} earns {score:.3f}, more than {limit:.2f}. Make the rows less alike or the metric stricter."
                )


def _mean(spec: SubTask, lang: Lang, test: Sequence[Row], answers: Iterable[str]) -> float:
    scores: list[Score] = [score_answer(spec, lang, answer, row.gold, "", row.input) for row, answer in zip(test, answers, strict=True)]
    return float(primary(spec, scores)[0])


def _nearest(rows: Rows, lang: Lang) -> list[str]:
    train, test = rows.rows["train", lang], rows.rows["test", lang]
    similarity = cosine_matrix([normalise(rows.spec.input.free_text(row.input, lang), lang) for row in (*train, *test)])
    return [train[int(np.argmax(line[: len(train)]))].output for line in similarity[len(train) :]]


def _logistic(spec: SubTask, lang: Lang, train: Sequence[Row], test: Sequence[Row]) -> list[str]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(TfidfVectorizer(analyzer="char", ngram_range=(1, 4), sublinear_tf=True), LogisticRegression(max_iter=2000, C=10.0))
    model.fit([normalise(row.input, lang) for row in train], [row.output for row in train])
    return [str(answer) for answer in model.predict([normalise(row.input, lang) for row in test])]
