"""The features stage: cube in, the survey's features out, tile by tile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from minecover.errors import DataError
from minecover.features.catalogue import FEATURES, layer_names
from minecover.features.indices import SpectralIndices
from minecover.features.kernel import FloatArray, Kernel
from minecover.features.terrain import Terrain
from minecover.features.texture import Texture
from minecover.grid import Grid, Tile, Window, survey_grid
from minecover.store import Layers, Store
from minecover.survey import BANDS, Survey

__all__ = ["FeaturesJob", "feature_layer_names", "texture_range"]

RANGE_PIXELS = 2_000_000
"""Pixels of a season that the quantisation range is estimated from, at most."""


def feature_layer_names(survey: Survey) -> tuple[str, ...]:
    """Layers of `features.zarr`: those of the catalogue whose source the survey has."""
    return layer_names(tuple(survey.seasons), survey.present_sources())


def texture_range(survey: Survey, grid: Grid, cube: Layers) -> tuple[float, float]:
    """Range of the texture band that all tiles and seasons are quantised over.

    The survey's percentiles of the band over all seasons, from whole tiles taken at even steps
    over the area, at most `RANGE_PIXELS` pixels.

    Returns
    -------
    Low and high reflectance.

    Raises
    ------
    DataError
        The band has no valid pixel.
    """
    names = [f"{season}_{survey.features.texture_band}" for season in survey.seasons]
    step = max(1, len(grid.tiles) * grid.tile_size**2 // RANGE_PIXELS)
    values = [cube.read(grid.window(tile), names) for tile in grid.tiles[::step]]
    valid = np.concatenate([block[np.isfinite(block)] for block in values])
    if valid.size == 0:
        raise DataError(
            f"cube: {survey.features.texture_band} has no clear observation in any season; "
            "widen the seasons or raise sources.sentinel2.max_cloud_cover"
        )
    low, high = np.percentile(valid, survey.features.texture_percentiles)
    return float(low), float(max(high, low + 1e-4))


@dataclass(frozen=True)
class FeaturesJob:
    """Compute and write the features of a tile.

    Attributes
    ----------
    store_url
        Where `cube.zarr` and `features.zarr` are.
    survey
        Which features, and how.
    mark
        Fingerprint of the stage.
    texture
        Low and high end of the quantisation range, reflectance.
    """

    store_url: str
    survey: Survey
    mark: str
    texture: tuple[float, float]

    def __hash__(self) -> int:
        return hash((self.store_url, self.survey.name, self.mark))

    def __call__(self, tile: Tile) -> dict[str, float | int | str]:
        """Read the cube with the halo the kernels need, compute, write.

        Returns
        -------
        Pixels, the share of them without any valid feature, and how many were filled from other
        seasons.
        """
        builder = _builder(self)
        values, filled = builder.tile(tile)
        builder.target.write_tile(builder.grid, tile, values)
        empty = float(np.isnan(values).all(axis=0).mean())
        return {"pixels": values[0].size, "nodata": round(empty, 6), "filled": filled}


@lru_cache(maxsize=2)
def _builder(job: FeaturesJob) -> _Builder:
    return _Builder(job)


class _Builder:
    """What a worker keeps open between tiles."""

    def __init__(self, job: FeaturesJob) -> None:
        self.survey = job.survey
        self.grid = survey_grid(self.survey)
        store = Store(job.store_url)
        self.cube = store.layers("cube.zarr")
        self.target = store.layers("features.zarr")
        settings = self.survey.features
        self.spectral = SpectralIndices(ndri=settings.ndri, tasselled_cap=settings.tasselled_cap)
        self.texture = Texture(
            window=settings.texture_window,
            levels=settings.texture_levels,
            low=job.texture[0],
            high=job.texture[1],
            band=settings.texture_band,
        )
        self.terrain = Terrain(resolution=(self.grid.resolution, self.grid.resolution))
        self.halo = max(self.spectral.halo, self.texture.halo, self.terrain.halo)
        self.reach = settings.fill_distance

    def tile(self, tile: Tile) -> tuple[FloatArray, int]:
        """All features of a tile, (layer, y, x), and the number of values that were filled."""
        window = self.grid.window(tile).pad(self.halo)
        cube = self.cube.read(window.pad(self.reach))
        cube = fill_gaps(cube, self.reach)
        layers = dict(zip(self.cube.names, cube, strict=True))
        filled = 0
        if self.survey.sources.terrain:
            layers["elevation"] = _continued(layers["elevation"], window, self.grid.shape)
        if self.survey.features.fill == "year":
            filled = _fill_from_year(layers, tuple(self.survey.seasons), self.halo)
        features: dict[str, FloatArray] = {}
        for season in self.survey.seasons:
            features.update(self._season(season, layers))
        features.update(self._static(layers))
        return np.stack([features[name] for name in self.target.names]), filled

    def _season(self, season: str, layers: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        features = {
            f"{season}_{name}": self._inner(layers[f"{season}_{band}"], 0)
            for band, name in zip(BANDS, _BAND_FEATURES, strict=True)
        }
        for kernel in (self.spectral, self.texture):
            outputs = self._run(kernel, [layers[f"{season}_{name}"] for name in kernel.inputs])
            features |= {f"{season}_{name}": outputs[name] for name in kernel.outputs}
        if self.survey.sources.sentinel1:
            features |= {
                f"{season}_{name}": self._inner(layers[f"{season}_{name}"], 0)
                for name in ("VV", "VH")
            }
        return features

    def _static(self, layers: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
        features = {}
        if self.survey.sources.terrain:
            features["elevation"] = self._inner(layers["elevation"], 0)
            features |= self._run(self.terrain, [layers["elevation"]])
        if self.survey.sources.night_lights:
            features["NTL"] = self._inner(layers["NTL"], 0)
        return features

    def _run(self, kernel: Kernel, layers: Sequence[FloatArray]) -> dict[str, FloatArray]:
        stack = np.stack([self._inner(layer, kernel.halo) for layer in layers])
        return dict(zip(kernel.outputs, kernel(stack), strict=True))

    def _inner(self, layer: FloatArray, halo: int) -> FloatArray:
        """Take off what the widest kernel needs and this one does not."""
        cut = self.halo - halo
        return layer[cut : layer.shape[0] - cut, cut : layer.shape[1] - cut]


_BAND_FEATURES = tuple(entry.name for entry in FEATURES if entry.group == "band")


def _fill_from_year(layers: dict[str, FloatArray], seasons: Sequence[str], halo: int) -> int:
    """Give pixels without a clear observation in a season the mean of their other seasons.

    Returns
    -------
    Values filled inside the tile, its halo not counted.
    """
    filled = 0
    for band in BANDS:
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
