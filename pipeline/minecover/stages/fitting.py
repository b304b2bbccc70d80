"""What fitting a model needs wherever it is done: tuning, sessions, checkpoints."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from minecover.accuracy.calibration import fit_temperature
from minecover.arrays import BoolArray, Int64Array
from minecover.models.classifier import Classifier
from minecover.models.data import TrainingData
from minecover.models.registry import MODELS
from minecover.models.task import History
from minecover.models.training import train
from minecover.survey import Survey
from minecover.workflow.stage import Workspace

__all__ = [
    "Tuning",
    "checkpoints",
    "holdout_fold",
    "learning_session",
    "train_tuned",
    "tune",
]


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
    survey: Survey, data: TrainingData, held_out: BoolArray, folder: Path
) -> tuple[Tuning, History]:
    """Find how long to train and how sure to be, with a model that some samples are held from."""
    one = survey.model.replace(members=1)
    classifier, history = train(one, survey.engine, data, held_out, folder)
    probabilities = classifier.predict_centres(data.cropped(one.window).patches[held_out])
    temperature = fit_temperature(probabilities, data.labels[held_out])
    return Tuning(history.good_epoch or one.epochs, round(temperature, 4)), history


def train_tuned(survey: Survey, tuned: Tuning, data: TrainingData, folder: Path) -> Classifier:
    """Train the survey's model on all of the data, as long and as sure as was found best."""
    settings = survey.model.replace(epochs=tuned.epochs)
    classifier, _ = train(settings, survey.engine, data, None, folder)
    kind = MODELS[settings.kind]
    return kind.calibrated(classifier, tuned.temperature) if kind.tunes else classifier


@contextmanager
def learning_session(survey: Survey) -> Iterator[None]:
    """Keep what the survey's kind of model starts for a training over several of them."""
    with MODELS[survey.model.kind].session(survey.engine):
        yield


@contextmanager
def checkpoints(workspace: Workspace) -> Iterator[Path]:
    """Give a folder for checkpoints: in the store, so that a training that died is resumed."""
    folder = workspace.store.local_path
    if folder is not None:
        yield folder / "checkpoints"
    else:
        with tempfile.TemporaryDirectory() as scratch:
            yield Path(scratch)
