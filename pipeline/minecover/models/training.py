"""Training a model of any kind from labelled patches."""

from __future__ import annotations

from pathlib import Path

from minecover.arrays import BoolArray
from minecover.engines.report import Report, unreported
from minecover.engines.settings import EngineSettings
from minecover.models.classifier import Classifier
from minecover.models.data import TrainingData
from minecover.models.lookup import kind_of
from minecover.models.settings import ModelSettings
from minecover.models.task import History, TrainingTask

__all__ = ["read_by", "train"]


def train(
    settings: ModelSettings,
    engine: EngineSettings,
    data: TrainingData,
    validation: BoolArray | None,
    folder: Path,
    report: Report = unreported,
) -> tuple[Classifier, History]:
    """Train a model.

    Parameters
    ----------
    settings
        Kind of model and how it is trained.
    engine
        Where it is trained, and on how many workers and threads.
    data
        Labelled patches; larger ones than the model sees are cropped.
    validation
        (sample,) true for the samples that are not trained on but validate it, to stop early and
        to keep the best epoch; None: train on all for the whole number of epochs. Kinds that are
        not trained by epochs leave these samples out.
    folder
        For checkpoints; where workers run on several hosts, all of them must see it. A training
        that died there is resumed; the files are gone when it is done.
    report
        Is told how many epochs are done, with the loss.

    Returns
    -------
    The classifier, and how the training went.

    Raises
    ------
    DataError
        A class has no training sample, or a layer no value.
    SurveyError
        The window does not fit the patches, or the settings do not fit each other.
    TryAgainError
        Workers were lost too often.
    """
    data, kind = read_by(settings, data), kind_of(settings)
    if not kind.voters(settings):  # models that vote are trained by this function, too
        count = len(data.labels) if validation is None else int((~validation).sum())
        settings = settings.for_samples(count)
    return kind.fit(TrainingTask.of(settings, engine, data, folder, validation, report))


def read_by(settings: ModelSettings, data: TrainingData) -> TrainingData:
    """Give of labelled patches what a model reads: its window and, without series, its layers.

    Raises
    ------
    SurveyError
        The window does not fit the patches.
    """
    kind = kind_of(settings)
    read = data if kind.reads == "series" else data.of_chosen()
    return read.cropped(kind.window(settings))
