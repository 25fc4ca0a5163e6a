"""Loss curves of a run as an SVG picture, made from the adapter's history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 640, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 96, 28, 40
_SERIES = {"loss": ("#6b7280", "train"), "validation": ("#b45309", "validation")}


def loss_svg(history: Sequence[Mapping[str, float]], title: str) -> str:
    """Training and validation loss over steps.

    Args:
        history: entries `{"step", "loss"}` or `{"step", "validation"}`, as an adapter's stamp has them.
        title: what was trained.

    Returns:
        An SVG document of `WIDTH` by `HEIGHT` pixels; the lines are told apart by label and dash as well as by colour.
    """
    series = {name: [(entry["step"], entry[name]) for entry in history if name in entry] for name in _SERIES}
    values = [value for points in series.values() for _, value in points] or [0.0, 1.0]
    last_step = max((step for points in series.values() for step, _ in points), default=1.0)
    top = max(values) * 1.05 or 1.0

    def x(step: float) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * step / max(last_step, 1)

    def y(value: float) -> float:
        return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * value / top

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="18" font-size="13">{escape(title)}</text>',
    ]
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        at = y(top * share)
        parts.append(f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}" stroke="#e5e7eb"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{top * share:.2f}</text>')
        parts.append(f'<text x="{x(last_step * share):.1f}" y="{HEIGHT - _BOTTOM + 18}" text-anchor="middle">{last_step * share:.0f}</text>')
    parts.append(f'<text x="{(WIDTH - _RIGHT + _LEFT) / 2:.0f}" y="{HEIGHT - 6}" text-anchor="middle">step</text>')
    for name, (colour, label) in _SERIES.items():
        points = series[name]
        if not points:
            continue
        line = " ".join(f"{x(step):.1f},{y(value):.1f}" for step, value in points)
        dash = ' stroke-dasharray="6 3"' if name == "validation" else ""
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        if name == "validation":
            parts += [f'<circle cx="{x(step):.1f}" cy="{y(value):.1f}" r="3" fill="{colour}"/>' for step, value in points]
        end = points[-1]
        parts.append(f'<text x="{x(end[0]) + 6:.1f}" y="{y(end[1]) + 4:.1f}" fill="{colour}">{label} {end[1]:.3f}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
