"""The prompt template."""

from __future__ import annotations

import pytest

from anytasktune_bench.data.load import load_records
from anytasktune_bench.errors import DataError
from anytasktune_bench.prompt import ANSWER_CUE, chat_messages, pick_shots, plain_prompt, plain_target, user_message
from tests.conftest import CASE_IDS, CASES


@pytest.mark.parametrize(("spec", "lang"), CASES, ids=CASE_IDS)
def test_one_user_message_of_instruction_and_input(spec, lang) -> None:
    assert user_message(spec, lang, "TEXT") == f"{spec.instruction[lang][0]}\nTEXT"
    assert user_message(spec, lang, "TEXT", variant=1).startswith(spec.instruction[lang][1])
    assert user_message(spec, lang, "TEXT", implicit=True) == "TEXT"
    assert chat_messages(spec, lang, "TEXT") == [{"role": "user", "content": user_message(spec, lang, "TEXT")}]


@pytest.mark.parametrize(("spec", "lang"), CASES, ids=CASE_IDS)
def test_examples_are_turns_or_solved_blocks(spec, lang) -> None:
    shots = pick_shots(load_records(spec, lang, "train"), 2)
    assert [m["role"] for m in chat_messages(spec, lang, "TEXT", shots=shots)] == ["user", "assistant"] * 2 + ["user"]
    plain = plain_prompt(spec, lang, "TEXT", shots=shots)
    assert plain.endswith(f"TEXT\n\n{ANSWER_CUE[lang]}")
    for shot in shots:
        assert f"{shot['input']}\n\n{ANSWER_CUE[lang]}{plain_target(lang, shot['output'])}\n\n" in plain


def test_examples_are_the_same_in_any_order_of_rows() -> None:
    spec, lang = CASES[0]
    rows = load_records(spec, lang, "train")
    assert pick_shots(rows, 3) == pick_shots(list(reversed(rows)), 3) != pick_shots(rows, 3, seed=1)
    with pytest.raises(DataError, match="Ask for fewer"):
        pick_shots(rows, len(rows) + 1)
