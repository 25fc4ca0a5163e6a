"""Checks 10 and 11: personal data outside reserved values, and unsafe detail."""

from __future__ import annotations

import re
from collections.abc import Iterator

from anytasktune_bench.data.problems import Problem, Rows

_ID_CARD = re.compile(r"(?<!\d)\d{17}[\dXx](?!\d)")
_PHONE_ZH = re.compile(r"(?<!\d)1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)")
_PHONE_EN = re.compile(r"(?<![\d-])(?:\+\d{1,3}[- ]?)?(?:\(\d{2,5}\)|\d{2,5})[- ]\d{3,4}[- ]\d{3,4}(?![\d-])|(?<!\d)0\d{9,10}(?!\d)")
_RESERVED_PHONE = re.compile(r"555[- ]?01\d\d$|07700[- ]?900\d{3}$|01632[- ]?960\d{3}$|0808[- ]?157[- ]?0\d{3}$")
_CARD = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_RESERVED_EMAIL = re.compile(r"@(?:[\w-]+\.)*example\.(?:com|org|net)$")
_PLATE = re.compile(r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Z]·?[A-Z0-9]{5,6}(?![A-Z0-9])")

_METHOD_DETAIL = re.compile(
    r"割腕|上吊|烧炭|跳楼|农药|\d+\s*片(?:安眠药|药)|安眠药\d+"
    r"|slit (?:my|her|his) wrist|hang(?:ed|ing)? (?:my|him|her)self|charcoal burning|\d+ (?:sleeping )?pills|jump(?:ed|ing)? off (?:the|a) (?:roof|bridge)",
    re.IGNORECASE,
)


def id_card_valid(number: str) -> bool:
    """Whether an 18-character number passes the checksum of Chinese identity cards (GB 11643-1999, ISO 7064 MOD 11-2)."""
    weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
    return "10X98765432"[sum(w * int(d) for w, d in zip(weights, number[:17], strict=True)) % 11] == number[17].upper()


def luhn_valid(number: str) -> bool:
    """Whether a digit string passes the Luhn check of payment cards (ISO/IEC 7812-1)."""
    digits = [int(d) for d in reversed(re.sub(r"\D", "", number))]
    return sum(d if i % 2 == 0 else (2 * d - 9 if d > 4 else 2 * d) for i, d in enumerate(digits)) % 10 == 0


def find_personal_data(text: str) -> list[str]:
    """Strings in `text` that look like real personal data: identity card, phone, payment card, e-mail address, number plate."""
    found = [f"identity card {m}" for m in _ID_CARD.findall(text) if id_card_valid(m)]
    found += [f"phone {m}" for p in (_PHONE_ZH, _PHONE_EN) for m in p.findall(text) if not _RESERVED_PHONE.search(m)]
    found += [f"payment card {m}" for m in _CARD.findall(text) if luhn_valid(m)]
    found += [f"e-mail {m}" for m in _EMAIL.findall(text) if not _RESERVED_EMAIL.search(m)]
    return found + [f"number plate {m}" for m in _PLATE.findall(text)]


def personal_data(rows: Rows) -> Iterator[Problem]:
    """Check 10."""
    for _, row in rows.all():
        for what in find_personal_data(f"{row.input}\n{row.output}"):
            yield Problem(10, rows.where(row), f"holds what looks like personal data: {what}. Use a reserved value or leave it out.")


def unsafe_detail(rows: Rows) -> Iterator[Problem]:
    """Check 11: rows on psychology name no method of self-harm."""
    if rows.spec.domain != "psychology":
        return
    for _, row in rows.all():
        if match := _METHOD_DETAIL.search(f"{row.input}\n{row.output}"):
            yield Problem(11, rows.where(row), f"names a method of self-harm ({match[0]}). Leave the detail out.")
