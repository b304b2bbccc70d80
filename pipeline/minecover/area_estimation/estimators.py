"""Accuracy and areas of the whole map from a stratified random sample of it.

Counting pixels of a class measures the map, errors included. A probability sample with reference
labels measures the ground: the estimators are those of Stehman 2014 (Int. J. Remote Sens. 35,
4923-4939, 10.1080/01431161.2014.930207), whose strata need not be the map's classes. Where they
are, they become those of Olofsson et al. 2014 (Remote Sens. Environ. 148, 42-57,
10.1016/j.rse.2014.02.015) term by term.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from minecover.area_estimation.bounds import Z95, missed, share_bounds
from minecover.arrays import BoolArray, Float64Array, Int64Array
from minecover.errors import DataError
from minecover.samples.labels import listed_unknown

__all__ = ["AreaEstimates", "Estimate", "area_estimates", "probability_sample"]


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

    @classmethod
    def of_share(cls, value: float, standard_error: float, unseen: tuple[float, float]) -> Estimate:
        """Give a share its interval."""
        return cls(value, standard_error, *share_bounds(value, standard_error, unseen))

    def times(self, whole: float) -> Estimate:
        """Turn a share into an amount of the whole."""
        return Estimate(*(number * whole for number in vars(self).values()))

    @property
    def margin(self) -> float:
        """1.96 standard errors, as both papers print them."""
        return Z95 * self.standard_error

    def to_dict(self) -> dict[str, float]:
        """Value, standard error and 95 % interval."""
        return dict(vars(self))


@dataclass(frozen=True)
class AreaEstimates:
    """Accuracy of the whole map and areas on the ground, each with its standard error.

    Attributes
    ----------
    names
        Classes, in order.
    proportions
        (class, class) estimated shares of the area: rows map, columns reference, as the papers
        print them (the transpose of `Estimates.matrix`).
    overall_accuracy
        Of the whole area.
    users_accuracy, producers_accuracy
        By class; None where the class was never mapped, or never found on the ground.
    area
        Of each class on the ground, in hectares.
    samples
        Number of points.
    """

    names: tuple[str, ...]
    proportions: Float64Array
    overall_accuracy: Estimate
    users_accuracy: Mapping[str, Estimate | None]
    producers_accuracy: Mapping[str, Estimate | None]
    area: Mapping[str, Estimate]
    samples: int

    def to_dict(self) -> dict[str, Any]:
        """Give everything as JSON; null for what is undefined."""

        def plain(items: Mapping[str, Estimate | None]) -> dict[str, dict[str, float] | None]:
            return {name: item.to_dict() if item else None for name, item in items.items()}

        return {
            "proportions": self.proportions.tolist(),
            "overall_accuracy": self.overall_accuracy.to_dict(),
            "users_accuracy": plain(self.users_accuracy),
            "producers_accuracy": plain(self.producers_accuracy),
            "area_ha": plain(self.area),
            "samples": self.samples,
        }


@dataclass(frozen=True)
class _Strata:
    """Which stratum each point is of, and how many pixels and points each stratum has."""

    index: Int64Array
    pixels: Float64Array
    points: Float64Array
    finite: bool

    @property
    def census(self) -> BoolArray:
        """Strata of which every pixel is a point: nothing is estimated there."""
        return np.asarray(self.points == self.pixels)

    @property
    def correction(self) -> Float64Array:
        """Of the variance of each stratum for its finite population."""
        whole = 1 - self.points / self.pixels
        return whole if self.finite else np.where(self.census, 0.0, 1.0)

    def missed(self, part: Float64Array) -> float:
        """Share of the area that may be of what no point is, where (n,) `part` is 1."""
        return missed(self.pixels / self.total, self.points, self.census, self.mean(part))

    @property
    def total(self) -> float:
        return float(self.pixels.sum())

    def mean(self, y: Float64Array) -> Float64Array:
        return np.bincount(self.index, weights=y, minlength=len(self.pixels)) / self.points

    def covariance(self, y: Float64Array, x: Float64Array) -> Float64Array:
        residuals = (y - self.mean(y)[self.index]) * (x - self.mean(x)[self.index])
        sums = np.bincount(self.index, weights=residuals, minlength=len(self.pixels))
        # one point is a variance only where it is the whole stratum, and then it is zero
        return np.asarray(sums / np.maximum(self.points - 1, 1))

    def share(self, y: Float64Array) -> Estimate:
        """Share of the area where y is 1: Stehman 2014 eqs 2 and 25."""
        value = float((self.pixels * self.mean(y)).sum()) / self.total
        error = float(np.sqrt(self._spread(self.covariance(y, y)))) / self.total
        unseen = max(value - self.missed(y), 0.0), min(value + self.missed(1 - y), 1.0)
        return Estimate.of_share(min(value, 1.0), error, unseen)

    def users(self, correct: Float64Array, mapped: Float64Array) -> Estimate | None:
        """Share of what is mapped as a class that is of it."""
        return self._ratio(correct, mapped, lambda _, found: self.missed(mapped) / found)

    def producers(
        self, correct: Float64Array, label: Float64Array, mapped: Float64Array
    ) -> Estimate | None:
        """Share of what is of a class that is mapped as it."""

        def unseen(value: float, found: float) -> float:
            more = self.missed(1 - mapped if value > 0.5 else mapped)
            return more / (found + more)

        return self._ratio(correct, label, unseen)

    def _ratio(
        self, y: Float64Array, x: Float64Array, unseen: Callable[[float, float], float]
    ) -> Estimate | None:
        """Share of y in x: its variance is Stehman 2014 eq. 28.

        `unseen` gives how far a ratio of 0 or 1 may be off, for it and the share of x in the area.
        """
        whole = float((self.pixels * self.mean(x)).sum())
        if whole == 0:
            return None
        value = float((self.pixels * self.mean(y)).sum()) / whole
        variance = self.covariance(y, y) + value**2 * self.covariance(x, x)
        variance -= 2 * value * self.covariance(y, x)
        # rounding may leave a variance of zero a hair below it
        error = float(np.sqrt(max(self._spread(variance), 0.0))) / whole
        off = unseen(value, whole / self.total)
        bounds = max(value - off, 0.0), min(value + off, 1.0)
        return Estimate.of_share(min(value, 1.0), error, bounds)

    def _spread(self, variance: Float64Array) -> float:
        return float((self.pixels**2 * self.correction * variance / self.points).sum())


def area_estimates(
    strata: Sequence[str],
    mapped: Sequence[str],
    reference: Sequence[str],
    *,
    pixels: Mapping[str, int],
    names: Sequence[str],
    pixel_area: float,
    finite_population: bool = False,
) -> AreaEstimates:
    """Estimate accuracy and areas from a stratified random sample.

    Parameters
    ----------
    strata, mapped, reference
        Of each of n points: its stratum, its class on the map that is assessed, its true class.
    pixels
        Pixels of each stratum in the whole area.
    names
        Classes, in order.
    pixel_area
        In square metres.
    finite_population
        Apply the finite population correction 1 - n/N (Stehman's eq. 25; Olofsson et al. leave
        it out). It matters where a stratum is sampled nearly whole; one of which every pixel is a
        point has no error in either case.

    Raises
    ------
    DataError
        The points are no stratified sample of those strata, or a label is no class.
    """
    table = pd.DataFrame({"stratum": strata, "map": mapped, "label": reference}, dtype=object)
    counts = _counts(table, pixels)
    _refuse_unknown_classes(table, names)
    sizes = np.array([pixels[name] for name in counts], dtype=np.float64)
    points = np.array(list(counts.values()), dtype=np.float64)
    index = pd.Categorical(table["stratum"], categories=list(counts)).codes.astype(np.int64)
    sampled = _Strata(index, sizes, points, finite_population)
    return _estimate(sampled, table, tuple(names), pixel_area)


def _refuse_unknown_classes(table: pd.DataFrame, names: Sequence[str]) -> None:
    for column in ("map", "label"):
        counts = table[column].astype(str).value_counts()
        unknown = {str(label): int(n) for label, n in counts.items() if label not in names}
        if unknown:
            raise DataError(
                f"areas: {column} holds {listed_unknown(unknown, names)}, which are no classes "
                f"of the survey ({', '.join(names)}); correct the labels"
            )


def _estimate(
    strata: _Strata, table: pd.DataFrame, names: tuple[str, ...], pixel_area: float
) -> AreaEstimates:
    on_map = {name: _indicator(table["map"], name) for name in names}
    on_ground = {name: _indicator(table["label"], name) for name in names}
    correct = {name: on_map[name] * on_ground[name] for name in names}
    hectares = strata.total * pixel_area / 10_000
    shares = {name: strata.share(on_ground[name]) for name in names}
    proportions = [[strata.share(on_map[i] * on_ground[j]).value for j in names] for i in names]
    return AreaEstimates(
        names=names,
        proportions=np.array(proportions),
        overall_accuracy=strata.share(np.sum(list(correct.values()), axis=0)),
        users_accuracy={name: strata.users(correct[name], on_map[name]) for name in names},
        producers_accuracy={
            name: strata.producers(correct[name], on_ground[name], on_map[name]) for name in names
        },
        area={name: share.times(hectares) for name, share in shares.items()},
        samples=len(table),
    )


def _indicator(labels: pd.Series[Any], name: str) -> Float64Array:
    return np.asarray(labels == name, dtype=np.float64)


def _counts(table: pd.DataFrame, pixels: Mapping[str, int]) -> dict[str, int]:
    """Points of each stratum, in the order of `pixels`, once they are enough for a variance."""
    unknown = sorted(set(table["stratum"]) - set(pixels))
    if unknown:
        raise DataError(f"areas: strata {', '.join(map(str, unknown))} have no pixel count")
    found = table["stratum"].value_counts()
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


def probability_sample(frame: pd.DataFrame, source: str) -> dict[str, int]:
    """Check that labelled points are a stratified random sample.

    Parameters
    ----------
    frame
        One row a point: stratum, pixels (of the stratum), inclusion (probability),
        reference, as `minecover design` writes them and a person completes them.
    source
        Name of the file, for messages.

    Returns
    -------
    Pixels of each stratum.

    Raises
    ------
    DataError
        The points are no probability sample, with the reason: no inclusion probabilities, some
        points not labelled, or points added, taken out or moved to another stratum.
    """
    missing = [name for name in ("stratum", "pixels", "inclusion") if name not in frame.columns]
    if missing:
        raise DataError(
            f"{source}: no probability sample: no column {', '.join(missing)}. Areas and their "
            "intervals need points drawn at random with known inclusion probabilities; points "
            "chosen by hand or for training have none. Draw them with `minecover design`"
        )
    if "reference" not in frame.columns:
        raise DataError(f"{source}: no column reference; give each point its true class there")
    empty = frame["reference"].isna() | (frame["reference"].astype(str).str.strip() == "")
    if empty.any():
        raise DataError(
            f"{source}: {int(empty.sum())} of {len(frame)} points have no label in "
            "column reference; label all of them: without the difficult ones the rest is no "
            "probability sample"
        )
    return {
        str(name): _stratum(str(name), group, source) for name, group in frame.groupby("stratum")
    }


def _stratum(name: str, group: pd.DataFrame, source: str) -> int:
    sizes = group["pixels"].unique()
    expected = len(group) / float(sizes[0]) if len(sizes) == 1 and sizes[0] > 0 else np.nan
    if not np.allclose(group["inclusion"].to_numpy(dtype=np.float64), expected, rtol=1e-6):
        raise DataError(
            f"{source}: no probability sample: stratum {name} holds {len(group)} points, which "
            "its inclusion probabilities do not fit; points were added, taken out or moved to "
            "another stratum. Label the file that `minecover design` wrote, whole"
        )
    return int(sizes[0])
