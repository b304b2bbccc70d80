"""How long a model is trained and how sure it is made, found on a fold that is held out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from minecover.accuracy.calibration import fit_temperature
from minecover.arrays import BoolArray, Int64Array
from minecover.engines.report import Report, unreported
from minecover.engines.settings import EngineSettings
from minecover.models.classifier import Classifier
from minecover.models.data import TrainingData
from minecover.models.registry import MODELS
from minecover.models.settings import ModelSettings
from minecover.models.task import History
from minecover.models.training import train

__all__ = ["Tuning", "holdout_fold", "train_tuned", "tune"]


@dataclass(frozen=True)
class Tuning:
    """What a fold that was held out taught about the training of a model.

    Attributes
    ----------
    epochs
        How long to train.
    temperature
        What the scores are divided by to be as sure as they are right.
    """

    epochs: int
    temperature: float


def holdout_fold(data: TrainingData, folds: Int64Array) -> int | None:
    """Find the first fold without which every class still has points; None: there is none."""
    for fold in np.unique(folds):
        if len(np.unique(data.labels[folds != fold])) == len(data.classes):
            return int(fold)
    return None


def tune(
    settings: ModelSettings,
    engine: EngineSettings,
    data: TrainingData,
    held_out: BoolArray,
    folder: Path,
    report: Report = unreported,
) -> tuple[Tuning, History]:
    """Find how long to train and how sure to be, with a model that some samples are held from.

    Parameters
    ----------
    settings, engine, data, folder, report
        As for `minecover.models.training.train`.
    held_out
        (sample,) those it is tested on.
    """
    one = settings.replace(members=1)
    classifier, history = train(one, engine, data, held_out, folder, report)
    probabilities = classifier.predict_centres(data.cropped(one.window).patches[held_out])
    temperature = fit_temperature(probabilities, data.labels[held_out])
    return Tuning(history.good_epoch or one.epochs, round(temperature, 4)), history


def train_tuned(
    settings: ModelSettings,
    engine: EngineSettings,
    tuned: Tuning,
    data: TrainingData,
    folder: Path,
    report: Report = unreported,
) -> Classifier:
    """Train a model on all of the data, as long and as sure as was found best."""
    lasting = settings.replace(epochs=tuned.epochs)
    classifier, _ = train(lasting, engine, data, None, folder, report)
    kind = MODELS[settings.kind]
    return kind.calibrated(classifier, tuned.temperature) if kind.tunes else classifier
