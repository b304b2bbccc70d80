"""What the figures of `mc.plot` have in common: axes, intervals, legends and names."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from minecover.arrays import Float64Array, Int64Array

__all__ = ["draw_spread", "legend_beside", "new_axes", "opened", "words_of"]

Places = Float64Array | Int64Array


def new_axes(ax: Axes | None, width: float, height: float) -> Axes:
    """Make a figure of so many inches where no axes are given."""
    if ax is not None:
        return ax
    made: Axes = plt.figure(figsize=(width, height), layout="constrained").add_subplot()
    return made


def draw_spread(
    ax: Axes, rows: pd.DataFrame, at: Places, columns: Sequence[str], colour: str, label: str
) -> None:
    """Draw values with their intervals, one in a row; where there is none, the value alone."""
    value, low, high = (rows[name].to_numpy(np.float64) for name in columns)
    ends = np.nan_to_num(np.maximum([value - low, high - value], 0.0))
    ax.errorbar(value, at, xerr=ends, fmt="o", markersize=4, capsize=3, color=colour, label=label)


def legend_beside(ax: Axes) -> Axes:
    """Put the legend to the right of the axes, which are left open."""
    ax.legend(loc="upper left", bbox_to_anchor=(1.02, 1), frameon=False)
    return opened(ax)


def opened(ax: Axes) -> Axes:
    """Leave the frame open above and to the right."""
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def words_of(name: str) -> str:
    """Name for people."""
    return name.replace("_", " ")
