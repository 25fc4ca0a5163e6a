"""Reading answers: tolerant in form, strict in content."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anytasktune_bench.catalog import load_catalog
from anytasktune_bench.data.tables import source_rows
from anytasktune_bench.gold import check_gold, render
from anytasktune_bench.metrics import score_answer
from anytasktune_bench.outputs import clean_answer, parse, split_items, to_json
from tests.judged import ALL, ALL_IDS, known_rows

M1, S1, L4 = (load_catalog().get(code) for code in ("M1", "S1", "L4"))


@pytest.mark.parametrize(("spec", "lang"), ALL, ids=ALL_IDS)
@pytest.mark.parametrize(
    "wrap",
    [
        lambda t: t,
        lambda t: f"```\n{t}\n```",
        lambda t: f"```text\n{t}\n```",
        lambda t: f"<think>First: nothing.\nRobbery? 无</think>\n\n{t}",
        lambda t: f"Answer: {t}",
        lambda t: f"答案：{t}",
        lambda t: f"\n\n  {t}  \n",
        lambda t: t.replace("：", ":").replace("，", ","),
        lambda t: t.replace("\n", "\r\n"),
    ],
    ids=["plain", "fence", "named-fence", "thinking", "lead-in", "lead-in-zh", "space", "half-width", "crlf"],
)
def test_form_does_not_change_the_score(spec, lang, wrap) -> None:
    for row in known_rows(spec, lang)[:10]:
        assert score_answer(spec, lang, wrap(row.output), row.gold, row.output, row.input).score == 1.0


def test_order_of_lines_and_bullets_do_not_matter() -> None:
    row = source_rows(M1, "test", "en")[0]
    lines = row.output.split("\n")
    for answer in ("\n".join(reversed(lines)), "\n".join(f"- {line}" for line in lines), "\n".join(f"{i}. **{line}**" for i, line in enumerate(lines, 1))):
        assert score_answer(M1, "en", answer, row.gold).score == 1.0


def test_traditional_characters_are_read() -> None:
    gold = {"fields": {"symptom": ["头痛"], "duration": ["两个月"], "severity": ["夜里更厉害"]}}
    assert score_answer(M1, "zh", "症狀描述：頭痛\n持續時間：2個月\n嚴重程度：夜裡更厲害", gold).score == 1.0


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Robbery", "robbery"),
        (" robbery. ", "robbery"),
        ("**Robbery**", "robbery"),
        ("Crime of Robbery", "robbery"),
        ('"Robbery"', "robbery"),
        ("1. Robbery", "robbery"),
        ("Robbery or Theft", None),
        ("not Robbery", None),
        ("The charge is Robbery", None),
        ("Robbery\nTheft", None),
        ("抢劫罪", None),
        ("", None),
    ],
)
def test_a_label_is_read_as_a_whole_answer(answer: str, expected: str | None) -> None:
    assert parse(L4, "en", answer).value == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Charge: Robbery", "robbery"),
        ("**Charge:** Robbery.", "robbery"),
        ("Robbery (taken by force)", None),
        ("Theft: Robbery", None),
        ("Not the charge: Robbery", None),
        ("A charge that many would bring here: Robbery", None),
    ],
)
def test_before_a_label_may_stand_a_key_that_names_no_other(answer: str, expected: str | None) -> None:
    assert parse(L4, "en", answer).value == expected


def test_an_unclosed_thought_is_no_answer() -> None:
    assert clean_answer("<think>Robbery") == ""
    assert clean_answer("<think>Theft?</think>Robbery") == "Robbery"


def test_lists_are_cut_at_every_separator_but_not_inside_numbers() -> None:
    assert split_items("油腻，泛白、长痘;包装差", S1.output.separators_accepted) == ["油腻", "泛白", "长痘", "包装差"]
    assert split_items("cost 1,000 yuan, sturdy", (",",)) == ["cost 1,000 yuan", "sturdy"]


def test_the_empty_list_needs_the_literal() -> None:
    assert parse(S1, "zh", "无。").value == ()
    assert parse(S1, "en", "None").valid
    assert not parse(S1, "en", "").valid


def test_keys_without_a_value_are_left_out_and_repeats_earn_nothing() -> None:
    parsed = parse(M1, "en", "Symptom Description: cough\nDuration: none\nSymptom Description: fever")
    assert [(line.field.id if line.field else None) for line in parsed.value] == ["symptom", None]


def test_parsed_answers_as_json() -> None:
    row = source_rows(M1, "test", "en")[0]
    found = to_json(M1, "en", parse(M1, "en", row.output))
    assert found["Symptom Description"] == row.gold["fields"]["symptom"][0]
    assert isinstance(found["Accompanying Symptoms"], list)
    assert to_json(L4, "zh", parse(L4, "zh", "抢劫")) == "抢劫罪"
    assert to_json(L4, "zh", parse(L4, "zh", "也许抢劫")) is None


@pytest.mark.parametrize(("spec", "lang"), ALL, ids=ALL_IDS)
def test_every_gold_has_the_right_form_and_renders_to_its_output(spec, lang) -> None:
    for row in known_rows(spec, lang):
        assert check_gold(spec, row.gold) == []
        assert render(spec, lang, row.gold) == row.output


def test_wrong_golds_are_named() -> None:
    assert "unknown field 'pulse'" in check_gold(M1, {"fields": {"symptom": ["x"], "pulse": ["y"], "help": ["z"]}})[0]
    assert "lacks the required field 'symptom'" in check_gold(M1, {"fields": {"help": ["a"], "cause": ["b"], "duration": ["c"]}})[0]
    assert check_gold(L4, {"label": "murder"}) and check_gold(S1, {"items": ["x"]}) and check_gold(S1, {"items": [["x"]] * 7})


ANY_TEXT = st.one_of(
    st.text(max_size=300),
    st.text(alphabet=st.characters(codec=None, categories=["Cs", "Cc", "Cf", "Lo", "Po"]), max_size=80),
    st.lists(
        st.sampled_from(["Symptom Description: ", "症状描述：", "无", "none", "Robbery", "，", "```", "<think>", "</think>", "\n", "Answer:", "\x00", "\u202e", "1,000"]),
        max_size=30,
    ).map("".join),
)


@settings(max_examples=150, deadline=None)
@given(ANY_TEXT)
def test_any_text_is_read_and_scored_within_bounds(text: str) -> None:
    for spec, lang in ALL:
        row = known_rows(spec, lang)[0]
        score = score_answer(spec, lang, text, row.gold, row.output, row.input)
        assert 0.0 <= score.score <= 1.0
        assert all(0.0 <= value <= 1.0 for value in score.values.values())


@pytest.mark.parametrize("text", ["a" * 100_000, "症状描述：" * 20_000, "," * 100_000, ":" * 100_000, "\ud800" * 1000, "\n" * 100_000, "<think>" * 20_000])
def test_huge_and_hostile_answers_are_scored(text: str) -> None:
    for spec, lang in ALL:
        row = known_rows(spec, lang)[0]
        assert score_answer(spec, lang, text, row.gold, row.output, row.input).score <= 0.5
