"""What is divided as a whole when points are: a point alone, or all points of a polygon."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from minecover.arrays import Int64Array

__all__ = ["places_of", "units", "whole_polygons"]


def whole_polygons(frame: pd.DataFrame, column: str) -> npt.NDArray[Any]:
    """Values of a column by which points are divided, all of a polygon's those of its first point.

    Parameters
    ----------
    frame
        n points; where some were drawn from polygons, with the number of each point's in the
        column polygon, -1: none.
    column
        One that holds places.
    """
    values = frame[column]
    if "polygon" not in frame or (frame["polygon"] < 0).all():
        return values.to_numpy()
    first = values.groupby(frame["polygon"]).transform("first")
    return values.where(frame["polygon"] < 0, first).to_numpy()


def places_of(frame: pd.DataFrame) -> Int64Array:
    """Row and column by which points are divided, (n, 2); see `whole_polygons`."""
    places = [whole_polygons(frame, name) for name in ("row", "col")]
    return np.column_stack(places).astype(np.int64)


def units(frame: pd.DataFrame) -> Int64Array:
    """Give the number of what each point is divided with, itself or its polygon, from 0 on."""
    own = np.arange(len(frame), dtype=np.int64)
    first = whole_polygons(frame.assign(own=own), "own")
    return np.unique(first, return_inverse=True)[1].astype(np.int64)
