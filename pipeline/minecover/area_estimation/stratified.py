"""Points of a stratified random sample, and the shares of the area that they stand for.

The estimators are those of Stehman 2014 (Int. J. Remote Sens. 35, 4923-4939,
10.1080/01431161.2014.930207): any stratified sample of the pixels estimates any share of them,
whether or not the strata have to do with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from minecover.area_estimation.bounds import area_bounds, difference_bounds, ratio_bounds
from minecover.arrays import BoolArray, Float64Array, Int64Array
from minecover.errors import DataError

__all__ = ["Estimate", "Strata"]

Z95 = 1.96
"""Standard errors on either side of a 95 % interval, as both papers take it."""


@dataclass(frozen=True)
class Estimate:
    """A number, its standard error and its 95 % interval.

    Attributes
    ----------
    value
        The estimate.
    standard_error
        Of it, in the same unit.
    low, high
        Ends of the 95 % interval (`minecover.area_estimation.bounds`).
    """

    value: float
    standard_error: float
    low: float
    high: float

    def times(self, whole: float) -> Estimate:
        """Turn a share into an amount of the whole."""
        return Estimate(*(number * whole for number in vars(self).values()))

    def within(self, least: float, most: float) -> Estimate:
        """Cut it at what is known to be the least and the most that there can be."""
        value, low, high = (
            min(max(number, least), most) for number in (self.value, self.low, self.high)
        )
        return Estimate(value, self.standard_error, low, high)

    @property
    def margin(self) -> float:
        """1.96 standard errors, as both papers print them."""
        return Z95 * self.standard_error

    def to_dict(self) -> dict[str, float]:
        """Value, standard error and 95 % interval."""
        return dict(vars(self))


@dataclass(frozen=True)
class Strata:
    """Which stratum each point is of, and how many pixels and points each stratum has."""

    index: Int64Array
    pixels: Float64Array
    points: Float64Array
    finite: bool = False

    @classmethod
    def of(cls, names: Sequence[str], pixels: Mapping[str, int], finite: bool = False) -> Strata:
        """Place points in their strata.

        Parameters
        ----------
        names
            Stratum of each point.
        pixels
            Pixels of each stratum in the whole area.
        finite
            Apply the finite population correction 1 - n/N (Stehman's eq. 25; Olofsson et al. leave
            it out). It matters where a stratum is sampled nearly whole; one of which every pixel
            is a point has no error in either case.

        Raises
        ------
        DataError
            The points are no stratified sample of those strata.
        """
        counts = _counts(pd.Series(names, dtype=object), pixels)
        sizes = np.array([pixels[name] for name in counts], dtype=np.float64)
        points = np.array(list(counts.values()), dtype=np.float64)
        index = pd.Categorical(list(names), categories=list(counts)).codes.astype(np.int64)
        return cls(index, sizes, points, finite)

    @property
    def census(self) -> BoolArray:
        """Strata of which every pixel is a point: nothing is estimated there."""
        return np.asarray(self.points == self.pixels)

    @property
    def correction(self) -> Float64Array:
        """Of the variance of each stratum for its finite population."""
        whole = 1 - self.points / self.pixels
        return whole if self.finite else np.where(self.census, 0.0, 1.0)

    @property
    def total(self) -> float:
        """Pixels of the whole area."""
        return float(self.pixels.sum())

    def mean(self, y: Float64Array) -> Float64Array:
        """Mean of (n,) y in each stratum."""
        return np.bincount(self.index, weights=y, minlength=len(self.pixels)) / self.points

    def covariance(self, y: Float64Array, x: Float64Array) -> Float64Array:
        """Covariance of (n,) y and x in each stratum."""
        residuals = (y - self.mean(y)[self.index]) * (x - self.mean(x)[self.index])
        sums = np.bincount(self.index, weights=residuals, minlength=len(self.pixels))
        # one point is a variance only where it is the whole stratum, and then it is zero
        return np.asarray(sums / np.maximum(self.points - 1, 1))

    def value(self, y: Float64Array) -> float:
        """Mean of y over the area: Stehman 2014 eq. 2."""
        return float((self.pixels * self.mean(y)).sum()) / self.total

    def share(self, y: Float64Array) -> Estimate:
        """Share of the area where y is 1: Stehman 2014 eqs 2 and 25."""
        value = self.value(y)
        error = float(np.sqrt(self._spread(self.covariance(y, y)))) / self.total
        value = min(value, 1.0)
        found = np.round(self.mean(y) * self.points)
        return Estimate(value, error, *area_bounds(value, found, self.points, self.pixels))

    def difference(self, y: Float64Array, x: Float64Array) -> Estimate:
        """Share of the area where y is 1 less that where x is: Stehman 2014 eqs 2 and 25.

        No point has both.
        """
        value = self.value(y - x)
        error = float(np.sqrt(self._spread(self.covariance(y - x, y - x)))) / self.total
        more, less = (np.round(self.mean(part) * self.points) for part in (y, x))
        return Estimate(
            value, error, *difference_bounds(value, more, less, self.points, self.pixels)
        )

    def users(self, correct: Float64Array, mapped: Float64Array) -> Estimate | None:
        """Share of what is mapped as a class that is of it."""
        on, off = self._occurs(mapped), self._occurs(1 - mapped)
        return self._ratio(correct, mapped, np.array([on, on, off]))

    def producers(
        self, correct: Float64Array, label: Float64Array, mapped: Float64Array
    ) -> Estimate | None:
        """Share of what is of a class that is mapped as it."""
        on, off = self._occurs(mapped), self._occurs(1 - mapped)
        return self._ratio(correct, label, np.array([on, off, on | off]))

    def _occurs(self, part: Float64Array) -> BoolArray:
        """Strata that have points where (n,) `part` is 1."""
        return np.asarray(self.mean(part) > 0)

    def _ratio(self, y: Float64Array, x: Float64Array, possible: BoolArray) -> Estimate | None:
        """Share of y in x: its variance is Stehman 2014 eq. 28.

        (3, stratum) `possible` says whether pixels may be of both, of x alone, and of neither.
        """
        whole = float((self.pixels * self.mean(x)).sum())
        if whole == 0:
            return None
        value = float((self.pixels * self.mean(y)).sum()) / whole
        variance = self.covariance(y, y) + value**2 * self.covariance(x, x)
        variance -= 2 * value * self.covariance(y, x)
        # rounding may leave a variance of zero a hair below it
        error = float(np.sqrt(max(self._spread(variance), 0.0))) / whole
        value = min(value, 1.0)
        both, found = (np.round(self.mean(part) * self.points) for part in (y, x))
        bounds = ratio_bounds(value, both, found, possible, self.points, self.pixels)
        return Estimate(value, error, *bounds)

    def _spread(self, variance: Float64Array) -> float:
        return float((self.pixels**2 * self.correction * variance / self.points).sum())


def _counts(strata: pd.Series[str], pixels: Mapping[str, int]) -> dict[str, int]:
    """Points of each stratum, in the order of `pixels`, once they are enough for a variance."""
    unknown = sorted(set(strata) - set(pixels))
    if unknown:
        raise DataError(f"areas: strata {', '.join(map(str, unknown))} have no pixel count")
    found = strata.value_counts()
    counts = {name: int(found.get(name, 0)) for name, size in pixels.items() if size > 0}
    few = {name: count for name, count in counts.items() if count < min(2, pixels[name])}
    if few:
        listed = ", ".join(f"{name} ({count})" for name, count in few.items())
        raise DataError(
            f"areas: fewer than 2 points in the strata {listed}, and not all of their pixels: "
            "their part of the area cannot be estimated; draw points there with "
            "`minecover design` and label them"
        )
    over = [name for name, count in counts.items() if count > pixels[name]]
    if over:
        raise DataError(
            f"areas: more points than pixels in the strata {', '.join(over)}; "
            "the pixel counts are of another map"
        )
    return counts
