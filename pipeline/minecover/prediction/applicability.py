"""Area of applicability: where a map is made from samples unlike the ground it shows.

Meyer and Pebesma 2021, Methods in Ecology and Evolution 12, 1620-1633, 10.1111/2041-210X.13650.
The layers are standardised over the training samples (mean 0, sample deviation 1) and multiplied
by their importance. The **dissimilarity index** of a pixel is its distance to the nearest training
sample divided by the mean distance between training samples (their equations 1-4). A training
sample's own index looks for the nearest one in another fold, here of the spatial blocks. The
threshold is the outlier-removed maximum of these: the upper whisker, 3rd quartile + 1.5
interquartile ranges, or the maximum where that is less, as `trainDI` of the authors' R package
CAST has it. Pixels beyond it are outside the area of applicability: there the accuracy that
blocked validation measured does not hold.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from minecover.arrays import Float32Array, Float64Array, Int64Array
from minecover.engines.compiled import compiled, read_only
from minecover.engines.threads import side_by_side
from minecover.errors import DataError, StoreError
from minecover.models.classifier import read_object
from minecover.storage.canonical_json import Json
from minecover.storage.names import MODEL_FOLDER
from minecover.storage.store import Store

__all__ = ["Applicability", "comparisons"]


HEADER, SAMPLES = "applicability.json", "applicability.npy"
"""Objects under a model's prefix."""

PAIRS = 2**22
"""Distances held at once: memory does not grow with the samples."""

FEWEST, MOST = 16, 512
"""Pixels or samples whose distances to all samples are held at once."""

UNIT_ROUNDOFF = 2.0**-24
"""Of float32; a sum of n products is off by n + 2 of it at most, relative to their sizes."""


LEAST_LAYERS = 30
"""Layers that finding the least of some distances takes as long as computing them over."""


