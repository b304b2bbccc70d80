"""Outlines of a class, traced over a whole raster while only its open ends are in memory.

The raster comes in strips of full rows. In each row the pixels of the class form runs; runs that
touch those of the row above along an edge belong to the same patch (4-connectivity), and a patch
without a run in the row is complete and is yielded. Patches are therefore whole wherever tiles end,
and the same however the raster is cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import shapely
from shapely.geometry import Polygon

from minecover.arrays import BoolArray, Float64Array, Int64Array

__all__ = ["outline", "patches"]

Run = tuple[int, int]
Box = tuple[int, int, int, int]


@dataclass(eq=False)
class _Patch:
    """Runs that are connected so far, as boxes x0, y0, x1, y1 in pixels."""

    boxes: list[Box] = field(default_factory=list)
    merged_into: _Patch | None = None

    def root(self) -> _Patch:
        patch = self
        while patch.merged_into is not None:
            patch = patch.merged_into
        return patch

    def absorb(self, other: _Patch) -> _Patch:
        """Join two roots, moving the shorter list."""
        if other is self:
            return self
        large, small = (self, other) if len(self.boxes) >= len(other.boxes) else (other, self)
        large.boxes.extend(small.boxes)
        small.boxes = []
        small.merged_into = large
        return large


def patches(strips: Iterable[BoolArray]) -> Iterator[Int64Array]:
    """Trace the 4-connected patches of a raster.

    Parameters
    ----------
    strips
        The raster from top to bottom in strips of full rows, (y, x) bool.

    Yields
    ------
    The runs of one patch, (run, 4) int64 as x0, y0, x1, y1 in pixels, sorted from the top. A
    patch is yielded after its last row; patches that end in the same row in the order of their
    first run.
    """
    open_runs: list[tuple[Run, _Patch]] = []
    y = 0
    for strip in strips:
        if not open_runs and not strip.any():
            y += strip.shape[0]
            continue
        for row in strip:
            runs = _connect(_runs(row), open_runs, y)
            yield from _finished(open_runs, runs)
            open_runs = runs
            y += 1
    yield from _finished(open_runs, [])


def outline(boxes: Int64Array) -> Polygon:
    """Merge the runs of a patch into one polygon in pixel coordinates.

    Vertices are corners only, and rings start at their least vertex, so that equal patches give
    equal polygons.
    """
    union = shapely.union_all(shapely.box(*boxes.T.astype(np.float64)))
    normal = shapely.normalize(union)
    corners = [_corners(shapely.get_coordinates(ring)) for ring in _rings(normal)]
    return Polygon(corners[0], corners[1:])


def _runs(row: BoolArray) -> list[Run]:
    edges = np.flatnonzero(np.diff(row, prepend=False, append=False)).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def _connect(runs: list[Run], above: list[tuple[Run, _Patch]], y: int) -> list[tuple[Run, _Patch]]:
    connected = []
    first = 0
    for x0, x1 in runs:
        while first < len(above) and above[first][0][1] <= x0:
            first += 1
        patch = _Patch([(x0, y, x1, y + 1)])
        index = first
        while index < len(above) and above[index][0][0] < x1:
            patch = above[index][1].root().absorb(patch)
            index += 1
        connected.append(((x0, x1), patch))
    return connected


def _finished(
    before: list[tuple[Run, _Patch]], now: list[tuple[Run, _Patch]]
) -> Iterator[Int64Array]:
    alive = {id(patch.root()) for _, patch in now}
    ended = {id(root): root for _, patch in before if id(root := patch.root()) not in alive}
    sorted_boxes = (sorted(patch.boxes, key=lambda b: (b[1], b[0])) for patch in ended.values())
    for boxes in sorted(sorted_boxes, key=lambda b: (b[0][1], b[0][0])):
        yield np.array(boxes, dtype=np.int64)


def _rings(polygon: Polygon) -> list[shapely.LinearRing]:
    return [polygon.exterior, *polygon.interiors]


def _corners(ring: Float64Array) -> Float64Array:
    points = ring[:-1]
    arriving = points - np.roll(points, 1, axis=0)
    leaving = np.roll(points, -1, axis=0) - points
    turns = arriving[:, 0] * leaving[:, 1] != arriving[:, 1] * leaving[:, 0]
    corners: Float64Array = points[turns]
    return corners
