"""95 % interval of a mean over the area, or of a ratio, from what points of its strata show.

Each candidate for the mean is held against the estimate by a score: their difference over the
standard error that there would be if the candidate were true. The strata then have the shares
under which it is true and the points most likely (Miettinen & Nurminen 1985, Stat. Med. 4, 213-226,
10.1002/sim.4780040211, for two strata; Yan & Su 2010, Stat. Biopharm. Res. 2, 329-335,
10.1198/sbr.2009.0049, on Wilson's interval of several). So a stratum of which no point is of a kind
may hold some, and most so where a point stands for much. The score is corrected for skewness (Gart
& Nam 1990, Biometrics 46, 637-643, 10.2307/2532084), and, where the estimate goes by jumps, for
continuity by half of the usual amount (Laud 2017, Pharm. Stat. 16, 334-348, 10.1002/pst.1813): an
interval of none of n points ends at 3.4 / n.

Either end is to miss the truth in 2.5 % of samples. Of a rare kind the upper end never does: even
of a sample with none it allows for more than there is. There the lower end may miss in 5 %, as in
intervals that are exact but not of equal tails (Blaker 2000, Can. J. Stat. 28, 783-798,
10.2307/3315916): it is that of one side, up to where the upper end of the least sample is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.optimize import brentq

from minecover.arrays import BoolArray, Float64Array

__all__ = ["mean_interval", "ratio_interval"]

QUANTILE = 1.959964
"""Of the normal distribution, 2.5 % on one side."""

ONE_SIDED = 1.644854
"""Of the normal distribution, 5 % on one side."""

CONTINUITY = 0.25
"""Of a jump: half of the usual correction."""

STEP, MOST = 0.4, 30.0
"""Powers of ten by which a tilt is sought, and where the search ends."""

STEPS, NEAR = 60, 1e-9
"""Of Newton's method at most, about three are needed, and the relative change at which it ends."""

POWER_STEP, RATIO_STEP = 1e-8, 1e-7
"""To which a power of ten, and a ratio, are found."""

STRAIGHT = 1e-9
"""Skewness that is none but for rounding."""


def mean_interval(
    values: Float64Array, counts: Float64Array, points: Float64Array, pixels: Float64Array
) -> tuple[float, float]:
    """Give the 95 % interval of the mean of a number that is one of a few at each pixel.

    Of a balance, which has three kinds, either end misses the truth in 2.5 % of samples, and less
    often where it allows for what no point has shown. Strata are of finite size: points are more
    certain the larger a part of the pixels of their stratum they are, and a stratum of which all
    pixels are points is known.

    Parameters
    ----------
    values
        (kind,) the number that each kind of pixels has.
    counts
        (kind, stratum) points of each kind.
    points, pixels
        (stratum,) all points and pixels.
    """
    weight = pixels / pixels.sum()
    whole = points >= pixels
    known = float((weight * (values @ counts) / points)[whole].sum())
    if whole.all():
        return known, known
    possible = np.ones_like(counts, dtype=np.bool_)
    sample = _sample(values, *_of(~whole, counts, possible, points, pixels, weight))
    low, high = sample.ends() if len(values) == 2 else (sample.end(-1), sample.end(1))
    return known + low, known + high


def ratio_interval(
    counts: Float64Array, possible: BoolArray, points: Float64Array, pixels: Float64Array
) -> tuple[float, float]:
    """Give the 95 % interval of the share that has y in a part of the area, that has x.

    A candidate is held against the points by the mean of y less the candidate times x, which is 0
    where the candidate is true (Fieller 1954, J. R. Stat. Soc. B 16, 175-185), with the score of
    `mean_interval`.

    Parameters
    ----------
    counts
        (3, stratum) points of x and y, of x alone, and of neither; some are of x.
    possible
        (3, stratum) whether a pixel of a stratum, seen or not, can be of that kind.
    points, pixels
        (stratum,) all points and pixels.
    """
    weight = pixels / pixels.sum()
    whole = points >= pixels
    both, alone, _ = (weight * counts / points).sum(axis=1)
    value = float(both / (both + alone))
    if whole.all():
        return value, value
    known = (weight * counts / points)[:, whole].sum(axis=1)
    part = _of(~whole, counts, possible, points, pixels, weight)

    def inside(candidate: float, side: int) -> float:
        values = np.array([1 - candidate, -candidate, 0.0])
        return QUANTILE - _sample(values, *part).score_of(-float(values @ known), side)

    def end(side: int, furthest: float) -> float:
        if abs(furthest - value) < NEAR:
            return value
        between = sorted((value, furthest))
        return float(brentq(inside, *between, args=(side,), xtol=RATIO_STEP))

    return end(-1, 0.0), end(1, 1.0)


