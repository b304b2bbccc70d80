"""Reading pixels at borders again, by what lies on either side of them.

A classifier learns mostly from ground that is all of one class, and windows of texture and of
networks look across borders: pixels beside another class are where maps err. Yet what such a pixel
is can be seen next to it. So every pixel near a border of the map is compared with the pixels of
each class in a neighbourhood that lie amid their own class, by linear discriminant analysis
(Fisher 1936, Ann. Eugen. 7, 179-188, 10.1111/j.1469-1809.1936.tb02137.x) with means and pooled
covariance of that neighbourhood alone. Of a linear mixture of two classes the nearer mean is that
of the larger part. ::

    d_c = (x - m_c)' S^-1 (x - m_c)        p'_c ~ p_c exp(-min((d_c - min d) / 4, 2))

Bands and seasons repeat each other, and spectra are neither mixed exactly linearly nor of two means
only: so the logarithm of the likelihood counts half (4 instead of 2), and is at most 2, odds of
7.4 to 1. Classes of which fewer than three such pixels are near count as the least likely. Where
fewer than two classes have as many, and away from borders, probabilities stay what they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_dilation

from minecover.arrays import BoolArray, Float32Array, Float64Array, Int64Array
from minecover.engines.compiled import compiled, read_only
from minecover.features.kernel import check_layers
from minecover.storage.names import probability_layers

__all__ = ["BorderReading"]

FEWEST = 3
"""Pixels of a class in the neighbourhood that it is judged by at least."""

RIDGE = 0.1
"""Share of the mean variance that is added to each variance: neighbourhoods are small."""

NOISE = 1e-6
"""Variance that is added too: a reflectance is not known better than to 0.001."""

TEMPER = 2.0
"""The logarithm of a likelihood is divided by it."""

MOST = 2.0
"""Bound on that logarithm, below that of the likeliest class."""


@dataclass(frozen=True)
class BorderReading:
    """Reads pixels near borders again; a kernel with a halo of half its window and a pixel.

    Attributes
    ----------
    classes
        Names of the classes, in the order of the probabilities.
    layers
        Names of the features that pixels are compared by.
    window
        Edge of the neighbourhood in pixels, odd, at least 5.
    """

    classes: tuple[str, ...]
    layers: tuple[str, ...]
    window: int

    @property
    def name(self) -> str:
        """Name of the kernel."""
        return "borders"

    @property
    def inputs(self) -> tuple[str, ...]:
        """Layers it reads: the probability of each class, then the features."""
        return (*self.outputs, *self.layers)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Layers it makes: the probability of each class."""
        return probability_layers(self.classes)

    @property
    def units(self) -> tuple[str, ...]:
        """Probabilities have none."""
        return ("1",) * len(self.classes)

    @property
    def halo(self) -> int:
        """Pixels needed on every side."""
        return self.window // 2 + 1

    def __call__(self, layers: Float32Array) -> Float32Array:
        """Read the borders of a tile again.

        Parameters
        ----------
        layers
            (class and feature, y + 2 halo, x + 2 halo) float32, NaN where nodata: a pixel without
            probabilities stays nodata, one without a feature keeps its probabilities and does not
            count among the neighbours.

        Returns
        -------
        (class, y, x) float32, summing to 1.

        Raises
        ------
        DataError
            For another dtype or number of layers, or too small an array.
        """
        check_layers(self, layers)
        count, halo = len(self.classes), self.halo
        given = np.ascontiguousarray(layers[:count])
        # pixel by pixel, so that what is compared lies together
        features = np.ascontiguousarray(np.moveaxis(layers[count:], 0, -1), dtype=np.float64)
        known = np.isfinite(features).all(axis=-1)
        labels = np.where(np.isnan(given).any(axis=0), -1, np.nan_to_num(given).argmax(axis=0))
        amid = np.empty(labels.shape, dtype=bool)
        _amid(read_only(labels), amid)
        near = binary_dilation(~amid & (labels >= 0), np.ones((3, 3))) & known & (labels >= 0)
        sides = np.where(amid & known, labels, -1)
        out = given[:, halo:-halo, halo:-halo].copy()
        _read(read_only(features), read_only(sides), near[halo:-halo, halo:-halo].copy(), out)
        return out


