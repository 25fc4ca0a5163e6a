"""Values that are compared exactly: quantities with units, dates of any precision, lengths of time in months.

Each reader takes a whole value, not a sentence: it returns None as soon as something is left over, so that a number in passing is no answer.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from anytasktune_bench.spec import Lang
from anytasktune_bench.text import normalise

MAX_VALUE = 200
"""Characters of a value that are read; a longer one is no value."""

_CURRENCY = {
    "cny": ("人民币", "rmb", "cny", "yuan", "元", "块钱", "块", "¥"),
    "usd": ("美元", "美金", "usd", "us$", "us dollars", "us dollar", "dollars", "dollar", "$"),
    "hkd": ("港元", "港币", "hkd", "hk$", "hong kong dollars"),
    "eur": ("欧元", "eur", "euros", "euro", "€"),
    "gbp": ("英镑", "gbp", "pounds", "pound", "£"),
    "%": ("%", "per cent", "percent", "pct", "成"),
}
_UNIT_OF = {word: unit for unit, words in _CURRENCY.items() for word in words}
_MULTIPLIERS = {
    "万": 10**4, "亿": 10**8, "千": 10**3, "百万": 10**6, "千万": 10**7, "百亿": 10**10,
    "thousand": 10**3, "k": 10**3, "million": 10**6, "mn": 10**6, "m": 10**6, "billion": 10**9, "bn": 10**9, "trillion": 10**12,
}  # fmt: skip
_APPROXIMATE = re.compile(r"^(?:大约|约为|约|合计|总计|共计|共|about|around|approximately|approx\.?|roughly|some|a total of|in total)\s*")
_ORDINAL_ITEM = re.compile(r"^(?:第(\d+)(?:条|款|项|号|条款)?|(?:clause|article|item|no\.?|number|#)\s*(\d+))$")
_WORDS = re.compile("|".join(sorted(map(re.escape, _UNIT_OF), key=len, reverse=True)))
_BEFORE = re.compile(rf"^({'|'.join(sorted(map(re.escape, _UNIT_OF), key=len, reverse=True))})\s*(?=[-+]?\d)")
_QUANTITY = re.compile(rf"^([-+]?\d+(?:\.\d+)?)\s*({'|'.join(sorted(_MULTIPLIERS, key=len, reverse=True))})?(?![a-z])\s*(.*)$")


@dataclass(frozen=True)
class Quantity:
    """A number with its unit."""

    value: Decimal
    unit: str
    """A currency code, "%", the unit's words in normal form, or "" where none is written."""


@functools.lru_cache(maxsize=16384)
def parse_quantity(text: str, lang: Lang) -> Quantity | None:
    """The quantity that `text` as a whole is, or None.

    Multipliers, currency words and number words are read (3.6亿元 = 360 million yuan in value, 六成 = 60 %); 约 and "about" are dropped; a sign is kept.
    """
    if len(text) > MAX_VALUE:
        return None
    rest = normalise(text, lang).strip(" .,;\"'*").removeprefix("+")
    rest = _APPROXIMATE.sub("", rest)
    if item := _ORDINAL_ITEM.match(rest):
        return Quantity(Decimal(item[1] or item[2]), "")
    unit = ""
    if before := _BEFORE.match(rest):
        unit, rest = _UNIT_OF[before[1]], rest[before.end() :]
    match = _QUANTITY.match(rest)
    if match is None:
        return None
    try:
        value = Decimal(match[1]) * _MULTIPLIERS.get(match[2] or "", 1)
    except InvalidOperation:
        return None
    after = re.sub(r"^(?:of )", "", match[3].strip())
    if after == "成":
        value *= 10
    if after:
        named = {_UNIT_OF[word] for word in _WORDS.findall(after)} if not _WORDS.sub("", after).strip() else set()
        found = named.pop() if len(named) == 1 else after
        if re.search(r"\d", found) or (unit and unit != found):
            return None
        unit = found
    return Quantity(value.normalize(), unit)


def same_quantity(a: str, b: str, lang: Lang, tolerance: float = 0.0) -> bool:
    """Whether two values are the same number (within `tolerance`) in the same unit; a unit left out on one side is no difference."""
    x, y = parse_quantity(a, lang), parse_quantity(b, lang)
    if x is None or y is None:
        return False
    return abs(x.value - y.value) <= Decimal(str(tolerance)) and (x.unit == y.unit or not x.unit or not y.unit)


def without(text: str, words: Sequence[str], lang: Lang) -> str:
    """A value in normal form without those of `words` that it begins or ends with, the longest first."""
    rest, left = normalise(text, lang).strip(" .,;"), sorted((normalise(word, lang) for word in words), key=len, reverse=True)
    while found := next((word for word in left if rest != word and (rest.startswith(word) or rest.endswith(word))), None):
        rest = (rest.removeprefix(found) if rest.startswith(found) else rest.removesuffix(found)).strip(" ,:")
    return rest


