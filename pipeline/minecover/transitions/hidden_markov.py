"""A hidden Markov model of each pixel's classes over the periods.

What a period's images show depends on the class of the pixel then, and that class depends on the
one of the period before (Rabiner 1989, Proc. IEEE 77, 257-286, 10.1109/5.18626). As in Abercrombie
& Friedl 2016 (IEEE Trans. Geosci. Remote Sens. 54, 703-713, 10.1109/TGRS.2015.2463689) the
likelihood of the images of a period is, by Bayes' rule and up to a factor that all classes share,
the probability that a classifier gives a class, divided by the weight that the class had where the
classifier learned. A period without images says nothing: its likelihood is the same for all
classes (Bogaert, Lamarche & Defourny 2022, 10.1109/TGRS.2021.3123738).
The likelihood of a period may count for less (`weight`, a power): periods that err alike, as at
borders where all of them see the same mixed pixel, are not as many witnesses.

Two things come out, and each is used for what it is best at:

- the **most probable course** (Viterbi): the one sequence of classes that is most probable as a
  whole. It is the map. It holds no transition that cannot be, which a sequence of classes that are
  each most probable for themselves may well hold.
- the **posterior probability** of each class in each period (forward-backward): what is known of a
  period by the images of all of them. It tells how sure the map is.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from minecover.arrays import Float32Array, Float64Array
from minecover.engines.compiled import compiled, in_strips, read_only

__all__ = ["LEAST", "combine_periods"]

LEAST = 1e-4
"""Smallest probability that a reading is taken for: no single period rules a class out for good."""

PIXELS = 128
"""Pixels of a row that are worked on together, so that they stay in the processor's cache."""

Places = npt.NDArray[np.int8]


def combine_periods(
    probabilities: Float32Array,
    steps: Float64Array,
    priors: Float64Array,
    threads: int = 1,
    first: Float64Array | None = None,
    weight: float = 1.0,
) -> tuple[Places, Float32Array]:
    """Combine the readings of all periods, pixel by pixel.

    A pixel that one period alone saw keeps, in that period, the probabilities that it had, and its
    class in all of them.

    Parameters
    ----------
    probabilities
        (period, class, y, x) of each period by itself; a pixel that is NaN in one class of a
        period was not seen in it.
    steps
        (period - 1, class, class) probabilities of the transitions from each period to the next;
        a class may stay what it is.
    priors
        (class,) shares of the classes where the model learned, above 0 and summing to 1.
    threads
        That compute strips of rows side by side; the result does not depend on it.
    first
        (class,) shares of the classes in the first period; None: `priors`.
    weight
        Power of each period's likelihood, above 0.

    Returns
    -------
    course
        (period, y, x) place of the class on the most probable course, also in periods that did not
        see the pixel; -1 where none did. Of equals it is the one that changes last, and of those
        the first class.
    posterior
        (period, class, y, x) float32, summing to 1; NaN where no period saw the pixel.
    """
    periods, classes, height, _ = probabilities.shape
    if steps.shape != (periods - 1, classes, classes) or priors.shape != (classes,):
        raise ValueError(
            f"{periods} periods and {classes} classes, but steps {steps.shape} and priors "
            f"{priors.shape}"
        )
    given = read_only(np.ascontiguousarray(probabilities, dtype=np.float32))
    moves = read_only(np.ascontiguousarray(steps, dtype=np.float64))
    weights = read_only(np.ascontiguousarray(priors, dtype=np.float64))
    opening = read_only(np.ascontiguousarray(priors if first is None else first, dtype=np.float64))
    course = np.empty((periods, *given.shape[2:]), dtype=np.int8)
    posterior = np.empty(given.shape, dtype=np.float32)

    def strip(y0: int, y1: int) -> None:
        _combine(given, moves, weights, opening, weight, course, posterior, y0, y1)

    in_strips(height, threads, strip)
    return course, posterior


@compiled
def _combine(
    given: Float32Array,
    steps: Float64Array,
    priors: Float64Array,
    first: Float64Array,
    weight: float,
    course: Places,
    posterior: Float32Array,
    y0: int,
    y1: int,
) -> None:
    periods, classes, _, width = given.shape
    likely = np.empty((periods, classes, PIXELS), dtype=np.float64)
    forward = np.empty((periods, classes, PIXELS), dtype=np.float64)
    best = np.empty((2, classes, PIXELS), dtype=np.float64)
    origin = np.empty((periods, classes, PIXELS), dtype=np.int8)
    sums = np.empty(PIXELS, dtype=np.float64)
    seen = np.empty(PIXELS, dtype=np.int64)
    for y in range(y0, y1):
        for x0 in range(0, width, PIXELS):
            n = min(PIXELS, width - x0)
            _likelihoods(given, priors, weight, likely, seen, y, x0, n)
            _forward(likely, steps, first, forward, sums, n)
            _backward(likely, steps, forward, best, sums, posterior, y, x0, n)
            _viterbi(likely, steps, first, best, origin, sums, course, y, x0, n)
            for x in range(n):
                if seen[x] < 2:
                    _keep(given, course, posterior, y, x0 + x)


