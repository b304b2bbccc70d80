"""Estimates of accuracy from reference and map labels at the same points.

Everything here describes the points as they are. Points that were chosen by hand say nothing
exact about the map as a whole; for that see `minecover.area_estimation.estimators`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from minecover.arrays import Int64Array

__all__ = [
    "ClassEstimates",
    "Estimates",
    "Labels",
    "McNemar",
    "block_interval",
    "confusion_matrix",
    "estimates",
    "from_matrix",
    "mcnemar",
]

Labels = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class ClassEstimates:
    """How one class fared; None where there is nothing to divide by.

    Attributes
    ----------
    producers_accuracy
        Share of the reference points of the class that the map gets right (recall).
    users_accuracy
        Share of the points mapped as the class that are of it (precision).
    f1
        Harmonic mean of the two.
    reference, mapped
        Points of the class in the reference and on the map.
    """

    producers_accuracy: float | None
    users_accuracy: float | None
    f1: float | None
    reference: int
    mapped: int

    def to_dict(self) -> dict[str, float | int | None]:
        """As JSON wants it."""
        return dict(vars(self))


@dataclass(frozen=True)
class Estimates:
    """Accuracy of a map at n points.

    Attributes
    ----------
    names
        Classes, in the order of the matrix.
    matrix
        (class, class) int64: rows reference, columns map.
    overall_accuracy
        Share of points on the diagonal; None without points.
    kappa
        Cohen's kappa (1960, Educ. Psychol. Meas. 20, 37-46); None where chance alone would agree
        fully.
    macro_f1
        Mean F1 of the classes that occur in the reference or on the map.
    classes
        By name.
    """

    names: tuple[str, ...]
    matrix: Int64Array
    overall_accuracy: float | None
    kappa: float | None
    macro_f1: float | None
    classes: Mapping[str, ClassEstimates]

    @property
    def samples(self) -> int:
        """Number of points."""
        return int(self.matrix.sum())

    def to_dict(self) -> dict[str, Any]:
        """As JSON wants it: plain numbers, and null for what is undefined."""
        return {
            "matrix": self.matrix.tolist(),
            "overall_accuracy": self.overall_accuracy,
            "kappa": self.kappa,
            "macro_f1": self.macro_f1,
            "classes": {name: item.to_dict() for name, item in self.classes.items()},
            "samples": self.samples,
        }


def confusion_matrix(reference: Labels, mapped: Labels, codes: Mapping[str, int]) -> Int64Array:
    """Count points by reference class (rows) and map class (columns).

    Parameters
    ----------
    reference, mapped
        (n,) class codes.
    codes
        Class name to code; gives the order of rows and columns.

    Raises
    ------
    ValueError
        The arrays differ in length or hold a code that is none of the classes'.
    """
    if reference.shape != mapped.shape:
        raise ValueError(f"reference has shape {reference.shape}, mapped {mapped.shape}")
    size = len(codes)
    position = np.full(256, size, dtype=np.int64)
    position[list(codes.values())] = np.arange(size)
    for what, labels in (("reference", reference), ("mapped", mapped)):
        strange = sorted(set(np.unique(labels).tolist()) - set(codes.values()))
        if strange:
            raise ValueError(f"{what}: codes {strange} are none of the classes' {dict(codes)}")
    cells = position[reference] * size + position[mapped]
    return np.bincount(cells, minlength=size * size).reshape(size, size).astype(np.int64)


def estimates(reference: Labels, mapped: Labels, codes: Mapping[str, int]) -> Estimates:
    """Estimate accuracy from labels.

    Parameters
    ----------
    reference, mapped
        (n,) class codes of the same points.
    codes
        Class name to code, in order.
    """
    return from_matrix(confusion_matrix(reference, mapped, codes), tuple(codes))


def from_matrix(matrix: Int64Array, names: tuple[str, ...]) -> Estimates:
    """Estimate accuracy from a confusion matrix (rows reference, columns map)."""
    right = np.diagonal(matrix)
    reference, mapped = matrix.sum(axis=1), matrix.sum(axis=0)
    classes = {
        name: ClassEstimates(
            producers_accuracy=_ratio(right[i], reference[i]),
            users_accuracy=_ratio(right[i], mapped[i]),
            f1=_ratio(2 * right[i], reference[i] + mapped[i]),
            reference=int(reference[i]),
            mapped=int(mapped[i]),
        )
        for i, name in enumerate(names)
    }
    scores = [item.f1 for item in classes.values() if item.f1 is not None]
    return Estimates(
        names=names,
        matrix=matrix,
        overall_accuracy=_ratio(right.sum(), matrix.sum()),
        kappa=_kappa(matrix),
        macro_f1=sum(scores) / len(scores) if scores else None,
        classes=classes,
    )


def _ratio(part: float, whole: float) -> float | None:
    return float(part) / float(whole) if whole else None


def _kappa(matrix: Int64Array) -> float | None:
    total = int(matrix.sum())
    chance = int((matrix.sum(axis=0) * matrix.sum(axis=1)).sum())
    # in integers, so that agreement by chance alone is detected exactly
    return _ratio(total * int(np.trace(matrix)) - chance, total * total - chance)


def block_interval(
    scores: npt.NDArray[Any],
    blocks: Int64Array,
    *,
    seed: int = 0,
    draws: int = 2000,
    level: float = 0.95,
) -> tuple[float, float]:
    """Interval of a mean over points that are alike within blocks.

    Bootstrap that redraws whole blocks, percentile interval (Davison & Hinkley 1997, Bootstrap
    Methods and their Application, 3.8). With one block there is nothing to redraw: the interval
    is the mean itself. With fewer than some 20 blocks it is too narrow rather than too wide.

    Parameters
    ----------
    scores
        (n,) one number a point, as 1 where right and 0 where wrong.
    blocks
        (n,) block of each point.
    seed
        The same seed gives the same interval.
    draws
        Of the bootstrap.
    level
        Of confidence.
    """
    _, inverse = np.unique(blocks, return_inverse=True)
    size = np.bincount(inverse).astype(np.float64)
    total = np.bincount(inverse, weights=np.asarray(scores, dtype=np.float64))
    rng = np.random.default_rng(seed)
    means = np.empty(draws)
    for draw in range(draws):
        chosen = rng.integers(0, len(size), len(size))
        means[draw] = total[chosen].sum() / size[chosen].sum()
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


@dataclass(frozen=True)
class McNemar:
    """McNemar's test of two maps at the same points.

    Attributes
    ----------
    only_first, only_second
        Points that only the first, or only the second, gets right.
    z
        (only_first - only_second) / sqrt(only_first + only_second), as Foody 2004 (Photogramm.
        Eng. Remote Sens. 70, 627-633); 0 where the two never differ.
    p_value
        Two-sided, exact (binomial).
    """

    only_first: int
    only_second: int
    z: float
    p_value: float

    def to_dict(self) -> dict[str, float | int]:
        """As JSON wants it."""
        return dict(vars(self))


def mcnemar(reference: Labels, first: Labels, second: Labels) -> McNemar:
    """Test whether two maps differ in accuracy (McNemar 1947, Psychometrika 12, 153-157).

    Parameters
    ----------
    reference, first, second
        (n,) class codes of the same points.
    """
    first_right, second_right = first == reference, second == reference
    ahead = int((first_right & ~second_right).sum())
    behind = int((second_right & ~first_right).sum())
    if ahead + behind == 0:
        return McNemar(0, 0, 0.0, 1.0)
    from scipy.stats import binomtest  # takes half a second to import

    z = (ahead - behind) / math.sqrt(ahead + behind)
    return McNemar(ahead, behind, z, float(binomtest(ahead, ahead + behind).pvalue))
