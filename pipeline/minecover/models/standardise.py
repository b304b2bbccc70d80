"""Standardised layers: zero mean and unit deviation over the training samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from minecover.arrays import BoolArray, Float32Array, Float64Array
from minecover.errors import DataError

__all__ = ["Standardiser"]


TAILS = (1.0, 99.0)
"""Percentiles that values are bounded to before mean and deviation are taken."""

BOUND = 6.0
"""Standardised values are bounded to -6..6: a pixel unlike any sample stays within sight."""


@dataclass(frozen=True)
class Standardiser:
    """Mean and deviation of each layer, of values bounded to their 1st and 99th percentile.

    Attributes
    ----------
    mean, deviation
        One number a layer, in the layer's unit; the deviation of a constant layer is 1.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @classmethod
    def fit(
        cls, samples: Float32Array, layers: tuple[str, ...], groups: Sequence[str] | None = None
    ) -> Self:
        """Measure samples.

        Parameters
        ----------
        samples
            (sample, layer), NaN where nodata.
        layers
            Names, for the error.
        groups
            (layer,) group of each, whose layers are measured together; None: each by itself.

        Raises
        ------
        DataError
            A layer has no value at any sample.
        """
        values = samples.astype(np.float64)
        empty: BoolArray = np.asarray(np.isnan(values).all(axis=0))
        if empty.any():
            names = [name for name, gone in zip(layers, empty, strict=True) if gone]
            raise DataError(
                f"samples: {', '.join(names)}: nodata at every sample; leave the layer out, or "
                "give its season or source more items"
            )
        mean, deviation = _measured(values) if groups is None else _pooled(values, groups)
        constant = deviation <= 1e-9 * np.abs(mean)
        return cls(tuple(mean.tolist()), tuple(np.where(constant, 1.0, deviation).tolist()))

    def apply(self, values: Float32Array, axis: int = 0) -> Float32Array:
        """Standardise values whose layers lie along `axis`; nodata becomes 0, the mean.

        Returns
        -------
        A new float32 array of the same shape, within -6..6 and without NaN.
        """
        shape = [1] * values.ndim
        shape[axis] = -1
        mean = np.array(self.mean, dtype=np.float32).reshape(shape)
        factor = (1.0 / np.array(self.deviation)).astype(np.float32).reshape(shape)
        out: Float32Array = values - mean
        out *= factor
        np.clip(out, -BOUND, BOUND, out=out)
        out[np.isnan(out)] = 0.0
        return out

    def to_json(self) -> dict[str, Any]:
        """As a JSON value."""
        return {"mean": list(self.mean), "deviation": list(self.deviation)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """From what `to_json` gave."""
        return cls(tuple(value["mean"]), tuple(value["deviation"]))


def _measured(values: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Mean and deviation of columns, bounded to their tails."""
    bounded = np.clip(values, *np.nanpercentile(values, TAILS, axis=0))
    return np.nanmean(bounded, axis=0), np.nanstd(bounded, axis=0)


def _pooled(values: Float64Array, groups: Sequence[str]) -> tuple[Float64Array, Float64Array]:
    """Mean and deviation of each column's group, whose columns are taken as one."""
    mean, deviation = np.empty((2, len(groups)))
    for name in dict.fromkeys(groups):
        columns = np.array([group == name for group in groups])
        together = values[:, columns].reshape(-1, 1)
        mean[columns], deviation[columns] = _measured(together)
    return mean, deviation
