"""The five classical models of the paper's comparison, pixel by pixel.

Random forest, multi-layer perceptron, k nearest neighbours, support vector machine and naive Bayes
from scikit-learn, on standardised layers. Fitting uses joblib's threads; a tile is predicted
through dask-ml's `ParallelPostFit`, which reads it in chunks of pixels on Dask's threads (as many
as `dask.config` says), so neither memory nor result depends on the size of the tile.

They are kept by skops, which stores data and names of types and builds only types it trusts:
nothing is unpickled.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import dask.array as da
import joblib
import numpy as np
import numpy.typing as npt
import skops.io
from dask_ml.wrappers import ParallelPostFit
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC

from minecover.engines.settings import EngineSettings
from minecover.errors import DataError, StoreError
from minecover.models.archive import estimator_bytes
from minecover.models.base import DESCRIPTION, check_blocks, read_object, scatter
from minecover.models.settings import ModelSettings
from minecover.models.standardise import Standardiser
from minecover.storage.store import Store

if TYPE_CHECKING:
    from minecover.models.data import TrainingData

__all__ = ["ESTIMATORS", "ClassicalClassifier", "fit"]

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]

ESTIMATOR = "estimator.skops"

TRUSTED = frozenset(
    {
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.tree._tree.Tree",
    }
)
"""Types besides those that skops trusts by itself which our estimators consist of."""

CHUNK = 8192
"""Pixels of one Dask task."""

CALIBRATION_FOLDS = 3


def _forest(seed: int) -> BaseEstimator:
    return RandomForestClassifier(n_estimators=500, max_features="sqrt", random_state=seed)


def _perceptron(seed: int) -> BaseEstimator:
    return MLPClassifier((128, 64), alpha=1e-3, max_iter=300, random_state=seed)


def _neighbours(seed: int) -> BaseEstimator:
    del seed  # nothing is drawn
    return KNeighborsClassifier(n_neighbors=5, weights="distance", algorithm="brute")


def _vectors(seed: int) -> BaseEstimator:
    del seed  # nothing is drawn
    machine = SVC(C=10.0, kernel="rbf", gamma="scale")
    return CalibratedClassifierCV(machine, cv=CALIBRATION_FOLDS, ensemble=False)


def _bayes(seed: int) -> BaseEstimator:
    del seed  # nothing is drawn
    return GaussianNB()


ESTIMATORS: dict[str, Callable[[int], BaseEstimator]] = {
    "rf": _forest,
    "ann": _perceptron,
    "knn": _neighbours,
    "svm": _vectors,
    "nb": _bayes,
}
"""Estimator of a kind by seed.

