"""Relief-F: how well each feature tells a sample from its nearest neighbours of other classes.

The scores are those of ``skrebate.ReliefF`` (Urbanowicz et al. 2018, 10.1016/j.jbi.2018.07.015),
which differ in places from Kononenko (1994, 10.1007/3-540-57868-4_57). What is matched:

- Neighbours are the k nearest hits and the k nearest misses of *each* other class, in Manhattan
  distance over features scaled by their range; a class with fewer members gives all it has.
- A feature with at most ``discrete_threshold`` different values is categorical, a constant one
  too. Data of mixed types are treated apart: a mismatch weighs p over the number of categorical
  features in the distance (unless values are missing), and a difference above one standard
  deviation counts as 1 in the score (not in the distance).
- With any value missing, every distance is the mean over the features present in both samples.
  A missing value adds nothing to its feature's score and is left out of the count of neighbours.
- The misses of all classes are averaged as S_c (n_c / N) (C - 1) / N, with S_c the summed
  differences to the n_c misses of class c, N misses and C classes: no class priors, although
  skrebate's documentation speaks of them.
- A query whose class has k members or fewer counts itself as one more hit at no distance.
- Of samples at the distance of the k-th neighbour, those that come first in the data are taken.
  skrebate takes those that ``np.argsort`` (not stable) puts first, which differ by processor:
  ``ties="skrebate"`` does the same.

Not matched: more than ten classes remain classes (skrebate takes them for a regression target
unless set otherwise), and every sum is in float64, whatever the type of the samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from minecover.arrays import Float64Array, Int64Array
from minecover.errors import SurveyError
from minecover.selection.distances import Packed
from minecover.selection.neighbours import nearest
from minecover.selection.packing import (
    MOST_CATEGORIES,
    FeatureScaling,
    checked,
    encode,
    in_steps,
    pack,
)
from minecover.selection.relieff_kernels import Weights, contributions
from minecover.selection.ties import skrebate_neighbours

__all__ = ["ReliefScores", "relieff", "selection_scores"]

Weighting = Literal["skrebate", "kononenko"]
Ties = Literal["skrebate", "index"]

ALL_UP_TO = 20_000
"""Samples up to which every sample is a query unless set otherwise."""

DRAWN = 10_000
"""Queries drawn beyond that."""

_BATCH = 64


@dataclass(frozen=True)
class ReliefScores:
    """Relief-F scores of the features.

    Attributes
    ----------
    scores
        (p,) mean difference to misses less mean difference to hits, -1 to 1; greater is better.
    standard_error
        (p,) standard error that drawing the queries leaves in each score; None where every sample
        was a query and the scores are exact.
    queries
        Samples whose neighbours were looked up.
    """

    scores: Float64Array
    standard_error: Float64Array | None
    queries: int


@dataclass(frozen=True)
class Tally:
    """Contributions of queries, summed for each class: what drawn scores are estimated from."""

    count: Int64Array  # (class,)
    total: Float64Array  # (class, p)
    squares: Float64Array  # (class, p)

    @classmethod
    def of(cls, contribution: Float64Array, number: Int64Array, classes: int) -> Tally:
        """Sum the contributions (query, p) of queries of the classes ``number``."""
        shape = (classes, contribution.shape[1])
        total, squares = np.zeros(shape), np.zeros(shape)
        for c in np.unique(number):
            of_class = contribution[number == c]
            total[c] = of_class.sum(axis=0)
            squares[c] = (of_class**2).sum(axis=0)
        return cls(np.bincount(number, minlength=classes), total, squares)

    def __add__(self, other: Tally) -> Tally:
        """Sum two tallies."""
        return Tally(
            self.count + other.count, self.total + other.total, self.squares + other.squares
        )

    def scores(self, sizes: Int64Array) -> ReliefScores:
        """Scores of all samples, of which there are ``sizes`` (class,), from these queries.

        Queries are drawn without replacement within each class, so the estimate is the stratified
        mean and its variance sum_c (N_c / N)^2 (1 - n_c / N_c) s_c^2 / n_c (Cochran 1977, eq. 5.7).
        """
        queries = int(self.count.sum())
        if np.array_equal(self.count, sizes):
            return ReliefScores(self.total.sum(axis=0) / sizes.sum(), None, queries)
        share = sizes / sizes.sum()
        n = self.count[:, None]
        mean = self.total / n
        variance = np.maximum(self.squares - n * mean**2, 0.0) / np.maximum(n - 1, 1)
        left = 1.0 - n / sizes[:, None]
        error = np.sqrt((share[:, None] ** 2 * left * variance / n).sum(axis=0))
        return ReliefScores((share[:, None] * mean).sum(axis=0), error, queries)


def draw(number: Int64Array, classes: int, queries: int | None, seed: int) -> Int64Array:
    """Rows to be queries: all, or drawn within each class in proportion, at least two of each.

    ``number`` (n,) is the class number of each sample; rows come back in ascending order.
    """
    n = number.size
    wanted = (n if n <= ALL_UP_TO else DRAWN) if queries is None else queries
    if wanted >= n:
        return np.arange(n)
    random = np.random.default_rng(seed)
    sizes = np.bincount(number, minlength=classes)
    share = np.minimum(np.maximum(np.round(wanted * sizes / n).astype(np.int64), 2), sizes)
    rows = [
        random.choice(np.flatnonzero(number == c), share[c], replace=False) for c in range(classes)
    ]
    return np.sort(np.concatenate(rows))


def check_arguments(neighbours: int, discrete_threshold: int, queries: int | None) -> None:
    """Raise SurveyError where a setting cannot be met."""
    if neighbours < 1:
        raise SurveyError(f"neighbours is {neighbours}: Relief-F needs 1 or more (100 is usual)")
    if not 0 <= discrete_threshold <= MOST_CATEGORIES:
        raise SurveyError(
            f"discrete_threshold is {discrete_threshold}: give 0 to {MOST_CATEGORIES:,}"
        )
    if queries is not None and queries < 2:
        raise SurveyError(f"queries is {queries}: give 2 or more, or leave it out")


@dataclass(frozen=True)
class _Problem:
    """Everything a batch of queries needs."""

    packed: Packed
    order: Int64Array  # original row of each sorted sample
    number: Int64Array  # class number of each sorted sample
    scaling: FeatureScaling
    weights: Weights
    k: int
    ties: Ties

    def tally(self, own: Int64Array) -> Tally:
        """Contributions of the queries at sorted positions ``own``."""
        padded = np.concatenate([own, np.repeat(own[-1:], -own.size % 4)])
        queries = self.packed.scaled[padded]
        near = nearest(self.packed, queries, in_steps(queries, self.scaling), padded, self.k)
        position, found = near.position[: own.size], near.found[: own.size]
        if self.ties == "skrebate":
            tied = np.flatnonzero(near.tied[: own.size].any(axis=1))
            self._settle(tied, own, queries, position, found)
        number = self.number[own]
        added = contributions(
            self.packed, self.scaling.plain, own, number, position, found, self.weights
        )
        return Tally.of(added, number, self.packed.classes)

    def _settle(
        self,
        tied: Int64Array,
        own: Int64Array,
        queries: Float64Array,
        position: Int64Array,
        found: Int64Array,
    ) -> None:
        """Let skrebate's sort choose the neighbours of the queries ``tied``, in place."""
        categorical = self.scaling.categorical
        for q in tied:
            position[q], found[q] = skrebate_neighbours(
                self.packed, self.order, self.number, int(own[q]), queries[q], categorical, self.k
            )


