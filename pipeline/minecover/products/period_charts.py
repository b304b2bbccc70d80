"""What periods show as coordinates: flows between classes, and the ground of mines in time.

The page draws both as SVG in the classes' colours and its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from minecover.arrays import Float64Array
from minecover.samples.classes import LandUseClass

__all__ = ["Flow", "FlowChart", "MineBars", "Node", "flow_chart", "mine_bars"]

HEIGHT, STEP_WIDTH, NODE_WIDTH = 420.0, 230.0, 14.0
"""Of the flow chart: all nodes of a period, from period to period, and a node, in SVG units."""

GAP = 14.0
"""Between the nodes of a period: the height of a line of text."""

LEAST_FLOW = 0.002
"""Share of all ground of a chart below which a flow is not drawn."""

BARS_HEIGHT, BAR_WIDTH, BAR_GAP = 110.0, 26.0, 10.0


@dataclass(frozen=True)
class Node:
    """A class in a period: a bar, and its text."""

    item: LandUseClass
    x: float
    y: float
    height: float
    hectares: float


@dataclass(frozen=True)
class Flow:
    """Ground of one class that is of another, or the same, in the next period: an SVG path."""

    item: LandUseClass
    stays: bool
    path: str
    text: str


@dataclass(frozen=True)
class FlowChart:
    """Nodes of all periods and the flows between them.

    Attributes
    ----------
    width, height
        In SVG units.
    periods
        Place along the width and name of each period.
    nodes, flows
        As they are drawn: flows first.
    hectares
        Ground that the chart shows.
    """

    width: float
    height: float
    periods: tuple[tuple[float, str], ...]
    nodes: tuple[Node, ...]
    flows: tuple[Flow, ...]
    hectares: float


@dataclass(frozen=True)
class MineBars:
    """The ground of one mine in every period, by what it is covered with.

    Attributes
    ----------
    mine
        Its id.
    state
        In the last period.
    first_disturbed, restored_since
        Names of periods, or empty.
    bars
        For each period its place along the width, its name, mined hectares as text and parts from
        the bottom: class, y and height.
    """

    mine: int
    state: str
    first_disturbed: str
    restored_since: str
    width: float
    height: float
    bars: tuple[tuple[float, str, str, tuple[tuple[LandUseClass, float, float], ...]], ...]


def flow_chart(
    steps: Float64Array, names: Sequence[str], classes: Sequence[LandUseClass]
) -> FlowChart | None:
    """Lay out what turned into what, from period to period (a Sankey diagram).

    Parameters
    ----------
    steps
        (step, class before, class after) hectares of the same ground in all steps.
    names
        Of the periods, one more than steps.
    classes
        In the order in which they stand above each other.

    Returns
    -------
    FlowChart or None
        None where there is no ground to show.
    """
    total = float(steps[0].sum()) if len(steps) else 0.0
    if total <= 0:
        return None
    held = np.concatenate([steps.sum(axis=2), steps[-1:].sum(axis=1)])  # (period, class)
    shown = held.max(axis=0) > 0
    room = HEIGHT - GAP * (int(shown.sum()) - 1)
    scale = room / total
    tops = np.zeros_like(held)
    for period, own in enumerate(held):
        heights = np.where(shown, own * scale + GAP, 0.0)
        tops[period] = np.cumsum(heights) - heights
    nodes = tuple(
        Node(item, period * STEP_WIDTH, float(tops[period, place]), float(own * scale), float(own))
        for period, row in enumerate(held)
        for place, (item, own) in enumerate(zip(classes, row, strict=True))
        if own > 0
    )
    flows = tuple(
        flow
        for number, step in enumerate(steps)
        for flow in _flows(step, tops[number : number + 2], scale, number, classes)
    )
    places = tuple((number * STEP_WIDTH, name) for number, name in enumerate(names))
    width = (len(names) - 1) * STEP_WIDTH + NODE_WIDTH
    return FlowChart(width, HEIGHT, places, nodes, flows, total)


def _flows(
    step: Float64Array,
    tops: Float64Array,
    scale: float,
    number: int,
    classes: Sequence[LandUseClass],
) -> list[Flow]:
    """Lay out the flows of one step: they leave and arrive in the order of the classes."""
    leaving = tops[0][:, None] + (np.cumsum(step, axis=1) - step) * scale
    arriving = tops[1][None, :] + (np.cumsum(step, axis=0) - step) * scale
    left, right = number * STEP_WIDTH + NODE_WIDTH, (number + 1) * STEP_WIDTH
    least = LEAST_FLOW * float(step.sum())
    found = []
    for before, after in np.argwhere(step > least).tolist():
        hectares = float(step[before, after])
        path = _band(
            (left, float(leaving[before, after])),
            (right, float(arriving[before, after])),
            hectares * scale,
        )
        names = (classes[before].name, classes[after].name)
        text = f"{names[0]} to {names[1]}: {hectares:,.1f} ha".replace("_", " ")
        found.append(Flow(classes[before], before == after, path, text))
    return sorted(found, key=lambda flow: not flow.stays)


def _band(start: tuple[float, float], end: tuple[float, float], height: float) -> str:
    """Draw a band of constant height that leaves and arrives level."""
    (x0, y0), (x1, y1) = start, end
    middle = (x0 + x1) / 2
    return (
        f"M{x0:.1f} {y0:.2f}C{middle:.1f} {y0:.2f} {middle:.1f} {y1:.2f} {x1:.1f} {y1:.2f}"
        f"V{y1 + height:.2f}C{middle:.1f} {y1 + height:.2f} {middle:.1f} {y0 + height:.2f} "
        f"{x0:.1f} {y0 + height:.2f}Z"
    )


def mine_bars(
    table: pd.DataFrame, names: Sequence[str], classes: Sequence[LandUseClass], most: int
) -> tuple[MineBars, ...]:
    """Lay out the ground of the largest mines as bars by period, on one scale.

    Parameters
    ----------
    table
        A row for each mine and period: `mine`, `period`, `state`, `area_ha`, `ground_ha`,
        `first_disturbed`, `restored_since` and `within_CLASS`, shares of `ground_ha`.
    names
        Of all periods, in order.
    classes
        Of the survey; the lowest part of a bar is of the first that is a mine.
    most
        How many mines.
    """
    largest = table.groupby("mine")["ground_ha"].max().nlargest(most)
    if largest.empty:
        return ()
    scale = BARS_HEIGHT / float(largest.max())
    order = sorted(classes, key=lambda item: not item.mine)
    width = len(names) * (BAR_WIDTH + BAR_GAP) - BAR_GAP
    found = []
    for mine in largest.index:
        rows = table[table["mine"] == mine].set_index("period")
        bars = []
        for number, name in enumerate(names):
            if name in rows.index:
                row = rows.loc[name]
                parts = _parts(row, order, scale)
                bars.append((number * (BAR_WIDTH + BAR_GAP), name, f"{row['area_ha']:.1f}", parts))
        last = rows.iloc[-1]
        found.append(
            MineBars(
                int(mine), str(last["state"]), str(last["first_disturbed"]),
                str(last["restored_since"]), width, BARS_HEIGHT, tuple(bars),
            )
        )  # fmt: skip
    return tuple(found)


def _parts(
    row: pd.Series[float], order: Sequence[LandUseClass], scale: float
) -> tuple[tuple[LandUseClass, float, float], ...]:
    bottom, parts = BARS_HEIGHT, []
    for item in order:
        share = float(row[f"within_{item.name}"])
        height = share * float(row["ground_ha"]) * scale
        if height > 0:  # not NaN either
            bottom -= height
            parts.append((item, bottom, height))
    return tuple(parts)
