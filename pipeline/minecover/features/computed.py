"""Features computed from the cube for any window: what is stored, and what is not.

A pixel's features depend on the cube around it and on nothing else, not on the window in which
they are computed. So the features that a tile job stores and those that sampling and prediction
compute on their way are the same numbers, bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial

import numpy as np
import shapely

from minecover.arrays import Float32Array
from minecover.features.catalogue import FeatureCatalogue
from minecover.features.gaps import continued, fill_from_others, fill_gaps
from minecover.features.groups import KernelGroup, kernel_groups
from minecover.features.kernel import Kernel
from minecover.geography.grid import Grid, Tile, Window
from minecover.layers import Layer, RasterLayer, raster_layers
from minecover.storage.raster import Raster, positions_of, read_window
from minecover.storage.zarr_arrays import CHUNK

__all__ = ["ComputedFeatures"]

OPTICAL = "band"
"""Group of the layers of the cube that clouds leave gaps in."""


class ComputedFeatures:
    """Features of a survey as a raster that is computed where it is read.

    Parameters
    ----------
    catalogue
        Which features.
    groups
        What computes them.
    grid, cube
        What they are computed from.
    """

    def __init__(
        self,
        catalogue: FeatureCatalogue,
        groups: Sequence[KernelGroup],
        grid: Grid,
        cube: Raster,
    ) -> None:
        self.catalogue, self.groups, self.grid, self.cube = catalogue, tuple(groups), grid, cube
        self.halo = max((group.kernel.halo for group in groups), default=0)
        self._cube = {layer.name: layer for layer in catalogue.cube}

    @classmethod
    def of(
        cls,
        catalogue: FeatureCatalogue,
        grid: Grid,
        cube: Raster,
        texture_range: tuple[float, float],
    ) -> ComputedFeatures:
        """Put together the features of a survey; see `kernel_groups`."""
        groups = kernel_groups(catalogue, grid.resolution, texture_range)
        return cls(catalogue, groups, grid, cube)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the layers."""
        return self.catalogue.names

    @property
    def units(self) -> dict[str, str]:
        """Units of the layers by name."""
        return {layer.name: layer.content.unit for layer in self.catalogue.layers}

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.grid.shape

    def block_edge(self, count: int) -> int:
        """Edge of an inner chunk: where points are far apart, little is computed without need."""
        del count
        return CHUNK

    def read(
        self, window: Window, names: Sequence[str] | None = None, *, mirror: bool = False
    ) -> Float32Array:
        """Compute a window; see `Raster.read`. Tiles that do not touch the area are NaN."""
        wanted = self.names if names is None else tuple(names)
        positions_of(wanted, self.names, "features")
        read = partial(self._on_the_grid, names=wanted)
        return read_window(self.shape, len(wanted), window, read, mirror=mirror)

    def _on_the_grid(self, window: Window, names: Sequence[str]) -> Float32Array:
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

    def compute(self, window: Window, names: Sequence[str]) -> tuple[Float32Array, int]:
        """Compute features of a window inside the grid.

        Returns
        -------
        (layer, y, x), and the number of values that were filled from other seasons.
        """
        wanted = [self.catalogue[name] for name in names]
        seasons, inputs = self._seasons(wanted), self._inputs(wanted)
        wide, reach = window.pad(self.halo), self.catalogue.settings.fill_distance
        needed = [layer.name for layer in raster_layers(seasons, inputs)]
        cube = fill_gaps(self.cube.read(wide.pad(reach), needed), reach)
        layers = dict(zip(needed, cube, strict=True))
        filled = self._fill(layers, seasons, inputs)
        self._continue_edges(layers, wide)
        out = np.empty((len(names), *window.shape), np.float32)
        places: dict[str, list[int]] = {}
        for place, name in enumerate(names):
            places.setdefault(name, []).append(place)
        for name, values in self._features(seasons, layers, places.keys()):
            out[places[name]] = values
        return out, filled

    def _seasons(self, wanted: Sequence[RasterLayer]) -> tuple[str, ...]:
        """Seasons that must be looked at for some layers."""
        looked_at = {layer.season for layer in wanted}
        return tuple(
            season
            for season in self.catalogue.seasons
            if season in looked_at or self.catalogue.settings.fill == "year"
        )

    def _inputs(self, wanted: Sequence[RasterLayer]) -> tuple[Layer, ...]:
        """Layers of the cube, without their seasons, that some layers are computed from."""
        features = {layer.content.name for layer in wanted}
        observed = self.catalogue.observed.items()
        needed = {name for name, feature in observed if feature.name in features}
        for group in self.groups:
            if not features.isdisjoint(group.kernel.outputs):
                needed.update(group.kernel.inputs)
        return tuple(layer for layer in self.catalogue.cube if layer.name in needed)

    def _fill(
        self, layers: dict[str, Float32Array], seasons: Sequence[str], inputs: Sequence[Layer]
    ) -> int:
        """Give pixels without a clear observation in a season the mean of their other seasons.

        Returns
        -------
        Values filled inside the window, its halo not counted.
        """
        filled, inside = 0, slice(self.halo, -self.halo or None)
        for band in inputs if self.catalogue.settings.fill == "year" else ():
            if band.group == OPTICAL:
                names = [band.in_season(season) for season in seasons]
                complete, gaps = fill_from_others([layers[name] for name in names])
                layers.update(zip(names, complete, strict=True))
                filled += int(gaps[:, inside, inside].sum())
        return filled

    def _continue_edges(self, layers: dict[str, Float32Array], window: Window) -> None:
        """Repeat the outermost pixels of the grid for the kernels that need it."""
        for group in self.groups:
            for name in group.kernel.inputs if group.continues_edge else ():
                if name in layers:
                    layers[name] = continued(layers[name], window, self.shape)

    def _features(
        self, seasons: Sequence[str], layers: Mapping[str, Float32Array], wanted: AbstractSet[str]
    ) -> Iterator[tuple[str, Float32Array]]:
        """Compute the wanted layers one after the other."""
        for season in (*seasons, ""):
            for source, feature in self.catalogue.observed.items():
                name = feature.in_season(season)
                if feature.seasonal == bool(season) and name in wanted:
                    yield name, self._inner(layers[self._cube[source].in_season(season)], 0)
            for group in self.groups:
                if group.seasonal == bool(season):
                    yield from self._run(group.kernel, season, layers, wanted)

    def _run(
        self,
        kernel: Kernel,
        season: str,
        layers: Mapping[str, Float32Array],
        wanted: AbstractSet[str],
    ) -> Iterator[tuple[str, Float32Array]]:
        """Call a kernel, unless no layer that it makes is wanted."""
        made = [f"{season}_{name}" if season else name for name in kernel.outputs]
        if wanted.isdisjoint(made):
            return
        given = [layers[self._cube[name].in_season(season)] for name in kernel.inputs]
        values = kernel(np.stack([self._inner(layer, kernel.halo) for layer in given]))
        for name, layer in zip(made, values, strict=True):
            if name in wanted:
                yield name, layer

    def _inner(self, layer: Float32Array, halo: int) -> Float32Array:
        """Take off what the widest kernel needs and this one does not."""
        cut = self.halo - halo
        return layer[cut : layer.shape[0] - cut, cut : layer.shape[1] - cut]
