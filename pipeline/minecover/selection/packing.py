"""Samples made ready for Relief-F: ranges and kinds of features, layouts for the kernels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from minecover.arrays import BoolArray, Float64Array, Int64Array
from minecover.errors import DataError
from minecover.selection.distances import LANES, MISSING, STEPS, Packed, UInt16Array

__all__ = [
    "MOST_CATEGORIES",
    "FeatureScaling",
    "checked",
    "encode",
    "in_steps",
    "normalised",
    "pack",
]

MOST_CATEGORIES = MISSING - 1
"""Different values a categorical feature may have: their codes are 16-bit numbers."""


@dataclass(frozen=True)
class FeatureScaling:
    """What Relief-F must know of all samples before it compares any two.

    Attributes
    ----------
    minimum, span, deviation
        (p,) smallest value, range and population standard deviation of each feature, missing values
        left out; in the feature's units. Span is 1 for categorical features.
    categorical
        (p,) features with at most ``discrete_threshold`` different values.
    categories
        Different values of each categorical feature, ascending.
    missing
        Whether any value of any feature is missing (NaN).
    """

    minimum: Float64Array
    span: Float64Array
    deviation: Float64Array
    categorical: BoolArray
    categories: tuple[Float64Array, ...]
    missing: bool

    @property
    def order(self) -> Int64Array:
        """Features as a block of `Packed` holds them: continuous ones first."""
        return np.argsort(self.categorical, kind="stable")

    @property
    def plain(self) -> bool:
        """Whether every feature is continuous and no value is missing."""
        return not self.missing and not bool(self.categorical.any())

    @property
    def cut(self) -> Float64Array:
        """Raw difference above which two values count as wholly different.

        In data of mixed types skrebate (``ramp_vec``) takes one standard deviation, so that
        continuous features are not underestimated beside categorical ones.
        """
        mixed = bool(self.categorical.any()) and not bool(self.categorical.all())
        above = self.deviation if mixed else np.full_like(self.span, np.inf)
        return np.where(self.categorical, 0.0, above)

    @property
    def mismatch(self) -> Float64Array:
        """Distance between samples that differ in 0, 1, 2, ... categorical features.

        skrebate weighs the Hamming distance (a mean over the categorical features) by the number
        of all features when nothing is missing, so one mismatch weighs p over the number of
        categorical features there and not 1. Where all features are categorical, only order
        matters.
        """
        features, categorical = self.categorical.size, int(self.categorical.sum())
        counts: Float64Array = np.arange(categorical + 1, dtype=np.float64)
        return counts / max(categorical, 1) * features

    @classmethod
    def of(cls, x: Float64Array, discrete_threshold: int) -> FeatureScaling:
        """Measure the features of ``x`` (n, p)."""
        columns = [_column(x[:, f], discrete_threshold) for f in range(x.shape[1])]
        minimum, span, deviation, categories = zip(*columns, strict=True)
        return cls(
            np.array(minimum),
            np.array(span),
            np.array(deviation),
            np.array([c is not None for c in categories], dtype=np.bool_),
            tuple(c for c in categories if c is not None),
            bool(np.isnan(x).any()),
        )


def _column(
    values: Float64Array, discrete_threshold: int
) -> tuple[float, float, float, Float64Array | None]:
    """Minimum, span, deviation and, of a categorical feature, its different values."""
    present = values[~np.isnan(values)]
    some = np.unique(present[: 4 * discrete_threshold]).size  # mostly enough to tell
    if some <= discrete_threshold:
        categories = np.unique(present)
        if categories.size <= discrete_threshold:
            return 0.0, 1.0, 0.0, categories
    low = float(present.min())
    return low, float(present.max()) - low, float(np.std(present)), None


def checked(x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Float64Array, npt.NDArray[np.generic]]:
    """Give samples as float64 (n, p) and labels (n,), or an error that says what is wrong.

    Raises
    ------
    DataError
        Shapes that do not fit, no value at all, infinite values, not numbers.
    """
    features, labels = np.asarray(x), np.asarray(y)
    if labels.ndim != 1 or features.shape[:1] != labels.shape:
        raise DataError(
            f"samples have shape {features.shape} and labels {labels.shape}: "
            "give (samples, features) and one label for each sample"
        )
    values = _finite_or_missing(features)
    if np.isnan(values).all():
        raise DataError("every value of every sample is missing (NaN): check the features")
    return values, labels


def _finite_or_missing(x: npt.ArrayLike) -> Float64Array:
    """Give samples as float64 (n, p): numbers, NaN where a value is missing.

    Raises
    ------
    DataError
        Not a table of numbers, or infinite values.
    """
    features = np.asarray(x)
    if features.ndim != 2 or features.shape[1] == 0 or features.dtype.kind not in "fiub":
        raise DataError(
            f"samples are {features.dtype} of shape {features.shape}: "
            "give numbers (samples, features), NaN where a value is missing"
        )
    values = features.astype(np.float64)
    infinite = np.isinf(values).any(axis=0)
    if infinite.any():
        raise DataError(
            f"features {np.flatnonzero(infinite).tolist()} hold infinite values: "
            "give NaN where a value is missing"
        )
    return values


def encode(labels: npt.NDArray[np.generic]) -> tuple[npt.NDArray[np.generic], Int64Array]:
    """Classes in order and the number of each sample's class.

    Raises
    ------
    DataError
        Fewer than two classes.
    """
    classes, number = np.unique(labels, return_inverse=True)
    if classes.size < 2:
        raise DataError(
            f"{labels.size} samples are of {classes.size} class {classes.tolist()}: "
            "selection needs samples of two classes or more"
        )
    return classes, number.astype(np.int64)


def normalised(x: Float64Array, scaling: FeatureScaling) -> Float64Array:
    """``x`` (n, p) as the kernels compare it: continuous features first, scaled to 0-1."""
    order = scaling.order
    return np.ascontiguousarray(((x - scaling.minimum) / scaling.span)[:, order])


def in_steps(scaled: Float64Array, scaling: FeatureScaling) -> UInt16Array:
    """`normalised` samples as a block of `Packed` compares them: (n, feature) steps and codes."""
    continuous = scaled.shape[1] - len(scaling.categories)
    padded = continuous + -continuous % 4
    steps = np.zeros((scaled.shape[0], padded + len(scaling.categories)))
    steps[:, :continuous] = np.rint(scaled[:, :continuous] * STEPS)
    for f, values in enumerate(scaling.categories):
        steps[:, padded + f] = np.searchsorted(values, scaled[:, continuous + f])
    if scaling.missing:
        gaps = np.isnan(scaled)
        steps[:, :continuous][gaps[:, :continuous]] = MISSING
        steps[:, padded:][gaps[:, continuous:]] = MISSING
    return steps.astype(np.uint16)


def pack(
    x: Float64Array, number: Int64Array, classes: int, scaling: FeatureScaling
) -> tuple[Packed, Int64Array]:
    """Lay out samples for the kernels; also the original row of each sample sorted by class."""
    order = np.argsort(number, kind="stable")
    rows = np.ascontiguousarray(x[order])
    block_class, block_start, block_size = _cut(np.bincount(number, minlength=classes))
    continuous, mismatch = int((~scaling.categorical).sum()), scaling.mismatch
    features = continuous + -continuous % 4 + len(scaling.categories)
    steps = np.zeros((block_class.size, features, LANES), dtype=np.uint16)
    scaled = np.empty_like(rows)
    for b, (start, size) in enumerate(zip(block_start, block_size, strict=True)):
        of_block = slice(start, start + size)
        scaled[of_block] = normalised(rows[of_block], scaling)
        steps[b, :, :size] = in_steps(scaled[of_block], scaling).T
    packed = Packed(
        steps, block_class, block_start, block_size, classes, continuous, mismatch,
        np.rint(mismatch * STEPS).astype(np.int64), scaling.missing, scaled, rows,
        scaling.cut, scaling.span,
    )  # fmt: skip
    return packed, order


def _cut(sizes: Int64Array) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Cut runs of samples of one class into blocks: class, first sample, number of samples."""
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    cuts = [
        (c, starts[c] + first, min(LANES, sizes[c] - first))
        for c in range(sizes.size)
        for first in range(0, sizes[c], LANES)
    ]
    label, start, size = np.array(cuts, dtype=np.int64).reshape(-1, 3).T
    return np.ascontiguousarray(label), np.ascontiguousarray(start), np.ascontiguousarray(size)
