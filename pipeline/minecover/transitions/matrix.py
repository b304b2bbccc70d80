"""Probabilities of going from one class to another between two periods.

Land use is taken for a Markov chain in continuous time. A yearly share p of a transition is a rate
of -ln(1 - p) a year, and t years apart the probabilities are the matrix exponential exp(Q t) of the
matrix of rates Q (Kalbfleisch & Lawless 1985, J. Am. Stat. Assoc. 80, 863-871,
10.1080/01621459.1985.10478195). So a survey says everything by the year, whatever the years between
its periods; two steps of a year are one of two; and what never happens at once may happen on the
way over a third class, the more likely the more time there was.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

import numpy as np
from scipy.linalg import expm

from minecover.arrays import Float64Array
from minecover.transitions.settings import ANY, ChangeSettings, classes_of

__all__ = ["class_priors", "closed", "rates", "step_matrices", "steps_between", "years_apart"]

YEAR = 365.25
"""Days."""


def rates(settings: ChangeSettings, names: Sequence[str]) -> Float64Array:
    """Give the matrix of rates Q.

    What leaves a class by the persistence is shared evenly by all others; a transition that the
    settings name has its own rate instead.

    Parameters
    ----------
    settings
        Of the survey.
    names
        Of its classes, in order.

    Returns
    -------
    (class, class) a year: from the class of the row to that of the column; rows sum to 0.
    """
    count = len(names)
    matrix = np.full((count, count), -math.log(settings.persistence) / (count - 1))
    # those with `any` first: what names both classes stands
    for transition in sorted(settings.transitions, key=lambda name: ANY not in classes_of(name)):
        before, after = (_places(name, names) for name in classes_of(transition))
        matrix[np.ix_(before, after)] = -math.log1p(-settings.transitions[transition])
    return closed(matrix)


def closed(per_year: Float64Array) -> Float64Array:
    """Set, in place, the rates at which classes stay, so that rows sum to 0."""
    np.fill_diagonal(per_year, 0.0)
    np.fill_diagonal(per_year, -per_year.sum(axis=1))
    return per_year


def _places(name: str, names: Sequence[str]) -> list[int]:
    if name in names:
        return [names.index(name)]
    return list(range(len(names)))


def step_matrices(
    settings: ChangeSettings, names: Sequence[str], years: Sequence[float]
) -> Float64Array:
    """Give the transition matrix of each step from a period to the next.

    Parameters
    ----------
    settings, names
        As for `rates`.
    years
        Between each period and the next, above 0.

    Returns
    -------
    (step, class, class) probabilities; rows sum to 1.
    """
    return steps_between(rates(settings, names), years)


def steps_between(per_year: Float64Array, years: Sequence[float]) -> Float64Array:
    """Give the transition matrix of each step, as `step_matrices`, by the rates."""
    steps = [np.maximum(expm(per_year * time), 0.0) for time in years]
    whole = np.array(steps).reshape(-1, *per_year.shape)
    return np.asarray(whole / whole.sum(axis=2, keepdims=True))


def class_priors(settings: ChangeSettings, names: Sequence[str]) -> Float64Array:
    """Give the share of each class where the model learned, (class,) and summing to 1."""
    given = settings.priors or dict.fromkeys(names, 1.0)
    weights = np.array([given[name] for name in names], dtype=np.float64)
    return np.asarray(weights / weights.sum())


def years_apart(spans: Sequence[tuple[date, date]]) -> list[float]:
    """Give the years from the middle of each period to that of the next.

    Parameters
    ----------
    spans
        First and last day of each period.
    """
    middles = [(first.toordinal() + last.toordinal()) / 2 for first, last in spans]
    return [float(step / YEAR) for step in np.diff(middles)]