def _in_turn(
    work: Callable[[Int64Array], Tally], batches: list[Int64Array], threads: int
) -> Iterator[Tally]:
    if threads == 1:
        yield from map(work, batches)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(work, batches)


def relieff(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    neighbours: int = 100,
    weighting: Weighting = "skrebate",
    discrete_threshold: int = 10,
    queries: int | None = None,
    ties: Ties = "index",
    seed: int = 0,
    threads: int = 1,
) -> ReliefScores:
    """Score features by Relief-F, as ``skrebate.ReliefF`` does.

    Parameters
    ----------
    x
        (n, p) samples; NaN where a value is missing. Any units: features are scaled by their range.
    y
        (n,) class of each sample.
    neighbours
        Nearest hits, and nearest misses of each other class, of a query.
    weighting
        How misses of several classes are averaged: without priors as skrebate does, or by
        P(c) / (1 - P(class of the query)) with each class's own mean (Kononenko 1994, eq. 6).
    discrete_threshold
        Features with at most so many different values are categorical.
    queries
        Samples to draw as queries; None takes all up to `ALL_UP_TO` samples and draws `DRAWN`
        beyond. Neighbours are always looked for among all samples.
    ties
        Which of several samples at the distance of the k-th neighbour are taken (see above).
    seed
        Of the draw.
    threads
        Threads to use; the result is the same bit for bit for any number.

    Returns
    -------
    ReliefScores
        Scores in the order of the features.

    Raises
    ------
    DataError
        Arrays that do not fit each other, infinite values, no values, or one class only.
    SurveyError
        Settings out of range.
    """
    check_arguments(neighbours, discrete_threshold, queries)
    if threads < 1:
        raise SurveyError(f"threads is {threads}: give 1 or more")
    values, labels = checked(x, y)
    classes, number = encode(labels)
    scaling = FeatureScaling.of(values, discrete_threshold)
    packed, order = pack(values, number, classes.size, scaling)
    del values
    sizes = np.bincount(number)
    problem = _Problem(
        packed, order, number[order], scaling,
        Weights(1.0 / scaling.span, sizes / sizes.sum(), weighting == "kononenko"),
        neighbours, ties,
    )  # fmt: skip
    sorted_position = np.empty_like(order)
    sorted_position[order] = np.arange(order.size)
    # Queries of one class beside each other share the neighbours they read.
    own = np.sort(sorted_position[draw(number, classes.size, queries, seed)])
    batches = [own[i : i + _BATCH] for i in range(0, own.size, _BATCH)]
    tallies = _in_turn(problem.tally, batches, threads)
    total = next(tallies)
    for tally in tallies:
        total = total + tally
    return total.scores(sizes)


