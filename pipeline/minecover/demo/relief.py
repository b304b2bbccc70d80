"""Natural relief: fractal hills, a river along the low ground, a reservoir."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage, sparse
from scipy.sparse import csgraph

from minecover.demo.frame import FINE, Frame
from minecover.demo.noise import Field, Mask, fractal, stream

__all__ = ["Relief", "draw_relief", "illumination", "slope_aspect"]

BASE = 1250.0  # m above sea level, as on the edge of the Ordos and Shanxi plateaus
COARSE = 8  # side in pixels of one cell in the search for the river's course


@dataclass(frozen=True)
class Relief:
    """Ground before any mining, on the scene's grid.

    Attributes
    ----------
    elevation
        Height above sea level, m.
    river, reservoir
        Where there is water.
    """

    elevation: Field
    river: Mask
    reservoir: Mask

    @property
    def water(self) -> Mask:
        """River and reservoir together."""
        return self.river | self.reservoir


def draw_relief(frame: Frame, seed: int) -> Relief:
    """Draw hills, carve a valley along the cheapest low course and dam it.

    Returns
    -------
    Relief
        Arrays of shape ``(frame.fine, frame.fine)``.
    """
    hills = _hills(frame, seed)
    course = _course(hills)
    elevation, distance, floor = _carve(hills, course, frame)
    width = 4.5 + 1.5 * fractal(stream(seed, "width"), frame.fine, beta=3, longest=120)
    river = distance < np.clip(width, 2.5, 8.0)
    reservoir = _reservoir(elevation, floor, course, frame)
    return Relief(np.where(river, elevation - 1, elevation), river, reservoir)


def _hills(frame: Frame, seed: int) -> Field:
    n, span = frame.fine, frame.span
    broad = fractal(stream(seed, "hills"), n, beta=4.0, longest=0.8 * span, shortest=12)
    ridges = 1 - np.abs(
        fractal(stream(seed, "ridges"), n, beta=3.8, longest=0.4 * span, shortest=8)
    )
    valleys = np.abs(fractal(stream(seed, "valleys"), n, beta=3.8, longest=0.3 * span, shortest=6))
    gullies = np.abs(fractal(stream(seed, "gullies"), n, beta=3.2, longest=100, shortest=6))
    relief = 62.0 * np.sqrt(span / 1024)
    rough = np.clip(1 + 0.5 * broad, 0.3, 2.0)
    forms = 0.7 * broad + (0.25 * ridges + 0.4 * valleys) * rough
    return np.asarray(BASE + relief * forms + 4.0 * gullies * rough, dtype=np.float32)


def _course(hills: Field) -> npt.NDArray[np.intp]:
    """Find the cheapest course over low ground from the western to the eastern edge."""
    # without a mode the last row and column of some sizes are 0, the lowest ground of all
    low = ndimage.zoom(hills, 1 / COARSE, order=1, mode="nearest")
    n = low.shape[0]
    cost = np.exp(2.5 * (low - low.mean()) / low.std()) + 0.05
    index = np.arange(low.size).reshape(low.shape)
    starts, ends, weights = [], [], []
    for dr, dc, length in ((0, 1, 1.0), (1, 0, 1.0), (1, 1, 1.4), (1, -1, 1.4)):
        a = index[: n - dr, max(0, -dc) : n - max(0, dc)]
        b = index[dr:, max(0, dc) : n - max(0, -dc)]
        starts.append(a.ravel())
        ends.append(b.ravel())
        weights.append((cost.flat[a.ravel()] + cost.flat[b.ravel()]) * length / 2)
    edges = (np.concatenate(weights), (np.concatenate(starts), np.concatenate(ends)))
    graph = sparse.csr_array(edges, shape=(low.size, low.size))
    source, sink = index[np.argmin(low[:, 0]), 0], index[np.argmin(low[:, -1]), -1]
    _, before = csgraph.dijkstra(graph, False, source, return_predecessors=True)
    path = [int(sink)]
    while path[-1] != source:
        path.append(int(before[path[-1]]))
    cells = np.stack(np.unravel_index(path[::-1], low.shape), axis=1).astype(np.float64)
    smooth = ndimage.gaussian_filter1d(cells, 2.0, axis=0, mode="nearest")
    return _dense((smooth + 0.5) * hills.shape[0] / n, hills.shape[0])


def _dense(points: npt.NDArray[np.float64], size: int) -> npt.NDArray[np.intp]:
    """Rows and columns of all pixels on a line through `points`, from edge to edge."""
    points = np.vstack([[points[0, 0], 0.0], points, [points[-1, 0], size - 1.0]])
    steps = np.arange(len(points))
    fine = np.linspace(0, len(points) - 1, 20 * len(points))
    line = np.stack([np.interp(fine, steps, points[:, k]) for k in (0, 1)], axis=1)
    return np.clip(np.round(line).astype(np.intp), 0, size - 1)


def _carve(hills: Field, course: npt.NDArray[np.intp], frame: Frame) -> tuple[Field, Field, Field]:
    """Carve a valley along the course; its floor falls monotonically in one direction."""
    bed = ndimage.gaussian_filter1d(hills[course[:, 0], course[:, 1]], 40.0, mode="nearest") - 12
    downhill = bed if bed[0] >= bed[-1] else bed[::-1]
    falling = np.minimum.accumulate(downhill) - np.linspace(0, 6, len(bed), dtype=np.float32)
    falling = falling if bed[0] >= bed[-1] else falling[::-1]
    floor = np.full(hills.shape, np.inf, dtype=np.float32)
    floor[course[:, 0], course[:, 1]] = falling
    distance, (rows, cols) = ndimage.distance_transform_edt(
        ~np.isfinite(floor), return_indices=True
    )
    near = ndimage.gaussian_filter(floor[rows, cols], 6.0)
    width = 0.055 * frame.span
    share = np.exp(-((np.maximum(distance - 0.2 * width, 0) / width) ** 2)).astype(np.float32)
    elevation = hills * (1 - share) + near * share + 0.02 * distance.astype(np.float32) * share
    return elevation, distance.astype(np.float32), near


def _reservoir(elevation: Field, floor: Field, course: npt.NDArray[np.intp], frame: Frame) -> Mask:
    """Flood the valley above a dam until the water covers about 2 % of the scene."""
    length = len(course)
    falls_east = floor[tuple(course[0])] >= floor[tuple(course[-1])]
    dam = course[int(length * (0.45 if falls_east else 0.55))]
    columns = np.arange(frame.fine)[None, :]
    above = columns < dam[1] if falls_east else columns > dam[1]
    reach = np.abs(columns - dam[1]) < 0.28 * frame.span
    lake = np.zeros(elevation.shape, dtype=bool)
    for rise in np.arange(1.0, 20.0, 0.5):
        flooded = (elevation < floor[tuple(dam)] + rise) & above & reach
        labels, _ = ndimage.label(flooded)
        beside = labels[dam[0], dam[1] + (-4 if falls_east else 4)]
        lake = (labels == beside) & (beside > 0)
        if lake.mean() > 0.02 * (frame.span / frame.fine) ** 2:
            break
    return lake


def slope_aspect(elevation: Field) -> tuple[Field, Field]:
    """Slope and aspect of the scene's surface.

    Returns
    -------
    tuple of numpy.ndarray
        Slope and aspect (direction of descent, clockwise from north), both in radians.
    """
    south, east = np.gradient(elevation, np.float32(FINE))
    slope = np.arctan(np.hypot(south, east))
    aspect = np.mod(np.arctan2(-east, south), 2 * np.pi)
    return slope.astype(np.float32), aspect.astype(np.float32)


def illumination(elevation: Field, zenith: float, azimuth: float) -> Field:
    """Light on slopes relative to level ground, 0.35 of it diffuse.

    The direct part is the cosine of the local incidence angle over that of the solar zenith
    (Teillet et al. 1982, "On the slope-aspect correction of multispectral scanner data").

    Parameters
    ----------
    elevation
        Height, m, on the scene's grid.
    zenith, azimuth
        Position of the sun, degrees.
    """
    slope, aspect = slope_aspect(ndimage.gaussian_filter(elevation, 1.0))
    z, a = np.radians(zenith), np.radians(azimuth)
    direct = np.cos(slope) * np.cos(z) + np.sin(slope) * np.sin(z) * np.cos(a - aspect)
    light = 0.35 + 0.65 * np.clip(direct / np.cos(z), 0.0, 2.2)
    return np.asarray(light, dtype=np.float32)
