"""In which polygon of the register each point of a design lies, and which licence it is beyond."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import shapely

from minecover.arrays import BoolArray, Float32Array
from minecover.geography.grid import Window
from minecover.geography.ground_area import SQUARE_MILLIMETRES, Surface
from minecover.land_register.domains import BeyondDomains
from minecover.land_register.ground import Maps, measure_inside
from minecover.land_register.parcels import OUTSIDE, Parcels, read_parcels
from minecover.mine_history.following import FollowedIds
from minecover.stages.timeline import codes_of, probability_of
from minecover.transitions.from_to import Codes
from minecover.workflow.stage import Workspace

__all__ = ["beyond_licences", "parcel_pixels", "parcels_at"]


def parcels_at(workspace: Workspace, table: pd.DataFrame, kind: str) -> dict[str, BoolArray] | None:
    """Tell which points lie in each of the register's units or licences, which may overlap.

    Parameters
    ----------
    workspace
        The survey.
    table
        Columns `row` and `col`.
    kind
        `units` or `licences`.

    Returns
    -------
    (point,) by name; None where the register has none of the kind.
    """
    parcels = _parcels(workspace, kind)
    if parcels is None:
        return None
    x, y = workspace.grid.centres_of(table["row"].to_numpy(), table["col"].to_numpy())
    return {
        name: np.asarray(shapely.intersects_xy(shape, x, y), dtype=bool)
        for name, shape in zip(parcels.names, parcels.shapes, strict=True)
    }


def parcel_pixels(
    workspace: Workspace, tiles: Iterable[tuple[Window, Codes]], kind: str
) -> dict[str, int]:
    """Count the pixels of the area in each unit, or licence, of the register.

    Parameters
    ----------
    workspace
        The survey.
    tiles
        Windows of the area with codes, 0 off it.
    kind
        `units` or `licences`.

    Returns
    -------
    By name, a pixel in each that its centre is in, and what is in none as `OUTSIDE`; nothing where
    the register has none of the kind.
    """
    parcels = _parcels(workspace, kind)
    if parcels is None:
        return {}
    counts = dict.fromkeys((*parcels.names, OUTSIDE), 0)
    for window, codes in tiles:
        there = codes != 0
        free = there.copy()
        for number, mask in parcels.over(workspace.grid, window):
            counts[parcels.names[number]] += int(np.count_nonzero(mask & there))
            free &= ~mask
        counts[OUTSIDE] += int(np.count_nonzero(free))
    return counts


def beyond_licences(
    workspace: Workspace, table: pd.DataFrame, periods: Sequence[str]
) -> dict[str, list[str]]:
    """Name the licence that each point is beyond, by period, as `BeyondDomains` says.

    Parameters
    ----------
    workspace
        The survey, with a map.
    table
        Columns `row` and `col`.
    periods
        Names.

    Returns
    -------
    Empty for points beyond none; nothing where the survey has no licences.
    """
    licences, survey, grid = _parcels(workspace, "licences"), workspace.survey, workspace.grid
    if licences is None:
        return {}
    its, known = survey.mines, survey.period_names
    mines = [item for item in survey.classes if item.mine]
    codes, probability = codes_of(workspace), probability_of(workspace)

    def chance(window: Window, period: int) -> Float32Array:
        return probability(window, period, [item.name for item in mines])

    def mined(window: Window) -> BoolArray:
        return np.isin(codes(window), [item.code for item in mines])

    ids = FollowedIds(grid, mined, chance, its, len(known))
    maps = Maps(grid, ids, Surface(grid).pixel_areas, chance)
    touched = measure_inside(maps, licences, None, None).touched(
        round(its.min_area_ha * SQUARE_MILLIMETRES)
    )
    reach = max(1, round(its.around_m / grid.resolution))
    domains = BeyondDomains(grid, licences, ids, touched, reach)
    row, col = (table[name].to_numpy(dtype=np.int64) for name in ("row", "col"))
    found = domains.at(row, col, [known.index(name) for name in periods])
    return dict(zip(periods, found, strict=True))


def _parcels(workspace: Workspace, kind: str) -> Parcels | None:
    settings = getattr(workspace.survey.registers, kind, None)
    if settings is None:
        return None
    spans = workspace.survey.spans.values()
    days = [(first.isoformat(), last.isoformat()) for first, last in spans]
    return read_parcels(settings, workspace.grid, days, f"registers.{kind}")
