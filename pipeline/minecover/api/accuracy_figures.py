"""Figures of accuracy and of areas, with their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.ticker import PercentFormatter

from minecover.api.assessment import Assessment
from minecover.api.axes import draw_spread, legend_beside, new_axes, opened, words_of
from minecover.api.results import Results
from minecover.api.store_tables import read_splits
from minecover.errors import SurveyError
from minecover.geography.polygon_files import listed
from minecover.products.palette import INKS, SERIES, UNKNOWN

__all__ = ["accuracy", "areas", "confusion"]

T = TypeVar("T")

BLOCKS = "spatial_blocks"


def confusion(
    assessed: Results | Assessment, split: str = BLOCKS, *, ax: Axes | None = None
) -> Axes:
    """Draw a confusion matrix: rows as points are labelled, columns as they are mapped.

    Parameters
    ----------
    assessed
        `run`, once it is assessed, or what `mc.assess` gives.
    split
        Of a run: ``spatial_blocks``, or ``random``.
    ax
        Axes to draw on.

    Raises
    ------
    SurveyError
        There is no such split.
    StoreError
        The run was not assessed.
    """
    names, counts = _matrix(assessed, split)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    edge = 2.6 + 0.55 * len(names)
    ax = new_axes(ax, edge + 0.8, edge)
    right = np.eye(len(names), dtype=bool)
    strength = np.where(right, 0.58 * shares + 0.04, np.minimum(2.5 * shares + 0.03, 0.62))
    cells = np.array([[to_rgba(INKS["hit" if hit else "miss"][0]) for hit in row] for row in right])
    cells[..., 3] = np.where(counts > 0, strength, 0)
    ax.imshow(cells)
    for row, column in np.argwhere(counts > 0):
        ax.text(column, row, f"{counts[row, column]:,}", ha="center", va="center", fontsize="small")
    words = [words_of(name) for name in names]
    ax.set_xticks(range(len(names)), words, rotation=45, ha="right")
    ax.set_yticks(range(len(names)), words)
    share = np.trace(counts) / max(counts.sum(), 1)
    ax.set(xlabel="mapped as, points", ylabel="labelled as, points")
    ax.set_title(f"{share:.1%} of {counts.sum():,} points are right")
    return ax


def _matrix(assessed: Results | Assessment, split: str) -> tuple[list[str], Any]:
    """Names of the classes, and points by labelled (rows) and mapped class."""
    if isinstance(assessed, Assessment):
        return _names(assessed), assessed.matrix.to_numpy(np.int64)
    measured = _of_split(read_splits(assessed.store), split)
    return _names(assessed), np.array(measured["matrix"], dtype=np.int64)


def _names(assessed: Results | Assessment) -> list[str]:
    """Names of the classes in their order, which documents do not keep."""
    if isinstance(assessed, Assessment):
        return [str(name) for name in assessed.matrix.index]
    return [item.name for item in assessed.classes]


def _of_split(splits: Mapping[str, T], split: str) -> T:
    if split not in splits:
        raise SurveyError(f"split: no {split!r}; measured were {listed([*splits])}")
    return splits[split]


def accuracy(
    assessed: Results | Assessment, split: str = BLOCKS, *, ax: Axes | None = None
) -> Axes:
    """Draw user's and producer's accuracy of each class, with intervals of 95 %.

    Parameters
    ----------
    assessed, split, ax
        As for `confusion`.
    """
    table = assessed.table if isinstance(assessed, Assessment) else _table(assessed, split)
    ax = new_axes(ax, 7.2, 4.2)
    for place, measure in enumerate(("users_accuracy", "producers_accuracy")):
        rows = pd.DataFrame(table.xs(measure, level="measure")).reindex(_names(assessed))
        at = np.arange(len(rows), dtype=np.float64) + 0.24 * (place - 0.5)
        label = f"{measure.split('_')[0].removesuffix('s')}'s accuracy"
        draw_spread(ax, rows, at, ("value", "low", "high"), SERIES[place][0], label)
    names = [words_of(name) for name in _names(assessed)]
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set(title="Accuracy by class, with intervals of 95 %", xlabel="share of the points")
    return legend_beside(ax)


def _table(results: Results, split: str) -> pd.DataFrame:
    table = results.accuracy
    known = {str(name): rows.droplevel("split") for name, rows in table.groupby(level="split")}
    return _of_split(known, split)


def areas(
    areas: Results | pd.DataFrame,
    colours: Mapping[str, str] | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw the area of each class: as mapped, and with its interval where it was estimated.

    Parameters
    ----------
    areas
        `run`, `run.areas()`, or the areas of `mc.assess`.
    colours
        ``#rrggbb`` of each class by name; None: those of `run`, else of a palette.
    ax
        Axes to draw on.
    """
    if isinstance(areas, Results):
        colours, areas = colours or areas.colours, areas.areas()
    known = colours or {}
    ax = new_axes(ax, 7.2, 0.5 * len(areas) + 1.4)
    at = np.arange(len(areas))
    inks = [known.get(str(name), UNKNOWN[n % len(UNKNOWN)]) for n, name in enumerate(areas.index)]
    if "mapped_ha" in areas:
        ax.barh(at, areas["mapped_ha"], color=inks)
    if "area_ha" in areas:
        columns = ("area_ha", "low_ha", "high_ha")
        label = "on the ground, with its interval of 95 %; bars as mapped"
        draw_spread(ax, areas, at, columns, plt.rcParams["text.color"], label)
        ax.legend(frameon=False)
    ax.set_yticks(at, [words_of(str(name)) for name in areas.index])
    ax.invert_yaxis()
    ax.set(title="Area of each class", xlabel="area, ha")
    return opened(ax)
