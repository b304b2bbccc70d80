"""Charts of the comparison as coordinates: the page draws them in its own colours as SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Chart", "Dot", "DotChart", "Line", "Tick", "curve_chart", "dot_chart"]

Json = Any
Scale = Callable[[float], float]

WIDTH, HEIGHT = 640.0, 300.0
"""Of the line chart's plotting area, in the units of its SVG."""

DOTS_WIDTH = 460.0
ROW_HEIGHT = 34.0


@dataclass(frozen=True)
class Tick:
    """A tick: its place along the axis in SVG units, and its text."""

    place: float
    text: str


@dataclass(frozen=True)
class Line:
    """A curve with the band of one standard error, as SVG paths, and the point that was chosen."""

    key: str
    path: str
    band: str
    chosen: tuple[float, float] | None


@dataclass(frozen=True)
class Chart:
    """Lines over two axes."""

    width: float
    height: float
    x: tuple[Tick, ...]
    y: tuple[Tick, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Dot:
    """A mean with its deviation on either side, in SVG units; None: one seed has no deviation.

    `label` names its series for people, `series` in the page's style.
    """

    label: str
    series: str
    place: float
    low: float | None
    high: float | None
    text: str


@dataclass(frozen=True)
class DotChart:
    """Rows of dots over one axis."""

    width: float
    height: float
    row: float
    x: tuple[Tick, ...]
    rows: tuple[tuple[str, tuple[Dot, ...]], ...]


def curve_chart(curves: Mapping[str, Json]) -> Chart | None:
    """Lay out accuracy (0-1) against the number of layers, on a logarithmic axis.

    Parameters
    ----------
    curves
        By ranking: `points`, each [number, accuracy, standard error], and `kept`.
    """
    drawn = {key: curve for key, curve in curves.items() if curve["points"]}
    if not drawn:
        return None
    points = [point for curve in drawn.values() for point in curve["points"]]
    most = max(point[0] for point in points)
    lowest = min(point[1] - point[2] for point in points)
    highest = max(point[1] + point[2] for point in points)
    steps = ticks(lowest, min(highest, 1.0))
    low, high = min(steps[0], lowest), max(steps[-1], highest)

    def across(number: float) -> float:
        return WIDTH * math.log(number) / math.log(most) if most > 1 else 0.0

    def up(value: float) -> float:
        return HEIGHT * float((high - value) / (high - low))

    numbers = [n for n in (1, 2, 5, 10, 20, 50, 100, 200) if n <= most]
    return Chart(
        WIDTH,
        HEIGHT,
        tuple(Tick(across(n), str(n)) for n in numbers),
        tuple(Tick(up(value), f"{100 * value:g} %") for value in steps),
        tuple(_line(key, curve, across, up) for key, curve in drawn.items()),
    )


def _line(key: str, curve: Json, across: Scale, up: Scale) -> Line:
    points = curve["points"]
    middle = [(across(n), up(value)) for n, value, _ in points]
    upper = [(across(n), up(value + error)) for n, value, error in points]
    lower = [(across(n), up(value - error)) for n, value, error in points]
    nearest = min(range(len(points)), key=lambda index: abs(points[index][0] - curve["kept"]))
    band = f"{_path([*upper, *reversed(lower)])}Z"
    return Line(key, _path(middle), band, middle[nearest])


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def dot_chart(rows: Mapping[str, Mapping[str, Json]], series: Mapping[str, str]) -> DotChart | None:
    """Lay out means with deviations, a row for each name and a dot for each series.

    Parameters
    ----------
    rows
        Name to label of a series to `{"mean", "deviation"}`, shares 0-1.
    series
        Label of a series to its name in the page's style.
    """
    spreads = [spread for dots in rows.values() for spread in dots.values()]
    if not spreads:
        return None
    reach = [
        (s["mean"] - (s["deviation"] or 0), s["mean"] + (s["deviation"] or 0)) for s in spreads
    ]
    lowest, highest = min(low for low, _ in reach), max(high for _, high in reach)
    steps = ticks(lowest, min(highest, 1.0))
    low, high = min(steps[0], lowest), max(steps[-1], highest)

    def across(value: float) -> float:
        return DOTS_WIDTH * float((value - low) / (high - low))

    return DotChart(
        DOTS_WIDTH,
        ROW_HEIGHT * len(rows),
        ROW_HEIGHT,
        tuple(Tick(across(value), f"{100 * value:g} %") for value in steps),
        tuple(
            (name, tuple(_dot(key, series[key], spread, across) for key, spread in dots.items()))
            for name, dots in rows.items()
        ),
    )


def _dot(label: str, series: str, spread: Json, across: Scale) -> Dot:
    mean, deviation = spread["mean"], spread["deviation"]
    ends = (None, None) if deviation is None else (mean - deviation, mean + deviation)
    low, high = (None if end is None else across(end) for end in ends)
    return Dot(label, series, across(mean), low, high, f"{100 * mean:.1f} %")


def ticks(low: float, high: float) -> list[float]:
    """Round shares from at most `low` to at least `high`, some five of them.

    Examples
    --------
    >>> ticks(0.83, 0.97)
    [0.8, 0.85, 0.9, 0.95, 1.0]
    """
    span = max(high - low, 0.01)
    step = next(s for s in (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5) if span / s <= 5 or s == 0.5)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(step * index, 3) for index in range(first, max(last, first + 1) + 1)]
