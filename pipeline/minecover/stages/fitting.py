"""What fitting a model needs wherever it is done: data, tuning, sessions, checkpoints."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from minecover.accuracy.calibration import fit_temperature
from minecover.features.computed import open_features
from minecover.models.classifier import Classifier
from minecover.models.data import TrainingData
from minecover.models.lookup import window_of
from minecover.models.registry import MODELS
from minecover.models.task import History
from minecover.models.training import train
from minecover.samples.points import Points, extract
from minecover.stages.samples import SampleSet
from minecover.storage.store import Store
from minecover.survey import Survey
from minecover.workflow.stage import Workspace

__all__ = [
    "POINTS_AT_ONCE",
    "BoolArray",
    "FloatArray",
    "Tuning",
    "checkpoints",
    "class_positions",
    "classes_at",
    "learning_session",
    "part_of",
    "patches_at",
    "probabilities_at",
    "train_tuned",
    "training_data",
]

BoolArray = npt.NDArray[np.bool_]


FloatArray = npt.NDArray[np.float32]


POINTS_AT_ONCE = 256
"""Patches that are read together."""


def patches_at(
    store: Store, survey: Survey, table: pd.DataFrame, window: int, layers: tuple[str, ...]
) -> FloatArray:
    """Patches of features around samples, (n, layer, window, window).

    Parameters
    ----------
    store, survey
        Where the features are, or what they are computed from.
    table
        Rows of `samples.parquet`, which knows the features at the points' own pixels.
    window
        Edge of a patch in pixels, odd.
    layers
        Names of the features.
    """
    if window == 1:
        return table[list(layers)].to_numpy(np.float32)[:, :, None, None]
    points = Points(table.reset_index(drop=True), {})
    return extract(points, open_features(store, survey), window, layers)


def class_positions(codes: npt.NDArray[np.int64], classes: Sequence[int]) -> npt.NDArray[np.int64]:
    """Position of each code among the classes in the survey's order, (n,)."""
    position = {code: index for index, code in enumerate(classes)}
    return np.array([position[int(code)] for code in codes], dtype=np.int64)


def training_data(
    run: Workspace, samples: SampleSet, layers: tuple[str, ...]
) -> tuple[TrainingData, BoolArray]:
    """Cut the patches of the chosen layers around all points.

    Returns
    -------
    The data, and which points lack none of the chosen layers at their own pixel: the others are
    neither learnt from nor tested on, since the map has no class there.
    """
    window = window_of(run.survey.model)
    patches = patches_at(run.store, run.survey, samples.table, window, layers)
    classes = tuple(run.survey.class_codes.values())
    data = TrainingData(patches, class_positions(samples.codes, classes), layers, classes)
    return data, np.asarray(np.isfinite(data.centres).all(axis=1))


def part_of(data: TrainingData, use: BoolArray) -> TrainingData:
    """Take some of the samples, and of the classes those that they are of."""
    present, labels = np.unique(data.labels[use], return_inverse=True)
    classes = tuple(data.classes[position] for position in present)
    return replace(data, patches=data.patches[use], labels=labels, classes=classes)


@dataclass(frozen=True)
class Tuning:
    """What a held-back fold taught about the training of a model.

    Attributes
    ----------
    epochs
        How long to train.
    temperature
        What the scores are divided by to be as sure as they are right.
    """

    epochs: int
    temperature: float


def holdout_fold(data: TrainingData, folds: npt.NDArray[np.int64]) -> int | None:
    """Find the first fold without which every class still has points; None: there is none."""
    for fold in np.unique(folds):
        if len(np.unique(data.labels[folds != fold])) == len(data.classes):
            return int(fold)
    return None


def _tune(
    survey: Survey, data: TrainingData, held_back: BoolArray, folder: Path
) -> tuple[Tuning, History]:
    one = survey.model.model_copy(update={"members": 1})
    classifier, history = train(one, survey.engine, data, held_back, folder)
    told = probabilities_at(classifier, data.cropped(one.window).patches[held_back])
    temperature = fit_temperature(told, data.labels[held_back])
    return Tuning(history.good_epoch, round(temperature, 4)), history


def train_tuned(survey: Survey, tuned: Tuning, data: TrainingData, folder: Path) -> Classifier:
    """Train the survey's model on all of the data, as long and as sure as was found best."""
    settings = survey.model.model_copy(update={"epochs": tuned.epochs})
    classifier, _ = train(settings, survey.engine, data, None, folder)
    tunes = MODELS[settings.kind].tunes
    return classifier.with_temperature(tuned.temperature) if tunes else classifier


def probabilities_at(classifier: Classifier, patches: FloatArray) -> FloatArray:
    """Read the centre pixel of each patch, (n, layer, window, window) to (n, class)."""
    parts = [np.empty((0, len(classifier.classes)), dtype=np.float32)]
    for start in range(0, len(patches), POINTS_AT_ONCE):
        part = patches[start : start + POINTS_AT_ONCE]
        parts.append(classifier.predict_each(part)[:, :, 0, 0])
    return np.concatenate(parts)


def classes_at(classifier: Classifier, patches: FloatArray) -> npt.NDArray[np.int64]:
    """Codes of the most probable classes, (n,), of `probabilities_at`."""
    codes = np.array(classifier.classes, dtype=np.int64)
    best: npt.NDArray[np.int64] = codes[probabilities_at(classifier, patches).argmax(axis=1)]
    return best


@contextmanager
def learning_session(survey: Survey) -> Iterator[None]:
    """Keep what the survey's kind of model starts for a training over several of them."""
    with MODELS[survey.model.kind].session(survey.engine):
        yield


@contextmanager
def checkpoints(run: Workspace) -> Iterator[Path]:
    """Lend a folder for checkpoints: in the store, so that a training that died is resumed."""
    folder = run.store.local_path
    if folder is not None:
        yield folder / "checkpoints"
    else:
        with tempfile.TemporaryDirectory() as scratch:
            yield Path(scratch)
