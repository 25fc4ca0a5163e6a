"""Normal form, tokens and similarity."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anytasktune_bench.text import best_sim, han_number, lcs_length, length, normalise, rouge_l, sim, tokens


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("三个月", "3个月"),
        ("腹瀉１２次", "腹泻12次"),
        ("十二万元", "120000元"),
        ("12万元", "120,000元"),
        ("百分之十五", "15%"),
        ("第三天", "第3天"),
        ("二〇二三年", "2023年"),
        ("一百二十次", "120次"),
        ("一千零五元", "1005元"),
        ("３８.５℃", "38.5℃"),
        ("“咳嗽”，", '"咳嗽",'),
        ("三萬五千元", "35000元"),
    ],
)
def test_chinese_forms_are_equal(a: str, b: str) -> None:
    assert normalise(a, "zh") == normalise(b, "zh")


@pytest.mark.parametrize("text", ["一般", "万一", "一下", "一直", "七八次", "十七八次", "好几个", "上百次", "一点"])
def test_words_that_only_look_like_numbers_stay(text: str) -> None:
    assert normalise(text, "zh") == text


@pytest.mark.parametrize(("a", "b"), [("1,000.0", "1000"), ("three months", "3 months"), ("Twenty-one days", "21 days"), ("one week", "1 week"), ("it’s", "it's")])
def test_english_forms_are_equal(a: str, b: str) -> None:
    assert normalise(a, "en") == normalise(b, "en")


def test_a_bare_one_stays_a_word() -> None:
    assert normalise("the one I want", "en") == "the one i want"


@pytest.mark.parametrize(
    ("numeral", "value"),
    [
        ("十", 10),
        ("十二", 12),
        ("二十", 20),
        ("一百零五", 105),
        ("一百二", 120),
        ("两千", 2000),
        ("三万五", 35000),
        ("三万零五", 30005),
        ("两千三", 2300),
        ("三万五千", 35000),
        ("一亿", 10**8),
        ("七八", None),
        ("十十", None),
    ],
)
def test_han_numerals(numeral: str, value: int | None) -> None:
    assert han_number(numeral) == value


def test_tokens_keep_what_tells_words_apart() -> None:
    assert tokens("C++, C# and node.js", "en") == ("c++", "c#", "and", "node.js")
    assert tokens("−5% or 5%", "en") == ("-5%", "or", "5%")
    assert tokens("体温38.5，Wi-Fi好", "zh") == ("体", "温", "38.5", "wi", "fi", "好")
    assert tokens("the knee", "en") == ("knee",)
    assert tokens("2021-04", "en") == ("2021", "04")


@pytest.mark.parametrize(
    ("a", "b", "lang"),
    [
        ("不再回购", "再回购", "zh"),
        ("will not repurchase", "will repurchase", "en"),
        ("不油腻", "油腻", "zh"),
        ("9个月", "3个月", "zh"),
        ("C++", "C#", "en"),
        ("hepatitis A", "hepatitis", "en"),
        ("−5%", "5%", "en"),
        ("咳嗽3个月", "发烧3个月", "zh"),
        ("won't buy again", "will buy again", "en"),
    ],
)
def test_near_misses_stay_under_a_hit(a: str, b: str, lang: str) -> None:
    assert sim(a, b, lang) < 0.8  # type: ignore[arg-type]


@pytest.mark.parametrize(("a", "b"), [("非常好", "非常好"), ("不错", "不错"), ("快三个月", "快3个月")])
def test_lexical_negators_and_numerals_do_not_hide_equality(a: str, b: str) -> None:
    assert sim(a, b, "zh") == 1.0


def test_best_alias_counts() -> None:
    assert best_sim("三个月", ["快三个月", "3个月"], "zh") == 1.0
    assert best_sim("x", [], "en") == 0.0


def test_rouge_l_by_hand() -> None:
    # LCS of (the cat sat) and (cat sat down): "cat sat"; the leading article is dropped: 2 * 2 / (2 + 3).
    assert rouge_l("the cat sat", "cat sat down", "en") == pytest.approx(0.8)
    assert rouge_l("", "cat", "en") == 0.0


def test_length_units() -> None:
    assert length("咳嗽 三天。", "zh") == 5
    assert length("a bad cough.", "en") == 3


WORDS = st.lists(st.sampled_from("abcde"), max_size=12)


@given(WORDS, WORDS)
def test_bit_parallel_lcs_equals_the_textbook_recurrence(a: list[str], b: list[str]) -> None:
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            table[i + 1][j + 1] = table[i][j] + 1 if x == y else max(table[i][j + 1], table[i + 1][j])
    assert lcs_length(a, b) == table[-1][-1]


@given(st.text(max_size=60), st.text(max_size=60), st.sampled_from(["zh", "en"]))
def test_similarity_is_bounded_symmetric_and_one_on_itself(a: str, b: str, lang: str) -> None:
    value = sim(a, b, lang)  # type: ignore[arg-type]
    assert 0.0 <= value <= 1.0
    assert value == sim(b, a, lang)  # type: ignore[arg-type]
    assert sim(a, a, lang) == (1.0 if tokens(a, lang) else 0.0)  # type: ignore[arg-type]


@given(st.text(max_size=80), st.sampled_from(["zh", "en"]))
def test_normal_form_never_raises_and_has_no_outer_space(text: str, lang: str) -> None:
    found = normalise(text, lang)  # type: ignore[arg-type]
    assert found == found.strip()


def test_a_measure_word_with_one_is_no_number_to_differ_in() -> None:
    assert sim("一份财产分割协议", "财产分割协议", "zh") > 0.8 < sim("缺一片", "缺片", "zh") + 0.01
    assert sim("缺一片", "缺两片", "zh") == sim("疼一个月", "疼两个月", "zh") == 0
    assert sim("上三层楼就喘", "上3层楼就喘", "zh") == 1 and sim("上三层楼就喘", "上两层楼就喘", "zh") == 0
    assert sim("太长", "太短", "zh") == sim("arrived early", "arrived late", "en") == 0