@compiled
def _amid(labels: Int64Array, out: BoolArray) -> None:
    """Mark the pixels that have no other class among their eight neighbours."""
    height, width = labels.shape
    for y in range(height):
        for x in range(width):
            own, alike = labels[y, x], labels[y, x] >= 0
            for i in range(max(y - 1, 0), min(y + 2, height)):
                for j in range(max(x - 1, 0), min(x + 2, width)):
                    if labels[i, j] >= 0 and labels[i, j] != own:
                        alike = False
            out[y, x] = alike


@compiled
def _read(features: Float64Array, sides: Int64Array, near: BoolArray, out: Float32Array) -> None:
    """Weigh the probabilities of the pixels near a border."""
    classes, height, width = out.shape
    count = features.shape[2]
    window = sides.shape[0] - height - 1
    number = np.empty(classes, dtype=np.int64)
    means = np.empty((classes, count))
    spread = np.empty((count, count))
    apart = np.empty(count)
    distances = np.empty(classes)
    for y in range(height):
        for x in range(width):
            if not near[y, x]:
                continue
            around = features[y + 1 : y + 1 + window, x + 1 : x + 1 + window]
            known = sides[y + 1 : y + 1 + window, x + 1 : x + 1 + window]
            if _means(around, known, number, means) < 2:
                continue
            _factor(around, known, number, means, spread, apart)
            own = around[window // 2, window // 2]
            _distances(own, number, means, spread, apart, distances)
            _weigh(distances, out[:, y, x])


@compiled
def _means(around: Float64Array, known: Int64Array, number: Int64Array, means: Float64Array) -> int:
    """Mean of each class in a neighbourhood; how many have enough pixels, the others have 0."""
    number[:], means[:] = 0, 0.0
    for i in range(known.shape[0]):
        for j in range(known.shape[1]):
            if known[i, j] >= 0:
                number[known[i, j]] += 1
                for k in range(means.shape[1]):
                    means[known[i, j], k] += around[i, j, k]
    enough = 0
    for c in range(len(number)):
        if number[c] < FEWEST:
            number[c] = 0
        else:
            enough += 1
            for k in range(means.shape[1]):
                means[c, k] /= number[c]
    return enough


@compiled
def _factor(
    around: Float64Array,
    known: Int64Array,
    number: Int64Array,
    means: Float64Array,
    spread: Float64Array,
    apart: Float64Array,
) -> None:
    """Lower triangle of the Cholesky factor of the covariance around the means of the classes."""
    count = len(apart)
    spread[:] = 0.0
    for i in range(known.shape[0]):
        for j in range(known.shape[1]):
            c = known[i, j]
            if c >= 0 and number[c] > 0:
                for k in range(count):
                    apart[k] = around[i, j, k] - means[c, k]
                    for m in range(k + 1):
                        spread[k, m] += apart[k] * apart[m]
    pixels, variance = number.sum(), 0.0
    for k in range(count):
        variance += spread[k, k]
    added = RIDGE * variance / (pixels * count) + NOISE
    for k in range(count):
        for m in range(k + 1):
            value = spread[k, m] / pixels + (added if m == k else 0.0)
            for n in range(m):
                value -= spread[k, n] * spread[m, n]
            spread[k, m] = math.sqrt(value) if m == k else value / spread[m, m]


@compiled
def _distances(
    own: Float64Array,
    number: Int64Array,
    means: Float64Array,
    factor: Float64Array,
    apart: Float64Array,
    out: Float64Array,
) -> None:
    """Squared Mahalanobis distance of a pixel to the mean of each class; infinite without one."""
    for c in range(len(number)):
        out[c] = math.inf
        if number[c] == 0:
            continue
        total = 0.0
        for k in range(len(own)):
            value = own[k] - means[c, k]
            for n in range(k):
                value -= factor[k, n] * apart[n]
            apart[k] = value / factor[k, k]
            total += apart[k] * apart[k]
        out[c] = total


@compiled
def _weigh(distances: Float64Array, out: Float32Array) -> None:
    """Multiply probabilities by bounded likelihoods, and divide them by their sum."""
    nearest, total = distances.min(), 0.0
    for c in range(len(distances)):
        less = min((distances[c] - nearest) / (2.0 * TEMPER), MOST)
        out[c] *= math.exp(-less)
        total += out[c]
    for c in range(len(distances)):
        out[c] /= total
