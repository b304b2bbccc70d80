"""A model of any kind whose probabilities are recalibrated by labels that it did not learn from."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from minecover.accuracy.calibration import Recalibration
from minecover.arrays import Float32Array
from minecover.models.classifier import Classifier
from minecover.models.settings import Reading
from minecover.storage.names import MODEL_FOLDER
from minecover.storage.store import Store

__all__ = ["RecalibratedClassifier", "recalibrated", "recalibrated_by"]

RECALIBRATION = "recalibration.json"
"""Object under a model's prefix."""


@dataclass(frozen=True, eq=False)
class RecalibratedClassifier(Classifier):
    """A trained model, and what becomes of its probabilities.

    Attributes
    ----------
    base
        The model as it was trained.
    recalibration
        Applied to its probabilities.
    """

    base: Classifier
    recalibration: Recalibration

    @property
    def layers(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the layers of a block, in order."""
        return self.base.layers

    @property
    def classes(self) -> tuple[int, ...]:  # type: ignore[override]
        """Codes of the classes."""
        return self.base.classes

    @property
    def halo(self) -> int:
        """See `Classifier.halo`."""
        return self.base.halo

    @property
    def pixel_bytes(self) -> int:
        """See `Classifier.pixel_bytes`; scores are float64."""
        return self.base.pixel_bytes + 24 * len(self.classes)

    @property
    def block_edge(self) -> int:
        """See `Classifier.block_edge`."""
        return self.base.block_edge

    @property
    def device_memory(self) -> int | None:
        """See `Classifier.device_memory`."""
        return self.base.device_memory

    def predict_each(self, blocks: Float32Array) -> Float32Array:
        """See `Classifier.predict_each`."""
        return self.recalibration.apply(self.base.predict_each(blocks), axis=1)

    def with_reading(self, reading: Reading) -> Classifier:
        """See `Classifier.with_reading`."""
        return replace(self, base=self.base.with_reading(reading))

    def save(self, store: Store, prefix: str = MODEL_FOLDER) -> None:
        """Write the model, then what is done to its probabilities."""
        self.base.save(store, prefix)
        store.write_json(prefix + RECALIBRATION, asdict(self.recalibration))


def recalibrated_by(classifier: Classifier, found: Recalibration) -> RecalibratedClassifier:
    """Give a model whose probabilities are recalibrated by what was found, after all before."""
    if isinstance(classifier, RecalibratedClassifier):
        return replace(classifier, recalibration=found.after(classifier.recalibration))
    return RecalibratedClassifier(classifier, found)


def recalibrated(classifier: Classifier, store: Store, prefix: str) -> Classifier:
    """Give a model that was read with what its store says of its probabilities, if anything.

    Raises
    ------
    KeyError, TypeError, ValueError
        What it says is damaged.
    """
    document = store.read_json(prefix + RECALIBRATION)
    if document is None:
        return classifier
    known = Recalibration(document["temperature"], tuple(document["biases"]))
    if len(known.biases) != len(classifier.classes):
        raise ValueError(f"{len(known.biases)} biases for {len(classifier.classes)} classes")
    return RecalibratedClassifier(classifier, known)
