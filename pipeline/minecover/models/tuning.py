"""How long a model is trained and how sure it is made, found on a fold that is held out."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

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
from minecover.models.finished import FinishedModels, Trained
from minecover.models.lookup import kind_of, voters_of
from minecover.models.settings import ModelSettings
from minecover.models.task import History, Tuning, joined
from minecover.models.training import read_by, train
from minecover.models.vote import Vote

__all__ = ["COPIES", "finished", "train_tuned", "tune_and_train", "tuned_by", "tuning_facts"]

UNTUNED = 1
"""Epochs of a kind that is not trained by epochs."""

COPIES = 4
"""Of the patches that a training holds: as read, divided, standardised and in a step."""


def tuning_facts(settings: ModelSettings, tuned: Sequence[Tuning]) -> dict[str, Any]:
    """Say what was found of a model that is tuned, or of each that votes: figures of a stage."""
    models = voters_of(settings)
    facts = [
        (model.kind, asdict(found) if kind_of(model).tunes else {})
        for model, found in zip(models, tuned, strict=True)
    ]
    return facts[0][1] if len(models) == 1 else {"models": [{"kind": k, **own} for k, own in facts]}


def tuned_by(settings: ModelSettings, facts: Mapping[str, Any]) -> tuple[Tuning, ...]:
    """Read what `tuning_facts` gave."""
    models = voters_of(settings)
    known = facts["models"] if len(models) > 1 else [facts]
    return tuple(
        Tuning(own.get("epochs", UNTUNED), own.get("temperature", 1.0))
        for model, own in zip(models, known, strict=True)
    )


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
) -> tuple[Classifier, tuple[Tuning, ...], History]:
    """Find on a fold how long to train and how sure to be, then train on all samples so.

    Models that vote are each trained as if it were alone: their mean is about as sure as it is
    right where they are (`benchmarks/STRZEGOM.md`), and is not calibrated again.

    Parameters
    ----------
    settings, engine, data, folder, report
        As for `minecover.models.training.train`.
    folds
        (sample,) fold of each, to hold one back; None: nothing is tuned.

    Returns
    -------
    The classifier; what was found for it, or for each model that votes; how the tuning went.
    """
    works = [
        (model, partial(_tuned_alone, model, engine, data, folds, folder, told))
        for model, told in _reported(settings, report)
    ]
    if len(works) == 1:
        trained = [works[0][1]()]
    else:
        kept = FinishedModels.of(settings, data, folds, folder)
        trained = [kept.one(number, *work) for number, work in enumerate(works)]
        kept.delete()
    classifiers, tuned, histories = zip(*trained, strict=True)
    return finished(classifiers, settings, data), tuned, joined(histories)


def train_tuned(
    settings: ModelSettings,
    engine: EngineSettings,
    tuned: Sequence[Tuning],
    data: TrainingData,
    folder: Path,
    report: Report = unreported,
) -> Classifier:
    """Train a model on all of the data, as long and as sure as was found best."""
    models = zip(_reported(settings, report), tuned, strict=True)
    classifiers = [
        _trained_alone(model, engine, found, data, folder, told) for (model, told), found in models
    ]
    return finished(classifiers, settings, data)


def _reported(settings: ModelSettings, report: Report) -> Iterator[tuple[ModelSettings, Report]]:
    """Give the settings of each model that is trained, and what is told how far it is."""
    models = voters_of(settings)
    for model in models:
        yield model, report if len(models) == 1 else named(report, kind_of(model).label)


def finished(
    classifiers: Sequence[Classifier], settings: ModelSettings, data: TrainingData
) -> Classifier:
    """Have models vote, if there are several, and follow the classes' shares of the ground.

    Parameters
    ----------
    classifiers
        Trained models: the only one, or those that vote.
    settings, data
        Of the model that they are or make, and what it was trained on.
    """
    one = classifiers[0]
    if len(classifiers) > 1:
        one = Vote.of(settings.kind, classifiers, data.layers)
    return prior_shifted(one, settings, data, weighted=kind_of(settings).weighted)


def _tuned_alone(
    settings: ModelSettings,
    engine: EngineSettings,
    data: TrainingData,
    folds: Int64Array | None,
    folder: Path,
    report: Report,
) -> Trained:
    """Find how to train one model, and train it on all samples.

    Most often it is found best to train for all epochs. So where a core is idle, such a training
    runs beside the one without the fold, and is given up if that finds otherwise: the result is
    the same.
    """
    settings, kind = settings.for_samples(len(data.labels)), kind_of(settings)
    fold = holdout_fold(data, folds) if kind.tunes and folds is not None else None
    if folds is None or fold is None:
        tuned = Tuning(settings.all_epochs, 1.0)
        return _trained_alone(settings, engine, tuned, data, folder, report), tuned, History()
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
                find, guess, lambda tuning: tuning[0].epochs == settings.all_epochs
            )
        shutil.rmtree(guessed, ignore_errors=True)
        classifier = begun and kind.calibrated(begun[0], tuned.temperature)
    if classifier is None:
        classifier = _trained_alone(settings, engine, tuned, data, folder, report)
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
    probabilities = classifier.predict_centres(read_by(one, data).patches[held_out])
    temperature = fit_temperature(probabilities, data.labels[held_out])
    return Tuning(history.good_epoch or one.all_epochs, round(temperature, 4)), history


def _trained_alone(
    settings: ModelSettings,
    engine: EngineSettings,
    tuned: Tuning,
    data: TrainingData,
    folder: Path,
    report: Report,
) -> Classifier:
    """Train one model, as long and as sure as was found best."""
    kind, lasting = kind_of(settings), settings.for_samples(len(data.labels))
    if not kind.tunes:
        return train(settings, engine, data, None, folder, report)[0]
    lasting = lasting.replace(epochs=tuned.epochs)
    classifier, _ = train(lasting, engine, data, None, folder, report)
    return kind.calibrated(classifier, tuned.temperature)