@dataclass(frozen=True, eq=False)
class Applicability:
    """Training samples as the dissimilarity index needs them.

    Attributes
    ----------
    layers
        Names of the layers.
    mean
        (layer,) float32 in the layers' units.
    scale
        (layer,) float32, importance / standard deviation; 0 for a layer without either.
    samples
        (sample, layer) float32, standardised and weighted.
    mean_distance
        Between samples; above 0.
    threshold
        Of the dissimilarity index.
    """

    layers: tuple[str, ...]
    mean: Float32Array
    scale: Float32Array
    samples: Float32Array
    mean_distance: float
    threshold: float

    @classmethod
    def fit(
        cls,
        samples: Float32Array,
        layers: tuple[str, ...],
        importance: Float64Array,
        folds: Int64Array,
    ) -> Self:
        """Measure training samples.

        Parameters
        ----------
        samples
            (sample, layer) in the layers' units, without NaN.
        layers
            Names.
        importance
            (layer,) of each; below 0 counts as 0, and where all are 0 all count alike.
        folds
            (sample,) the fold of each sample.

        Raises
        ------
        DataError
            The samples are all alike, or of one fold.
        """
        weights = np.maximum(importance, 0.0)
        weights = weights if weights.any() else np.ones(len(layers))
        values = samples.astype(np.float64)
        deviation = values.std(axis=0, ddof=1) if len(values) > 1 else np.zeros(len(layers))
        varied = deviation > 1e-9 * np.abs(values.mean(axis=0))
        scale = np.where(varied, weights / np.where(varied, deviation, 1.0), 0.0)
        mean = values.mean(axis=0).astype(np.float32)
        weighted = _weighted(samples, mean, scale.astype(np.float32))
        mean_distance, nearest = _distances(weighted.astype(np.float64), folds)
        if mean_distance == 0.0 or not np.isfinite(nearest).any():
            raise DataError(
                f"samples: {len(samples)} points of {len(np.unique(folds))} fold(s) that are all "
                "alike, or of one fold, have no area of applicability; give more points, or "
                "more samples.folds"
            )
        index = nearest[np.isfinite(nearest)] / mean_distance
        return cls(layers, mean, scale.astype(np.float32), weighted, mean_distance, _whisker(index))

    def dissimilarity(self, values: Float32Array, threads: int = 1) -> Float32Array:
        """Dissimilarity index of the pixels of a raster.

        Parameters
        ----------
        values
            (layer, y, x) in the layers' units, NaN where nodata.
        threads
            Threads to use, each with as many of BLAS as that may use; the result is the same.

        Returns
        -------
        (y, x) float32, 0 at a pixel that equals a training sample, without an upper bound; NaN
        where a layer is nodata.
        """
        rows, columns = np.nonzero(np.isfinite(values).all(axis=0))
        out = np.full(values.shape[1:], np.nan, dtype=np.float32)

        def measure(part: slice) -> None:
            here = rows[part], columns[part]
            pixels = _weighted(values[:, *here].T, self.mean, self.scale)
            out[here] = self._distance(pixels) / self.mean_distance

        side_by_side(measure, _parts(len(rows), len(self.samples)), threads)
        return out

    @cached_property
    def _terms(self) -> tuple[Float32Array, Float64Array]:
        """Twice the samples, negative and transposed, and their squares, (sample,)."""
        squares = np.square(self.samples, dtype=np.float64).sum(axis=1)
        return np.ascontiguousarray((-2.0 * self.samples).T), squares

    def _distance(self, pixels: Float32Array) -> Float64Array:
        """Distance to the nearest sample of weighted pixels, (pixel, layer).

        One product of matrices gives all distances nearly; how they were rounded depends on its
        shape, so those within rounding of the least are measured again.
        """
        twice, squares = self._terms
        rough = pixels @ twice
        rough += squares.astype(np.float32)
        size = np.square(pixels, dtype=np.float64).sum(axis=1) + squares.max()
        slack = (4 * (len(self.layers) + 2) * UNIT_ROUNDOFF * size).astype(np.float32)
        out = np.empty(len(pixels))
        limit = rough.min(axis=1) + slack
        _nearest(read_only(pixels), read_only(self.samples), rough, limit, out)
        return out

    def save(self, store: Store, prefix: str = MODEL_FOLDER) -> None:
        """Write it beside a model, as numbers alone."""
        buffer = io.BytesIO()
        np.save(buffer, self.samples, allow_pickle=False)
        store.write(prefix + SAMPLES, buffer.getvalue())
        header = {
            "layers": list(self.layers),
            "mean": self.mean.tolist(),
            "scale": self.scale.tolist(),
            "mean_distance": self.mean_distance,
            "threshold": self.threshold,
        }
        store.write_json(prefix + HEADER, header)

    @classmethod
    def load(cls, store: Store, prefix: str = MODEL_FOLDER) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        StoreError
            It is not there, or damaged.
        """
        header: Json = store.read_json(prefix + HEADER)
        data = read_object(store, prefix + SAMPLES)
        try:
            samples = np.load(io.BytesIO(data), allow_pickle=False)
            mean, scale = (np.array(header[name], np.float32) for name in ("mean", "scale"))
            layers = tuple(header["layers"])
            if samples.shape[1:] != mean.shape or samples.dtype != np.float32:
                raise ValueError(f"samples of {samples.shape[1:]} where {mean.shape} are read")
            return cls(layers, mean, scale, samples, header["mean_distance"], header["threshold"])
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(
                f"{store.url}/{prefix}{HEADER}: missing or damaged ({error}); delete the model "
                "and train again"
            ) from error


def _weighted(samples: Float32Array, mean: Float32Array, scale: Float32Array) -> Float32Array:
    return np.ascontiguousarray((samples - mean) * scale, dtype=np.float32)


def _parts(count: int, samples: int) -> Iterator[slice]:
    """Cut `count` pixels or samples so that few enough distances to all samples are held."""
    size = int(np.clip(PAIRS // samples, FEWEST, MOST))
    for start in range(0, count, size):
        yield slice(start, start + size)


def _distances(samples: Float64Array, folds: Int64Array) -> tuple[float, Float64Array]:
    """Mean distance between samples, and of each to the nearest of another fold (inf: none)."""
    squares = (samples**2).sum(axis=1)
    total, nearest = 0.0, np.empty(len(samples))
    for part in _parts(len(samples), len(samples)):
        products = samples[part] @ samples.T
        squared = np.maximum(squares[part, None] + squares - 2.0 * products, 0.0)
        here = np.arange(len(squared))
        squared[here, here + part.start] = 0.0
        distance = np.sqrt(squared)
        total += float(distance.sum())
        distance[folds[part, None] == folds] = np.inf
        nearest[part] = distance.min(axis=1)
    pairs = len(samples) * (len(samples) - 1)
    return (total / pairs if pairs else 0.0), nearest


def _whisker(index: Float64Array) -> float:
    low, high = np.quantile(index, [0.25, 0.75])
    return float(min(high + 1.5 * (high - low), index.max()))


@compiled
def _nearest(
    pixels: Float32Array,
    samples: Float32Array,
    rough: Float32Array,
    limit: Float32Array,
    out: Float64Array,
) -> None:
    """Distance of each pixel to the nearest sample.

    `rough` (pixel, sample) are squared distances but for a summand of the pixel's own, and but
    for rounding; those up to `limit` (pixel,) may be the nearest and are measured again, exactly.
    """
    for i in range(len(pixels)):
        best = np.inf
        for j in range(len(samples)):
            if rough[i, j] <= limit[i]:
                squared = 0.0
                for k in range(samples.shape[1]):
                    step = np.float64(pixels[i, k]) - samples[j, k]
                    squared += step * step
                best = min(best, squared)
        out[i] = math.sqrt(best)


def comparisons(pixels: int, samples: float, layers: int) -> float:
    """Pixels x samples x layers that are compared; finding the least of them counts as layers."""
    return pixels * samples * (layers + LEAST_LAYERS)
