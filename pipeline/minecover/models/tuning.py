"""How long a model is trained and how sure it is made, found on a fold that is held out."""

from __future__ import annotations

import shutil
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from minecover.accuracy.calibration import fit_temperature
from minecover.arrays import BoolArray, Int64Array
from minecover.engines.machine import free_memory
from minecover.engines.report import Report, named, unreported
from minecover.engines.settings import EngineSettings
from minecover.engines.threads import torch_threads, with_guess
from minecover.models.class_shares import prior_shifted
from minecover.models.classifier import Classifier
from minecover.models.data import TrainingData
from minecover.models.registry import MODELS
from minecover.models.settings import ModelSettings
from minecover.models.task import History
from minecover.models.training import train

__all__ = ["COPIES", "Tuning", "train_tuned", "tune_and_train"]

COPIES = 4
"""Of the patches that a training holds: as read, divided, standardised and in a step."""


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


def tune_and_train(
    settings: ModelSettings,
    engine: EngineSettings,
    data: TrainingData,
    folds: Int64Array | None,
    folder: Path,
    report: Report = unreported,
) -> tuple[Classifier, Tuning, History]:
    """Find on a fold how long to train and how sure to be, then train on all samples so.

    Most often it is found best to train for all epochs. So where a core is idle, such a training
    runs beside the one without the fold, and is given up if that finds otherwise: the result is
    the same.

    Parameters
    ----------
    settings, engine, data, folder, report
        As for `minecover.models.training.train`.
    folds
        (sample,) fold of each, to hold one back; None: nothing is tuned.
    """
    kind = MODELS[settings.kind]
    fold = holdout_fold(data, folds) if kind.tunes and folds is not None else None
    if folds is None or fold is None:
        tuned = Tuning(settings.epochs, 1.0)
        return train_tuned(settings, engine, tuned, data, folder, report), tuned, History()
    held_out: BoolArray = folds == fold
    found, guessed = threading.Event(), folder / "guessed"

    def last(done: int, of: int, what: str, note: str = "") -> None:
        if found.is_set():
            report(done, of, what, note)

    def find() -> tuple[Tuning, History]:
        tuning = _tune(settings, engine, data, held_out, folder, named(report, "the tuning"))
        found.set()
        return tuning

    if kind.trainings_at_once(engine) < 2 or free_memory() < 4 * COPIES * data.patches.nbytes:
        (tuned, history), classifier = find(), None
    else:
        guess = partial(train, settings, engine, data, None, guessed, last)
        with torch_threads(engine.training_threads):  # one that ends first changes nothing
            (tuned, history), begun = with_guess(
                find, guess, lambda tuning: tuning[0].epochs == settings.epochs
            )
        shutil.rmtree(guessed, ignore_errors=True)
        classifier = begun and _finished(begun[0], settings, tuned, data)
    if classifier is None:
        classifier = train_tuned(settings, engine, tuned, data, folder, report)
    return classifier, tuned, history


def _tune(
    settings: ModelSettings,
    engine: EngineSettings,
    data: TrainingData,
    held_out: BoolArray,
    folder: Path,
    report: Report,
) -> tuple[Tuning, History]:
    """Find how long to train and how sure to be, tested on the samples that are `held_out`."""
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
    return _finished(classifier, settings, tuned, data)


def _finished(
    classifier: Classifier, settings: ModelSettings, tuned: Tuning, data: TrainingData
) -> Classifier:
    """Make a trained model as sure as was found best, and of the classes' shares of the ground."""
    kind = MODELS[settings.kind]
    sure = kind.calibrated(classifier, tuned.temperature) if kind.tunes else classifier
    return prior_shifted(sure, settings, data, weighted=kind.weighted)