Forest: 500 trees on the square root of the layers. Perceptron: 128 and 64 hidden units, Adam.
Neighbours: the 5 nearest, by inverse distance. Vectors: radial kernel, C = 10, its decisions made
probabilities by Platt's sigmoid over three folds (scikit-learn 1.9 gives an SVC no probabilities
of its own any more). Bayes: Gaussian. All but the neighbours take the weights of the samples.
"""


@dataclass(frozen=True, eq=False)
class ClassicalClassifier:
    """A fitted scikit-learn estimator with the layers and classes it was fitted on."""

    kind: str
    layers: tuple[str, ...]
    classes: tuple[int, ...]
    standardiser: Standardiser
    estimator: Any

    @property
    def halo(self) -> int:
        """None: a pixel is judged by itself."""
        return 0

    @property
    def pixel_bytes(self) -> int:
        """Layers read, standardised and, for the estimator, in double precision."""
        return 16 * len(self.layers) + 16 * len(self.classes)

    @cached_property
    def parallel(self) -> ParallelPostFit:
        """The estimator over Dask arrays."""
        example = np.zeros((1, len(self.layers)), dtype=np.float32)
        meta = np.asarray(self.estimator.predict_proba(example))[:0]
        return ParallelPostFit(self.estimator, predict_proba_meta=meta)

    def predict(self, block: FloatArray) -> FloatArray:
        """See `Classifier.predict`."""
        check_blocks(block[None], self.layers, self.halo)
        valid: BoolArray = np.asarray(np.isfinite(block).all(axis=0))
        pixels = np.ascontiguousarray(self.standardiser.apply(block)[:, valid].T)
        if not len(pixels):
            return scatter(np.empty((0, len(self.classes))), valid)
        rows = da.from_array(pixels, chunks=(CHUNK, len(self.layers)))
        # on threads of this process, also where a Dask cluster runs the tiles
        probabilities = self.parallel.predict_proba(rows).compute(scheduler="threads")
        return scatter(probabilities, valid)

    def predict_each(self, blocks: FloatArray) -> FloatArray:
        """See `Classifier.predict_each`."""
        count, layers, height, width = blocks.shape
        # pixel by pixel, blocks may as well lie side by side
        row = blocks.transpose(1, 2, 0, 3).reshape(layers, height, count * width)
        read = self.predict(np.ascontiguousarray(row))
        each = read.reshape(-1, height, count, width).transpose(2, 0, 1, 3)
        return np.ascontiguousarray(each)

    def save(self, store: Store, prefix: str = "model/") -> None:
        """Write the estimator, then the description."""
        store.write(prefix + ESTIMATOR, estimator_bytes(self.estimator))
        description = {
            "kind": self.kind,
            "layers": list(self.layers),
            "classes": list(self.classes),
            "standardise": self.standardiser.to_json(),
        }
        store.write_json(prefix + DESCRIPTION, description)


def load(store: Store, prefix: str, description: dict[str, Any]) -> ClassicalClassifier:
    """Read a classifier whose description is known; `load_classifier` finds it.

    Raises
    ------
    StoreError
        The file names a type that none of our estimators consists of.
    """
    data = read_object(store, prefix + ESTIMATOR)
    foreign = set(skops.io.get_untrusted_types(data=data)) - TRUSTED
    if foreign:
        raise StoreError(
            f"{store.url}/{prefix}{ESTIMATOR}: holds {', '.join(sorted(foreign))}, which no model "
            "of minecover does; delete the model and train again"
        )
    return ClassicalClassifier(
        kind=description["kind"],
        layers=tuple(description["layers"]),
        classes=tuple(description["classes"]),
        standardiser=Standardiser.from_json(description["standardise"]),
        estimator=skops.io.loads(data, trusted=sorted(TRUSTED)),
    )


def fit(
    settings: ModelSettings,
    engine: EngineSettings,
    data: TrainingData,
    training: BoolArray,
    weights: FloatArray,
    standardiser: Standardiser,
) -> ClassicalClassifier:
    """Fit an estimator to the centre pixels of the training samples.

    Parameters
    ----------
    settings
        Kind and seed.
    engine
        Workers and threads, together the threads of the fit.
    data
        Patches of which the centres are used.
    training
        (sample,) true for those that are learnt from.
    weights
        (sample,) weights.
    standardiser
        Measured on the training samples.

    Raises
    ------
    DataError
        A class has fewer samples than the calibration of the support vector machine has folds.
    """
    pixels = standardiser.apply(data.centres[training], axis=1)
    labels = data.labels[training]
    if settings.kind == "svm" and np.bincount(labels).min() < CALIBRATION_FOLDS:
        code = data.classes[int(np.bincount(labels).argmin())]
        raise DataError(
            f"samples: class {code} has fewer than {CALIBRATION_FOLDS} training samples, which "
            "model.kind svm needs; add points of it"
        )
    estimator: Any = ESTIMATORS[settings.kind](settings.seed)
    extra = {} if settings.kind == "knn" else {"sample_weight": weights[training]}
    parallel = joblib.parallel_config("threading", n_jobs=engine.workers * engine.threads)
    with parallel, warnings.catch_warnings():
        # the perceptron stops after a fixed number of epochs, converged or not
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator.fit(pixels, labels, **extra)
    return ClassicalClassifier(settings.kind, data.layers, data.classes, standardiser, estimator)