_MONTH_NAMES = ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"]
_MONTHS = {written: place for place, name in enumerate(_MONTH_NAMES, start=1) for written in (name, name[:3])} | {"sept": 9}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_ORDINAL = {"first": 1, "second": 2, "third": 3, "fourth": 4, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4, "一": 1, "二": 2, "三": 3, "四": 4, "1": 1, "2": 2, "3": 3, "4": 4}
_DATE_PARTS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("iso", re.compile(r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})(?:[-/.](?P<day>\d{1,2}))?(?!\d)")),
    ("half", re.compile(r"(?P<half>上|下)半年|(?P<en>first|second|1st|2nd) half(?: year)?|\bh(?P<n>[12])\b")),
    ("nine", re.compile(r"前(?:三|3)(?:个)?季度|(?:first )?(?:nine|9) months")),
    ("quarter", re.compile(r"第?(?P<zh>[一二三四1-4])季度?|(?P<en>first|second|third|fourth|1st|2nd|3rd|4th)[- ]quarter|\bq(?P<n>[1-4])\b")),
    ("day month", re.compile(rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)? (?:of )?(?P<name>{_MONTH})\b\.?")),
    ("month day", re.compile(rf"\b(?P<name>{_MONTH})\b\.? (?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?!\d)")),
    ("name", re.compile(rf"\b(?P<name>{_MONTH})\b\.?")),
    ("year", re.compile(r"(?P<year>\d{4})(?:年度?)?(?!\d)")),
    ("month", re.compile(r"(?P<month>\d{1,2})月份?")),
    ("day", re.compile(r"(?P<day>\d{1,2})[日号]")),
)
_DATE_FILLER = re.compile(r"\b(?:on|in|of|the|for|full|year|fiscal|fy)\b|[,.;\s]|全年|年度?")


@dataclass(frozen=True)
class PartialDate:
    """A date as far as it is stated."""

    year: int | None = None
    period: str | None = None
    """Half (H1, H2), quarter (Q1-Q4) or first nine months (M9)."""
    month: int | None = None
    day: int | None = None

    def agrees(self, other: PartialDate) -> bool:
        """Whether `other` states the same wherever this date states something."""
        return all(mine is None or mine == theirs for mine, theirs in ((self.year, other.year), (self.period, other.period), (self.month, other.month), (self.day, other.day)))


@functools.lru_cache(maxsize=16384)
def parse_date(text: str, lang: Lang) -> PartialDate | None:
    """The date that `text` as a whole is (2025年10月28日, 28 October 2025, 2025-10, Q3 2025, 上半年), or None."""
    if len(text) > MAX_VALUE:
        return None
    rest = normalise(text, lang)
    found: dict[str, str | int] = {}
    for kind, pattern in _DATE_PARTS:
        match = pattern.search(rest)
        if match is None:
            continue
        parts = {name: value for name, value in match.groupdict().items() if value is not None}
        if kind == "nine":
            new: dict[str, str | int] = {"period": "M9"}
        elif kind == "half":
            new = {"period": f"H{'1' if parts.get('half') == '上' or parts.get('en') in ('first', '1st') or parts.get('n') == '1' else '2'}"}
        elif kind == "quarter":
            new = {"period": f"Q{_ORDINAL[next(iter(parts.values()))]}"}
        else:
            new = {("month" if name == "name" else name): _MONTHS[value] if name == "name" else int(value) for name, value in parts.items()}
        if found.keys() & new.keys():
            continue
        found |= new
        rest = rest[: match.start()] + " " + rest[match.end() :]
    if not found or _DATE_FILLER.sub("", rest):
        return None
    date = PartialDate(**found)  # type: ignore[arg-type]
    return date if 1 <= (date.month or 1) <= 12 and 1 <= (date.day or 1) <= 31 else None


def same_date(answer: str, gold: str, lang: Lang) -> bool:
    """Whether `answer` agrees with `gold` on year, period, month and day as far as `gold` states them."""
    x, y = parse_date(answer, lang), parse_date(gold, lang)
    return x is not None and y is not None and y.agrees(x)


_MONTHS_ZH = re.compile(r"^(?:判处|应判|约)?(?:有期徒刑)?(?:(?P<years>\d+|半|一)年)?(?P<half>半)?(?:零|又|,|\s)*(?:(?P<months>\d+)个?月)?$")
_MONTHS_EN = re.compile(r"^(?:(?P<years>\d+|one|a) years?(?P<half> and a half)?)?(?:,? ?(?:and )?(?P<months>\d+|one) months?)?(?: (?:of )?(?:fixed-term )?imprisonment)?$")
_BARE = re.compile(r"^\d+(?:\.0)?$")


def parse_months(text: str, lang: Lang) -> int | None:
    """The whole number of months that `text` as a whole is (11个月, 一年六个月, 1 year 6 months, 18), or None."""
    if len(text) > MAX_VALUE:
        return None
    value = normalise(text, lang).strip(" .*\"'")
    if _BARE.match(value):
        return int(value.split(".")[0]) if len(value) < 8 else None
    match = (_MONTHS_ZH if lang == "zh" else _MONTHS_EN).match(value.replace(" ", "") if lang == "zh" else value)
    if match is None or not (match["years"] or match["months"]):
        return None
    if match["years"] == "半":
        return 6 if not match["months"] and not match["half"] else None
    number = {"one": 1, "a": 1, "一": 1}
    years, months = ((number.get(part) or int(part[:6])) if part else 0 for part in (match["years"], match["months"]))
    return years * 12 + (6 if match["half"] else 0) + months
