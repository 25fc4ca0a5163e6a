"""Charts: marks stand where their values are, labels and titles are escaped, and shape tells direction without colour."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from anytasktune_bench.leaderboard.site.charts import LEFT, RIGHT, WIDTH, Dot, dot_plot

SVG = "{http://www.w3.org/2000/svg}"
bounds = st.floats(-1, 1).flatmap(lambda value: st.tuples(st.just(value), st.floats(-1, value), st.floats(value, 1)))


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


@given(st.lists(bounds, min_size=1, max_size=8), st.text(max_size=60))
def test_every_mark_lies_on_its_interval_and_inside_the_chart(values: list[tuple[float, float, float]], label: str) -> None:
    clean = "".join(c for c in label if c.isprintable())
    root = parsed(str(dot_plot([Dot(clean, *value) for value in values], clean, "x")))
    groups = root.findall(f"{SVG}g")
    assert len(groups) == len(values)
    for group in groups:
        line, mark = group.find(f"{SVG}line"), group.find(f"{SVG}circle")
        assert line is not None and mark is not None
        left, right, x = (float(node.attrib[name]) for node, name in ((line, "x1"), (line, "x2"), (mark, "cx")))
        assert LEFT <= left <= x <= right <= WIDTH - RIGHT


def test_places_are_proportional() -> None:
    root = parsed(str(dot_plot([Dot("a", value, value, value) for value in (0.0, 0.25, 1.0)], "t", "x", 0.0, 1.0)))
    a, b, c = (float(circle.attrib["cx"]) for circle in root.iter(f"{SVG}circle"))
    assert a == LEFT and c == WIDTH - RIGHT and abs((b - a) / (c - a) - 0.25) < 1e-3


def test_down_is_a_square_and_what_is_not_significant_is_hollow() -> None:
    root = parsed(str(dot_plot([Dot("a", 0.1, 0.05, 0.2, "up"), Dot("b", -0.1, -0.2, 0.1, "down", solid=False)], "t", "x", mark=0.0)))
    up, down = root.findall(f"{SVG}g")
    assert up.find(f"{SVG}circle") is not None and down.find(f"{SVG}rect") is not None
    assert [group.attrib["class"] for group in (up, down)] == ["up solid", "down"]
    assert [line.attrib["class"] for line in root.findall(f"{SVG}line")].count("axis strong") == 1


def test_texts_are_escaped_and_long_labels_cut() -> None:
    svg = str(dot_plot([Dot("<script>" + "长" * 60, 0.5, 0.4, 0.6)], "<b>", "x"))
    assert "<script>" not in svg and "<b>" not in svg
    assert re.search("长…</text>", svg) and svg.count("长") < 20