def selection_scores(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    engine: Literal["native", "skrebate"] = "native",
    neighbours: int = 100,
    weighting: Weighting = "skrebate",
    discrete_threshold: int = 10,
    threads: int = 1,
) -> ReliefScores:
    """Score features by Relief-F with minecover's kernel or with skrebate itself.

    Parameters are those of `relieff`; the skrebate engine is some hundred times slower, holds all
    distances in memory and knows its own weighting only.

    Raises
    ------
    DataError, SurveyError
        As `relieff`; SurveyError also for ``weighting="kononenko"`` with the skrebate engine.
    """
    if engine == "native":
        return relieff(
            x, y, neighbours=neighbours, weighting=weighting,
            discrete_threshold=discrete_threshold, threads=threads,
        )  # fmt: skip
    if weighting != "skrebate":
        raise SurveyError(
            f"selection.engine skrebate cannot weigh misses as {weighting}: "
            "use engine native, or weighting skrebate"
        )
    check_arguments(neighbours, discrete_threshold, None)
    values, labels = checked(x, y)
    classes, number = encode(labels)
    from skrebate import ReliefF

    model = ReliefF(
        n_neighbors=neighbours,
        categorical_threshold=discrete_threshold,
        label_type="binary" if classes.size == 2 else "multiclass",
        n_jobs=threads,
    )
    model.fit(values, number)
    return ReliefScores(np.asarray(model.feature_importances_), None, labels.size)
