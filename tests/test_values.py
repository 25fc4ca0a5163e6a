"""Quantities, dates and prison terms: equal in value is equal, a different number, unit or sign is not, and text in passing is no value."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anytasktune_bench.values import PartialDate, parse_date, parse_months, parse_quantity, same_date, same_quantity


@pytest.mark.parametrize(
    ("lang", "a", "b"),
    [
        ("zh", "3.6亿元", "36000万元"),
        ("zh", "3.6亿元", "约3.6亿元人民币"),
        ("zh", "十二万元", "120,000元"),
        ("zh", "百分之六十", "60%"),
        ("zh", "六成", "60%"),
        ("zh", "4,210万元", "4210万"),
        ("zh", "359.10", "359.1元"),
        ("zh", "第3条", "3"),
        ("zh", "￥18", "18.00"),
        ("en", "360 million yuan", "RMB 360 million"),
        ("en", "two hundred million dollars", "$200 million"),
        ("en", "three hundred and twenty million yuan", "320 million yuan"),
        ("en", "a hundred and five thousand pounds", "£105,000"),
        ("zh", "四千五百万美元", "4500万美元"),
        ("en", "360 million yuan", "¥360m"),
        ("en", "1.2 billion yuan", "about 1,200 million yuan"),
        ("en", "60%", "60 per cent"),
        ("en", "$5 million", "five million dollars"),
        ("en", "Clause 3", "3"),
    ],
)
def test_equal_quantities(lang, a: str, b: str) -> None:
    assert same_quantity(a, b, lang) and same_quantity(b, a, lang)


@pytest.mark.parametrize(
    ("lang", "a", "b"),
    [
        ("zh", "3.6亿元", "3.6万元"),
        ("zh", "3.6亿元", "3.6亿美元"),
        ("zh", "-5%", "5%"),
        ("zh", "5%", "5个百分点"),
        ("zh", "3、4", "3"),
        ("en", "360 million yuan", "360 million dollars"),
        ("en", "360 million yuan", "360 thousand yuan"),
        ("en", "60%", "-60%"),
        ("en", "3 or 4", "3"),
        ("en", "the sum was 3", "3"),
        ("en", "", "3"),
    ],
)
def test_different_quantities(lang, a: str, b: str) -> None:
    assert not same_quantity(a, b, lang)


@given(st.integers(0, 10**9))
def test_a_plain_number_is_read_back(n: int) -> None:
    found = parse_quantity(f"{n:,}", "en")
    assert found is not None and found.value == Decimal(n).normalize() and found.unit == ""


@given(st.text(max_size=60))
def test_any_text_is_safe(text: str) -> None:
    for lang in ("zh", "en"):
        parse_quantity(text, lang), parse_date(text, lang), parse_months(text, lang)


@pytest.mark.parametrize(
    ("lang", "text", "expected"),
    [
        ("zh", "2025年10月28日", PartialDate(2025, None, 10, 28)),
        ("zh", "2025-10-28", PartialDate(2025, None, 10, 28)),
        ("zh", "10月28日", PartialDate(None, None, 10, 28)),
        ("zh", "2025年第三季度", PartialDate(2025, "Q3")),
        ("zh", "三季度", PartialDate(None, "Q3")),
        ("zh", "2025年上半年", PartialDate(2025, "H1")),
        ("zh", "2025年前三季度", PartialDate(2025, "M9")),
        ("zh", "2025年度", PartialDate(2025)),
        ("zh", "最近", None),
        ("zh", "2025年10月28日公告的收购", None),
        ("en", "28 October 2025", PartialDate(2025, None, 10, 28)),
        ("en", "October 28, 2025", PartialDate(2025, None, 10, 28)),
        ("en", "28th of Oct 2025", PartialDate(2025, None, 10, 28)),
        ("en", "third quarter of 2025", PartialDate(2025, "Q3")),
        ("en", "Q3 2025", PartialDate(2025, "Q3")),
        ("en", "first half of 2025", PartialDate(2025, "H1")),
        ("en", "May 2025", PartialDate(2025, None, 5)),
        ("en", "2025-13-01", None),
        ("en", "last Tuesday", None),
    ],
)
def test_dates(lang, text: str, expected: PartialDate | None) -> None:
    assert parse_date(text, lang) == expected


def test_a_date_agrees_as_far_as_gold_states_it() -> None:
    assert same_date("2025年10月28日", "2025年10月", "zh")
    assert not same_date("2025年10月", "2025年10月28日", "zh")
    assert not same_date("2025年下半年", "2025年上半年", "zh")


@pytest.mark.parametrize(
    ("lang", "text", "months"),
    [
        ("zh", "11个月", 11), ("zh", "一年六个月", 18), ("zh", "有期徒刑三年", 36), ("zh", "半年", 6), ("zh", "一年半", 18), ("zh", "十一个月", 11), ("zh", "11", 11),
        ("zh", "3个月或4个月", None), ("zh", "11年", 132), ("zh", "-11个月", None), ("zh", "10.8个月", None), ("zh", "六到九个月", None),
        ("en", "11 months", 11), ("en", "1 year 6 months", 18), ("en", "one year and six months", 18), ("en", "eleven months", 11), ("en", "11-12 months", None), 
        ("en", "about 11 months", None),
    ],
)  # fmt: skip
def test_prison_terms(lang, text: str, months: int | None) -> None:
    assert parse_months(text, lang) == months
