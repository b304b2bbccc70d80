"""Training a model of any kind from labelled patches."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from minecover.engines.settings import EngineSettings
from minecover.errors import DataError
from minecover.models.base import Classifier
from minecover.models.checkpoints import Clock, FolderCheckpoints, State
from minecover.models.data import BoolArray, FloatArray, TrainingData
from minecover.models.ensemble import Ensemble, finished_members, run_members
from minecover.models.epochs import RANDOM, Rows, Team, threads
from minecover.models.resnet50 import (
    Architecture,
    ResNet50Classifier,
    compute_device,
    kernel_sizes,
)
from minecover.models.settings import ModelSettings
from minecover.models.standardise import Standardiser
from minecover.models.starting import Start, model_settings, starting_weights

__all__ = ["History", "class_weights", "train", "window_of"]


@dataclass(frozen=True)
class History:
    """How a training went.

    Attributes
    ----------
    records
        One mapping an epoch: member, epoch, training_loss, validation_loss and
        validation_error where there is validation,
        learning_rate, seconds. Empty for classical models.
    best_epoch
        The epoch whose weights were kept, of the first member; 0 for classical models.
    good_epoch
        Its last epoch whose validation loss was within one standard error of the lowest.
    start
        What was taken of a file of starting weights, as `Start.to_json` tells it; None: no file.
    """

    records: tuple[Mapping[str, float], ...] = field(default_factory=tuple)
    best_epoch: int = 0
    good_epoch: int = 0
    start: Mapping[str, Any] | None = None


def window_of(settings: ModelSettings) -> int:
    """Edge of the neighbourhood that a model sees, in pixels: 1 for the classical ones."""
    return settings.window if settings.kind == "resnet50" else 1


def train(
    settings: ModelSettings,
    engine: EngineSettings,
    data: TrainingData,
    validation: BoolArray | None,
    folder: Path,
) -> tuple[Classifier, History]:
    """Train a model.

    Parameters
    ----------
    settings
        Kind of model and how it is trained.
    engine
        Where a ResNet50 is trained, and on how many workers and threads.
    data
        Labelled patches; larger ones than the model sees are cropped.
    validation
        (sample,) true for the samples that are not learnt from but watched, to stop early and to
        keep the best epoch; None: learn from all for the whole number of epochs. Classical models
        leave these samples out and do not watch them.
    folder
        For checkpoints; where workers run on several hosts, all of them must see it. A training
        that died there is resumed; the files are gone when it is done.

    Returns
    -------
    The classifier, and how the training went.

    Raises
    ------
    DataError
        A class has no training sample, or a layer no value.
    SurveyError
        The window does not fit the patches, the batch the workers, or the file of starting
        weights the network.
    TryAgainError
        Ray lost its workers too often.
    """
    data = data.cropped(window_of(settings))
    training = np.ones(len(data.labels), dtype=bool) if validation is None else ~validation
    weights = class_weights(data, training, balanced=settings.class_weights == "balanced")
    standardiser = Standardiser.fit(data.centres[training], data.layers)
    if settings.kind == "resnet50":
        return _network(settings, engine, data, training, weights, standardiser, folder)
    # dask-ml and scikit-learn take seconds to import, for nothing on a worker of Ray Train
    from minecover.models import classical

    return classical.fit(settings, engine, data, training, weights, standardiser), History()


def _network(
    settings: ModelSettings,
    engine: EngineSettings,
    data: TrainingData,
    training: BoolArray,
    weights: FloatArray,
    standardiser: Standardiser,
    folder: Path,
) -> tuple[Classifier, History]:
    """Train a network, or several."""
    rows = Rows(
        standardiser.apply(data.patches, axis=1),
        data.labels,
        weights,
        np.flatnonzero(training),
        np.flatnonzero(~training),
    )
    kernels = kernel_sizes(settings.window)
    architecture = Architecture(
        len(data.layers), len(data.classes), kernels, settings.width, settings.dropout
    )
    file = settings.starting_weights
    start = None if file is None else starting_weights(file, architecture)
    state = _trained(architecture, settings, engine, rows, start or RANDOM, folder)
    members = finished_members(state)
    networks = tuple(
        ResNet50Classifier(
            layers=data.layers,
            classes=data.classes,
            architecture=architecture,
            weights={name: values.cpu() for name, values in member["best"].items()},
            standardiser=standardiser,
            precision=settings.precision,
            reading=settings.reading,
        )
        for member in members
    )
    history = _history(members, None if start is None else start.to_json())
    return networks[0] if len(networks) == 1 else Ensemble(networks), history


def _history(members: list[State], start: Mapping[str, Any] | None) -> History:
    records = [
        {"member": number, **record}
        for number, member in enumerate(members)
        for record in member["records"]
    ]
    first = members[0]
    return History(tuple(records), int(first["best_epoch"]), int(first["good_epoch"]), start)


def class_weights(data: TrainingData, training: BoolArray, *, balanced: bool) -> FloatArray:
    """Weight of each sample: its own times that of its class, mean 1 over the training samples.

    Raises
    ------
    DataError
        A class has no training sample.
    """
    counts = np.bincount(data.labels[training], minlength=len(data.classes))
    if not counts.all():
        empty = [str(code) for code, n in zip(data.classes, counts, strict=True) if not n]
        raise DataError(
            f"samples: no training sample of class {', '.join(empty)}; add points of it, or take "
            "it out of `classes`"
        )
    own = np.ones(len(data.labels)) if data.weights is None else data.weights.astype(np.float64)
    weights = own / counts[data.labels] if balanced else own
    scaled: FloatArray = (weights / weights[training].mean()).astype(np.float32)
    return scaled


def _trained(
    architecture: Architecture,
    settings: ModelSettings,
    engine: EngineSettings,
    rows: Rows,
    start: Start,
    folder: Path,
) -> State:
    """Run the loop where the survey wants it, in a folder named for what goes in."""
    place = folder / f"training-{_key(architecture, settings, rows)}"
    place.mkdir(parents=True, exist_ok=True)
    if engine.training == "ray":
        from minecover.models.ray_train import run_on_ray

        state = run_on_ray(architecture, settings, engine, rows, start, place)
    else:
        team = Team(device=compute_device())
        keeper = FolderCheckpoints(place, Clock(engine.checkpoint_seconds))
        with threads(engine.workers * engine.threads):
            state = run_members(architecture, settings, rows, team, keeper, start)
    shutil.rmtree(place)
    return state


def _key(architecture: Architecture, settings: ModelSettings, rows: Rows) -> str:
    told = f"{architecture}{model_settings(settings)}"
    digest = hashlib.blake2b(told.encode(), digest_size=8)
    for values in vars(rows).values():
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()
