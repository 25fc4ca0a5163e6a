"""Text for scoring: normal form, tokens and similarity, for Chinese and English.

Two wordings are *equal* when their tokens are equal after `normalise`; `sim` grades the rest, but gives 0 as soon as a number, its unit or a
negation differs or an opposite is named, because such near misses are wrong answers.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from anytasktune_bench.spec import Lang

_PUNCTUATION = str.maketrans(
    {"。": ".", "、": ",", "，": ",", "；": ";", "：": ":", "“": '"', "”": '"', "‘": "'", "’": "'", "「": '"', "」": '"', "『": '"', "』": '"',
     "【": "[", "】": "]", "《": "<", "》": ">", "〈": "<", "〉": ">", "—": "-", "–": "-", "−": "-", "‐": "-", "‑": "-", "～": "~", "…": ".", "·": " ", "`": "'"}
)  # fmt: skip

_HAN_DIGITS = {"零": 0, "〇": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_HAN_UNITS = {"十": 10, "百": 100, "千": 1000}
_SHORT_FOR = {"百": 10, "千": 100, "万": 1000, "亿": 10**7}
"""What a last digit counts after a unit: 一百二 is 120, 三万五 is 35000."""
_HAN_NUMERAL = "零〇一二两三四五六七八九十百千万亿"
_UNITS_ZH = (
    "个|年|月|天|日|号|周|星期|礼拜|小时|钟头|分钟|秒|次|回|趟|遍|岁|周岁|元|块|角|毛|斤|公斤|千克|毫克|克|吨|毫升|升|片|粒|颗|支|瓶|盒|包|袋|杯|碗|厘米|毫米|公里|米|里|度|倍|成|折|"
    "楼|层|名|位|件|台|部|辆|张|条|只|头|户|笔|股|项|份|页|例|组|种|类|级|档|点半|点钟|代|届|期|双|套|把|根|块钱|人|平方米|平方|亩|美元|港元|欧元|英镑|人民币|小时|刻钟|口|层楼|顿|餐|晚|夜|早|轮|款"
)
_HAN_BEFORE_UNIT = re.compile(f"(?<![{_HAN_NUMERAL}几数好多])(?<!上(?=[百千万亿]))([{_HAN_NUMERAL}]+)(?=多?(?:{_UNITS_ZH}))")
_HAN_AFTER_MARK = re.compile(f"(第|百分之)([{_HAN_NUMERAL}]+)")
_PERCENT_ZH = re.compile(r"百分之(\d+(?:\.\d+)?)")
_MULTIPLIER = re.compile(r"(?<!\d)(\d++(?:\.\d++)?)\s*([万亿])(?!分之)")
_THOUSANDS = re.compile(r"(?<![\d.])(\d{1,3}(?:,\d{3})+)(?![\d])")
_TRAILING_ZERO = re.compile(r"(?<!\d)(\d++)\.0+(?![\d.])")

_WORDS_EN = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13,
    "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
_TENS_EN = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_ONES_EN = {"one": 1, **{word: value for word, value in _WORDS_EN.items() if value < 10}}
_NUMBER_WORD = "|".join(sorted({*_TENS_EN, *_ONES_EN, *_WORDS_EN}, key=len, reverse=True))
_SMALL_NUMBER = re.compile(rf"\b(?:({'|'.join(_TENS_EN)})(?:[- ]({'|'.join(_ONES_EN)}))?|({'|'.join(_WORDS_EN)}))\b")
_SCALE_EN = {"hundred": 100, "thousand": 1000}
_NUMBER_WORDS = re.compile(rf"\b(?:(?:{_NUMBER_WORD}|a(?= (?:hundred|thousand)))(?:[- ](?:and )?(?:{_NUMBER_WORD}|hundred|thousand)\b)*)\b")
_ONE_BEFORE_UNIT = re.compile(r"\bone(?=[ -](?:hour|day|night|week|fortnight|month|year|minute|second|time|tablet|pill|dose|glass|cup)s?\b)")

TOKEN = re.compile(
    r"(?<![^\W\u4e00-\u9fff\u3400-\u4dbf])(?<![.%])[-+]?\d+(?:\.\d+)?%?|\d+(?:\.\d+)?%?|[^\W\d_\u4e00-\u9fff\u3400-\u4dbf]+(?:['.][^\W\d_\u4e00-\u9fff\u3400-\u4dbf]+|[+#]+)*|[\u4e00-\u9fff\u3400-\u4dbf]"
)
_NUMBER = re.compile(r"(?<![^\W\u4e00-\u9fff\u3400-\u4dbf])(?<![.%])[-+]?\d+(?:\.\d+)?%?|\d+(?:\.\d+)?%?")
_ARTICLE = ("a", "an", "the")
_ARTICLE_ZH = re.compile(r"(?<![\d.第])1(?=个(?!月|小时|钟头|星期|礼拜)|份|段|条|张|位|名|只|台|件|种|项|笔|家|片|款|部|辆|根|把|套|双|组)")
"""一份, 一个: said or left out, they are no number that two wordings could differ in."""

_NOT_NEGATING_ZH = re.compile(
    "非常|不错|未来|别人|不过|不仅|不但|不管|不论|无论|特别|差别|区别|级别|性别|分别|类别|告别|个别|辨别|识别|别墅|别的|别处|除非|不断|不停|不由得|不料|不然|不同|对不起|不好意思|没关系|不得了|不久|不少|不时"
)
_NEGATOR_ZH = re.compile("[不没无非未别勿]")
_NEGATOR_EN = re.compile(r"\b(?:not|no|never|without|nor|neither|none|nothing|nobody|cannot)\b|n't\b")


_UNIT_ZH = re.compile(
    r"(?<!\d)([-+]?\d++(?:\.\d++)?%?)(毫克|微克|克|公斤|千克|斤|吨|毫升|升|毫米|厘米|公里|米|个月|月|年|周岁|岁|天|日|周|星期|礼拜|小时|分钟|秒"
    r"|美元|港元|欧元|英镑|元|块|万|亿|度|次|片|粒|支|mg|g|kg|ml|l|mm|cm|km|m)"
)
_UNIT_EN = re.compile(
    r"(?<!\d)([-+]?\d++(?:\.\d++)?%?)[ -]?(milligrams?|grams?|kilograms?|mg|mcg|g|kg|ml|l|litres?|mm|cm|km|m|metres?|miles?|minutes?|mins?|seconds?"
    r"|hours?|hrs?|days?|weeks?|fortnights?|months?|years?|yuan|dollars?|euros?|pounds?|thousand|million|billion|times?|tablets?|degrees?)\b"
)
_SAME_UNIT = {
    "千克": "公斤", "kg": "公斤", "kilogram": "公斤", "kilograms": "公斤", "星期": "周", "礼拜": "周", "块": "元", "周岁": "岁", "毫克": "mg", "克": "g", "毫升": "ml", "升": "l",
    "毫米": "mm", "厘米": "cm", "公里": "km", "米": "m", "milligram": "mg", "milligrams": "mg", "gram": "g", "grams": "g", "litre": "l", "litres": "l", "metre": "m",
    "metres": "m", "min": "minute", "mins": "minute", "hr": "hour", "hrs": "hour",
    **{f"{u}s": u for u in ("minute", "second", "hour", "day", "week", "fortnight", "month", "year", "dollar", "euro", "pound", "time", "tablet", "degree", "mile")},
}  # fmt: skip
_OPPOSITES = (
    ("左", "右"), ("债权", "债务"), ("上涨", "下跌"), ("上升", "下降"), ("增加", "减少"), ("增持", "减持"), ("买入", "卖出"), ("买方", "卖方"), ("甲方", "乙方"),
    ("出租", "承租"), ("原告", "被告"), ("发包", "承包"), ("高血压", "低血压"), ("高血糖", "低血糖"), ("便秘", "腹泻"), ("有效", "无效"), ("一般保证", "连带责任保证"),
    ("长了", "短了"), ("太长", "太短"), ("多了", "少了"), ("大了", "小了"), ("太大", "太小"), ("早了", "晚了"),
    ("left", "right"), ("upper", "lower"), ("creditor", "debtor"), ("buyer", "seller"), ("lessor", "lessee"), ("landlord", "tenant"), ("employer", "employee"),
    ("plaintiff", "defendant"), ("increase", "decrease"), ("rise", "fall"), ("rose", "fell"), ("gain", "loss"), ("hypertension", "hypotension"), ("valid", "invalid"),
    ("hyperglycaemia", "hypoglycaemia"), ("lawful", "unlawful"), ("inbound", "outbound"), ("front", "back"), ("morning", "evening"),
    ("long", "short"), ("big", "small"), ("early", "late"), ("hot", "cold"),
)  # fmt: skip
"""Words of which one in the place of the other makes a different term, however alike the rest is."""
_POLES = {word: (pair, side) for pair, words in enumerate(_OPPOSITES) for side, word in enumerate(words)}
_POLE_ZH = re.compile("|".join(sorted((w for w in _POLES if not w.isascii()), key=len, reverse=True)))
_POLE_EN = re.compile(rf"\b({'|'.join(w for w in _POLES if w.isascii())})\b")


@functools.cache
def _simplify() -> object:
    import opencc

    return opencc.OpenCC("t2s")


def han_number(numeral: str) -> int | None:
    """The value of a Chinese numeral, or None where it is none: 七八 is an approximation, 一百二 is short for 120.

    Handles 十二, 一百零五, 三万五千, 一亿, and digit strings with 〇 or at least four digits (二〇二三).
    """
    if not any(c in _HAN_UNITS or c in "万亿" for c in numeral):
        if len(numeral) == 1 or (len(numeral) >= 2 and (len(numeral) >= 4 or "〇" in numeral or "零" in numeral)):
            return int("".join(str(_HAN_DIGITS[c]) for c in numeral))
        return None
    total = section = 0
    digit: int | None = None
    last_unit = 10**9
    for c in numeral:
        if c in _HAN_DIGITS:
            if digit not in (None, 0):
                return None
            digit = _HAN_DIGITS[c]
        elif c in _HAN_UNITS:
            unit = _HAN_UNITS[c]
            if unit >= last_unit or (digit is None and (unit != 10 or section)) or (digit == 0 and unit != 10):
                return None
            section += (digit if digit else 1) * unit
            digit, last_unit = None, unit
        else:
            section += digit or 0
            if not section:
                return None
            total = (total + section) * 10**8 if c == "亿" else total + section * 10**4
            section, digit, last_unit = 0, None, 10**9
    if digit and not _zero_before_last(numeral) and (before := _SHORT_FOR.get(numeral[-2:-1])):
        digit *= before
    return total + section + (digit or 0)


def _zero_before_last(numeral: str) -> bool:
    return len(numeral) >= 2 and numeral[-2] in "零〇"


def _han_to_digits(match: re.Match[str]) -> str:
    before, after = match.string[: match.start()][-1:], match.string[match.end() :][:1]
    if before in ("周", "期", "拜") and after in ("晚", "早", "夜"):
        return match[0]  # 周六晚 is a day of the week; 一周三次 is a count
    value = han_number(match[1])
    return match[0] if value is None else str(value)


def _multiply(match: re.Match[str]) -> str:
    return format((Decimal(match[1]) * (10**4 if match[2] == "万" else 10**8)).normalize(), "f")


def _normalise_zh(text: str) -> str:
    text = _simplify().convert(text)  # type: ignore[attr-defined]
    text = _HAN_BEFORE_UNIT.sub(_han_to_digits, text)
    text = _HAN_AFTER_MARK.sub(lambda m: m[1] + (str(v) if (v := han_number(m[2])) is not None else m[2]), text)
    text = _PERCENT_ZH.sub(r"\1%", text)
    return _MULTIPLIER.sub(_multiply, text)


def _english_number(match: re.Match[str]) -> str:
    """Number words as digits (three hundred and twenty -> 320); numbers that only stand side by side one by one, and a bare "one" as it is."""
    words = [word for word in re.split("[- ]", match[0]) if word != "and"]
    if words == ["one"]:
        return match[0]
    total = section = 0
    last = 10**9
    for word in words:
        if word in _SCALE_EN:
            if word == "hundred" and not 0 < section < 100:
                return _one_by_one(match[0])
            if word == "thousand":
                total, section, last = total + max(section, 1) * 1000, 0, 10**9
            else:
                section, last = section * 100, 100
        else:
            value = 1 if word == "a" else _TENS_EN.get(word) or _ONES_EN.get(word) or _WORDS_EN[word]
            size = 10 if word in _TENS_EN else 1 if value < 10 else 2
            if size >= last or (last == 10 and size != 1):
                return _one_by_one(match[0])
            section, last = section + value, size
    return str(total + section)


def _one_by_one(text: str) -> str:
    return _SMALL_NUMBER.sub(lambda m: str(_WORDS_EN[m[3]] if m[3] else _TENS_EN[m[1]] + (_ONES_EN[m[2]] if m[2] else 0)), text)


def _normalise_en(text: str) -> str:
    text = _NUMBER_WORDS.sub(_english_number, text)
    return _ONE_BEFORE_UNIT.sub("1", text)


@functools.lru_cache(maxsize=65536)
def normalise(text: str, lang: Lang) -> str:
    """The normal form in which texts are compared.

    NFKC, one form of each punctuation mark, case folded; Chinese also in simplified characters with numerals as digits where a unit follows or
    第/百分之 stands before (三个月 -> 3个月, 十二万元 -> 120000元, but 一般 stays); English number words as digits (not a bare "one");
    thousands commas and trailing ".0" dropped.
    """
    text = unicodedata.normalize("NFKC", text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8"))
    text = _THOUSANDS.sub(lambda m: m[1].replace(",", ""), text).translate(_PUNCTUATION).casefold()  # before 、 becomes a comma
    text = _normalise_zh(text) if lang == "zh" else _normalise_en(text)
    return " ".join(_TRAILING_ZERO.sub(r"\1", text).split())


@functools.lru_cache(maxsize=65536)
def tokens(text: str, lang: Lang) -> tuple[str, ...]:
    """Tokens of the normal form: one Han character, one whole word of another script (C++, C#, node.js), or one whole signed number each.

    Punctuation is dropped, and in English one leading article.
    """
    found = tuple(TOKEN.findall(normalise(text, lang)))
    return found[1:] if lang == "en" and len(found) > 1 and found[0] in _ARTICLE else found


@dataclass(frozen=True)
class _Guards:
    """What must agree for two wordings to be comparable."""

    numbers: tuple[str, ...]
    """The signed numbers, sorted."""
    units: Mapping[str, frozenset[str]]
    """Number -> the units that stand behind it."""
    negators: int
    poles: frozenset[tuple[int, int]]
    """(pair, side) of each opposite that is named."""

    def agree(self, other: _Guards) -> bool:
        if self.numbers != other.numbers or self.negators != other.negators:
            return False
        if any(units and (theirs := other.units.get(number)) and not units & theirs for number, units in self.units.items()):
            return False
        swapped = {(pair, 1 - side) for pair, side in self.poles - other.poles}
        return not swapped & (other.poles - self.poles)


@functools.lru_cache(maxsize=65536)
def _guards(text: str, lang: Lang) -> _Guards:
    normal = normalise(text, lang)
    numbers = _NUMBER.findall(_ARTICLE_ZH.sub("", normal) if lang == "zh" else normal)
    units: dict[str, frozenset[str]] = {}
    for number, unit in (_UNIT_ZH if lang == "zh" else _UNIT_EN).findall(normal) if numbers else ():
        units[number] = units.get(number, frozenset()) | {_SAME_UNIT.get(unit, unit)}
    negators = _NEGATOR_ZH.findall(_NOT_NEGATING_ZH.sub("", normal)) if lang == "zh" else _NEGATOR_EN.findall(normal)
    poles = frozenset((pair, side) for word in set((_POLE_ZH if lang == "zh" else _POLE_EN).findall(normal)) for pair, side in (_POLES[word],))
    return _Guards(tuple(sorted(numbers)), units, len(negators), poles)


def lcs_length(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest common subsequence, bit-parallel: O(len(b)) operations on integers of len(a) bits (Hyyrö 2004)."""
    masks: dict[str, int] = {}
    for i, token in enumerate(a):
        masks[token] = masks.get(token, 0) | (1 << i)
    full = (1 << len(a)) - 1
    state = full
    for token in b:
        match = state & masks.get(token, 0)
        state = ((state + match) | (state - match)) & full
    return len(a) - state.bit_count()


def rouge_l(prediction: str, reference: str, lang: Lang) -> float:
    """ROUGE-L F1 (Lin 2004) over `tokens`; 0 where either side is empty."""
    a, b = tokens(prediction, lang), tokens(reference, lang)
    common = lcs_length(a, b) if a and b else 0
    return 2 * common / (len(a) + len(b)) if common else 0.0


@functools.lru_cache(maxsize=262144)
def sim(a: str, b: str, lang: Lang) -> float:
    """Similarity in [0, 1] of two wordings.

    1 for equal tokens; 0 if signed numbers, their units or the count of negators differ, or one names the opposite of the other (left/right,
    债权/债务); else the F1 of the longest common subsequence of tokens.
    """
    x, y = tokens(a, lang), tokens(b, lang)
    if not x or not y:
        return 0.0
    if x == y:
        return 1.0
    if not _guards(a, lang).agree(_guards(b, lang)):
        return 0.0
    return 2 * lcs_length(x, y) / (len(x) + len(y))


def best_sim(value: str, aliases: Sequence[str], lang: Lang) -> float:
    """`sim` against the best of `aliases`."""
    return max((sim(value, alias, lang) for alias in aliases), default=0.0)


def length(text: str, lang: Lang) -> int:
    """Characters without white space (zh) or words (en): the unit of every limit in a spec."""
    return len("".join(text.split())) if lang == "zh" else len(text.split())
