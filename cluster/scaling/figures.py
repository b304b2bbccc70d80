"""The two figures: what was measured, and what is predicted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from scaling.areas import Predicted
from scaling.summary import Compared

__all__ = ["draw_areas", "draw_measured"]

COLOURS = ("#2b6cb0", "#b7791f", "#9b2c2c")
INK, FAINT = "#222222", "#bbbbbb"
STYLE = {
    "font.size": 9,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#eeeeee",
    "axes.axisbelow": True,
}


def draw_areas(areas: Sequence[Predicted], currency: str, path: Path) -> None:
    """Hours and money over the number of workers, one line an area."""
    with plt.style.context(STYLE):
        figure, (time, money) = plt.subplots(1, 2, figsize=(9.6, 3.4), layout="constrained")
        for area, colour in zip(areas, COLOURS, strict=True):
            workers = [item.workers for item in area.calm]
            hours = [item.seconds / 3600 for item in area.calm]
            time.plot(workers, hours, color=colour, marker="o", markersize=3, linewidth=1.4)
            label = f"{area.name}, {area.area:,} km²"
            time.annotate(label, (workers[-1], hours[-1]), xytext=(7, -3), color=colour,
                          textcoords="offset points", annotation_clip=False)  # fmt: skip
            paid = [item.money or 0.0 for item in area.calm]
            money.plot(workers, paid, color=colour, marker="o", markersize=3, linewidth=1.4)
            money.annotate(f"{paid[0]:,.2f} {currency}", (workers[0], paid[0]), color=colour,
                           xytext=(0, 6), textcoords="offset points")  # fmt: skip
        _axes(time, "hours, from catalog to report")
        _axes(money, f"cost, {currency}")
        figure.savefig(path, dpi=160)
        plt.close(figure)


def _axes(axes: Axes, label: str) -> None:
    axes.set(xscale="log", yscale="log", xlabel="workers of one core")
    axes.set_title(label, loc="left", fontsize=9.5)
    plain = mpl.ticker.FuncFormatter(lambda value, _: f"{value:,g}")
    axes.xaxis.set_major_formatter(plain)
    axes.yaxis.set_major_formatter(plain)
    axes.minorticks_off()


def draw_measured(compared: Sequence[Compared], path: Path) -> None:
    """Seconds on one and two processes, every round a point, and what was predicted."""
    stages = sorted({item.stage for item in compared})
    with plt.style.context(STYLE):
        figure, panels = plt.subplots(
            1, len(stages), figsize=(5 * len(stages), 3.2), layout="constrained", squeeze=False
        )
        for axes, stage in zip(panels[0], stages, strict=True):
            rows = [item for item in compared if item.stage == stage]
            for place, row in enumerate(rows):
                axes.bar(place, row.span, width=0.55, color="#d7e3f0", zorder=1)
                axes.scatter([place] * len(row.spans), row.spans, s=12, color=COLOURS[0], zorder=3)
                axes.hlines(row.predicted, place - 0.36, place + 0.36, color=COLOURS[2], zorder=4)
            axes.set_xticks(range(len(rows)), [row.label for row in rows])
            axes.set_title(f"{stage}: seconds", loc="left", fontsize=9.5)
            axes.grid(visible=False, axis="x")
        legend = "bar: median of the rounds (points)\nred: predicted"
        last = panels[0, -1]
        last.text(0.98, 0.96, legend, transform=last.transAxes, ha="right", va="top", size=8)
        figure.savefig(path, dpi=160)
        plt.close(figure)
