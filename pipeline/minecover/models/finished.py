"""Models that vote and are trained: kept until all are, so that a driver that dies loses none."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import numpy as np

from minecover.arrays import Int64Array
from minecover.models.classifier import Classifier
from minecover.models.data import TrainingData
from minecover.models.lookup import fingerprint_settings, load_classifier
from minecover.models.settings import ModelSettings
from minecover.models.task import History, Tuning
from minecover.storage.checksums import recording
from minecover.storage.store import Store

__all__ = ["FinishedModels", "Trained", "training_digest"]

Trained = tuple[Classifier, Tuning, History]
"""A model, what was found on a fold that was held out, and how that went."""

FACTS = "trained.json"


def training_digest(
    settings: ModelSettings, data: TrainingData, folds: Int64Array | None = None
) -> str:
    """Name what is trained, and on what: the same name, the same model.

    Parameters
    ----------
    settings, data
        As for `minecover.models.training.train`.
    folds
        (sample,) fold of each, where one is held back; None: none is.
    """
    described = f"{fingerprint_settings(settings)}{data.layers}{data.classes}{data.pretrained}"
    digest = hashlib.blake2b(described.encode(), digest_size=8)
    for values in (data.patches, data.labels, data.weights, folds):
        if values is not None:
            digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()


@dataclass(frozen=True)
class FinishedModels:
    """Those of one training.

    Attributes
    ----------
    folder
        Of this training alone: it is named for what is trained, and on what.
    """

    folder: Path

    @classmethod
    def of(
        cls, settings: ModelSettings, data: TrainingData, folds: Int64Array | None, folder: Path
    ) -> Self:
        """Name the folder of a training, below one for checkpoints."""
        return cls(folder / f"voters-{training_digest(settings, data, folds)}")

    def one(self, number: int, settings: ModelSettings, train: Callable[[], Trained]) -> Trained:
        """Train a model, or read it where it is trained."""
        store = Store(str(self.folder / str(number)))
        known = store.read_json(FACTS)
        if isinstance(known, dict):
            classifier = load_classifier(store).with_reading(settings.reading)
            return classifier, Tuning(**known["tuned"]), History(**known["history"])
        classifier, tuned, history = train()
        with recording():  # apart: these are no objects of the survey's store
            classifier.save(store)
            store.write_json(FACTS, {"tuned": asdict(tuned), "history": asdict(history)})
        return classifier, tuned, history

    def delete(self) -> None:
        """Forget them: all are trained, and vote."""
        shutil.rmtree(self.folder)
