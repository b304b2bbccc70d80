"""Crops of a map that is right within classes and wrong at borders, with borders drawn into them.

Amid a class a map of points is right at 99 pixels of 100, at borders of mines at four of five
(HISTORY.md of the benchmarks). So pixels beside another class count little, as do those of which
the map is unsure, and borders that are known are drawn: ground from elsewhere takes the place of
what lies on one side of an uneven line. A pixel that the line crosses is mixed by area and is of
the larger part, as pixels are: spectra that are mixed to learn from, as of Okujeni et al. 2013
(10.1016/j.rse.2013.06.007), with the lines that a reader has to find in place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter, zoom

from minecover.arrays import BoolArray, Float32Array, Int64Array
from minecover.models.network.augmentation import turned
from minecover.models.period_task import CROP

__all__ = ["Crop", "Crops"]

BESIDE = 0.3
"""Weight of pixels beside another class, where borders are drawn."""

SURENESS = 20
"""Power of a pixel's probability that is its weight: one of 0.97 counts half."""

WAVES = (3.0, 24.0)
"""Deviations in half pixels of the filter from which lines come: how uneven they are."""

STILL, TWICE = 0.5, 0.5
"""Share of the lines that stay where they are in all periods, as most borders do, and of the crops
with a line that get another."""


@dataclass(frozen=True, eq=False)
class Crop:
    """What a step learns from.

    Attributes
    ----------
    layers
        (period, layer, y, x), standardised.
    places
        (period, y, x) places of the classes.
    weights
        (period, y, x) of the pixels; 0 where the class is unknown.
    """

    layers: Float32Array
    places: Int64Array
    weights: Float32Array


class Crops:
    """Cuts crops from blocks, turned and mirrored.

    Parameters
    ----------
    layers
        (block, period, layer, y, x), standardised.
    places
        (block, period, y, x) places of the classes; -1 where unknown.
    sure
        (block, period, y, x) how probable these are, 0 to 1.
    sharp
        (layer,) whether it is as sharp as the grid; others are mixed as if they were of two pixels.
    drawn
        Share of the crops with a drawn border.
    """

    def __init__(
        self,
        layers: Float32Array,
        places: Int64Array,
        sure: Float32Array,
        sharp: BoolArray,
        drawn: float,
    ) -> None:
        self._layers, self._places, self._sharp, self._drawn = layers, places, sharp, drawn
        size = (1, 1, 3, 3)
        beside = minimum_filter(places, size=size) != maximum_filter(places, size=size)
        weights = np.where(beside & (drawn > 0), np.float32(BESIDE), np.float32(1))
        self._weights = np.where(places < 0, np.float32(0), weights * sure**SURENESS)
        classes = np.unique(places[places >= 0])
        self._found = [np.argwhere((places == place).any(axis=1)) for place in classes]

    @property
    def known(self) -> bool:
        """Whether any pixel has a class."""
        return bool(self._found)

    def draw(self, rng: np.random.Generator) -> Crop:
        """Draw a crop: half of them around a pixel of a class that is drawn first."""
        crop = self._crop(rng, around=rng.random() < 0.5)
        return self._crossed(crop, rng) if rng.random() < self._drawn else crop

    def _crop(self, rng: np.random.Generator, *, around: bool) -> Crop:
        last = self._places.shape[-1] - CROP
        block, corner = int(rng.integers(len(self._places))), rng.integers(0, last + 1, 2)
        if around:
            pixels = self._found[rng.integers(len(self._found))]
            block, *middle = (int(n) for n in pixels[rng.integers(len(pixels))])
            off = rng.integers(CROP // 8, CROP - CROP // 8, 2)
            corner = np.clip(np.array(middle) - off, 0, last)
        row, column = corner
        at = (block, ..., slice(row, row + CROP), slice(column, column + CROP))
        turn = int(rng.integers(4)) + 4 * bool(rng.random() < 0.5)
        parts = (self._layers[at], self._places[at], self._weights[at])
        layers, places, weights = (turned(part, turn) for part in parts)
        return Crop(layers, places, weights)

    def _crossed(self, crop: Crop, rng: np.random.Generator) -> Crop:
        """Lay one or two other crops over one side each of a line."""
        others = [self._crop(rng, around=True) for _ in range(1 + bool(rng.random() < TWICE))]
        crops = (crop, *others)
        shares = _shares(rng, len(crop.places), len(crops))
        layers = np.zeros_like(crop.layers)
        for share, its in zip(shares, crops, strict=True):
            by_layer = np.where(self._sharp[:, None, None], share[:, None], _coarse(share)[:, None])
            layers += by_layer * its.layers
        places = np.stack([its.places for its in crops])
        weights = np.stack([its.weights for its in crops])
        largest = _largest(shares, places)[None]
        places, weights = (np.take_along_axis(p, largest, axis=0)[0] for p in (places, weights))
        return Crop(layers, places, weights)


def _shares(rng: np.random.Generator, periods: int, parts: int) -> Float32Array:
    """Shares of each pixel by quarters, (part, period, y, x).

    All parts but the first lie on one side of a line, which stays where it is in all periods or
    moves from one to the next.
    """
    part_of = np.zeros((periods, 2 * CROP, 2 * CROP), dtype=np.int64)
    for part in range(1, parts):
        field = rng.standard_normal(part_of.shape[1:])
        field = gaussian_filter(field, np.exp(rng.uniform(*np.log(WAVES))), mode="wrap")
        field /= field.std()
        start = rng.normal(0, 0.5)
        drift = 0.0 if rng.random() < STILL else rng.normal(0, 0.3)
        for period, its in enumerate(part_of):
            its[field > start + drift * period] = part
    quarters = part_of.reshape(periods, CROP, 2, CROP, 2)
    each = [(quarters == part).mean(axis=(2, 4), dtype=np.float32) for part in range(parts)]
    return np.stack(each)


def _largest(shares: Float32Array, places: Int64Array) -> Int64Array:
    """Part of the class that has most of each pixel: of even shares the first class, as maps do."""
    largest = np.zeros(places.shape[1:], dtype=np.int64)
    best, most = places[0], np.full(largest.shape, -1, dtype=np.float32)
    for part, own in enumerate(places):
        has = np.where(places == own, shares, 0).sum(axis=0)
        better = (shares[part] > 0) & ((has > most) | ((has == most) & (own < best)))
        largest[better] = part
        best, most = np.where(better, own, best), np.where(better, has, most)
    return largest


def _coarse(share: Float32Array) -> Float32Array:
    """Mean over two pixels by two, read at each by straight lines."""
    half = CROP // 2
    mean = share.reshape(-1, half, 2, half, 2).mean(axis=(2, 4))
    wide = np.pad(mean, ((0, 0), (1, 1), (1, 1)), mode="edge")
    fine = zoom(wide, (1, 2, 2), order=1, mode="nearest", grid_mode=True)
    return np.asarray(fine[:, 2:-2, 2:-2], dtype=np.float32)
