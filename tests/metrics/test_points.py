"""Key points: found as whole tokens, with wildcards, and not where they are negated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anytasktune_bench.metrics.points import canonical, meets, says, shares_run


@pytest.mark.parametrize(
    ("lang", "text", "alternative", "said"),
    [
        ("zh", "去找学校的心理老师聊聊", "心理老师", True),
        ("zh", "不需要心理老师", "心理老师", False),
        ("zh", "如果没有缓和，可以去找心理老师", "心理老师", True),
        ("zh", "睡不着时做几轮慢呼吸", "慢呼吸", True),
        ("zh", "能不能提前还款？", "提前还款", True),
        ("zh", "有无医疗过错", "医疗过错", True),
        ("zh", "无医疗过错", "医疗过错", False),
        ("zh", "跨行给妹妹转账", "跨行*转账", True),
        ("zh", "转账８万元", "80000元", True),
        ("zh", "转账18万元", "8万元", False),
        ("zh", "下降5%", "-5%", False),
        ("zh", "利率为-4.9%", "4.9%", False),
        ("zh", "利率1.05%-2.6%", "2.6%", True),
        ("zh", "周六晚上", "周六", True),
        ("zh", "每周三次", "3次", True),
        ("zh", "未还的8000元", "8000元", True),
        ("en", "Where can I track its progress?", "track*", True),
        ("en", "It was tracked down", "track*", True),
        ("en", "a backtrack", "track*", False),
        ("en", "see the school counsellor", "see a school counsellor", True),
        ("en", "talk to one of your parents", "talk * parents", True),
        ("en", "don't take any medicine", "take any medicine", False),
        ("en", "Don't forget to call a friend", "call a friend", True),
        ("en", "rather than calling a friend", "calling a friend", False),
        ("en", "I won't rush; a list helps", "a list", True),
        ("en", "two weeks", "2 weeks", True),
        ("en", "12 weeks", "2 weeks", False),
    ],
)
def test_what_is_said(lang, text: str, alternative: str, said: bool) -> None:
    assert says(canonical(text, lang), alternative, lang) is said


def test_an_anti_point_is_not_said_after_a_negator_anywhere_in_its_clause() -> None:
    text = canonical("请不要在没有医生指导的情况下自己去药店买药吃", "zh")
    assert not says(text, "买药吃", "zh", negation="clause")
    assert says(canonical("自己去药店买药吃", "zh"), "买药吃", "zh", negation="clause")


def test_a_point_needs_all_groups_and_its_own_negator_is_no_objection() -> None:
    assert meets(canonical("I'd rather not fix a place yet", "en"), [["not fix"], ["place"]], "en")
    assert not meets(canonical("I'd rather fix a hall", "en"), [["fix"], ["place"]], "en")


def test_shared_runs_are_counted_in_characters_and_words() -> None:
    assert shares_run("他说：回屋独自琢磨，想想新楼", "回屋独自琢磨想想新楼能办成什么", "zh", 8)
    assert not shares_run("回屋独自琢磨", "回屋独自琢磨想想", "zh", 8)
    assert shares_run("we sit quietly for a while, then go", "Sit quietly for a while then leave", "en", 5)


@given(st.text(max_size=80), st.text(max_size=20))
def test_any_text_and_alternative_are_safe(text: str, alternative: str) -> None:
    for lang in ("zh", "en"):
        assert says(canonical(text, lang), alternative, lang) in (True, False)
