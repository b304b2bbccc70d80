"""Where the simulated district lies, and the grids of the images of it.

The district is simulated once on a fine grid of 5 m in UTM zone 49N. Each image averages that scene
over its own pixels: aligned with the scene, turned by the meridian convergence of the neighbouring
zone, or in degrees.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from affine import Affine
from pyproj import Transformer
from scipy import ndimage
from shapely import Polygon, box, segmentize, transform

from minecover.demo.noise import Field
from minecover.errors import SurveyError

__all__ = ["FINE", "RESOLUTION", "Frame", "ImageGrid"]

FINE = 5.0  # m, side of a pixel of the scene
RESOLUTION = 10.0  # m, side of a pixel of the truth
MARGIN = 24  # pixels of 10 m around the district, for halos and turned images
LONGITUDE, LATITUDE = 114.0, 39.8  # the boundary of zones 49N and 50N, in northern China
HOME = "EPSG:32649"
SMALLEST = 96


def _reproject(source: str, target: str, geometry: Polygon) -> Polygon:
    transformer = Transformer.from_crs(source, target, always_xy=True)
    return transform(geometry, lambda xy: np.column_stack(transformer.transform(*xy.T)))


@dataclass(frozen=True)
class Frame:
    """The square of the district and the scene around it.

    Attributes
    ----------
    size
        Side of the district, pixels of 10 m: a multiple of 4, at least 96.
    """

    size: int

    def __post_init__(self) -> None:
        if self.size < SMALLEST or self.size % 4:
            raise SurveyError(
                f"a district of {self.size} pixels cannot be simulated: "
                f"give a size that is a multiple of 4 and at least {SMALLEST}"
            )

    @property
    def fine(self) -> int:
        """Side of the scene, pixels of 5 m."""
        return 2 * (self.size + 2 * MARGIN)

    @property
    def points_scale(self) -> float:
        """Factor that makes the points go with the edge: a small district needs some of each class.

        Without it they go with the area; of 512 pixels there are as many either way.
        """
        return 512 / self.size

    @property
    def span(self) -> float:
        """Length that the forms of the landscape scale with, pixels of 5 m; at most 5.12 km."""
        return 2.0 * min(self.size, 512)

    @cached_property
    def bounds(self) -> tuple[float, float, float, float]:
        """Bounds (left, bottom, right, top) of the district, m in UTM 49N, multiples of 20 m."""
        x, y = Transformer.from_crs("EPSG:4326", HOME, always_xy=True).transform(
            LONGITUDE, LATITUDE
        )
        half = self.size * RESOLUTION / 2
        left, bottom = 20 * round((x - half) / 20), 20 * round((y - half) / 20)
        return left, bottom, left + 2 * half, bottom + 2 * half

    @property
    def scene_bounds(self) -> tuple[float, float, float, float]:
        """Bounds of the scene: the district and its margin, m in UTM 49N."""
        left, bottom, right, top = self.bounds
        pad = MARGIN * RESOLUTION
        return left - pad, bottom - pad, right + pad, top + pad

    @property
    def inner(self) -> tuple[slice, slice]:
        """Rows and columns of the district in an array of the scene at 10 m."""
        inside = slice(MARGIN, MARGIN + self.size)
        return inside, inside

    @property
    def district_grid(self) -> ImageGrid:
        """The grid of the truth: 10 m, UTM 49N."""
        return self.grid(HOME, self.bounds, RESOLUTION)

    def area(self) -> Polygon:
        """Outline of the district, degrees (EPSG:4326).

        It lies 2 m inside the grid of the truth, so that a grid snapped outwards to 10 m is that
        grid, however the projection rounds.
        """
        left, bottom, right, top = self.bounds
        inside = box(left + 2, bottom + 2, right - 2, top - 2)
        return _reproject(HOME, "EPSG:4326", segmentize(inside, 500.0))

    def grid(
        self,
        crs: str,
        bounds: tuple[float, float, float, float],
        step: float | tuple[float, float],
        snap: float | tuple[float, float] | None = None,
        shift: float = 0.0,
    ) -> ImageGrid:
        """Lay an image grid of `crs` over `bounds` (m in UTM 49N).

        Parameters
        ----------
        crs
            Coordinate reference system of the image.
        bounds
            What the image must cover: left, bottom, right, top.
        step
            Pixel size along x and y, in units of `crs`.
        snap
            Spacing of the lattice on which the corner lies; `step` if not given.
        shift
            Offset of the lattice, as a fraction of `snap`.
        """
        dx, dy = step if isinstance(step, tuple) else (step, step)
        sx, sy = (dx, dy) if snap is None else snap if isinstance(snap, tuple) else (snap, snap)
        outline = _reproject(HOME, crs, segmentize(box(*bounds), 500.0))
        x0, y0, x1, y1 = np.round(outline.bounds, 9)
        left = (np.floor(x0 / sx - shift) + shift) * sx
        top = (np.ceil(y1 / sy - shift) + shift) * sy
        columns = int(np.ceil((x1 - left) / sx - 1e-9)) * round(sx / dx)
        rows = int(np.ceil((top - y0) / sy - 1e-9)) * round(sy / dy)
        affine = Affine(dx, 0.0, float(left), 0.0, -dy, float(top))
        return ImageGrid(self, crs, affine, (rows, columns))


@dataclass(frozen=True)
class ImageGrid:
    """The pixels of one image, and the part of the scene that each covers.

    Attributes
    ----------
    frame
        The district in the image.
    crs, transform, shape
        As in a GeoTIFF; `shape` is (rows, columns).
    """

    frame: Frame
    crs: str
    transform: Affine
    shape: tuple[int, int]

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Bounds (left, bottom, right, top) in units of the image's CRS."""
        rows, columns = self.shape
        left, top = self.transform.c, self.transform.f
        return left, top + rows * self.transform.e, left + columns * self.transform.a, top

    def footprint(self) -> Polygon:
        """Outline of the image, degrees (EPSG:4326), with additional points along its sides."""
        outline = box(*self.bounds)
        outline = segmentize(outline, outline.length / 32)
        return outline if self.crs == "EPSG:4326" else _reproject(self.crs, "EPSG:4326", outline)

    @cached_property
    def _positions(self) -> npt.NDArray[np.float64]:
        """Rows and columns of the pixel centres, counted from the scene's upper left corner."""
        rows, columns = self.shape
        x = self.transform.c + (np.arange(columns) + 0.5) * self.transform.a
        y = self.transform.f + (np.arange(rows) + 0.5) * self.transform.e
        xx, yy = np.meshgrid(x, y)
        if self.crs != HOME:
            xx, yy = Transformer.from_crs(self.crs, HOME, always_xy=True).transform(xx, yy)
        left, _, _, top = self.frame.scene_bounds
        # Rounding to 5 micrometres hides the rounding errors of the projection.
        return np.round(np.stack([(top - yy) / FINE, (xx - left) / FINE]), 6)

    def sample(self, scene: npt.NDArray[np.floating], *, cells: int) -> Field:
        """Average the scene over the pixels of this image.

        A running mean over squares of the scene is interpolated bilinearly at the pixel centres.
        The rotation of at most 4 degrees between image and scene is neglected within a pixel.

        Parameters
        ----------
        scene
            Array of the scene, shape ``(frame.fine, frame.fine)``.
        cells
            Side of the square to average over, pixels of 5 m, even.

        Returns
        -------
        numpy.ndarray
            float32 of the image's shape, NaN outside the scene.
        """
        mean = ndimage.uniform_filter(np.asarray(scene, dtype=np.float32), cells, mode="nearest")
        # scipy centres a window of even size half a pixel before its index
        out = ndimage.map_coordinates(
            mean, self._positions, order=1, mode="constant", cval=np.nan, prefilter=False
        )
        return np.asarray(out, dtype=np.float32)
