"""The landscape: relief, plants, bare ground, settlements and mines, put together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from minecover.demo.frame import Frame
from minecover.demo.materials import code_of
from minecover.demo.mines import draw_mines
from minecover.demo.noise import Mask, fractal, stream
from minecover.demo.relief import Relief, draw_relief, slope_aspect
from minecover.demo.scene import Scene
from minecover.demo.settlements import build_settlements, build_works, choose_settlements
from minecover.demo.site import Site

__all__ = ["Country", "draw_country", "draw_landscape"]


@dataclass(frozen=True)
class Country:
    """The district before there are mines, and where its settlements lie.

    Attributes
    ----------
    scene
        Relief, plants, bare ground and water.
    wet
        Where there is water.
    sites
        The town first, then the villages.
    """

    scene: Scene
    wet: Mask
    sites: list[Site]

    def closed(self, built: Mask) -> Mask:
        """Mark where no mine may lie: at the shore, in settlements `built`, outside."""
        shore = ndimage.binary_dilation(self.wet, iterations=6)
        return np.asarray(shore | built | _outside(self.scene.frame))


def draw_country(frame: Frame, seed: int) -> Country:
    """Draw the district before there are settlements and mines."""
    relief = draw_relief(frame, seed)
    scene = Scene(frame, relief.elevation.copy(), _ground(relief, frame, seed))
    wet = _fill_water(scene, relief, frame, seed)
    return Country(scene, wet, choose_settlements(relief, frame, seed))


def draw_landscape(frame: Frame, seed: int) -> Scene:
    """Draw the whole district as it is in one year.

    Parameters
    ----------
    frame
        Where it lies and how large it is.
    seed
        The same seed gives the same district.

    Returns
    -------
    Scene
        Elevation and materials on the grid of 5 m.
    """
    country = draw_country(frame, seed)
    scene, wet = country.scene, country.wet
    built = build_settlements(scene, seed, country.sites, wet)
    pits = draw_mines(scene, seed, country.closed(built))
    build_works(scene, seed, dict(enumerate(pits)), country.sites[0], wet, np.zeros_like(wet))
    return scene


def _outside(frame: Frame) -> Mask:
    """Mark the margin around the district, where no mine is placed."""
    outside = np.ones((frame.fine, frame.fine), dtype=bool)
    edge = (frame.fine - 2 * frame.size) // 2
    outside[edge:-edge, edge:-edge] = False
    return outside


def _ground(relief: Relief, frame: Frame, seed: int) -> npt.NDArray[np.uint8]:
    """Cover the hills with grass, shrubs, woods and bare ground, by slope, aspect and chance."""
    n, span = frame.fine, frame.span
    slope, aspect = slope_aspect(ndimage.gaussian_filter(relief.elevation, 4.0))
    north = ndimage.gaussian_filter(np.cos(aspect) * np.minimum(slope / 0.25, 1.5), 5.0)
    high = (relief.elevation - relief.elevation.mean()) / relief.elevation.std()

    def patches(name: str, longest: float, shortest: float = 10) -> npt.NDArray[np.float32]:
        return fractal(stream(seed, name), n, beta=3.0, longest=longest, shortest=shortest)

    wooded = patches("woods", 0.16 * span) + 0.9 * north + 0.35 * high
    bare = patches("bare", 0.15 * span, 24) - 0.8 * north + 0.35 * high
    shrubs = patches("shrubs", 0.06 * span) + 0.4 * north
    kind = patches("kinds", 0.12 * span)
    ground = np.where(shrubs > 0.75, code_of("shrubland"), code_of("grassland"))
    woods = np.where(kind > 0.2, code_of("conifer"), code_of("broadleaf"))
    ground = np.where(wooded > np.quantile(wooded, 0.82), woods, ground)
    rocky = (slope > 0.33) & (kind < 0.6)
    soil = np.where(kind > 0.5, code_of("bare_sand"), code_of("bare_soil"))
    soil = np.where(rocky, code_of("bare_rock"), soil)
    return np.where(bare > np.quantile(bare, 0.87), soil, ground).astype(np.uint8)


def _fill_water(scene: Scene, relief: Relief, frame: Frame, seed: int) -> Mask:
    """Fill river and reservoir, with sand bars beside the river and clear water far from shore."""
    bars = fractal(stream(seed, "bars"), frame.fine, beta=2.5, longest=60)
    beside = ndimage.binary_dilation(relief.river, iterations=6) & ~relief.water
    scene.material[beside & (bars > 0.9)] = code_of("bare_sand")
    scene.material[relief.water] = code_of("turbid_water")
    deep = ndimage.binary_erosion(relief.reservoir, iterations=8)
    scene.material[deep] = code_of("clear_water")
    if relief.reservoir.any():
        scene.elevation[relief.reservoir] = scene.elevation[relief.reservoir].max()
    return relief.water
