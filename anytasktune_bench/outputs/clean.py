"""What every reader does first: take off what models wrap around an answer, and cut it into lines, items and keys."""

from __future__ import annotations

import re

from anytasktune_bench.spec import Label, Lang
from anytasktune_bench.text import normalise

MAX_ANSWER = 100_000
"""Characters of an answer that are read; the rest is cut."""

_FENCE = re.compile(r"^(?:[^\n`]{0,80}[:：]\s*\n+)?```[\w-]*[ \t]*\n(.*?)\n?[ \t]*```$", re.DOTALL)
_LEAD_IN = re.compile(r"^\s*(?:\*\*)?(?:final answer|answer|output|result|答案|回答|输出|結果|结果|答)(?:\*\*)?\s*[:：]\s*(?:\*\*)?\s*", re.IGNORECASE)
_LEAD_IN_LINE = re.compile(r"^[^\n]{0,80}[:：]\s*\n\s*(?=\S)")
_BULLET = re.compile(r"^\s*(?:[-*•·‧▪]\s+|[(（]?\d{1,2}[.、)）．]\s*(?!\d))")
_NONE_VALUES = {"无", "没有", "未提及", "未提到", "不详", "none", "n/a", "null", "not mentioned", "not stated", "unknown"}
_NEGATION = re.compile(r"[不没无非未别勿]|\b(?:not?|never|without|nor|neither|except|than)\b|n't\b")
MAX_KEY = 24
"""Characters of what may stand before a label as its key."""
EDGES = " \t\r\n\"'“”‘’「」『』*`"


def clean_answer(answer: str) -> str:
    """The answer proper: without thinking text, an enclosing code fence, and a lead-in such as "Answer:"."""
    text = answer[:MAX_ANSWER].replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "</think>" in text:
        text = text.rsplit("</think>", 1)[1]
    elif text.lstrip().startswith("<think>"):
        text = ""
    text = text.strip()
    if fenced := _FENCE.match(text):
        text = fenced[1].strip()
    text = _LEAD_IN.sub("", text, count=1).strip()
    if fenced := _FENCE.match(text):
        text = fenced[1].strip()
    return text


def drop_lead_in_line(text: str) -> str:
    """Without a first line such as "Here is the result:", where more follows."""
    return _LEAD_IN_LINE.sub("", text, count=1)


def drop_bullet(line: str) -> str:
    """A line without its bullet or number."""
    return _BULLET.sub("", line)


def label_key(text: str, lang: Lang) -> str:
    """The form in which labels and literals are compared; empty for a text that is too long to be one."""
    if len(text) > 200:
        return ""
    return normalise(drop_bullet(text), lang).strip(EDGES + ".,;:!?[]()<>")


def match_label(labels: tuple[Label, ...], lang: Lang, text: str) -> str | None:
    """The id of the label that `text` as a whole is, or None. A label inside a longer text is no answer.

    Before it may stand what it answers ("Intent: human agent"), as a key that names no label and does not negate.
    """
    exact = {label_key(name, lang): label.id for label in labels for name in label.names(lang)}
    if found := exact.get(label_key(text, lang)):
        return found
    key, colon, value = split_key(text)
    beside = normalise(key, lang)
    if not colon or len(key) > MAX_KEY or _NEGATION.search(beside) or any(name and name in beside for name in exact):
        return None
    return exact.get(label_key(value, lang))


def is_none_value(value: str, lang: Lang) -> bool:
    """Whether a value says that there is nothing (无, none, not mentioned, ...)."""
    return not value.strip() or (len(value) <= 40 and normalise(value, lang).strip(EDGES + ".,;:()[]-") in _NONE_VALUES)


def split_items(text: str, separators: tuple[str, ...]) -> list[str]:
    """The non-empty items of `text`, cut at every separator that is not inside a number (1,000), with quotes and full stops off their ends."""
    pattern = "|".join(r"(?<!\d),|,(?!\d{3}(?!\d))" if s == "," else re.escape(s.strip() or s) for s in separators)
    parts = (part.strip(EDGES).strip(".。").strip(EDGES) for part in re.split(pattern, text))
    return [part for part in parts if part]


def split_key(line: str) -> tuple[str, bool, str]:
    """(key, whether there is a colon, value) of one line."""
    match = re.match(r"([^:：]{1,60})[:：](.*)$", line, re.DOTALL)
    return (match[1].strip(EDGES), True, match[2].strip(EDGES)) if match else ("", False, line)
