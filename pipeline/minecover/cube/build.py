"""The cube on a window: of each source one image a season, or one for all seasons."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from minecover.arrays import Float32Array
from minecover.errors import MinecoverError
from minecover.geography.grid import Grid, Window
from minecover.layers import Layer
from minecover.sources.manifest import ALWAYS, Item, Manifest
from minecover.sources.reader import Reader
from minecover.sources.source import Scenes, Source, cube_layers

__all__ = ["Composer"]


@dataclass(frozen=True)
class Composer:
    """Composes windows of the cube.

    Attributes
    ----------
    sources
        Of the survey, in the order of their layers.
    seasons
        Names of the survey's seasons.
    grid, manifest
        Where, and of which items.
    reader
        Reads the items' rasters.
    confirm
        Holds the items against their files before they are read; see `sources.confirmation`.
    threads
        Threads that computations may use.
    """

    sources: Sequence[Source[Any]]
    seasons: Collection[str]
    grid: Grid
    manifest: Manifest
    reader: Reader
    confirm: Callable[[Sequence[Item]], tuple[Item, ...]] = tuple
    threads: int = 1

    @cached_property
    def layers(self) -> dict[str, Layer]:
        """Layers of the cube by name, in order."""
        return cube_layers(self.sources, self.seasons)

    def compose(self, window: Window) -> Float32Array:
        """Compute all layers of a window.

        Returns
        -------
        (layer, y, x) float32, NaN where nothing was observed.

        Raises
        ------
        DataError
            A raster is missing or damaged.
        TryAgainError
            A server does not answer.
        """
        positions = {name: n for n, name in enumerate(self.layers)}
        out = np.empty((len(positions), *window.shape), np.float32)
        for source, season in self._images():
            items = self.confirm(self._items(source, season, window))
            room = tuple(out[positions[layer.in_season(season)]] for layer in source.layers())
            scenes = Scenes(self.reader, items, self.grid, window, self.threads, room)
            image = source.compose(scenes)
            if image is not room:
                _copy(image, room, source.name)
        return out

    def items(self, window: Window) -> Iterator[Item]:
        """Give the items that a window reads, as often as it does."""
        for source, season in self._images():
            yield from self._items(source, season, window)

    def nodata(self, values: Float32Array) -> dict[str, float]:
        """Share of the values of each source that are nodata; counts have a value everywhere.

        Parameters
        ----------
        values
            (layer, y, x) as `compose` returns them.
        """
        chosen: dict[str, list[int]] = {}
        for n, layer in enumerate(self.layers.values()):
            if layer.feature is not None:
                chosen.setdefault(layer.source, []).append(n)
        return {
            source: round(float(np.mean([np.isnan(values[n]).mean() for n in layers])), 6)
            for source, layers in chosen.items()
        }

    def _images(self) -> Iterator[tuple[Source[Any], str]]:
        """Give every source with each of its seasons."""
        for source in self.sources:
            for season in self.seasons if source.is_seasonal else (ALWAYS,):
                yield source, season

    def _items(self, source: Source[Any], season: str, window: Window) -> tuple[Item, ...]:
        return self.manifest.items(source.name, season, self.grid.bounds(window))


def _copy(
    image: Float32Array | Sequence[Float32Array], room: Sequence[Float32Array], source: str
) -> None:
    """Copy an image of a source into its layers."""
    shapes = [layer.shape for layer in image]
    if shapes != [layer.shape for layer in room]:
        raise MinecoverError(
            f"source {source}: it composes layers of shapes {shapes}; its layers on this window "
            f"are {len(room)} of shape {room[0].shape}"
        )
    for values, place in zip(image, room, strict=True):
        place[:] = values
