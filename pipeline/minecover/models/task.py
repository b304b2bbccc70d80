"""A training: what a kind of model is given for it, and how it went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from minecover.arrays import BoolArray, Float32Array, Int64Array
from minecover.engines.report import Report, unreported
from minecover.engines.settings import EngineSettings
from minecover.models.class_shares import sample_weights
from minecover.models.data import TrainingData
from minecover.models.settings import ModelSettings
from minecover.models.standardise import Standardiser

if TYPE_CHECKING:
    import dask.array as da

__all__ = ["History", "SampleStream", "TrainingTask", "Tuning", "joined"]


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


@dataclass(frozen=True)
class History:
    """How a training went.

    Attributes
    ----------
    records
        One mapping an epoch: model (of those that vote), member, epoch, training_loss,
        validation_loss and validation_error where there is validation, learning_rate, seconds.
        Empty for what is not trained by epochs.
    best_epoch
        The epoch whose weights were kept, of the first member; 0 without epochs.
    good_epoch
        Its last epoch whose validation loss was within one standard error of the lowest.
    facts
        Further figures for the ledger.
    """

    records: tuple[Mapping[str, float], ...] = field(default_factory=tuple)
    best_epoch: int = 0
    good_epoch: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)


def joined(histories: Sequence[History]) -> History:
    """Join the histories of models that vote: each record says of which; of one it is its own."""
    if len(histories) == 1:
        return histories[0]
    records = tuple(
        {"model": number, **record}
        for number, history in enumerate(histories)
        for record in history.records
    )
    facts = {key: value for history in histories for key, value in history.facts.items()}
    return History(records, facts=facts)


@dataclass(frozen=True, eq=False)
class SampleStream:
    """Samples in blocks, each computed when it is trained on: together they may not fit in memory.

    Attributes
    ----------
    pixels
        (sample, layer) float32 in the layers' own units, without NaN; lazy, of any chunks along
        samples, whose sizes need not be known, but none may be empty.
    labels
        (sample,) int64 positions in the task's classes, in the same chunks.
    """

    pixels: da.Array
    labels: da.Array


@dataclass(frozen=True, eq=False)
class TrainingTask:
    """One training.

    Attributes
    ----------
    settings, engine
        Of the survey.
    data
        Labelled patches of the window that the kind reads.
    training
        (sample,) true for the training samples; the others are for validation.
    weights
        (sample,) weights, of mean 1 over the training samples; see `sample_weights`.
    folder
        For checkpoints; where workers run on several hosts, all of them must see it.
    report
        Is told how far it is, by kinds that are trained by epochs.
    """

    settings: ModelSettings
    engine: EngineSettings
    data: TrainingData
    training: BoolArray
    weights: Float32Array
    folder: Path
    report: Report = unreported

    @property
    def threads(self) -> int:
        """Threads that the training may use."""
        return self.engine.cores

    @classmethod
    def of(
        cls,
        settings: ModelSettings,
        engine: EngineSettings,
        data: TrainingData,
        folder: Path,
        validation: BoolArray | None = None,
        report: Report = unreported,
    ) -> Self:
        """Weigh the samples; `validation`: those that are not trained on, None: there are none.

        Raises
        ------
        DataError
            A class has no training sample.
        """
        training = np.ones(len(data.labels), dtype=bool) if validation is None else ~validation
        weights = sample_weights(settings, data, training)
        return cls(settings, engine, data, training, weights, folder, report)

    @cached_property
    def standardiser(self) -> Standardiser:
        """Mean and deviation of each layer over the training samples."""
        return Standardiser.fit(self.data.centres[self.training], self.data.layers)

    @cached_property
    def pixels(self) -> Float32Array:
        """(training sample, layer): the labelled pixels, standardised."""
        return self.standardiser.apply(self.data.centres[self.training], axis=1)

    @property
    def training_weights(self) -> Float32Array:
        """(training sample,) weights."""
        return self.weights[self.training]

    @property
    def labels(self) -> Int64Array:
        """(training sample,): positions in `data.classes`."""
        return self.data.labels[self.training]
