"""What the kinds that are estimators of scikit-learn share.

An estimator is fitted to standardised pixels, on joblib's threads, or by dask-ml's `Incremental` to
more of them than memory holds. It is read in chunks of pixels, so neither memory nor result depends
on how many there are. dask-ml's `ParallelPostFit` is no part of that: Dask makes a name for each
block from the whole estimator, which for 500 trees takes longer than to read them (see
`benchmarks/bench_classical.py`).

Estimators are kept by skops, which stores data and names of types and builds only types it trusts:
nothing is unpickled.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import dask
import joblib
import numpy as np
import numpy.typing as npt
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import PredefinedSplit
from sklearn.neural_network import MLPClassifier
from threadpoolctl import ThreadpoolController

from minecover.arrays import Float32Array, Int64Array
from minecover.errors import StoreError
from minecover.models.archive import estimator_bytes, skops_io
from minecover.models.classifier import DESCRIPTION, read_object
from minecover.models.layers_in_order import perceptron_probabilities
from minecover.models.leaf_masks import LeafMasks
from minecover.models.pixelwise import PixelwiseClassifier
from minecover.models.standardise import Standardiser
from minecover.models.task import SampleStream, TrainingTask
from minecover.storage.names import MODEL_FOLDER
from minecover.storage.store import Store

__all__ = ["ScikitClassifier", "fit", "fit_streamed", "load", "search"]


ESTIMATOR = "estimator.skops"

CHUNK = 8192
"""Pixels that are read together."""


@dataclass(frozen=True, eq=False)
class ScikitClassifier(PixelwiseClassifier):
    """A fitted estimator with the layers and classes it was fitted on."""

    estimator: Any = field(repr=False)

    def probabilities(self, pixels: Float32Array) -> npt.NDArray[Any]:
        """See `PixelwiseClassifier.probabilities`."""
        starts = range(0, len(pixels), CHUNK)
        return np.concatenate([self._read(pixels[start : start + CHUNK]) for start in starts])

    def _read(self, pixels: Float32Array) -> npt.NDArray[Any]:
        if self._leaf_masks is None:
            return _read(self.estimator, pixels)
        scores = self._leaf_masks.scores(pixels)
        boosted: npt.NDArray[Any] = self.estimator._loss.predict_proba(scores)
        return boosted

    @cached_property
    def _leaf_masks(self) -> LeafMasks | None:
        boosted = isinstance(self.estimator, HistGradientBoostingClassifier)
        return LeafMasks.of(self.estimator) if boosted else None

    def save(self, store: Store, prefix: str = MODEL_FOLDER) -> None:
        """Write the estimator, then the description."""
        store.write(prefix + ESTIMATOR, estimator_bytes(self.estimator))
        store.write_json(prefix + DESCRIPTION, self.description())


def _read(estimator: Any, pixels: Float32Array) -> npt.NDArray[Any]:  # noqa: ANN401
    """Give the probability of each class; trees are read one after the other in this thread.

    A perceptron is read unit by unit (`minecover.models.layers_in_order`).

    scikit-learn 1.9 hands each tree to joblib, which empties the warning filters of the process and
    fills them again for each: threads that read at once find them empty. Boosted trees, where they
    have too many leaves for `LeafMasks`, it reads on as many threads as OpenMP gives the calling
    one.
    """
    if isinstance(estimator, HistGradientBoostingClassifier):
        with _openmp().limit(limits=1):
            boosted: npt.NDArray[Any] = estimator.predict_proba(pixels)
        return boosted
    if isinstance(estimator, MLPClassifier):
        return perceptron_probabilities(estimator, pixels)
    if not isinstance(estimator, ExtraTreesClassifier | RandomForestClassifier):
        found: npt.NDArray[Any] = estimator.predict_proba(pixels)
        return found
    total = np.zeros((len(pixels), len(estimator.classes_)))
    for tree in estimator.estimators_:
        total += tree.predict_proba(pixels, check_input=False)
    total /= len(estimator.estimators_)
    return total


def load(
    store: Store, prefix: str, description: dict[str, Any], trusted: frozenset[str]
) -> ScikitClassifier:
    """Read a classifier whose description is known.

    Parameters
    ----------
    store, prefix, description
        As for `ModelKind.load`.
    trusted
        Types besides those that skops trusts by itself which its estimators consist of.

    Raises
    ------
    StoreError
        The file names another type.
    """
    data = read_object(store, prefix + ESTIMATOR)
    skops = skops_io()
    foreign = set(skops.get_untrusted_types(data=data)) - trusted
    if foreign:
        raise StoreError(
            f"{store.url}/{prefix}{ESTIMATOR}: holds {', '.join(sorted(foreign))}, which no model "
            f"of kind {description['kind']} does; delete the model and train again"
        )
    return ScikitClassifier(
        kind=description["kind"],
        layers=tuple(description["layers"]),
        classes=tuple(description["classes"]),
        standardiser=Standardiser.from_json(description["standardise"]),
        estimator=skops.loads(data, trusted=sorted(trusted)),
    )


def fit(estimator: Any, task: TrainingTask, *, weighted: bool) -> ScikitClassifier:  # noqa: ANN401
    """Fit an estimator to the labelled pixels of a task; `weighted`: it takes their weights."""
    with _fitting(task.threads):
        estimator.fit(task.pixels, task.labels, **_weights(task, weighted=weighted))
    return _classifier(estimator, task)


def fit_streamed(
    estimator: Any,  # noqa: ANN401
    task: TrainingTask,
    stream: SampleStream,
) -> ScikitClassifier:
    """Fit an estimator that has `partial_fit` to a stream of samples, in an order of the seed.

    dask-ml's `Incremental` gives it one block after the other. They are computed in this thread:
    with more threads Dask computes blocks ahead of the fit, and holds as many as there are.
    """
    from dask_ml.wrappers import Incremental  # takes seconds to import

    pixels = stream.pixels.map_blocks(
        task.standardiser.apply, axis=1, dtype=np.float32, meta=np.empty((0, 0), np.float32)
    )
    seed = task.settings.seed
    incremental = Incremental(estimator, shuffle_blocks=True, random_state=seed)
    with dask.config.set(scheduler="synchronous"):
        incremental.fit(pixels, stream.labels, classes=np.arange(len(task.data.classes)))
    return _classifier(incremental.estimator_, task)


def search(
    estimator: Any,  # noqa: ANN401
    task: TrainingTask,
    folds: Int64Array,
    grid: dict[str, list[Any]],
    *,
    part: str = "",
    weighted: bool,
) -> tuple[ScikitClassifier, dict[str, Any]]:
    """Find the parameters of an estimator that are best over folds, and fit it with them.

    Parameters
    ----------
    estimator, task, weighted
        As for `fit`.
    folds
        (sample,) the fold in which each is tested.
    grid
        Values to try, each with every other.
    part
        Attribute of the estimator that is searched in its place; empty: itself.
    """
    from dask_ml.model_selection import GridSearchCV  # takes seconds to import

    extra = _weights(task, weighted=weighted)
    searched = GridSearchCV(
        getattr(estimator, part) if part else estimator,
        grid,
        cv=PredefinedSplit(folds),
        refit=False,
        scheduler="threads" if task.threads > 1 else "synchronous",
        n_jobs=task.threads,
    )
    with _fitting(1):
        searched.fit(task.pixels, task.labels, **extra)
        results = searched.cv_results_
        best = results["params"][int(np.argmax(results["mean_test_score"]))]
        prefix = f"{part}__" if part else ""
        estimator.set_params(**{prefix + name: value for name, value in best.items()})
        estimator.fit(task.pixels, task.labels, **extra)
    return _classifier(estimator, task), dict(best)


def _weights(task: TrainingTask, *, weighted: bool) -> dict[str, Float32Array]:
    return {"sample_weight": task.training_weights} if weighted else {}


def _classifier(estimator: Any, task: TrainingTask) -> ScikitClassifier:  # noqa: ANN401
    data = task.data
    return ScikitClassifier(
        task.settings.kind, data.layers, data.classes, task.standardiser, estimator
    )


@cache
def _openmp() -> ThreadpoolController:
    """Find the OpenMP of scikit-learn, which is loaded by now; a limit is the calling thread's."""
    return ThreadpoolController().select(user_api="openmp")


@contextmanager
def _fitting(threads: int) -> Iterator[None]:
    """Fit on some threads, and take it that a fixed number of epochs may end before converging."""
    openmp, jobs = (
        _openmp().limit(limits=threads),
        joblib.parallel_config("threading", n_jobs=threads),
    )
    with openmp, jobs, warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield
