"""Pictures of a suspect before and after, with the outlines of mines and of the register."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import shapely
from shapely.geometry import box

from minecover.arrays import BoolArray, Float32Array, Float64Array
from minecover.geography.grid import Grid, Window
from minecover.land_register.tables import Suspect
from minecover.products.figures import Picture, photo, photo_limits
from minecover.products.mine_history import IDS, read_ids, timeline_of
from minecover.products.outlines import outline, patches
from minecover.products.product import Publication

__all__ = ["Chip", "Chips", "chips_of", "window_of"]

EDGE = 360
"""Longest edge of a picture in pixels."""

MARGIN, LEAST = 0.35, 12
"""Around a suspect, as a share of its longer side, and in pixels at least."""


@dataclass(frozen=True)
class Chip:
    """One picture.

    Attributes
    ----------
    period
        That it shows.
    picture
        The ground.
    mines
        Outlines of what is mined then, as an SVG path in pixels of the picture.
    """

    period: str
    picture: Picture
    mines: str


@dataclass(frozen=True)
class Chips:
    """Pictures of a suspect in the order of time, and the outline of its polygon over them.

    Attributes
    ----------
    chips
        Of the period before it was seen last, if there is one, and of that one.
    own
        Outline of the suspect's ground in the last of them, as an SVG path.
    parcel
        Outline of the licence or area, as an SVG path; empty where there is none.
    metres
        Width of the pictures on the ground.
    """

    chips: tuple[Chip, ...]
    own: str
    parcel: str
    metres: float


def window_of(suspect: Suspect) -> Window:
    """Give the pixels around a suspect's ground, as close as they are."""
    y0, x0, y1, x1 = suspect.box
    return Window(y0, y1 + 1, x0, x1 + 1)


def chips_of(
    publication: Publication, suspect: Suspect, ground: Callable[[Window], BoolArray]
) -> Chips | None:
    """Draw the pictures of a suspect; None where no source shows the ground.

    Parameters
    ----------
    publication, suspect
        Of which.
    ground
        Tells which pixels of a window are the suspect's, (y, x).
    """
    timeline, grid = timeline_of(publication), publication.grid
    if timeline.colours is None:
        return None
    close = window_of(suspect)
    margin = max(LEAST, math.ceil(MARGIN * max(close.shape)))
    window = close.pad(margin).clip(*grid.shape)
    step = math.ceil(max(window.shape) / EDGE)
    last = suspect.found[3]
    periods = range(max(0, last - 1), last + 1)
    read = timeline.colours
    canvases = [_canvas(read(window, period), step) for period in periods]
    limits = photo_limits(*canvases)
    with read_ids(publication.paths[IDS]) as ids:
        mined = ids(window)[:, ::step, ::step] > 0
    chips = tuple(
        Chip(timeline.names[period], photo(canvas, window.shape[1], limits), _path(_edges(mask)))
        for period, canvas, mask in zip(periods, canvases, mined[list(periods)], strict=True)
    )
    own = _path(_edges(ground(window)[::step, ::step]))
    return Chips(chips, own, _parcel(publication, suspect, window, step),
                 window.shape[1] * grid.resolution)  # fmt: skip


def _canvas(colours: Float32Array, step: int) -> Float32Array:
    return np.moveaxis(colours[:, ::step, ::step], 0, -1)


def _edges(mask: BoolArray) -> list[shapely.Polygon]:
    return [outline(runs) for runs in patches([mask])]


def _parcel(publication: Publication, suspect: Suspect, window: Window, step: int) -> str:
    """Outline of the polygon of a suspect in pixels of the picture."""
    register = publication.register
    assert register is not None, "without a register there are no suspects"
    parcels = register.protected if suspect.kind == "protected" else register.licences
    if parcels is None or not suspect.parcel:
        return ""
    shape = parcels.shapes[parcels.names.index(suspect.parcel)]
    seen = shapely.intersection(shape, box(*publication.grid.bounds(window.pad(1))))
    place = partial(_to_picture, grid=publication.grid, window=window, step=step)
    parts = shapely.get_parts(shapely.transform(seen, place))
    return _path([part for part in parts if isinstance(part, shapely.Polygon)])


def _to_picture(points: Float64Array, grid: Grid, window: Window, step: int) -> Float64Array:
    affine = grid.geobox.affine
    scale, origin = np.array([affine.a, affine.e]), np.array([affine.c, affine.f])
    return np.asarray(((points - origin) / scale - (window.x0, window.y0)) / step)


def _path(polygons: list[shapely.Polygon]) -> str:
    rings = [ring for polygon in polygons for ring in (polygon.exterior, *polygon.interiors)]
    return "".join(
        "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in ring.coords[:-1]) + "Z" for ring in rings
    )
