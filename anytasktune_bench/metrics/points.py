"""Whether a text in free wording says something: alternatives found as runs of whole tokens, with respect for negation."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Literal

from anytasktune_bench.spec import Lang
from anytasktune_bench.text import TOKEN, normalise

Negation = Literal["near", "clause", "none"]
Point = Sequence[Sequence[str]]
"""Groups that must all be met; of a group, one alternative."""

_WILDCARD = "\ue000"
"""Stands for `*` while an alternative is normalised; a private character, so no text holds it on purpose."""
_PIECE = re.compile(rf"{TOKEN.pattern}|[.,;:!?()\[\]<>{_WILDCARD}]")
_GAP = {"zh": 8, "en": 4}
"""Tokens that a free-standing `*` may stand for."""
_REACH = {"zh": 4, "en": 3}
"""How far before a hit a negator still negates it: characters, words."""
_ARTICLES = ("a", "an", "the")
_POSSESSIVE = re.compile(r"(?<=[a-z])'(?=s\b)")

_NOT_NEGATING = re.compile(
    r"([\u4e00-\u9fff])[不没]\1|有没有|有无|是否|不妨|不仅|不只|不但|不管|不论|无论|不久|不少于|不超过|不低于|不高于|不足|不到|不满|不得不|不一定非|非常|不错|未来|别人|特别|区别|级别|性别|分别|类别|告别|个别|识别|"
    r"别墅|别的|别处|除非|不断|不停|不由得|不料|不然|不同|对不起|不好意思|没关系|不得了|不少|不时|不如|差不多|别忘|不要忘|不能忘|莫不|无非|[\u4e00-\u9fff]不(?:着|了|住|下|起|通|过|到|动|开|好|清|完|上|出|来)"
)
_NEGATOR_ZH = re.compile("[不没无未别勿非]|避免|而非|拒绝")
_BREAK_ZH = re.compile(r"时候|之后|以后|的时|(?<![不没别勿要能会])可以|而是|然后|但|的")
_NEGATOR_EN = re.compile(r"^(?:not|no|never|without|nor|neither|none|nothing|nobody|cannot|avoid|avoiding|refrain|hardly|.*n't)$")
_BREAK_EN = frozenset(["but", "so", "then", "because", "until", "when", "while", "if", "though", "although", "after", "once", "which", "who"])
_NO_NEGATION_EN = re.compile(
    r"\b(?:not (?:only|just|merely)|(?:don't|do not|never|not) (?:forget|hesitate|be afraid) to|no longer than|no (?:less|more|later) than|why not|if not|whether or not)\b"
)


def _normal(text: str, lang: Lang) -> str:
    """The normal form, with an English possessive apart from its noun, so that "film" stands in "the film's start"."""
    normal = normalise(text, lang)
    return _POSSESSIVE.sub(" ", normal) if lang == "en" else normal


@functools.lru_cache(maxsize=8192)
def canonical(text: str, lang: Lang) -> str:
    """Tokens of a text between single spaces, with ` | ` where a clause ends; English articles are dropped."""
    pieces: list[str] = []
    for line in text.split("\n"):
        for piece in _PIECE.findall(_normal(line, lang)):
            if piece in _ARTICLES and lang == "en":
                continue
            pieces.append(piece if len(piece) > 1 or piece.isalnum() else "|")
        pieces.append("|")
    return f" {' '.join(piece for piece, before in zip(pieces, ['', *pieces], strict=False) if (piece, before) != ('|', '|'))} "


@functools.lru_cache(maxsize=1 << 17)
def _pattern(alternative: str, lang: Lang) -> re.Pattern[str] | None:
    """The regular expression that finds an alternative in a canonical text; None for one without tokens."""
    normal = _normal(alternative.replace("*", _WILDCARD), lang)
    parts: list[str] = []
    end, latin = -1, False
    for match in _PIECE.finditer(normal):
        piece = match[0]
        if piece == _WILDCARD:
            if latin and match.start() == end and parts:
                parts[-1] = parts[-1][:-1] + "[^ |]* "
            elif parts:
                parts.append(rf"(?:[^ |]+ ){{0,{_GAP[lang]}}}?")
        elif piece in _ARTICLES and lang == "en" and len(normal.split()) > 1:
            continue
        elif len(piece) > 1 or piece.isalnum():
            parts.append(re.escape(piece) + " ")
        end, latin = match.end(), piece.isascii() and piece.isalpha()
    return re.compile(r"(?<= )" + r"(?:\| )?".join(parts)) if parts else None


@functools.lru_cache(maxsize=1 << 17)
def _plain(alternative: str, lang: Lang) -> str | None:
    """The tokens of an alternative without wildcards as they stand in `_flat`; None for one with a wildcard."""
    if "*" in alternative:
        return None
    words = [piece for piece in _PIECE.findall(_normal(alternative, lang)) if len(piece) > 1 or piece.isalnum()]
    kept = [word for word in words if not (lang == "en" and word in _ARTICLES)] or words
    return f" {' '.join(kept)} "


@functools.lru_cache(maxsize=8192)
def _flat(text: str) -> str:
    """A canonical text without the ends of clauses."""
    return text.replace(" |", "")


def _find(text: str, alternative: str, lang: Lang, across: bool = True) -> Iterator[int]:
    """Where an alternative begins in a canonical text, with `across` also over the end of a clause.

    A plain search comes first, since most alternatives do not stand in most texts.
    """
    plain = _plain(alternative, lang)
    if plain is not None and plain not in _flat(text):
        return
    if (pattern := _pattern(alternative, lang)) is not None:
        yield from (match.start() for match in pattern.finditer(text) if across or "|" not in match[0])


def _negated(text: str, start: int, lang: Lang, negation: Negation) -> bool:
    """Whether a negator stands before `start` in its clause, within reach or anywhere."""
    if negation == "none":
        return False
    window = text[text.rfind("|", 0, start) + 1 : start]
    if lang == "zh":
        compact = _NOT_NEGATING.sub(lambda m: "〇" * len(m[0]), window.replace(" ", ""))
        if negation == "near":
            compact = _BREAK_ZH.split(compact)[-1][-_REACH[lang] :]
        return bool(_NEGATOR_ZH.search(compact))
    words = _NO_NEGATION_EN.sub("_", window).split()
    for place in range(len(words) - 1, -1, -1):
        if words[place] in _BREAK_EN:
            words = words[place + 1 :]
            break
    if negation == "near":
        words = words[-_REACH[lang] :]
    return any(_NEGATOR_EN.match(word) for word in words) or any(pair in ("rather than", "instead of") for pair in map(" ".join, itertools.pairwise(words)))


@functools.lru_cache(maxsize=1 << 17)
def _holds_negator(alternative: str, lang: Lang) -> bool:
    """Whether an alternative negates something itself."""
    if lang == "zh":
        return bool(_NEGATOR_ZH.search(_NOT_NEGATING.sub("", normalise(alternative, lang))))
    return any(_NEGATOR_EN.match(word) for word in normalise(alternative, lang).split())


@functools.lru_cache(maxsize=1 << 16)
def says(text: str, alternative: str, lang: Lang, negation: Negation = "near", across: bool = True) -> bool:
    """Whether `alternative` stands in a canonical text without being negated.

    Args:
        text: from `canonical`.
        alternative: wording; `*` after a Latin word matches any ending, elsewhere a short gap.
        lang: language of both.
        negation: which negators undo a hit: one close before it, one anywhere before it in its clause, or none.
        across: whether it may run over the end of a clause.
    """
    return any(not _negated(text, start, lang, negation) for start in _find(text, alternative, lang, across))


def meets(text: str, point: Point, lang: Lang, negation: Negation = "near", *, across: bool = True, context_from: int | None = None) -> bool:
    """Whether a canonical text meets every group of a point.

    Where a group is met by wording that holds a negator ("not fix"), that negator belongs to the point, so the other groups ("place") are found
    whatever stands before them.

    Args:
        text: from `canonical`.
        point: the groups.
        lang: language of both.
        negation: as for `says`.
        across: as for `says`.
        context_from: groups from this one on say what the point is about, so that no negator undoes them; none if None.
    """
    flat = _flat(text)
    groups = []
    for group in point:
        possible = [alternative for alternative in group if (plain := _plain(alternative, lang)) is None or plain in flat]
        if not any(says(text, alternative, lang, "none", across) for alternative in possible):
            return False
        groups.append(possible)
    own = any(_holds_negator(alternative, lang) and says(text, alternative, lang, negation, across) for group in groups for alternative in group)
    about = 0 if own else len(groups) if context_from is None else context_from
    return all(any(says(text, alternative, lang, "none" if place >= about else negation, across) for alternative in group) for place, group in enumerate(groups))


def shares_run(a: str, b: str, lang: Lang, at_least: int) -> bool:
    """Whether two texts share a run of `at_least` tokens (characters in Chinese, words in English; punctuation does not count)."""
    x, y = ([token for token in canonical(text, lang).split() if token != "|"] for text in (a, b))
    runs = {tuple(y[i : i + at_least]) for i in range(len(y) - at_least + 1)}
    return any(tuple(x[i : i + at_least]) in runs for i in range(len(x) - at_least + 1))
