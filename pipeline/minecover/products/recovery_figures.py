"""Figures of recovery as coordinates: the page draws them in its own colours as SVG."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from minecover.arrays import Float64Array
from minecover.mine_history.recovery import Recovery
from minecover.mine_history.stands import Stand
from minecover.products.charts import Tick

__all__ = ["Course", "Panel", "Trace", "mine_figure"]

WIDTH, HEIGHT = 300.0, 170.0
"""Of a panel, in the units of its SVG."""

SERIES = 6
"""Colours of traces; they repeat where there are more."""


@dataclass(frozen=True, eq=False)
class Course:
    """The course of an index on a stand.

    Attributes
    ----------
    stand, hectares
        Which, and how large it is.
    layer
        Of the features.
    own, reference
        (3, period) quartiles on the stand, and ends and middle of the envelope of the reference.
    recovery
        What it says.
    """

    stand: Stand
    hectares: float
    layer: str
    own: Float64Array
    reference: Float64Array
    recovery: Recovery

    @property
    def contrast(self) -> float:
        """Deficit in the last mined period; 0 where it is not known."""
        last = self.stand[1]
        return float(np.nan_to_num(self.reference[1, last] - self.own[1, last]))


@dataclass(frozen=True)
class Trace:
    """A curve with the band around it, as SVG paths; `number` is that of its colour."""

    label: str
    number: int
    line: str
    band: str


@dataclass(frozen=True)
class Panel:
    """One layer: traces of the stands, and the envelope of their reference.

    Attributes
    ----------
    layer
        Of the features.
    x, y
        Ticks along the axes.
    reference, envelope
        Median and band of undisturbed ground, as SVG paths.
    traces
        Of the stands.
    """

    layer: str
    x: tuple[Tick, ...]
    y: tuple[Tick, ...]
    reference: str
    envelope: str
    traces: tuple[Trace, ...]


def mine_figure(
    courses: Sequence[Course], years: Float64Array, periods: Sequence[str]
) -> tuple[Panel, ...]:
    """Lay out the panels of a mine, one for each layer, all with one axis of values."""
    values = np.concatenate([np.ravel([c.own, c.reference]) for c in courses])
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    low, high = np.floor(low * 5) / 5, max(np.ceil(high * 5) / 5, np.floor(low * 5) / 5 + 0.2)
    span = float(years[-1] - years[0])

    def across(year: float) -> float:
        return WIDTH * (year - float(years[0])) / span

    def up(value: float) -> float:
        return HEIGHT * float((high - value) / (high - low))

    x = tuple(Tick(across(year), name) for year, name in zip(years, periods, strict=True))
    steps = np.linspace(low, high, 1 + min(4, max(1, round((high - low) / 0.2))))
    y = tuple(Tick(up(value), f"{value:.2g}") for value in steps.tolist())
    layers = list(dict.fromkeys(course.layer for course in courses))
    return tuple(
        _panel(layer, [c for c in courses if c.layer == layer], years, periods, (x, y), across, up)
        for layer in layers
    )


def _panel(
    layer: str,
    courses: Sequence[Course],
    years: Float64Array,
    periods: Sequence[str],
    ticks: tuple[tuple[Tick, ...], tuple[Tick, ...]],
    across: Callable[[float], float],
    up: Callable[[float], float],
) -> Panel:
    def path(values: Float64Array, order: slice = slice(None)) -> str:
        places = zip(years[order].tolist(), values[order].tolist(), strict=True)
        return "L".join(f"{across(t):.1f} {up(v):.1f}" for t, v in places if np.isfinite(v))

    def line(values: Float64Array) -> str:
        return f"M{path(values)}" if np.isfinite(values).any() else ""

    def band(low: Float64Array, high: Float64Array) -> str:
        if not np.isfinite(low).any():
            return ""
        return f"M{path(low)}L{path(high, slice(None, None, -1))}Z"

    def traces() -> Iterator[Trace]:
        for number, course in enumerate(courses):
            lower, middle, upper = course.own
            label = f"mined until {periods[course.stand[1]]}"
            yield Trace(label, number % SERIES, line(middle), band(lower, upper))

    low, middle, high = courses[0].reference
    return Panel(layer, *ticks, line(middle), band(low, high), tuple(traces()))
