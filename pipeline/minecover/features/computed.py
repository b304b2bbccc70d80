"""Features computed from the cube for any window: what is stored, and what is not.

A pixel's features depend on the cube around it and on nothing else, not on the window in which
they are computed. So the features that a tile job stores and those that sampling and prediction
compute on their way are the same numbers, bit for bit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import shapely

from minecover.errors import DataError
from minecover.features.catalogue import FEATURES, S2_BANDS, layer_names
from minecover.features.indices import SpectralIndices
from minecover.features.kernel import FloatArray, Kernel
from minecover.features.terrain import Terrain
from minecover.features.texture import Texture
from minecover.geography.grid import Grid, Tile, Window
from minecover.storage.raster import Raster, positions_of, read_window
from minecover.storage.store import CHUNK, Layers, Store
from minecover.survey import Survey
from minecover.survey.grid import survey_grid

__all__ = ["CUBE", "RANGE", "STORED", "ComputedFeatures", "feature_layer_names", "open_features"]

CUBE, STORED = "cube.zarr", "features.zarr"
"""Names in the store."""

RANGE = "features.json"
"""Where the range is kept over which texture is quantised."""

_BAND_FEATURES = tuple(entry.name for entry in FEATURES if entry.group == "band")


def feature_layer_names(survey: Survey) -> tuple[str, ...]:
    """Layers that a survey has: those of the catalogue whose source it has."""
    return layer_names(tuple(survey.seasons), tuple(survey.sources))


def open_features(store: Store, survey: Survey, grid: Grid | None = None) -> Raster:
    """Open the features where they are stored, or as they are computed when they are read.

    Parameters
    ----------
    store, survey
        Where they are, or what they are computed from.
    grid
        The survey's, where it is known; None: it is worked out if it is needed.

    Raises
    ------
    StoreError
        They are stored, but not there.
    DataError
        The features stage has not run.
    """
    if survey.features.keep == "all":
        return store.layers(STORED)
    known = store.read_json(RANGE)
    if known is None:
        raise DataError(f"{store.url}/{RANGE}: missing; run `minecover features`")
    low, high = known["texture_range"]
    return ComputedFeatures(survey, grid or survey_grid(survey), store.layers(CUBE), (low, high))


class ComputedFeatures:
    """Features of a survey as a raster that is computed where it is read.

    Parameters
    ----------
    survey, grid
        Which features, and where.
    cube
        What they are computed from.
    texture
        Low and high reflectance of the range over which texture is quantised.
    """

    def __init__(
        self, survey: Survey, grid: Grid, cube: Layers, texture: tuple[float, float]
    ) -> None:
        self.survey, self.grid, self.cube = survey, grid, cube
        self.names = feature_layer_names(survey)
        settings = survey.features
        self.spectral = SpectralIndices(ndri=settings.ndri, tasselled_cap=settings.tasselled_cap)
        self.texture = Texture(
            window=settings.texture_window,
            levels=settings.texture_levels,
            low=texture[0],
            high=texture[1],
            band=settings.texture_band,
        )
        self.terrain = Terrain(resolution=(grid.resolution, grid.resolution))
        self.halo = max(self.spectral.halo, self.texture.halo, self.terrain.halo)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.grid.shape

    def block_edge(self, count: int) -> int:
        """Edge of an inner chunk: between points far apart little is computed in vain."""
        del count
        return CHUNK

    def read(
        self, window: Window, names: Sequence[str] | None = None, *, mirror: bool = False
    ) -> FloatArray:
        """Compute a window; see `Raster.read`. Tiles that do not touch the area are NaN."""
        wanted = self.names if names is None else tuple(names)
        positions_of(wanted, self.names, "features")
        read = partial(self._on_the_grid, names=wanted)
        return read_window(self.shape, len(wanted), window, read, mirror=mirror)

    def _on_the_grid(self, window: Window, names: Sequence[str]) -> FloatArray:
        values, _ = self.compute(window, names)
        size = self.grid.tile_size
        shapely.prepare(self.grid.area)
        for row in range(window.y0 // size, -(-window.y1 // size)):
            for column in range(window.x0 // size, -(-window.x1 // size)):
                tile = Tile(row, column)
                if not self.grid.touches(tile):
                    rows, columns = self.grid.window(tile).within(window).slices
                    values[:, rows, columns] = np.nan
        return values

    def compute(self, window: Window, names: Sequence[str]) -> tuple[FloatArray, int]:
        """Compute features of a window inside the grid.

        Returns
        -------
        (layer, y, x), and the number of values that were filled from other seasons.
        """
        seasons = self._seasons(names)
        wide, reach = window.pad(self.halo), self.survey.features.fill_distance
        needed = [name for name in self.cube.names if _is_needed(name, seasons, self.survey)]
        cube = fill_gaps(self.cube.read(wide.pad(reach), needed), reach)
        layers = dict(zip(needed, cube, strict=True))
        filled = 0
        if "terrain" in self.survey.sources:
            layers["elevation"] = _continued(layers["elevation"], wide, self.shape)
        if self.survey.features.fill == "year":
            filled = _fill_from_year(layers, seasons, self.halo)
        features = self._static(layers, names)
        for season in seasons:
            features.update(self._season(season, layers, names))
        return np.stack([features[name] for name in names]), filled

    def _seasons(self, names: Collection[str]) -> tuple[str, ...]:
        """Seasons that must be looked at for some layers."""
        if self.survey.features.fill == "year":
            return tuple(self.survey.seasons)
        return tuple(
            season
            for season in self.survey.seasons
            if any(name.startswith(f"{season}_") for name in names)
        )

    def _season(
        self, season: str, layers: Mapping[str, FloatArray], names: Collection[str]
    ) -> dict[str, FloatArray]:
        features = {
            f"{season}_{name}": self._inner(layers[f"{season}_{band}"], 0)
            for band, name in zip(S2_BANDS, _BAND_FEATURES, strict=True)
        }
        for kernel in (self.spectral, self.texture):
            made = [f"{season}_{name}" for name in kernel.outputs]
            if not set(names).isdisjoint(made):
                given = [layers[f"{season}_{name}"] for name in kernel.inputs]
                features |= dict(zip(made, self._run(kernel, given), strict=True))
        if "sentinel1" in self.survey.sources:
            features |= {
                f"{season}_{name}": self._inner(layers[f"{season}_{name}"], 0)
                for name in ("VV", "VH")
            }
        return features

    def _static(
        self, layers: Mapping[str, FloatArray], names: Collection[str]
    ) -> dict[str, FloatArray]:
        features = {}
        if "terrain" in self.survey.sources:
            features["elevation"] = self._inner(layers["elevation"], 0)
            if not set(names).isdisjoint(self.terrain.outputs):
                made = self._run(self.terrain, [layers["elevation"]])
                features |= dict(zip(self.terrain.outputs, made, strict=True))
        if "night_lights" in self.survey.sources:
            features["NTL"] = self._inner(layers["NTL"], 0)
        return features

    def _run(self, kernel: Kernel, layers: Sequence[FloatArray]) -> FloatArray:
        return kernel(np.stack([self._inner(layer, kernel.halo) for layer in layers]))

    def _inner(self, layer: FloatArray, halo: int) -> FloatArray:
        """Take off what the widest kernel needs and this one does not."""
        cut = self.halo - halo
        return layer[cut : layer.shape[0] - cut, cut : layer.shape[1] - cut]


def _is_needed(layer: str, seasons: Collection[str], survey: Survey) -> bool:
    """Tell whether a layer of the cube is looked at for features of some seasons."""
    season, _, kind = layer.rpartition("_")
    return kind != "CLEAR" and (season not in survey.seasons or season in seasons)


def _fill_from_year(layers: dict[str, FloatArray], seasons: Sequence[str], halo: int) -> int:
    """Give pixels without a clear observation in a season the mean of their other seasons.

    Returns
    -------
    Values filled inside the tile, its halo not counted.
    """
    filled = 0
    for band in S2_BANDS:
        stack = np.stack([layers[f"{season}_{band}"] for season in seasons])
        seen = np.isfinite(stack)
        count = seen.sum(axis=0)
        total = np.where(seen, stack, 0).sum(axis=0)
        mean = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
        gaps = ~seen & np.isfinite(mean)
        inside = slice(halo, -halo or None)
        filled += int(gaps[:, inside, inside].sum())
        for season, layer in zip(seasons, np.where(gaps, mean, stack), strict=True):
            layers[f"{season}_{band}"] = layer
    return filled


def fill_gaps(layers: FloatArray, reach: int) -> FloatArray:
    """Fill gaps from their edges inwards, each pixel by the mean of its observed neighbours.

    Parameters
    ----------
    layers
        (layer, y + 2 reach, x + 2 reach), NaN where there is a gap.
    reach
        How many pixels inwards; also the halo, so that the result does not depend on the cut.

    Returns
    -------
    (layer, y, x).
    """
    for _ in range(reach):
        gaps = np.isnan(layers)
        centre = layers[:, 1:-1, 1:-1]
        if gaps.any():
            centre = np.where(gaps[:, 1:-1, 1:-1], _neighbour_mean(layers, gaps), centre)
        layers = centre
    return layers


def _neighbour_mean(layers: FloatArray, gaps: npt.NDArray[np.bool_]) -> FloatArray:
    """Mean of the observed among the eight neighbours, one pixel smaller on every side."""
    height, width = layers.shape[1] - 2, layers.shape[2] - 2
    total = np.zeros((layers.shape[0], height, width), dtype=np.float32)
    count = np.zeros_like(total)
    for dy, dx in np.ndindex(3, 3):
        part = np.s_[:, dy : dy + height, dx : dx + width]
        total += np.where(gaps[part], np.float32(0), layers[part])
        count += ~gaps[part]
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def _continued(layer: FloatArray, window: Window, shape: tuple[int, int]) -> FloatArray:
    """Repeat the grid's outermost pixels outwards, so that slope has a value up to its edge.

    Only pixels outside the grid change; a gap inside it stays a gap, whichever tile it is in.
    """
    rows = np.clip(np.arange(window.y0, window.y1), 0, shape[0] - 1) - window.y0
    columns = np.clip(np.arange(window.x0, window.x1), 0, shape[1] - 1) - window.x0
    return layer[np.ix_(rows, columns)]