@compiled
def _likelihoods(
    given: Float32Array,
    priors: Float64Array,
    weight: float,
    likely: Float64Array,
    seen: npt.NDArray[np.int64],
    y: int,
    x0: int,
    n: int,
) -> None:
    """Probability by prior, the same for all classes where a period has none; count those seen."""
    periods, classes = likely.shape[:2]
    seen[:n] = periods
    for t in range(periods):
        for c in range(classes):
            for x in range(n):
                value = max(float(given[t, c, y, x0 + x]), LEAST) / priors[c]
                likely[t, c, x] = value if weight == 1.0 else value**weight
        for x in range(n):
            whole = 0.0
            for c in range(classes):
                whole += given[t, c, y, x0 + x]
            if np.isnan(whole):
                seen[x] -= 1
                for c in range(classes):
                    likely[t, c, x] = 1.0


@compiled
def _share(values: Float64Array, sums: Float64Array, n: int) -> None:
    """Divide (class, x) values by their sum over the classes."""
    sums[:n] = 0.0
    for c in range(values.shape[0]):
        for x in range(n):
            sums[x] += values[c, x]
    for c in range(values.shape[0]):
        for x in range(n):
            values[c, x] /= sums[x]


@compiled
def _forward(
    likely: Float64Array,
    steps: Float64Array,
    first: Float64Array,
    forward: Float64Array,
    sums: Float64Array,
    n: int,
) -> None:
    """Probability of each class by the images up to a period: Rabiner's eqs 19, 20 and 91."""
    periods, classes = likely.shape[:2]
    for c in range(classes):
        for x in range(n):
            forward[0, c, x] = first[c] * likely[0, c, x]
    _share(forward[0], sums, n)
    for t in range(1, periods):
        for c in range(classes):
            into = forward[t, c]
            into[:n] = 0.0
            for b in range(classes):
                step = steps[t - 1, b, c]
                for x in range(n):
                    into[x] += forward[t - 1, b, x] * step
            for x in range(n):
                into[x] *= likely[t, c, x]
        _share(forward[t], sums, n)


@compiled
def _backward(
    likely: Float64Array,
    steps: Float64Array,
    forward: Float64Array,
    work: Float64Array,
    sums: Float64Array,
    posterior: Float32Array,
    y: int,
    x0: int,
    n: int,
) -> None:
    """Multiply by the likelihood of the images after a period: Rabiner's eqs 25 and 27."""
    periods, classes = likely.shape[:2]
    after, ahead = work[0], work[1]
    after[:, :n] = 1.0
    for t in range(periods - 1, -1, -1):
        for c in range(classes):
            for x in range(n):
                forward[t, c, x] *= after[c, x]
        _share(forward[t], sums, n)
        for c in range(classes):
            for x in range(n):
                posterior[t, c, y, x0 + x] = forward[t, c, x]
                ahead[c, x] = likely[t, c, x] * after[c, x]
        if t == 0:
            return
        for c in range(classes):
            after[c, :n] = 0.0
            for d in range(classes):
                step = steps[t - 1, c, d]
                for x in range(n):
                    after[c, x] += step * ahead[d, x]
        _share(after, sums, n)


@compiled
def _viterbi(
    likely: Float64Array,
    steps: Float64Array,
    first: Float64Array,
    work: Float64Array,
    origin: Places,
    sums: Float64Array,
    course: Places,
    y: int,
    x0: int,
    n: int,
) -> None:
    """Follow the most probable course, as shares rather than logarithms: Rabiner's eqs 32 to 35."""
    periods, classes = likely.shape[:2]
    before, now = work[0], work[1]
    for c in range(classes):
        for x in range(n):
            before[c, x] = first[c] * likely[0, c, x]
    _share(before, sums, n)
    for t in range(1, periods):
        for c in range(classes):
            into, source = now[c], origin[t, c]
            for x in range(n):
                into[x] = before[c, x] * steps[t - 1, c, c]
                source[x] = c
            for b in range(classes):
                step = steps[t - 1, b, c]
                for x in range(n):
                    value = before[b, x] * step
                    if value > into[x]:
                        into[x] = value
                        source[x] = b
            for x in range(n):
                into[x] *= likely[t, c, x]
        _share(now, sums, n)
        before, now = now, before
    _trace_back(before, origin, course, y, x0, n)


@compiled
def _trace_back(
    last: Float64Array, origin: Places, course: Places, y: int, x0: int, n: int
) -> None:
    """Take the most probable class of the last period, and where it came from in each before."""
    periods, classes = origin.shape[:2]
    for x in range(n):
        place = 0
        for c in range(1, classes):
            if last[c, x] > last[place, x]:
                place = c
        for t in range(periods - 1, -1, -1):
            course[t, y, x0 + x] = place
            if t > 0:
                place = int(origin[t, place, x])


@compiled
def _keep(given: Float32Array, course: Places, posterior: Float32Array, y: int, x: int) -> None:
    """Leave the only reading of a pixel as it is; without one there is nothing."""
    periods, classes = given.shape[:2]
    place = -1
    for t in range(periods):
        if not np.isnan(given[t, :, y, x]).any():
            place = 0
            for c in range(classes):
                posterior[t, c, y, x] = given[t, c, y, x]
                if given[t, c, y, x] > given[t, place, y, x]:
                    place = c
    course[:, y, x] = place
    if place < 0:
        posterior[:, :, y, x] = np.nan