def _of(strata: BoolArray, *arrays: Any) -> list[Any]:  # noqa: ANN401 of numbers or truth values
    return [array[..., strata] for array in arrays]


def _sample(
    values: Float64Array,
    counts: Float64Array,
    possible: BoolArray,
    points: Float64Array,
    pixels: Float64Array,
    weight: Float64Array,
) -> _Sample:
    """Take as many points with replacement as are as certain."""
    independent = points * np.maximum((pixels - 1) / (pixels - points), 1.0)
    return _Sample(values, counts / points * independent, possible, independent, weight)


@dataclass(frozen=True)
class _Sample:
    """Points of strata that are not known whole.

    Attributes
    ----------
    values
        (kind,)
    counts
        (kind, stratum) points, as many as would be as certain if drawn with replacement.
    possible
        (kind, stratum) whether there may be any.
    sizes
        (stratum,) their sum.
    weight
        (stratum,) shares of the whole area.
    """

    values: Float64Array
    counts: Float64Array
    possible: BoolArray
    sizes: Float64Array
    weight: Float64Array

    @cached_property
    def _jump(self) -> Float64Array:
        """How much one point more adds to the mean."""
        return self.weight / self.sizes

    @cached_property
    def _turns(self) -> tuple[Float64Array, Float64Array]:
        """(kind, stratum, stratum) cosines and sines, a jump of the first being a full turn."""
        angle = 2 * np.pi * self._jump[None, :] / self._jump[:, None]
        turned = self.values[:, None, None] * angle
        return np.cos(turned), np.sin(turned)

    @cached_property
    def _estimate(self) -> float:
        return float(self._jump @ (self.values @ self.counts))

    def ends(self) -> tuple[float, float]:
        """Give both, one of which misses more often where the other cannot; of two kinds."""
        low, high = self.end(-1), self.end(1)
        least = self._fewest(int(self.values.argmax())).end(1)
        if least > low:
            low = max(low, min(least, self.end(-1, ONE_SIDED)))
        most = self._fewest(int(self.values.argmin())).end(-1)
        if most < high:
            high = min(high, max(most, self.end(1, ONE_SIDED)))
        return low, high

    def _fewest(self, kind: int) -> _Sample:
        """Sample with as few of a kind as may be: none where they are the fewer.

        Elsewhere as few as there may be if there are as few as may be: at the lower end of Wilson's
        interval of four times the quantile, which is safe for few points, too.
        """
        found = self.counts[kind]
        share, part = found / self.sizes, (4 * QUANTILE) ** 2 / self.sizes
        root = np.sqrt(part * (share * (1 - share) + part / 4))
        fewest = self.sizes * np.maximum(share + part / 2 - root, 0.0) / (1 + part)
        fewest = np.where(2 * found < self.sizes, 0.0, fewest)
        counts = np.empty_like(self.counts)
        counts[kind], counts[1 - kind] = fewest, self.sizes - fewest
        return replace(self, counts=counts)

    def end(self, side: int, quantile: float = QUANTILE) -> float:
        """Give the mean on one side (-1, 1) of the estimate whose score is the quantile."""

        def inside(power: float) -> float:
            return quantile + side * self._score(self._shares(side * 10**power))

        furthest = float((side * self.values).max() * self.weight.sum())
        if side * self._estimate >= furthest * (1 - NEAR):  # all points agree
            return self._estimate
        low, high = self._bracket(inside)
        power = high if low == high else float(brentq(inside, low, high, xtol=POWER_STEP))
        way = self._mean(self._shares(side * 10**power)) - self._estimate
        return self._estimate + side * max(side * way, 0.0)

    def score_of(self, mean: float, side: int) -> float:
        """Give how many standard errors the estimate is from a mean on one side of it."""
        least = NEAR * float(self._jump.min())
        if side * (mean - self._estimate) < least:
            return 0.0

        def short(power: float) -> float:
            return side * (mean - self._mean(self._shares(side * 10**power)))

        if short(MOST) > -least:  # no shares have that mean
            return MOST
        low, high = self._bracket(short)
        power = high if low == high else float(brentq(short, low, high, xtol=POWER_STEP))
        return -side * self._score(self._shares(side * 10**power))

    def _bracket(self, inside: Callable[[float], float]) -> tuple[float, float]:
        """Give powers of ten of a tilt where a number is positive and of one where it is not.

        The first guess is right if the strata's variance is what it is where they are as the points
        and one point more of each kind say.
        """
        shares = (self.counts + 1) / (self.sizes + len(self.values))
        power = math.log10(QUANTILE) - math.log10(self._variance(shares).sum()) / 2
        step = STEP if inside(power) > 0 else -STEP
        while (inside(power + step) > 0) == (step > 0):
            power += step
            if abs(power) > MOST:  # nothing is beyond it
                return power, power
        return min(power, power + step), max(power, power + step)

    def _mean(self, shares: Float64Array) -> float:
        return float(self.weight @ (self.values @ shares))

    def _variance(self, shares: Float64Array) -> Float64Array:
        """(stratum,) parts of the variance of the estimate, were these the shares."""
        means = self.values @ shares
        return (self.values**2 @ shares - means**2) * self._jump**2 * self.sizes

    def _shares(self, tilt: float) -> Float64Array:
        """Most likely shares of the kinds (kind, stratum), the mean being what it is.

        Where the likelihood of the points, with `tilt` times the mean, is greatest: shares are
        counts / (level - pole), with the level at which they add up to 1.
        """
        poles = np.where(self.possible, tilt * self.weight * self.values[:, None], -np.inf)
        found = np.where(self.counts > 0, poles, -np.inf)
        highest = found.max(axis=0)
        depths = highest - found
        above = np.maximum(self._level(depths), poles.max(axis=0) - highest)
        shares = self.counts / (above + depths)
        # what is left is of the kind at the highest pole, which no point is of
        rest = np.maximum(1 - shares.sum(axis=0), 0.0)
        shares[poles.argmax(axis=0), np.arange(len(rest))] += rest
        return np.asarray(shares)

    def _level(self, depths: Float64Array) -> Float64Array:
        """Find how far above the highest pole the shares add up to 1.

        Of two kinds it is the root of a quadratic equation. Of more that is too low, as if all were
        as deep as the deepest, and Newton's method goes on: one over the sum of shares is concave.
        """
        highest = np.where(depths == 0, self.counts, 0.0).sum(axis=0)
        deepest = np.where(self.counts > 0, depths, 0.0).max(axis=0)
        gap = self.sizes - deepest
        root = np.sqrt(gap**2 + 4 * highest * deepest)
        small = 2 * highest * deepest / np.maximum(root - gap, 1e-300)
        level = np.where(gap > 0, (gap + root) / 2, small)
        for _ in range(STEPS if len(self.values) > 2 else 0):
            shares = self.counts / (level + depths)
            total = shares.sum(axis=0)
            slope = (shares / (level + depths)).sum(axis=0)
            step = (total - 1) * total / slope
            level = level + step
            if (step <= NEAR * level).all():
                break
        return np.asarray(level)

    def _score(self, shares: Float64Array) -> float:
        """Give the standard normal deviate of the estimate, were these the shares."""
        means = self.values @ shares
        off = self.values[:, None] - means
        variance = self._variance(shares)
        spread = float(variance.sum())
        gap = self._estimate - self._mean(shares)
        if spread <= 0:
            return 0.0
        gap = math.copysign(max(abs(gap) - self._slack(shares, variance / spread), 0.0), gap)
        deviate = gap / math.sqrt(spread)
        third = float(((shares * off**3).sum(axis=0) * self._jump**3 * self.sizes).sum())
        skewness = third / spread**1.5 / 6
        if abs(skewness) < STRAIGHT:
            return deviate
        root = math.sqrt(max(1 + 4 * skewness * (skewness + deviate), 0.0))
        return float((root - 1) / (2 * skewness))

    def _slack(self, shares: Float64Array, part: Float64Array) -> float:
        """Correction for continuity.

        A part of a jump of each stratum by its part of the variance, and by how little the other
        strata blur it: by what they leave of a wave that is one jump long.
        """
        cosines, sines = self._turns
        wave = np.einsum("kh,kjh->jh", shares, cosines) ** 2
        wave += np.einsum("kh,kjh->jh", shares, sines) ** 2
        left = np.exp((self.sizes * np.log(np.maximum(wave, 1e-300))).sum(axis=1) / 2)
        return CONTINUITY * float((self._jump * part * left).sum())
