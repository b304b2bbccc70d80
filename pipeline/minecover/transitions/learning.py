"""How often land turns from one class to another, learned from the readings of all periods.

The classes are hidden, and so are their transitions: rates and the shares of the classes in the
first period are those under which the readings are most probable, found by expectation and
maximisation (Baum et al. 1970, Ann. Math. Stat. 41, 164-171, 10.1214/aoms/1177697196; Rabiner 1989,
eqs 37 and 40a-40b). Between periods the chain is not seen, so what is expected of a step is not its
end points alone but how long land is of each class within it and how often it turns (Bladt &
Sorensen 2005, J. R. Stat. Soc. B 67, 395-410, 10.1111/j.1467-9868.2005.00508.x); the integrals are
those of Van Loan 1978 (IEEE Trans. Autom. Control 23, 395-404, 10.1109/TAC.1978.1101743). Learned
rates are by the year, whatever the years between the periods, and a rate of 0 stays 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import expm

from minecover.arrays import Float32Array, Float64Array
from minecover.engines.compiled import compiled, read_only
from minecover.transitions.hidden_markov import LEAST
from minecover.transitions.matrix import closed, steps_between

__all__ = ["Chain", "learn"]

KNOWN = 100.0
"""Pixels, each seen for a year, that the rates before learning are worth."""

MOST_ROUNDS = 50
"""Of expectation and maximisation."""

STEADY = 1e-4
"""Greatest change of a rate, a year, and of a share, at which they are taken for found."""

DIGITS = 6
"""Decimals of what is learned: sums are rounded otherwise on other machines."""


@dataclass(frozen=True, eq=False)
class Chain:
    """What is known of the classes before any image is looked at.

    Attributes
    ----------
    rates
        (class, class) a year, as `minecover.transitions.matrix.rates` gives them.
    first
        (class,) shares of the classes in the first period, summing to 1.
    """

    rates: Float64Array
    first: Float64Array


def learn(
    readings: Float32Array,
    chain: Chain,
    priors: Float64Array,
    years: Sequence[float],
    weight: float = 1.0,
) -> Chain:
    """Learn rates and first shares.

    Parameters
    ----------
    readings
        (period, class, pixel) probabilities of each period by itself, NaN where it saw nothing.
    chain
        Where learning begins; its rates count as if they had been seen in `KNOWN` pixels.
    priors
        (class,) shares of the classes where the model learned.
    years
        Between each period and the next.
    weight
        Power of each period's likelihood, as of `combine_periods`.

    Returns
    -------
    What was learned; `chain` where there are no pixels.
    """
    given, weights = read_only(np.ascontiguousarray(readings)), read_only(priors)
    if not given.shape[2]:
        return chain
    found = chain
    for _ in range(MOST_ROUNDS):
        steps = steps_between(found.rates, years)
        joint, first = np.zeros_like(steps), np.zeros_like(found.first)
        _expect(given, weights, weight, read_only(steps), read_only(found.first), joint, first)
        before, found = (
            found,
            Chain(_maximised(found.rates, joint, steps, years, chain.rates), first / first.sum()),
        )
        moved = (np.abs(found.rates - before.rates).max(), np.abs(found.first - before.first).max())
        if max(moved) < STEADY:
            break
    return _rounded(found)


def _maximised(
    rates: Float64Array,
    joint: Float64Array,
    steps: Float64Array,
    years: Sequence[float],
    known: Float64Array,
) -> Float64Array:
    """Give the rates under which what is expected of all steps is most probable.

    With e^(Qs) the probabilities within a step of length t, land that is i before and j after has
    turned from a to b q_ab · ∫ e^(Qs)[i, a] e^(Q(t-s))[b, j] ds / e^(Qt)[i, j] times, and was of a
    for the same with b = a, without q.
    """
    count = len(rates)
    turned, spent = KNOWN * known, np.full(count, KNOWN)
    for pairs, step, time in zip(joint, steps, years, strict=True):
        weights = np.divide(pairs, step, out=np.zeros_like(pairs), where=step > 0)
        block = np.block([[rates.T, weights], [np.zeros_like(rates), rates.T]])
        within = expm(block * time)[:count, count:]
        turned = turned + rates * within
        spent = spent + np.diag(within)
    found = np.maximum(turned / spent[:, None], 0.0)
    return closed(found)


def _rounded(chain: Chain) -> Chain:
    # no class is impossible in the first period
    first = np.maximum(np.round(chain.first, DIGITS), 10.0**-DIGITS)
    return Chain(closed(np.round(chain.rates, DIGITS)), first / first.sum())


@compiled
def _expect(
    given: Float32Array,
    priors: Float64Array,
    weight: float,
    steps: Float64Array,
    first: Float64Array,
    joint: Float64Array,
    shares: Float64Array,
) -> None:
    """Add up probabilities of pairs of classes, by step, and of the classes in the first period."""
    periods, classes, pixels = given.shape
    likely = np.empty((periods, classes), dtype=np.float64)
    forward = np.empty((periods, classes), dtype=np.float64)
    after, before = np.empty(classes, dtype=np.float64), np.empty(classes, dtype=np.float64)
    for x in range(pixels):
        for t in range(periods):
            seen = not np.isnan(given[t, :, x]).any()
            for c in range(classes):
                value = max(float(given[t, c, x]), LEAST) / priors[c] if seen else 1.0
                likely[t, c] = value if weight == 1.0 else value**weight
        _forward(likely, steps, first, forward)
        after[:] = 1.0
        for t in range(periods - 1, 0, -1):
            whole = 0.0
            for b in range(classes):
                before[b] = 0.0
                for c in range(classes):
                    before[b] += steps[t - 1, b, c] * likely[t, c] * after[c]
                whole += forward[t - 1, b] * before[b]
            for b in range(classes):
                for c in range(classes):
                    pair = forward[t - 1, b] * steps[t - 1, b, c] * likely[t, c] * after[c]
                    joint[t - 1, b, c] += pair / whole
            for b in range(classes):
                after[b] = before[b] / whole
        for c in range(classes):
            shares[c] += forward[0, c] * after[c]


@compiled
def _forward(
    likely: Float64Array, steps: Float64Array, first: Float64Array, forward: Float64Array
) -> None:
    """Probability of each class of a pixel by the images up to each period."""
    periods, classes = likely.shape
    for t in range(periods):
        whole = 0.0
        for c in range(classes):
            if t == 0:
                forward[t, c] = first[c] * likely[t, c]
            else:
                total = 0.0
                for b in range(classes):
                    total += forward[t - 1, b] * steps[t - 1, b, c]
                forward[t, c] = total * likely[t, c]
            whole += forward[t, c]
        for c in range(classes):
            forward[t, c] /= whole
