"""95 % interval of a mean over the area, from what points of its strata show.

Each candidate for the mean is held against the estimate by a score: their difference over the
standard error that there would be if the candidate were true. The strata then have the shares
under which it is true and the points most likely (Miettinen & Nurminen 1985, Stat. Med. 4, 213-226,
10.1002/sim.4780040211, for two strata; Yan & Su 2010, Stat. Biopharm. Res. 2, 329-335,
10.1198/sbr.2009.0049, on Wilson's interval of several). So a stratum of which no point is of a kind
may hold some, and most so where a point stands for much. The score is corrected for skewness (Gart
& Nam 1990, Biometrics 46, 637-643, 10.2307/2532084), and, where the estimate goes by jumps, for
continuity by half of the usual amount (Laud 2017, Pharm. Stat. 16, 334-348, 10.1002/pst.1813): an
interval of none of n points ends at 3.4 / n.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import brentq

from minecover.arrays import Float64Array

__all__ = ["mean_interval"]

QUANTILE = 1.959964
"""Of the normal distribution, 2.5 % on one side."""

CONTINUITY = 0.25
"""Of a jump: half of the usual correction."""

STEP, MOST = 0.4, 30.0
"""Powers of ten by which a tilt is sought, and where the search ends."""

STEPS, NEAR = 60, 1e-9
"""Of Newton's method at most, about three are needed, and the relative change at which it ends."""

STRAIGHT = 1e-9
"""Skewness that is none but for rounding."""


def mean_interval(
    values: Float64Array, counts: Float64Array, points: Float64Array, pixels: Float64Array
) -> tuple[float, float]:
    """Give the 95 % interval of the mean of a number that is one of a few at each pixel.

    Either end misses the truth in 2.5 % of samples, and less often where it allows for what no
    point has shown. Strata are of finite size: points are more certain the larger a part of the
    pixels of their stratum they are, and a stratum of which all pixels are points is known.

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
    size, drawn = pixels[~whole], points[~whole]
    independent = drawn * np.maximum((size - 1) / (size - drawn), 1.0)
    sample = _Sample(values, counts[:, ~whole] / drawn * independent, independent, weight[~whole])
    return known + sample.end(-1), known + sample.end(1)


@dataclass(frozen=True)
class _Sample:
    """Points of strata that are not known whole.

    Attributes
    ----------
    values
        (kind,)
    counts
        (kind, stratum) points, as many as would be as certain if drawn with replacement.
    sizes
        (stratum,) their sum.
    weight
        (stratum,) shares of the whole area.
    """

    values: Float64Array
    counts: Float64Array
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

    def end(self, side: int) -> float:
        """Give the mean on one side (-1, 1) of the estimate whose score is the quantile."""

        def inside(power: float) -> float:
            return QUANTILE + side * self._score(self._shares(side * 10**power))

        furthest = float((side * self.values).max() * self.weight.sum())
        if side * self._estimate >= furthest * (1 - NEAR):  # all points agree
            return self._estimate
        low, high = self._bracket(inside)
        power = high if low == high else float(brentq(inside, low, high, xtol=1e-9))
        way = self._mean(self._shares(side * 10**power)) - self._estimate
        return self._estimate + side * max(side * way, 0.0)

    def _bracket(self, inside: Callable[[float], float]) -> tuple[float, float]:
        """Give powers of ten of a tilt within the interval and of one beyond it.

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
        poles = tilt * self.weight * self.values[:, None]
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

        From below, by Newton's method: one over the sum of the shares is concave.
        """
        level = (self.counts - depths).max(axis=0)
        for _ in range(STEPS):
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
