"""Charts as SVG text. Shape and fill carry what colour carries, and every figure also stands in a table beside the chart."""

from __future__ import annotations

import bisect
import itertools
import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH, LEFT, RIGHT, LINE, TOP, BOTTOM = 820, 290, 24, 22, 26, 12

LABEL = 40
"""Columns of a label: a Chinese character takes two."""


@dataclass(frozen=True)
class Dot:
    """One line of a dot plot."""

    label: str
    value: float
    low: float
    high: float
    kind: str = "plain"
    """CSS class of the mark: up, down or plain. Marks of kind down are squares, the others circles."""
    solid: bool = True
    group: str = ""
    """A heading is put before the first dot of each group."""


def dot_plot(dots: Sequence[Dot], title: str, name: str, low: float | None = None, high: float | None = None, mark: float | None = None) -> Markup:
    """Values with their intervals, one line each, on a common axis.

    Args:
        dots: from top to bottom.
        title: what a reader who does not see the chart is told.
        name: id prefix, unique on its page.
        low: least value of the axis; None for what the dots need.
        high: greatest value of the axis.
        mark: a value that a vertical line stands at.
    """
    reach = [bound for dot in dots for bound in (dot.low, dot.high)]
    low = math.floor(min([*reach, 0.0]) * 10) / 10 if low is None else low
    high = math.ceil(max([*reach, 0.0]) * 10) / 10 if high is None else high
    high = max(high, low + 0.1)
    headings = len({dot.group for dot in dots} - {""})
    height = TOP + BOTTOM + LINE * (len(dots) + headings)
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" aria-labelledby="{name}-says">',
        f'<title id="{name}-says">{escape(title)}</title>',
    ]
    for tick in _ticks(low, high):
        x = _x(tick, low, high)
        strong = "axis strong" if mark is not None and abs(tick - mark) < 1e-9 else "axis"
        parts.append(f'<line class="{strong}" x1="{x}" x2="{x}" y1="{TOP - 6}" y2="{height - BOTTOM}"/>')
        parts.append(f'<text class="tick" x="{x}" y="{TOP - 11}" text-anchor="middle">{_signed(tick, low)}</text>')
    y, group = TOP, ""
    for dot in dots:
        if dot.group != group:
            group = dot.group
            parts.append(f'<text class="group" x="0" y="{y + 15}">{escape(group)}</text>')
            y += LINE
        parts += _line(dot, y + LINE / 2, low, high)
        y += LINE
    return Markup("".join([*parts, "</svg>"]))


def _line(dot: Dot, y: float, low: float, high: float) -> list[str]:
    x, left, right = (_x(value, low, high) for value in (dot.value, dot.low, dot.high))
    classes = f"{dot.kind}{' solid' if dot.solid else ''}"
    label = _fitted(dot.label)
    shape = f'<rect x="{x - 4.5:.1f}" y="{y - 4.5:.1f}" width="9" height="9"/>' if dot.kind == "down" else f'<circle cx="{x}" cy="{y}" r="5"/>'
    return [
        f'<text x="{LEFT - 12}" y="{y + 4.5:.1f}" text-anchor="end">{escape(label)}</text>',
        f'<g class="{classes}"><line x1="{left}" x2="{right}" y1="{y}" y2="{y}"/>{shape}</g>',
    ]


def _fitted(label: str) -> str:
    widths = list(itertools.accumulate(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in label))
    return label if not widths or widths[-1] <= LABEL else label[: bisect.bisect_right(widths, LABEL - 1)] + "…"


def _x(value: float, low: float, high: float) -> float:
    inside = min(max(value, low), high)
    return round(LEFT + (inside - low) / (high - low) * (WIDTH - LEFT - RIGHT), 1)


def _ticks(low: float, high: float) -> list[float]:
    step = 0.1 if high - low <= 0.8 else 0.2
    return [round(i * step, 1) for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def _signed(tick: float, low: float) -> str:
    return (f"{tick:+.1f}".replace("-", "−") if tick else "0") if low < 0 else f"{tick:.1f}"
