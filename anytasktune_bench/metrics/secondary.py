"""Corpus figures over (gold label, answered label) pairs, as a spec's `secondary` names them."""

from __future__ import annotations

from collections.abc import Sequence

from anytasktune_bench.metrics.labels import macro_f1
from anytasktune_bench.spec import Secondary

LabelPair = tuple[str, str | None]
_INVALID = "(invalid)"


def secondary_value(wanted: Secondary, pairs: Sequence[LabelPair]) -> float:
    """One corpus figure.

    `recall` of the rows whose gold is one of `labels`, the share answered with one of them · `confusion` of the rows whose gold is either of
    two labels, the share that got the other · `group_accuracy` of the rows whose gold and answer lie in one group, the share right · `macro_f1`
    · `mcc` Matthews correlation and `quadratic_kappa` Cohen's kappa with quadratic weights, both in [-1, 1], by scikit-learn; for kappa an
    invalid answer counts as the label farthest from gold.

    Returns:
        The figure; 0 where no row is concerned.
    """
    if wanted.kind == "macro_f1":
        return float(macro_f1([gold for gold, _ in pairs], [answer for _, answer in pairs])[0]) if pairs else 0.0
    if wanted.kind == "recall":
        concerned = [(gold, answer) for gold, answer in pairs if gold in wanted.labels]
        return _share(sum(answer in wanted.labels for _, answer in concerned), len(concerned))
    if wanted.kind == "confusion":
        concerned = [(gold, answer) for gold, answer in pairs if gold in wanted.labels]
        return _share(sum(answer in wanted.labels and answer != gold for gold, answer in concerned), len(concerned))
    if wanted.kind == "group_accuracy":
        concerned = [(gold, answer) for gold, answer in pairs if any(gold in group and answer in group for group in wanted.groups)]
        return _share(sum(gold == answer for gold, answer in concerned), len(concerned))
    return _correlation(wanted, pairs)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _correlation(wanted: Secondary, pairs: Sequence[LabelPair]) -> float:
    from sklearn.metrics import cohen_kappa_score, matthews_corrcoef

    gold = [g for g, _ in pairs]
    if len(set(gold)) < 2:
        return 0.0
    if wanted.kind == "mcc":
        return float(matthews_corrcoef(gold, [answer or _INVALID for _, answer in pairs]))
    place = {label: i for i, label in enumerate(wanted.labels)}
    top = len(wanted.labels) - 1
    answered = [place[a] if a is not None else (0 if 2 * place[g] > top else top) for g, a in pairs]
    return float(cohen_kappa_score([place[g] for g in gold], answered, weights="quadratic", labels=list(range(top + 1))))
